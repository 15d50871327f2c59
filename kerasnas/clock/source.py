"""The machine's clock, which nothing else in the package reads."""

from __future__ import annotations

import time
from collections.abc import Callable

Now = Callable[[], float]
"""Reads a clock that never goes back, in seconds from an arbitrary moment."""


def pause(seconds: float) -> None:
    """Does nothing for so many seconds."""
    time.sleep(seconds)


def now() -> float:
    """Seconds since an arbitrary moment; the difference of two readings is a wall-clock time."""
    return time.perf_counter()
