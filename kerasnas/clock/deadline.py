"""The moment until which something may go on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from kerasnas.clock import source
from kerasnas.clock.allotments import ALLOTMENTS, Of, Purpose
from kerasnas.clock.margins import Margin, amount
from kerasnas.errors import OutOfTime


@dataclass(frozen=True)
class Deadline:
    """A moment until which something may go on; infinitely far away where nothing limits it.

    Attributes:
        end: The moment, as a reading of `now`.
        now: Source of time; tests give one of their own.
    """

    end: float = math.inf
    now: source.Now = source.now

    @classmethod
    def after(cls, seconds: float, now: source.Now = source.now) -> Deadline:
        """The moment that is so many seconds away."""
        return cls(math.inf if math.isinf(seconds) else now() + seconds, now)

    @property
    def left(self) -> float:
        """Seconds left, below 0 when they are over; infinite without a limit."""
        return self.end - self.now()

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0

    @property
    def endless(self) -> bool:
        """Whether there is no limit."""
        return math.isinf(self.end)

    def require(self, seconds: float, what: str) -> None:
        """Ends what would not be done before the deadline.

        Args:
            seconds: Seconds that it needs.
            what: What there has to be time for, such as `"for an epoch"` or `"to read the rows"`.

        Raises:
            OutOfTime: If fewer seconds are left.
        """
        left = self.left
        if left < seconds:
            raise OutOfTime(
                f"no time {what}: it needs {seconds:.2g} seconds, and {max(left, 0.0):.2g} are left"
            )

    def at_most(self, seconds: float) -> Deadline:
        """This deadline, or the moment after so many seconds, whichever is first."""
        return replace(self, end=min(self.end, self.after(seconds, self.now).end))

    def part(self, share: float) -> Deadline:
        """The moment at which this share of the seconds left will be over."""
        return self.at_most(share * self.left)

    def minus(self, seconds: float) -> Deadline:
        """The moment so many seconds before this one."""
        return replace(self, end=self.end - seconds)

    def allowing(self, margin: Margin) -> Deadline:
        """The moment after a factor times the seconds left: for what has begun and may be late."""
        return self if self.endless else self.after(amount(margin) * self.left, self.now)

    def allot(self, purpose: Purpose) -> Deadline:
        """The moment until which a purpose may go on, by its share of the seconds left here.

        Raises:
            ValueError: If the purpose has a share of the budget, of which only the clock knows.
        """
        allotment = ALLOTMENTS[purpose]
        if allotment.of is Of.BUDGET:
            raise ValueError(f"{purpose} has a share of the budget: ask the clock for it.")
        return self.at_most(allotment.seconds(self.left))


ENDLESS = Deadline()
"""No limit."""
