"""What a family of trees is fitted on, and how much it may take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.spaces.cores import cores

_SHARE = 0.18  # of the seconds left, for one ensemble of trees; most stop by themselves before
_THREADED = 200_000  # cells, from which several threads bring more than they cost
_PROBE = 6  # iterations that are run for their time alone


@dataclass(frozen=True, eq=False)
class Rows:
    """Training and validation rows as libraries of trees take them.

    Attributes:
        x: float32, missing values NaN; the last `codes` columns are categories from 0 on.
        y: Integer labels, or values, of shape `(rows,)`.
        weights: Weight of each row, or `None`.
        x_valid: Rows that say when to stop.
        y_valid: Their targets.
        weights_valid: Their weights, or `None`.
        classes: Number of classes; `None` for regression.
        codes: Columns of categories.
        seed: Seed.
        seconds: Seconds that the search has left, infinite without a limit.
        rounds: Iterations to take; `None` stops by the validation rows, which are not looked at
            otherwise.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    x_valid: np.ndarray
    y_valid: np.ndarray
    weights_valid: np.ndarray | None
    classes: int | None
    codes: int
    seed: int
    seconds: float
    rounds: int | None = None

    @property
    def categorical(self) -> list[int]:
        """Places of the columns of categories."""
        width = self.x.shape[1]
        return list(range(width - self.codes, width))

    @property
    def threads(self) -> int:
        """Threads worth having: on a small table they cost more than they bring."""
        if self.x.size <= _THREADED:
            return 1
        return cores()

    @property
    def state(self) -> int:
        """The seed as every library takes it."""
        return self.seed % 2**31

    def iterations(self, wanted: Sequence[int], fit: Callable[[int], Any]) -> int:
        """The most iterations of a fixed list that fit in this trial's share of the time.

        Where `rounds` says how many, these.

        Args:
            wanted: Numbers of iterations, falling.
            fit: Fits that many, to see how long they take.
        """
        if self.rounds is not None:
            return self.rounds
        if math.isinf(self.seconds):
            return wanted[0]
        begin = time.perf_counter()
        fit(1)
        start = time.perf_counter() - begin
        begin = time.perf_counter()
        fit(1 + _PROBE)
        both = time.perf_counter() - begin
        # The first fit may have been held up: then the difference says nothing.
        pace = max(both - start, 0.1 * both) / _PROBE
        share = min(max(self.seconds * _SHARE, 1.0), self.seconds / 2)
        return next((n for n in wanted if n * pace <= share), wanted[-1])
