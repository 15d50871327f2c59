"""Which values of a row its answer rests on: Shapley values over the raw columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasnas.results.explaining.shapley import shapley_values

_MOST_ROWS = 20_000  # rows of one call of the model


def column_values(
    answer: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    row: Mapping[str, np.ndarray],
    background: Mapping[str, np.ndarray],
    seed: int,
) -> tuple[dict[str, float], float]:
    """What each column of one row adds to its answer, beside the mean answer to other rows.

    A column that is no part of a coalition takes the values that it has in the background
    (interventional Shapley values, Lundberg and Lee 2017). No table of numbers is needed: columns
    of texts and dates change places as they are.

    Args:
        answer: One number for each row of raw columns.
        row: Raw columns of shape `(1,)` by name.
        background: Raw columns of other rows.
        seed: Seed of orders of columns, where there are too many for all coalitions.

    Returns:
        The value of each column, and the mean answer to the background.
    """
    names = list(row)
    others = len(background[names[0]])
    several = max(1, _MOST_ROWS // others)

    def worth(masks: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(masks), several):
            part = masks[start : start + several]
            mixed: dict[str, Any] = {}
            for place, name in enumerate(names):
                own = np.repeat(part[:, place], others)
                mixed[name] = np.where(own, row[name], np.tile(background[name], len(part)))
            parts.append(answer(mixed).reshape(len(part), others).mean(axis=1))
        return np.concatenate(parts)

    values = shapley_values(worth, len(names), seed)
    base = float(worth(np.zeros((1, len(names)), dtype=bool))[0])
    return dict(zip(names, values.tolist(), strict=True)), base
