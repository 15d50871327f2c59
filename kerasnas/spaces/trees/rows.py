"""What a family of trees is fitted on, and how much it may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.clock import Deadline, Purpose, Stopwatch, seconds_of
from kerasnas.spaces.cores import cores

Values = Mapping[str, Any]
"""Hyperparameters of a family, as its library takes them."""

MOST_ITERATIONS = 3000
PATIENCE = 50
"""Iterations without a better validation loss, after which boosting ends."""
ENOUGH_RATE = 10.0
"""Sum of the learning rates of all iterations, which boosting needs at the least."""

_THREADED = 200_000  # cells, from which several threads bring more than they cost
_PROBE = 6  # iterations that are run for their time alone
_FIRST = 10  # iterations after which it is known what one takes
_WORTH = 1.2  # times the iterations so far, which going on must bring


@dataclass(frozen=True, eq=False)
class TreeRows:
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
        deadline: When the search ends.
        rounds: Iterations to take; `None` stops by the validation rows, which are not looked at
            otherwise.
        rate: With `rounds`: the learning rate that the clock had left after the first iterations;
            `None` for the one of the hyperparameters.
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
    deadline: Deadline
    rounds: int | None = None
    rate: float | None = None

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

    def stages(self, most: int, enough: int = 0) -> Iterator[int]:
        """Numbers of iterations to go on to, one after the other while there is time for the next.

        For a library that goes on where it has stopped. What it takes is measured between two
        numbers, so that a pace that was taken wrongly does no harm for long.

        Args:
            most: The last number.
            enough: Iterations below which the ensemble has hardly learnt anything: they are worth
                more than its share of the time, if at least half of them can be had.
        """
        if self.rounds is not None or self.deadline.endless:
            yield most if self.rounds is None else self.rounds
            return
        watch = Stopwatch(self.deadline.now)
        until, latest = self.deadline.allot(Purpose.SOLVE), self.deadline.allot(Purpose.LONG_TRIAL)
        done, target = 0, min(_FIRST, most)
        while target > done * _WORTH:
            yield target
            pace = max(watch.lap(), 1e-6) / (target - done)
            done, longest = target, latest.left
            hopeful = done + longest / pace > enough / 2
            needed = (enough - done) * pace
            left = max(until.left, min(needed, longest)) if hopeful else until.left
            target = min(2 * done, done + int(left / pace), most)

    def iterations(self, wanted: Sequence[int], fit: Callable[[int], Any]) -> int:
        """The most iterations of a fixed list that fit in this trial's share of the time.

        Where `rounds` says how many, these. For a library that does not go on where it has stopped.

        Args:
            wanted: Numbers of iterations, falling.
            fit: Fits that many, to see how long they take.
        """
        if self.rounds is not None:
            return self.rounds
        if self.deadline.endless:
            return wanted[0]
        may = self.deadline.allot(Purpose.SOLVE).left
        start, both = seconds_of(lambda: fit(1)), seconds_of(lambda: fit(1 + _PROBE))
        if both < 2 * start:
            start = min(start, seconds_of(lambda: fit(1)))  # the first one may have been held up
        pace = max(both - start, 0.1 * both) / _PROBE
        return next((n for n in wanted if n * pace <= may), wanted[-1])
