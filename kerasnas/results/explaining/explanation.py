"""`explain`: what the answers to a few rows rest on, for tables, texts and images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import ClassTarget, MultiLabelTarget, TableReader
from kerasnas.data.documents import Documents
from kerasnas.data.images import ImageReader
from kerasnas.data.pictures import Pictures
from kerasnas.data.texts import TextReader
from kerasnas.errors import AbsentError, SchemaError, shown
from kerasnas.results.explaining.of_images import patch_values
from kerasnas.results.explaining.of_tables import column_values
from kerasnas.results.explaining.of_texts import word_values
from kerasnas.results.fitted import Fitted

_BACKGROUND = 40  # rows of fit that stand for others; their mean answer is the base
_PATCHES = 8  # patches along the longer side of an image
_MOST_EXPLAINED = 100  # rows of one call: every one of them asks for thousands of answers


def explained(
    fitted: Fitted, x: Any, label: Any = None, background: Any = None, seed: int = 0
) -> Any:
    """What the answers to a few rows rest on.

    Args:
        fitted: The answer of a search.
        x: What the user hands to `predict`, a few rows.
        label: The label whose probability is explained; `None` for the most probable one of each
            row. Of several numeric targets, the place of one.
        background: Rows that stand for others, of tables; `None` for validation rows of `fit`.
        seed: Seed of what is drawn.

    Returns:
        As `Estimator.explain`.

    Raises:
        AbsentError: If inputs of this kind have no explanation.
        SchemaError: If the rows do not fit, are too many, or there is no background.
    """
    reader = fitted.reader
    if not isinstance(reader, TableReader | TextReader | ImageReader) or len(fitted.heads) > 1:
        raise AbsentError(
            f"`explain` is there for tables, texts and images with one output, and this is a "
            f"{fitted.kind}."
        )
    raw: Any = reader.read(x, fitted.kind)
    answers = _columns(fitted.answer_raw(raw))
    if len(answers) > _MOST_EXPLAINED:
        raise SchemaError(
            f"`X` has {len(answers)} rows, and `explain` takes at most {_MOST_EXPLAINED} at a "
            "time. Pass a few rows, such as `X[:10]`."
        )
    places = _places(fitted, answers, label)
    if isinstance(reader, TableReader):
        return _table(fitted, raw, places, background, seed)
    if isinstance(reader, TextReader):
        return _texts(fitted, raw, places)
    return _images(fitted, raw, places)


def _columns(answers: Any) -> np.ndarray:
    """Answers as `(rows, columns)`."""
    found = np.asarray(answers, dtype=np.float64)
    return found.reshape(len(found), -1)


def _places(fitted: Fitted, answers: np.ndarray, label: Any) -> np.ndarray:
    """For each row, the column of its answers that is explained."""
    classes = _labels(fitted)
    if label is None:
        most = answers.argmax(axis=1) if classes is not None else np.zeros(len(answers), int)
        return np.asarray(most)
    known = list(range(answers.shape[1])) if classes is None else list(classes)
    if label not in known:
        raise SchemaError(f"`label` is {shown(label)}, expected one of {shown(known)}.")
    return np.full(len(answers), known.index(label))


def _labels(fitted: Fitted) -> list[Any] | None:
    """The labels of a classifier; `None` of values."""
    if isinstance(fitted.target, ClassTarget | MultiLabelTarget):
        return list(fitted.target.classes_)
    return None


def _table(
    fitted: Fitted, raw: Any, places: np.ndarray, background: Any, seed: int
) -> pd.DataFrame:
    """A line for each column of each row, the heaviest first."""
    others = _background(fitted, background, seed)
    reader, found = fitted.reader, []
    base: list[float] = []
    for row, place in enumerate(places):
        one = reader.take(raw, np.array([row]))
        values, mean = column_values(_asked(fitted.answer_raw, place), one, others, seed)
        base.append(mean)
        lines = [(row, name, one[name][0], value) for name, value in values.items()]
        found += sorted(lines, key=lambda line: -abs(line[3]))
    table = pd.DataFrame(found, columns=["row", "feature", "value", "contribution"])
    return _with_facts(table, fitted, places, base)


def _background(fitted: Fitted, background: Any, seed: int) -> Any:
    """Rows that stand for others, a few of them."""
    if background is not None:
        rows = fitted.reader.read(background, fitted.kind)
    elif fitted.origin is not None:
        rows = fitted.reader.take(fitted.origin.raw, fitted.origin.rows.valid)
    else:
        raise SchemaError(
            "A loaded estimator has no rows of its own: pass some that stand for others, as in "
            "`explain(X, background=X_train)`."
        )
    count = len(next(iter(rows.values())))
    if count <= _BACKGROUND:
        return rows
    drawn = np.random.default_rng(seed).choice(count, _BACKGROUND, replace=False)
    return fitted.reader.take(rows, np.sort(drawn))


def _texts(fitted: Fitted, raw: Documents, places: np.ndarray) -> pd.DataFrame:
    """A line for each word of each text, in the order of the text."""
    found = []
    for row, place in enumerate(places):
        one = {name: str(texts[row]) for name, texts in raw.columns.items()}
        for name, text in one.items():
            answer = partial(_answer_texts, fitted, one, name, int(place))
            words = word_values(answer, text)
            found += [(row, name, word, start, value) for word, start, value in words]
    table = pd.DataFrame(found, columns=["row", "feature", "word", "start", "contribution"])
    return _with_facts(table, fitted, places, None)


def _answer_texts(
    fitted: Fitted, row: Mapping[str, str], name: str, place: int, texts: Sequence[str]
) -> np.ndarray:
    """The answers to a row with each of some texts in one of its columns."""
    columns = {
        other: np.array(texts if other == name else [kept] * len(texts), dtype=object)
        for other, kept in row.items()
    }
    raw = Documents(columns, len(columns) > 1)
    return _columns(fitted.answer_raw(raw))[:, place]


def _images(fitted: Fitted, raw: Pictures, places: np.ndarray) -> list[np.ndarray]:
    """A map of the size of each image."""
    reader: Any = fitted.reader
    maps = []
    for row, place in enumerate(places):
        laid = reader.laid_out(raw.one(row, reader.channels))
        image = Pictures(laid[None], reader.axis).one(0)
        maps.append(patch_values(partial(_answer_images, fitted, int(place)), image, _PATCHES))
    return maps


def _answer_images(fitted: Fitted, place: int, images: np.ndarray) -> np.ndarray:
    """The answers to images `(images, height, width, channels)`."""
    reader: Any = fitted.reader
    laid = np.stack([reader.laid_out(image) for image in images])
    return _columns(fitted.answer_raw(Pictures(laid, reader.axis)))[:, place]


def _asked(answer: Callable[[Any], Any], place: int) -> Callable[[Any], np.ndarray]:
    """One column of the answers."""
    return lambda raw: _columns(answer(raw))[:, place]


def _with_facts(
    table: pd.DataFrame, fitted: Fitted, places: np.ndarray, base: list[float] | None
) -> pd.DataFrame:
    """The table with what it explains in its `attrs`."""
    labels = _labels(fitted)
    if labels is not None:
        table.attrs["labels"] = [labels[place] for place in places]
    if base is not None:
        table.attrs["base"] = base
    return table
