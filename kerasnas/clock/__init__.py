"""Seconds: how many are left, and who may use how many of them.

This package alone reads the machine's clock. Everybody else is handed a `Deadline`.
"""

from kerasnas.clock.allotments import ALLOTMENTS, Allotment, Of, Purpose
from kerasnas.clock.budget import Budget
from kerasnas.clock.clock import Clock
from kerasnas.clock.deadline import ENDLESS, Deadline
from kerasnas.clock.margins import MARGINS, Amount, Margin, amount
from kerasnas.clock.pace import Laps, Stopwatch, laps_of, seconds_of
from kerasnas.clock.source import pause
from kerasnas.errors import OutOfTime

__all__ = [
    "ALLOTMENTS",
    "ENDLESS",
    "MARGINS",
    "Allotment",
    "Amount",
    "Budget",
    "Clock",
    "Deadline",
    "Laps",
    "Margin",
    "Of",
    "OutOfTime",
    "Purpose",
    "Stopwatch",
    "amount",
    "laps_of",
    "pause",
    "seconds_of",
]
