"""The data of each modality as the command line takes them: files and folders in, a table out."""

from __future__ import annotations

import sys
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kerasnas
from kerasnas.errors import ArtifactError, SchemaError

if TYPE_CHECKING:
    import pandas as pd

    from kerasnas.data.stored_tables import StoredTable
    from kerasnas.estimators.estimator import Estimator

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for the start of a formula
_NOUNS = {"Image": "images", "Text": "text files", "Audio": "recordings", "Speech": "recordings"}


def folder_kind(folder: str) -> str:
    """Which modality the files of a folder belong to: `Image`, `Text`, `Audio` or `Tabular`.

    Raises:
        SchemaError: If there are no such files.
    """
    from kerasnas.data.stored_tables import table_files_in

    endings = {ending: kind for kind in ("Image", "Text", "Audio") for ending in _endings(kind)}
    found = Counter(endings.get(p.suffix.lower()) for p in Path(folder).rglob("*") if p.is_file())
    found.pop(None, None)
    found["Tabular"] += len(table_files_in(Path(folder)))
    if not found.total():
        raise SchemaError(
            f"'{folder}' is a folder without images, text files, recordings or tables. Name CSV or "
            "Parquet files, or a folder with one folder of files for each class."
        )
    return str(found.most_common(1)[0][0])


def answered(estimator: Estimator, data: str, model: str) -> Iterator[pd.DataFrame]:
    """The data of files or of a folder, with the answers as further columns, part by part.

    Args:
        estimator: A loaded estimator.
        data: What to answer for, as the command line names it.
        model: Where the estimator was loaded from, for messages.

    Raises:
        SchemaError: If the data do not fit.
        ArtifactError: If the command line cannot serve such a model.
    """
    parts, said = _parts(estimator, data, model), set[str]()
    while True:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            part = next(parts, None)
        for message in dict.fromkeys(str(warning.message) for warning in caught):
            if message not in said:
                print(f"kerasnas: {printable(message)}", file=sys.stderr)
                said.add(message)
        if part is None:
            return
        yield part


def _parts(estimator: Any, data: str, model: str) -> Iterator[pd.DataFrame]:
    name = type(estimator).__name__
    if name.startswith("Tabular"):
        yield from _tables(estimator, data)
    elif name == "TimeSeriesForecaster":
        yield estimator.predict(history=_table(data).whole()).reset_index()
    elif name.startswith(tuple(_NOUNS)):
        yield from _files(estimator, data)
    else:
        raise ArtifactError(
            f"'{model}' holds a {name}, whose inputs no file or folder describes. Use "
            f"`kerasnas.load('{model}').predict(...)` in Python."
        )


def _table(data: str) -> StoredTable:
    from kerasnas.data.stored_tables import stored_table

    found = stored_table(data)
    assert found is not None, "a path means files"
    return found


def escaped(frame: pd.DataFrame) -> pd.DataFrame:
    """A table in which no cell and no name of a column is a formula for a spreadsheet.

    Texts that begin as formulas do, and are no numbers, get a `'` in front.
    """

    def safe(value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(_FORMULA) or _is_number(value):
            return value
        return f"'{value}"

    found = frame.rename(columns=safe)
    for place in range(found.shape[1]):
        column = found.iloc[:, place]
        if column.dtype.kind not in "biufcmM":
            found.isetitem(place, column.astype(object).map(safe).array)
    return found


def printable(text: str) -> str:
    """A text without the characters that steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf"))


def _tables(estimator: Any, data: str) -> Iterator[pd.DataFrame]:
    # The schema says which columns to read as strings.
    texts = [c.name for c in estimator.schema_.used if c.holds_strings]
    for part in _table(data).parts():
        added, written = _answers(estimator, part.frame(texts)), part.as_written()
        clash = [name for name in added if name in written.columns]
        if clash:
            raise SchemaError(
                f"'{data}' already has a column `{clash[0]}`. Rename or remove it first."
            )
        yield written.assign(**added)


def _files(estimator: Any, data: str) -> Iterator[pd.DataFrame]:
    """Answers for the files of a folder, for one file, or for texts in the columns of a table."""
    import pandas as pd

    from kerasnas.data.folders import named_files

    kind = next(k for k in _NOUNS if type(estimator).__name__.startswith(k))
    path = Path(data)
    if kind == "Text" and path.suffix.lower() not in _endings(kind) and not path.is_dir():
        yield from _texts_of_table(estimator, data)
        return
    files = [path] if path.is_file() else named_files(path, _endings(kind), _NOUNS[kind])
    if kind == "Text":
        read = [file.read_text(encoding="utf-8", errors="replace") for file in files]
        added = _answers(estimator, read)
    else:
        added = _answers(estimator, [str(file) for file in files])
    yield pd.DataFrame({"file": [str(file) for file in files], **added})


def _texts_of_table(estimator: Any, data: str) -> Iterator[pd.DataFrame]:
    for part in _table(data).parts():
        frame = part.as_written()
        one = frame.shape[1] == 1
        yield frame.assign(**_answers(estimator, list(frame.iloc[:, 0]) if one else frame))


def _answers(estimator: Any, x: Any) -> dict[str, Any]:
    """New columns for every row: the prediction, and the probability of every label."""
    from kerasnas.estimators.kinds import Classifier

    if not isinstance(estimator, Classifier):
        return {"prediction": estimator.predict(x)}
    probabilities = estimator.predict_proba(x)
    answers: dict[str, Any] = {"prediction": estimator.fitted_.decide(probabilities)}
    for place, label in enumerate(estimator.classes_):
        answers[f"probability_{label}"] = probabilities[:, place]
    return answers


def _endings(kind: str) -> tuple[str, ...]:
    from kerasnas.data import documents, pictures, sounds

    found = {"Image": pictures.SUFFIXES, "Text": documents.SUFFIXES}
    return tuple(found.get(kind, sounds.SUFFIXES))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def class_named(kind: str, task: str) -> type[Estimator]:
    """The class of estimators for a modality and a task, such as `ImageClassifier`."""
    if task == "forecasting":
        return kerasnas.TimeSeriesForecaster
    suffix = "Classifier" if task == "classification" else "Regressor"
    found: type[Estimator] = getattr(kerasnas, f"{kind}{suffix}")
    return found
