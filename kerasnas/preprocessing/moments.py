"""Datetimes: position in time, cyclical calendar parts, and the differences between columns.

All arithmetic is on `int64` seconds, so that minutes are still exact after decades.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from keras import layers, ops

from kerasnas.data import MISSING_DATETIME
from kerasnas.preprocessing.features import ColumnFeatures
from kerasnas.preprocessing.numeric import robust_scale, smooth_clip

_DAY = 86_400
_MAX_PAIRED = 6  # columns whose pairwise differences are features


def calendar(seconds: Any) -> dict[str, Any]:
    """Calendar parts as fractions of their cycle, in [0, 1), of seconds since 1970 (UTC).

    Days are turned into months by Hinnant's `civil_from_days` (public domain), in integer
    arithmetic that NumPy arrays and Keras tensors both understand.
    """
    days = seconds // _DAY
    shifted = days + 719_468
    era_day = shifted - (shifted // 146_097) * 146_097
    era_year = (era_day - era_day // 1_460 + era_day // 36_524 - era_day // 146_096) // 365
    year_day = era_day - (365 * era_year + era_year // 4 - era_year // 100)
    month = (5 * year_day + 2) // 153  # 0 = March
    month_day = year_day - (153 * month + 2) // 5
    second = seconds - days * _DAY
    weekday = (days + 3) - ((days + 3) // 7) * 7
    return {
        "time of day": (second, _DAY),
        "day of week": (weekday, 7),
        "day of month": (month_day, 31),
        "day of year": (year_day, 366),
    }


def pairs_of(columns: int) -> list[tuple[int, int]]:
    """The pairs of datetime columns whose differences are features."""
    return list(combinations(range(min(columns, _MAX_PAIRED)), 2))


class DatetimeColumns:
    """Fitted features of all datetime columns.

    Args:
        names: Column names.
        values: Training rows, int64 seconds, shape `(rows, columns)`, missing = -2**63.
    """

    def __init__(self, names: list[str], values: np.ndarray) -> None:
        self.names = names
        missing = values == MISSING_DATETIME
        self.flagged = np.flatnonzero(missing.any(axis=0))
        known = [values[~missing[:, j], j] for j in range(len(names))]
        self.fill = np.array([int(np.median(k)) if k.size else 0 for k in known], dtype="int64")
        filled = np.where(missing, self.fill[None, :], values)
        self.factor = robust_scale((filled - self.fill).astype("float64"))[1]
        self.parts = [
            (j, part)
            for j in range(len(names))
            for part, (value, _) in calendar(filled[:, j]).items()
            if np.ptp(value) > 0
        ]
        self.pairs = pairs_of(len(names))
        if self.pairs:
            gaps = np.stack([filled[:, a] - filled[:, b] for a, b in self.pairs], axis=1)
            self.gap_centre = np.median(gaps, axis=0).astype("int64")
            self.gap_factor = robust_scale((gaps - self.gap_centre).astype("float64"))[1]

    def build(self, x: Any) -> ColumnFeatures:
        """Adds the features to a graph.

        Args:
            x: Symbolic int64 tensor of shape `(batch, columns)`.
        """
        missing = ops.equal(x, MISSING_DATETIME)
        filled = ops.where(missing, self.fill[None, :], x)
        present = 1.0 - ops.cast(missing, "float32")
        elapsed = ops.cast(filled - self.fill[None, :], "float32")
        tensors = [smooth_clip(elapsed * self.factor.astype("float32"))]
        names, owners = list(self.names), list(self.names)
        cyclical = calendar(filled)
        for part in sorted({part for _, part in self.parts}):
            chosen = np.array([j for j, p in self.parts if p == part], dtype="int32")
            value, period = cyclical[part]
            angle = ops.cast(ops.take(value, chosen, axis=1), "float32") * (2 * np.pi / period)
            here = ops.take(present, chosen, axis=1)
            for label, wave in (("sin", ops.sin(angle)), ("cos", ops.cos(angle))):
                tensors.append(wave * here)
                names += [f"{self.names[j]} {part} ({label})" for j in chosen]
                owners += [self.names[j] for j in chosen]
        self._build_gaps(filled, present, tensors, names, owners)
        if self.flagged.size:
            tensors.append(1.0 - ops.take(present, self.flagged.astype("int32"), axis=1))
            names += [f"{self.names[j]} is missing" for j in self.flagged]
            owners += [self.names[j] for j in self.flagged]
        return ColumnFeatures(tensors, names, owners)

    def _build_gaps(
        self, filled: Any, present: Any, tensors: list[Any], names: list[str], owners: list[str]
    ) -> None:
        if not self.pairs:
            return
        first = np.array([a for a, _ in self.pairs], dtype="int32")
        second = np.array([b for _, b in self.pairs], dtype="int32")
        gap = ops.take(filled, first, axis=1) - ops.take(filled, second, axis=1)
        scaled = ops.cast(gap - self.gap_centre[None, :], "float32") * self.gap_factor.astype(
            "float32"
        )
        both = ops.take(present, first, axis=1) * ops.take(present, second, axis=1)
        tensors.append(smooth_clip(scaled) * both)
        names += [f"{self.names[a]} minus {self.names[b]}" for a, b in self.pairs]
        owners += [self.names[a] for a, _ in self.pairs]


def concatenated(tensors: list[Any]) -> Any:
    """Concatenates along the last axis; a single tensor passes through."""
    return layers.Concatenate()(tensors) if len(tensors) > 1 else tensors[0]
