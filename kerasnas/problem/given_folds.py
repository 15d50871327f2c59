"""Folds that the user gives: a splitter of scikit-learn, or pairs of indices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import PredefinedSplit

from kerasnas.data.foreign import is_splitter
from kerasnas.errors import SchemaError, SearchSpaceError

Pair = tuple[np.ndarray, np.ndarray]
"""Rows to train on, and rows to validate on."""


@dataclass(frozen=True, eq=False)
class GivenFolds:
    """Folds as the user has them.

    Attributes:
        how: A splitter, or pairs of arrays of indices or of truths.
    """

    how: Any

    def pairs(
        self, rows: np.ndarray, count: int, labels: np.ndarray | None, groups: Any
    ) -> list[Pair]:
        """Rows to train on and rows to validate on, of each fold.

        Args:
            rows: Indices of the rows that may be used, sorted.
            count: Number of all rows.
            labels: One label for each of `rows`, or `None`.
            groups: Group of each of `rows`, or `None`.

        Raises:
            SchemaError: If the splitter cannot split them, or pairs do not fit.
        """
        named = _named_rows(self.how, count)
        if named is not None:
            found = [_kept(pair, rows, count, number) for number, pair in enumerate(named)]
        else:
            try:
                given = list(self.how.split(np.zeros((len(rows), 1)), labels, groups))
            except (TypeError, ValueError) as error:
                raise SchemaError(
                    f"`folds={self.how!r}` cannot split these rows: {error}"
                ) from error
            found = [(rows[np.sort(train)], rows[np.sort(valid)]) for train, valid in given]
        for number, (train, valid) in enumerate(found):
            _check(train, valid, number)
        return found


def folds_of_kept(folds: Any, kept: np.ndarray, count: int) -> Any:
    """Folds for the rows that are left after some were dropped.

    Args:
        folds: `GivenFolds`; anything else comes back as it is.
        kept: Indices of the rows that are left, sorted.
        count: Number of rows before.

    Raises:
        SchemaError: If pairs do not fit the rows before.
    """
    named = _named_rows(folds.how, count) if isinstance(folds, GivenFolds) else None
    if named is None:
        return folds
    pairs = [
        tuple(np.searchsorted(kept, part) for part in _kept(pair, kept, count, number))
        for number, pair in enumerate(named)
    ]
    return GivenFolds(pairs)


def given_folds(value: Any) -> GivenFolds | None:
    """Folds of the user's own; `None` where `folds` holds none.

    Raises:
        SearchSpaceError: If they can be read only once.
    """
    if is_splitter(value):
        return GivenFolds(value)
    several = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    if several and all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in value):
        return GivenFolds(value)
    if isinstance(value, Iterator):
        raise SearchSpaceError(
            f"`folds` is a {type(value).__name__}, which can be read once. Pass `list(...)` of it."
        )
    return None


def parts_of_split(pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray, tuple[Pair, ...]]:
    """Training rows, validation rows, and each fold as places in these two.

    A row that several folds hold out is several validation rows: it is answered as often.
    """
    train = np.unique(np.concatenate([rows for rows, _ in pairs]))
    held = np.concatenate([rows for _, rows in pairs])
    if len(pairs) == 1:
        return pairs[0][0], pairs[0][1], ()
    if len(np.unique(held)) == len(held):
        valid = np.sort(held)
        places = [np.searchsorted(valid, rows) for _, rows in pairs]
    else:
        valid, ends = held, np.cumsum([len(rows) for _, rows in pairs])
        places = [np.arange(e - len(rows), e) for e, (_, rows) in zip(ends, pairs, strict=True)]
    parts = [np.searchsorted(train, rows) for rows, _ in pairs]
    return train, valid, tuple(zip(parts, places, strict=True))


def _named_rows(how: Any, count: int) -> Sequence[Any] | None:
    """Pairs that name their rows; `None` of a splitter that is told which rows there are.

    Raises:
        SchemaError: If they name other rows than `x` has.
    """
    if not isinstance(how, PredefinedSplit):
        return None if is_splitter(how) else how
    if len(how.test_fold) != count:
        raise SchemaError(
            f"`folds=PredefinedSplit(...)` names the folds of {len(how.test_fold)} rows, but `x` "
            f"has {count} rows. Name the fold of every row, -1 for rows that are never held out."
        )
    return list(how.split())


def _kept(pair: Any, rows: np.ndarray, count: int, number: int) -> Pair:
    """The rows of a pair that may be used."""
    train, valid = (_indices(part, count, number) for part in pair)
    return np.intersect1d(train, rows), np.intersect1d(valid, rows)


def _indices(part: Any, count: int, number: int) -> np.ndarray:
    array = np.asarray(part)
    if array.dtype.kind == "b" and array.shape == (count,):
        return np.flatnonzero(array)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise SchemaError(
            f"`folds[{number}]` must be two arrays of indices of rows, or of {count} truths, "
            f"received an array of {array.dtype} of shape {array.shape}."
        )
    if len(array) and not -count <= array.min() <= array.max() < count:
        outside = array.max() if array.max() >= count else array.min()
        raise SchemaError(
            f"`folds[{number}]` names the row {int(outside)}, but `x` has {count} rows, which "
            "are counted from 0."
        )
    indices: np.ndarray = np.unique(array % count)
    return indices


def _check(train: np.ndarray, valid: np.ndarray, number: int) -> None:
    both = np.intersect1d(train, valid)
    if len(both):
        raise SchemaError(
            f"`folds[{number}]` trains on {len(both)} rows that it validates on (first: row "
            f"{both[0]}): its score would say nothing of new rows."
        )
    if not len(train) or not len(valid):
        raise SchemaError(
            f"`folds[{number}]` has {len(train)} rows to train on and {len(valid)} to "
            "validate on, expected some of both."
        )
