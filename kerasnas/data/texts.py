"""The reader of texts: which columns there are, and a few texts to prove a file with."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.data.documents import Documents, to_documents
from kerasnas.data.foreign import column_names, is_table, to_pandas
from kerasnas.data.names import did_you_mean, quoted
from kerasnas.errors import SchemaError

_CHARACTERS = 400_000  # of one call of the model, padding included
_MOST_ROWS = 1024
_LOST = 0.01  # of all characters; less is the ends of a few texts
_ODD = (
    "",
    "   ",
    "WORDS in Capitals, with punctuation!",
    "\u00e9t\u00e9 e\u0301te\u0301 \u4f60\u597d\u4e16\u754c \u0645\u0631\u062d\u0628\u0627",
    "\U0001f600\u200d\ufe0f a\x00b\nc\td",
)
_PROBE_LENGTH = 400


@dataclass(frozen=True)
class TextReader:
    """Reads texts with the columns that `fit` saw.

    Attributes:
        columns: Names of the columns; a single one where texts had no name.
        named: Whether the exported model takes a dict of columns rather than one tensor.
        longest: Characters of a text that are looked at; what follows is cut off, in the exported
            graph too.
        samples: A few texts of `fit`, shortened, by column.
        most_rows: Texts in one call of the model: few where it makes much of them.
    """

    columns: tuple[str, ...]
    named: bool
    longest: int
    samples: Mapping[str, tuple[str, ...]]
    most_rows: int = _MOST_ROWS

    def read(self, x: Any, estimator: str = "the model") -> Documents:
        """New texts, with the columns of `fit` in its order.

        Raises:
            SchemaError: If columns are missing or cells are no texts.
        """
        documents = to_documents(self._known_columns(x))
        if not isinstance(x, Documents):
            known = [t for n, t in documents.columns.items() if n in self.columns]
            warn_of_cuts(known, self.longest)
        if len(self.columns) == 1 and len(documents.columns) == 1:
            # One column of texts is what it is, whatever it is called.
            texts = next(iter(documents.columns.values()))
            return Documents({self.columns[0]: self._cut(texts)}, self.named)
        absent = [name for name in self.columns if name not in documents.columns]
        if absent:
            hints = [did_you_mean(name, documents.columns) for name in absent]
            raise SchemaError(
                f"`x` lacks {quoted(absent)}{''.join(hints)}; {estimator} was fitted on the text "
                f"columns {quoted(self.columns)}, received {quoted(documents.columns)}. Pass the "
                "same columns as in fit, or refit."
            )
        return Documents({n: self._cut(documents.columns[n]) for n in self.columns}, self.named)

    def take(self, raw: Documents, index: np.ndarray) -> Documents:
        """Some of the texts."""
        return raw.take(index)

    def batches(self, raw: Documents) -> Iterator[tuple[np.ndarray, Any]]:
        """Texts of like length together, so that little is spent on padding."""
        lengths = np.max([character_counts(texts) for texts in raw.columns.values()], axis=0)
        for index in by_length(lengths, self.most_rows):
            parts = {name: raw.columns[name][index, None] for name in self.columns}
            yield index, parts if self.named else parts[self.columns[0]]

    def probe(self) -> Any:
        """A few texts of `fit`, and odd ones: empty, in other scripts, with control characters."""
        rows = {name: [*self.samples.get(name, ()), *_ODD] for name in self.columns}
        most = max(len(texts) for texts in rows.values())
        parts = {
            name: np.array([*texts, *[""] * (most - len(texts))], dtype=object)[:, None]
            for name, texts in rows.items()
        }
        return parts if self.named else parts[self.columns[0]]

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return {
            "columns": list(self.columns),
            "named": self.named,
            "longest": self.longest,
            "samples": {name: list(texts) for name, texts in self.samples.items()},
            "most_rows": self.most_rows,
        }

    @classmethod
    def from_json(cls, content: Any) -> TextReader:
        """The reader that `to_json` wrote.

        Raises:
            SchemaError: `content` is anything else.
        """
        names = {"columns", "named", "longest", "samples"}
        if not isinstance(content, Mapping) or set(content) - {"most_rows"} != names:
            raise SchemaError(f"The reader of texts must be a dict of {sorted(names)}.")
        columns, samples = content["columns"], content["samples"]
        known = (
            isinstance(columns, list)
            and len(columns) > 0
            and all(isinstance(name, str) for name in columns)
            and isinstance(content["named"], bool)
            and isinstance(content["longest"], int)
            and content["longest"] > 0
            and isinstance(content.get("most_rows", 1), int)
            and content.get("most_rows", 1) > 0
            and isinstance(samples, Mapping)
            and all(
                isinstance(texts, list) and all(isinstance(t, str) for t in texts)
                for texts in samples.values()
            )
        )
        if not known:
            raise SchemaError(f"These do not describe texts: {content!r}.")
        kept = {str(name): tuple(texts) for name, texts in samples.items()}
        most = content.get("most_rows", _MOST_ROWS)
        return cls(tuple(columns), content["named"], content["longest"], kept, most)

    def _known_columns(self, x: Any) -> Any:
        """A table without the columns that `fit` did not see, where all others are there."""
        if isinstance(x, Documents):
            return x
        x = to_pandas(x) if is_table(x) else x
        names = column_names(x)
        if names is None:
            return x
        if not self.named and len(list(names)) == 1:
            return x  # one column of texts is what it is, whatever it is called
        kept = [name for name in names if str(name) in self.columns]
        if len(kept) < len(self.columns):
            return x
        return {str(name): x[name] for name in kept} if isinstance(x, Mapping) else x[kept]

    def _cut(self, texts: np.ndarray) -> np.ndarray:
        return np.array([text[: self.longest] for text in texts] + [None], dtype=object)[:-1]


def fit_text_reader(documents: Documents, longest: int) -> TextReader:
    """Learns the columns, and keeps a few texts.

    Args:
        documents: Training texts.
        longest: Characters of a text to look at.
    """
    rows = np.unique(np.linspace(0, len(documents) - 1, 3).astype(int))
    return TextReader(
        columns=tuple(documents.columns),
        named=documents.named and len(documents.columns) > 1,
        longest=longest,
        samples={
            name: tuple(str(texts[i])[:_PROBE_LENGTH] for i in rows)
            for name, texts in documents.columns.items()
        },
    )


def warn_of_cuts(columns: Sequence[np.ndarray], longest: int) -> None:
    """Says how much of the texts is not looked at, where that is more than a few of their ends.

    Args:
        columns: Texts, column by column.
        longest: Characters of a text that are looked at.
    """
    lengths = (
        np.concatenate([character_counts(texts) for texts in columns]) if columns else np.zeros(0)
    )
    cut, total = lengths > longest, float(lengths.sum())
    lost = float((lengths[cut] - longest).sum()) / total if total else 0.0
    if lost >= _LOST:
        warnings.warn(
            f"{int(cut.sum())} of the {len(lengths)} texts are longer than the {longest:,} "
            f"characters that are looked at: {lost:.0%} of all that `x` holds is cut. Pass "
            f"`max_characters={int(lengths.max())}` to the estimator to read all of it, or cut the "
            "texts into parts.",
            UserWarning,
            stacklevel=3,
        )


def character_counts(texts: np.ndarray) -> np.ndarray:
    """Number of characters of each text."""
    return np.array([len(text) for text in texts], dtype=np.int64)


def by_length(lengths: np.ndarray, most: int = _MOST_ROWS) -> Iterator[np.ndarray]:
    """Rows in groups of like length, few enough for one call of a model: `most` at most."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        # The longest text that a group of so many rows would hold bounds its number of rows.
        stop = min(start + most, len(order))
        while stop > start + 1 and (stop - start) * lengths[order[stop - 1]] > _CHARACTERS:
            stop = start + max(1, (stop - start) // 2)
        yield order[start:stop]
        start = stop
