"""How the mean answer changes with the value of one raw column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasnas.data import MISSING_DATETIME

_GRID = 12  # values of a column of numbers
_MOST_NAMES = 8  # values of a column of texts


def partial_dependence(
    answer: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    raw: Mapping[str, np.ndarray],
    column: str,
) -> list[tuple[Any, float]]:
    """The mean answer when every row has the same value in a column (Friedman 2001, section 8.2).

    Args:
        answer: One number for each row.
        raw: Raw columns of shape `(rows,)` by name.
        column: The column.

    Returns:
        Pairs of value and mean answer: of numbers quantiles in their order, of texts the most
        frequent ones.
    """
    values, rows = raw[column], len(raw[column])
    if values.dtype == object:
        known, counts = np.unique(values[values != ""], return_counts=True)
        grid = known[np.argsort(-counts, kind="stable")[:_MOST_NAMES]]
    else:
        numbers = values[values != MISSING_DATETIME].astype("float64")
        numbers = numbers[np.isfinite(numbers)]
        levels = np.linspace(0.05, 0.95, _GRID)
        some = np.quantile(numbers, levels) if len(numbers) else numbers
        grid = np.unique(some.astype(values.dtype))
    if not len(grid):
        return []
    tiled = {name: np.tile(given, len(grid)) for name, given in raw.items()}
    tiled[column] = np.repeat(np.asarray(grid, values.dtype), rows)
    means = answer(tiled).reshape(len(grid), rows).mean(axis=1)
    return [(value, float(mean)) for value, mean in zip(grid, means, strict=True)]
