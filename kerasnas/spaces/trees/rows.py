"""What a family of trees is fitted on, and how much it may take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.spaces.cores import cores

_SHARE = 0.18  # of the seconds left, for one ensemble of trees; most stop by themselves before
_MOST = 0.45  # of the seconds left, for one that comes to enough iterations in no less
_THREADED = 200_000  # cells, from which several threads bring more than they cost
_PROBE = 6  # iterations that are run for their time alone
_FIRST = 10  # iterations after which it is known what one takes
_WORTH = 1.2  # times the iterations so far, which going on must bring


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

    @property
    def share(self) -> float:
        """Seconds that one ensemble of trees may take."""
        return min(max(self.seconds * _SHARE, 1.0), self.seconds / 2)

    def stages(self, most: int, enough: int = 0) -> Iterator[int]:
        """Numbers of iterations to go on to, one after the other while there is time for the next.

        For a library that goes on where it has stopped. What it takes is measured between two
        numbers, so that a pace that was taken wrongly does no harm for long.

        Args:
            most: The last number.
            enough: Iterations below which the ensemble has hardly learnt anything: they are worth
                more than its share of the time, if at least half of them can be had.
        """
        if self.rounds is not None or math.isinf(self.seconds):
            yield most if self.rounds is None else self.rounds
            return
        start = begin = time.perf_counter()
        done, target = 0, min(_FIRST, most)
        while target > done * _WORTH:
            yield target
            now = time.perf_counter()
            pace = max(now - begin, 1e-6) / (target - done)
            done, begin, spent = target, now, now - start
            longest = _MOST * self.seconds
            hopeful = done + (longest - spent) / pace > enough / 2
            needed = spent + (enough - done) * pace
            may = max(self.share, min(needed, longest)) if hopeful else self.share
            target = min(2 * done, done + int((may - spent) / pace), most)

    def iterations(self, wanted: Sequence[int], fit: Callable[[int], Any]) -> int:
        """The most iterations of a fixed list that fit in this trial's share of the time.

        Where `rounds` says how many, these. For a library that does not go on where it has stopped.

        Args:
            wanted: Numbers of iterations, falling.
            fit: Fits that many, to see how long they take.
        """
        if self.rounds is not None:
            return self.rounds
        if math.isinf(self.seconds):
            return wanted[0]
        start, both = _seconds(fit, 1), _seconds(fit, 1 + _PROBE)
        if both < 2 * start:
            start = min(start, _seconds(fit, 1))  # the first one may have been held up
        pace = max(both - start, 0.1 * both) / _PROBE
        return next((n for n in wanted if n * pace <= self.share), wanted[-1])


def _seconds(fit: Callable[[int], Any], iterations: int) -> float:
    begin = time.perf_counter()
    fit(iterations)
    return time.perf_counter() - begin
