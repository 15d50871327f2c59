"""The clock of one `fit`: seconds spent, seconds left, and seconds kept for what comes later."""

from __future__ import annotations

import math

from kerasnas.clock import source
from kerasnas.clock.allotments import ALLOTMENTS, Of, Purpose
from kerasnas.clock.deadline import Deadline


class Clock:
    """Counts the wall-clock seconds of one `fit`, those of earlier, interrupted calls included.

    Args:
        seconds: The limit, or `None` for none.
        spent: Seconds that earlier calls on the same directory have used.
        now: Source of time, for tests.
    """

    def __init__(
        self,
        seconds: float | None = None,
        spent: float = 0.0,
        now: source.Now = source.now,
    ) -> None:
        self.seconds = seconds
        self.now = now
        self._started = now()
        self._before = spent
        self._kept: dict[Purpose, float] = {}

    def resume(self, spent: float) -> None:
        """Counts the seconds that earlier, interrupted calls have used."""
        self._before = spent

    def stop(self) -> None:
        """Ends the time now: what has been done is all there will be."""
        spent = self.spent
        self.seconds = spent if self.seconds is None else min(self.seconds, spent)

    @property
    def spent(self) -> float:
        """Seconds used so far."""
        return self.now() - self._started + self._before

    @property
    def left(self) -> float:
        """Seconds left; infinite without a limit."""
        return math.inf if self.seconds is None else self.seconds - self.spent

    @property
    def deadline(self) -> Deadline:
        """The end of the whole `fit`."""
        return Deadline.after(self.left, self.now)

    @property
    def for_trials(self) -> Deadline:
        """The end of the last trial: what is kept for other purposes begins there."""
        return self.deadline.minus(sum(self._kept.values()))

    def most(self, purpose: Purpose) -> float:
        """Seconds that a purpose may have by the table of allotments; infinite without a limit."""
        allotment = ALLOTMENTS[purpose]
        if self.seconds is None:
            return math.inf
        if allotment.of is Of.BUDGET:
            return allotment.seconds(self.seconds)
        left = self.deadline if allotment.of is Of.LEFT else self.for_trials
        return allotment.seconds(left.left)

    def allot(self, purpose: Purpose) -> Deadline:
        """The moment until which a purpose may go on; never after the end of the `fit`."""
        return self.deadline.at_most(self.most(purpose))

    def has_time(self, purpose: Purpose) -> bool:
        """Whether the seconds are there without which a purpose is not begun."""
        allotment = ALLOTMENTS[purpose]
        whole = self.left if allotment.of is Of.LEFT else self.for_trials.left
        if allotment.of is Of.BUDGET:
            whole = math.inf if self.seconds is None else self.seconds
        return whole >= allotment.needed_seconds

    def keep(self, purpose: Purpose, seconds: float = math.inf) -> float:
        """Keeps time for a purpose that comes after the trials, in the place of what was kept.

        Args:
            purpose: The purpose.
            seconds: Seconds that it needs; it is given no more than the table of allotments says.

        Returns:
            Seconds that are kept; 0 without a limit.
        """
        kept = 0.0 if self.seconds is None else min(seconds, self.most(purpose))
        self._kept[purpose] = kept
        return kept

    def kept(self, purpose: Purpose) -> float:
        """Seconds that are kept for a purpose."""
        return self._kept.get(purpose, 0.0)
