"""Hold rows out for validation: stratified, by group, or at random; never by position."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.errors import SchemaError
from kerasnas.problem.given_folds import GivenFolds, parts_of_split

Folding = Callable[[int, int, int], int] | GivenFolds
"""From the numbers of rows, of classes and of groups of rows to the number of folds; or folds."""

_STREAM = 0x5B11  # keeps these draws apart from others made from the same seed
_EXACT_GROUPS = 12  # all subsets of so few groups are compared
_TRIES = 64


@dataclass(frozen=True, eq=False)
class Split:
    """Which rows are trained on, and which are held out.

    Attributes:
        train: Indices of the training rows.
        valid: Indices of the validation rows.
        folds: Rows to train on, as places in `train`, and rows to validate on, as places in
            `valid`, of each fold. A row that several folds hold out is several times in `valid`.
        calibration: Indices of rows that are neither trained on nor validated with.
    """

    train: np.ndarray
    valid: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    calibration: np.ndarray = field(default_factory=lambda: np.arange(0))


def split(
    count: int,
    *,
    seed: int,
    share: float = 0.2,
    labels: np.ndarray | None = None,
    groups: Any = None,
    given: int | None = None,
    count_folds: Folding | None = None,
    calibration: int = 0,
) -> Split:
    """Splits rows; every split of this package is made here, but those of series in time.

    Args:
        count: Number of rows.
        seed: Seed of the split.
        share: Share of rows to hold out.
        labels: One label a row, by which the split is stratified, or `None`.
        groups: Group of each row; no group is on both sides of the split.
        given: Number of validation rows that the user gives, which follow the others; `None` holds
            rows out.
        count_folds: From the numbers of rows, of classes and of groups (of rows where there are
            none) to that of folds, below 2 for a single split; or the folds of the user. Not used
            where validation rows are given.
        calibration: Rows to set apart for intervals, at most a half.

    Raises:
        SchemaError: As in `holdout` and `folds`.
    """
    kept, apart = np.arange(count), np.arange(0)
    if calibration:
        # Another seed, so that these rows are not drawn as the validation rows are.
        most = min(calibration / count, 0.5)
        kept, apart = holdout(count, most, seed=seed + 1, classes=labels, groups=groups)
        labels = None if labels is None else labels[kept]
        groups = None if groups is None else np.asarray(groups)[kept]
    if given is not None:
        return Split(kept, count + np.arange(given), calibration=apart)
    if isinstance(count_folds, GivenFolds):
        pairs = count_folds.pairs(kept, count, labels, groups)
        return Split(*parts_of_split(pairs), calibration=apart)
    number = 0
    if count_folds is not None:
        classes = 1 if labels is None else len(np.unique(labels))
        units = len(kept) if groups is None else len(np.unique(np.asarray(groups).astype(str)))
        number = count_folds(len(kept), classes, units)
    if number > 1:
        parts = folds(len(kept), number, seed=seed, classes=labels, groups=groups)
        return Split(kept, kept, parts, apart)
    train, valid = holdout(len(kept), share, seed=seed, classes=labels, groups=groups)
    return Split(kept[train], kept[valid], calibration=apart)


def holdout(
    n: int,
    fraction: float,
    *,
    seed: int,
    classes: np.ndarray | None = None,
    groups: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the validation rows among `n`.

    Args:
        n: number of rows, at least 2.
        fraction: share of rows to hold out, between 0 and 1.
        seed: the same seed gives the same rows; 0 is a seed.
        classes: labels or their codes of shape (n,): shares are kept class by class, and every
            class stays in training (a class with one row is never held out, unless every class
            has just one row).
        groups: group of each row, of shape (n,): no group is on both sides. With `classes` too,
            class shares are kept as well as groups allow.

    Returns:
        The rows to train on and the rows to validate on: two sorted int64 arrays, neither empty,
        which together are all rows.

    Raises:
        SchemaError: a fraction out of range, fewer than two rows, arrays of another length, or one
            group only.
    """
    _check(n, fraction)
    target = min(max(round(n * fraction), 1), n - 1)
    rng = np.random.default_rng([seed, _STREAM])
    codes = None if classes is None else _codes(classes, n, "classes")
    if groups is not None:
        valid = _by_group(_codes(groups, n, "groups"), codes, target, rng)
    elif codes is not None:
        valid = _stratified(codes, target, rng)
    else:
        valid = rng.permutation(n)[:target]
    held = np.zeros(n, dtype=bool)
    held[valid] = True
    return np.flatnonzero(~held).astype(np.int64), np.flatnonzero(held).astype(np.int64)


def folds(
    n: int, count: int, *, seed: int, classes: np.ndarray | None = None, groups: Any = None
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Split `n` rows so that each is held out once.

    Args:
        n: number of rows.
        count: number of folds, at least 2.
        seed: the same seed gives the same folds.
        classes: labels or their codes of shape (n,): every fold gets its share of each.
        groups: group of each row, of shape (n,): no group is on both sides of a fold.

    Returns:
        The rows to train on and the rows held out, of each fold, both sorted.

    Raises:
        SchemaError: fewer rows or groups than folds.
    """
    rng = np.random.default_rng([seed, _STREAM, count])
    units = np.arange(n) if groups is None else _codes(groups, n, "groups")
    amount = int(np.max(units)) + 1 if n else 0
    if not 2 <= count <= amount:
        what = "rows" if groups is None else "groups"
        raise SchemaError(
            f"`folds` must be a number from 2 to the number of {what}, which is {amount}, received "
            f"{count}."
        )
    order = rng.permutation(amount)
    if classes is not None and groups is None:
        order = order[np.argsort(_codes(classes, n, "classes")[order], kind="stable")]
    fold_of = np.empty(amount, dtype=np.int64)
    if groups is None:
        fold_of[order] = np.arange(amount) % count
    else:
        sizes = np.bincount(units)
        filled = np.zeros(count, dtype=np.int64)
        for unit in order[np.argsort(-sizes[order], kind="stable")]:
            fold_of[unit] = int(np.argmin(filled))
            filled[fold_of[unit]] += sizes[unit]
    held = fold_of[units]
    return tuple((np.flatnonzero(held != i), np.flatnonzero(held == i)) for i in range(count))


def _check(n: int, fraction: float) -> None:
    if n < 2:
        raise SchemaError(
            f"n_samples={n}: expected at least 2 rows, of which one is held out for validation. "
            "Pass more rows, or `validation_data=`."
        )
    is_number = isinstance(fraction, int | float | np.number) and not isinstance(fraction, bool)
    if not is_number or not 0 < fraction < 1:
        raise SchemaError(
            f"`validation_split` must be a number between 0 and 1 (both excluded), got "
            f"{fraction!r}. Pass for example `validation_split=0.2`."
        )


def _codes(values: Any, n: int, name: str) -> np.ndarray:
    """Return values of shape (n,) as codes 0..k-1."""
    series = _column(values, n, name)
    gaps = np.flatnonzero(series.isna())
    if len(gaps):
        raise SchemaError(
            f"`{name}` has {len(gaps)} missing values (first in row {gaps[0]}), expected one for "
            "each row. Drop those rows, or give them a value of their own."
        )
    return pd.factorize(series)[0]


def _column(values: Any, n: int, name: str) -> pd.Series:
    series = pd.Series(values if isinstance(values, pd.Series) else np.asarray(values).ravel())
    if len(series) != n:
        raise SchemaError(f"`{name}` has {len(series)} values, but there are {n} rows.")
    return series.reset_index(drop=True)


def _stratified(codes: np.ndarray, target: int, rng: np.random.Generator) -> np.ndarray:
    counts = np.bincount(codes)
    room = counts - 1  # one row of every class stays in training
    target = min(target, int(room.sum()))
    if target == 0:
        return rng.permutation(len(codes))[:1]
    quota = counts * (target / len(codes))
    take = np.minimum(np.floor(quota).astype(np.int64), room)
    # Largest remainders first, ties in random order, until the total is right.
    order = rng.permutation(len(counts))
    order = order[np.argsort(-(quota - take)[order], kind="stable")]
    while (short := target - int(take.sum())) > 0:
        open_classes = order[take[order] < room[order]][:short]
        take[open_classes] += 1
    shuffled = rng.permutation(len(codes))
    shuffled = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(counts) - counts
    return np.concatenate(
        [shuffled[start : start + k] for start, k in zip(starts, take, strict=True)]
    )


def _by_group(
    groups: np.ndarray, codes: np.ndarray | None, target: int, rng: np.random.Generator
) -> np.ndarray:
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        raise SchemaError(
            "`groups` has one group only, so none can be held out, expected at least two. Pass "
            "other groups, or leave `groups` out."
        )
    held = _held_groups(sizes, target, rng)
    held = held[held.any(axis=1) & ~held.all(axis=1)]
    sums = held @ sizes
    cost = np.abs(sums - target) / len(groups)
    if codes is not None:
        table = np.zeros((len(sizes), int(codes.max()) + 1), dtype=np.int64)
        np.add.at(table, (groups, codes), 1)
        by_class = held @ table
        shares = by_class / sums[:, None] - table.sum(axis=0) / len(groups)
        lost = (by_class == table.sum(axis=0)).sum(axis=1)  # classes gone from training
        cost = cost + 0.25 * np.abs(shares).sum(axis=1) + lost
    return np.flatnonzero(held[int(np.argmin(cost))][groups])


def _held_groups(sizes: np.ndarray, target: int, rng: np.random.Generator) -> np.ndarray:
    """Return candidate sets of groups to hold out, bool of shape (candidates, groups)."""
    k = len(sizes)
    if k <= _EXACT_GROUPS:
        subsets = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
        return rng.permutation(subsets.astype(bool))
    tries = _TRIES if k <= 1000 else 8
    held = np.zeros((tries, k), dtype=bool)
    for row in held:
        total = 0
        for group in rng.permutation(k):
            if total + sizes[group] <= target:
                row[group] = True
                total += sizes[group]
        if total < target:  # one group more, if that comes nearer
            rest = np.flatnonzero(~row)
            nearest = rest[np.argmin(np.abs(total + sizes[rest] - target))]
            nearer = abs(total + sizes[nearest] - target) < target - total
            row[nearest] = nearer or total == 0  # no set is empty, however large all groups are
    return held
