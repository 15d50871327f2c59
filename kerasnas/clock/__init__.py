"""Seconds: how many are left, and who may use how many of them.

This package alone reads the machine's clock. Everybody else is handed a `Deadline`.
"""

from kerasnas.clock.allotments import ALLOTMENTS, Allotment, Of, Purpose
from kerasnas.clock.budget import Budget
from kerasnas.clock.clock import Clock
from kerasnas.clock.deadline import Deadline
from kerasnas.clock.pace import Laps, Stopwatch, laps_of, seconds_of
from kerasnas.errors import OutOfTime

__all__ = [
    "ALLOTMENTS",
    "Allotment",
    "Budget",
    "Clock",
    "Deadline",
    "Laps",
    "Of",
    "OutOfTime",
    "Purpose",
    "Stopwatch",
    "laps_of",
    "seconds_of",
]
