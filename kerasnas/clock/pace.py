"""How long something takes: the one way to measure it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.clock import source


class Stopwatch:
    """Counts seconds from the moment that it is made.

    Args:
        now: Source of time, for tests.
    """

    def __init__(self, now: source.Now = source.now) -> None:
        self._now = now
        self._began = self._lapped = now()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._now() - self._began

    def lap(self) -> float:
        """Seconds since the last lap ended, or since the start; begins the next lap."""
        last, self._lapped = self._lapped, self._now()
        return self._lapped - last


@dataclass(frozen=True)
class Laps:
    """Seconds of the repetitions of one piece of work.

    Attributes:
        first: Seconds of the first lap. It contains what is done once, such as tracing.
        later: Seconds of each further lap.
    """

    first: float
    later: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """Seconds of a usual lap after the first; of the first one where it is the only one."""
        return float(np.median(self.later or (self.first,)))

    @property
    def fastest(self) -> float:
        """Seconds of the fastest lap after the first; of the first one where it is the only one."""
        return min(self.later or (self.first,))

    def quantile(self, share: float) -> float:
        """Seconds below which this share of the laps after the first stays."""
        return float(np.quantile(self.later or (self.first,), share))


def laps_of(
    work: Callable[[], Any],
    later: int,
    seconds: float = math.inf,
    now: source.Now = source.now,
) -> Laps:
    """Times the repetitions of one piece of work.

    Args:
        work: The work.
        later: Most laps after the first one.
        seconds: Seconds of the laps after the first one, after which no further lap begins.
        now: Source of time, for tests.
    """
    watch = Stopwatch(now)
    work()
    first = watch.lap()
    times: list[float] = []
    while len(times) < later and sum(times) < seconds:
        work()
        times.append(watch.lap())
    return Laps(first, tuple(times))


def seconds_of(work: Callable[[], Any], now: source.Now = source.now) -> float:
    """Times a piece of work that is done once.

    Args:
        work: The work.
        now: Source of time, for tests.
    """
    return laps_of(work, later=0, now=now).first
