"""Who may use how much of the time: the one table of all shares of a budget.

A number that says how many seconds something may take, or which share of the seconds, stands here
and nowhere else in the package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType


@unique
class Of(Enum):
    """What a share is a share of."""

    BUDGET = "the seconds of the budget"
    LEFT = "the seconds left"
    TRIALS = "the seconds left for trials"


@unique
class Purpose(Enum):
    """What time is used for."""

    ANSWER = "load the best file and answer once"
    ENSEMBLE = "build the ensemble"
    SECOND_FIT = "fit members of the ensemble again on all rows"
    BLEND = "take the mean of several forecasters"
    REFIT = "train the best forecaster again on all steps"


@dataclass(frozen=True)
class Allotment:
    """How much of the time a purpose may use.

    Attributes:
        share: The share, above 0 and at most 1.
        of: What it is a share of.
        reason: Why it is this share.
        source: Where the number comes from: a script, a paper, or what was counted.
        floor_seconds: Seconds that it gets although its share is smaller, but never more than half
            of what it is a share of.
        cap_seconds: Seconds that it gets at most.
    """

    share: float
    of: Of
    reason: str
    source: str
    floor_seconds: float = 0.0
    cap_seconds: float = math.inf

    def seconds(self, whole: float) -> float:
        """Seconds of the purpose, of so many seconds of which it has a share."""
        if math.isinf(whole):
            return self.cap_seconds
        floor = min(self.floor_seconds, max(whole, 0.0) / 2)
        return min(max(self.share * whole, floor), self.cap_seconds)


ALLOTMENTS: Mapping[Purpose, Allotment] = MappingProxyType(
    {
        Purpose.ANSWER: Allotment(
            share=0.03,
            of=Of.BUDGET,
            floor_seconds=0.5,
            cap_seconds=3.0,
            reason="Loading one file and tracing its first prediction takes 0.5 to 3 seconds.",
            source="benchmarks/overhead.py",
        ),
        Purpose.ENSEMBLE: Allotment(
            share=0.15,
            of=Of.BUDGET,
            reason="Members of an ensemble are traced again in one graph; beyond this share "
            "another trial brings more than another member.",
            source="benchmarks/tabular.py",
        ),
        Purpose.SECOND_FIT: Allotment(
            share=0.15,
            of=Of.BUDGET,
            reason="Trees and linear models fitted again on all rows gain about as much as an "
            "ensemble does, and take as long as a trial.",
            source="benchmarks/tables.py",
        ),
        Purpose.BLEND: Allotment(
            share=0.05,
            of=Of.BUDGET,
            cap_seconds=5.0,
            reason="Forecasters are small: a handful of them is read and joined in a few seconds.",
            source="benchmarks/forecast.py",
        ),
        Purpose.REFIT: Allotment(
            share=0.3,
            of=Of.BUDGET,
            reason="The last training takes as long as the longest trial and a fifth more rows.",
            source="benchmarks/forecast.py",
        ),
    }
)
"""The share of every purpose."""
