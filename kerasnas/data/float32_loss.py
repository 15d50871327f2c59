"""What a cast to float32 does to numbers: whole numbers that merge, differences that vanish."""

from __future__ import annotations

import numpy as np

# Float32 ends at 3.4e38; a few hundred squares of these numbers can still be added up.
LARGEST_TO_SQUARE = 1e18
"""Largest number that windows of series and arrays may hold: networks scale them by variances."""

_ALL_WHOLE = 2.0**24  # up to here float32 holds every whole number
_INT64 = 2.0**63
_LOST = 1e-3  # of the spread: a step of float32 that is wider loses what a model could learn
_SAMPLE = 20_000  # values that tell the spread
_LARGEST = float(np.finfo(np.float32).max)
_LEAST_SPREAD = 1e-30  # below which preprocessing takes a column for constant


def merges_whole_numbers(values: np.ndarray) -> bool:
    """Whether values, float64 or int64, are whole and fit int64, and float32 merges some."""
    known = values[np.isfinite(values)]
    if len(known) < len(values[~np.isnan(values)]) or not len(known):
        return False
    largest = float(np.abs(known).max())
    if largest <= _ALL_WHOLE or largest >= _INT64 or (known != np.rint(known)).any():
        return False
    distinct = np.unique(known)
    return len(np.unique(distinct.astype(np.float32))) < len(distinct)


def loses_digits(values: np.ndarray) -> bool:
    """Whether float32 cannot tell finite float64 values apart that differ as far as others do."""
    known = values[np.isfinite(values)]
    if not len(known):
        return False
    largest = float(np.abs(known).max())
    if largest > _LARGEST:
        return True
    spread = spread_of(known)
    if spread == 0.0:
        return False
    if spread < _LEAST_SPREAD:
        return True
    some = np.unique(known[:: max(1, len(known) // _SAMPLE)])
    merged = len(np.unique(some.astype(np.float32))) < len(some)
    return merged and step_of(largest) > _LOST * spread


def losing_columns(values: np.ndarray) -> np.ndarray:
    """Columns whose distinct numbers become equal in float32, as places on the last axis.

    The rule of `loses_digits` for thousands of columns at once, whose spread is the deviation.

    Args:
        values: Numbers of any type, all finite, the first axis that of rows.
    """
    columns = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[:, None]
    if columns.dtype not in (np.float64, np.int64, np.uint64) or not columns.size:
        return np.zeros(0, dtype="int64")
    largest = np.maximum(np.abs(columns.max(axis=0)), np.abs(columns.min(axis=0)))
    steps = np.spacing(largest.astype("float32")).astype("float64")
    spread = columns.std(axis=0, dtype="float64")
    return np.flatnonzero((spread > 0.0) & (steps > _LOST * spread))


def spread_of(known: np.ndarray) -> float:
    """The interquartile range of finite values; half of their range where that is 0."""
    some = known[:: max(1, len(known) // _SAMPLE)]
    low, high = np.quantile(some, [0.25, 0.75])
    return float(high - low) or float(known.max() - known.min()) / 2


def step_of(value: float) -> float:
    """From a number to the next one that float32 has."""
    return float(np.spacing(np.float32(min(abs(value), _LARGEST))))
