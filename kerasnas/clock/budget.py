"""What a search may spend: trials, wall-clock seconds, epochs of one trial."""

from __future__ import annotations

import numbers
import re
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from kerasnas.errors import BudgetError, shown

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}  # by their first letter
_DURATION = re.compile(
    r"(\d+(?:\.\d+)?)\s*(d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)\s*",
    re.IGNORECASE,
)
_LONGEST_TEXT = 100  # characters
_HELP = 'Write "10min", "1h30min", a number of seconds, or Budget(trials=20, seconds=600).'


def _is_count(value: object) -> bool:
    """Whether it is a whole number of at least 1, NumPy's included."""
    if isinstance(value, bool):
        return False
    whole = isinstance(value, numbers.Integral) or (isinstance(value, float) and value.is_integer())
    return whole and value >= 1  # type: ignore[operator]


@dataclass(frozen=True)
class Budget:
    """What `fit` or `search` may spend. Whatever is reached first ends the search.

    Args:
        trials: Most configurations to start; `None` for no limit.
        seconds: Most wall-clock seconds of the whole `fit`, or a duration as in `parse`; `None` for
            no limit.
        epochs: Most epochs of ONE trial (its full fidelity); `None` lets the recipe choose.

    Raises:
        BudgetError: If a limit is not a positive number, or nothing limits the search.
    """

    trials: int | None = None
    seconds: float | None = None
    epochs: int | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "epochs"):
            value = getattr(self, name)
            if value is not None and not _is_count(value):
                raise BudgetError(
                    f"`{name}` must be a whole number of at least 1, received {shown(value)}. "
                    f"{_HELP}"
                )
            if value is not None:
                object.__setattr__(self, name, int(value))
        seconds = _in_seconds(self.seconds)
        if seconds is not None and not (
            isinstance(seconds, int | float) and 0 < seconds <= sys.float_info.max
        ):
            raise BudgetError(
                f"`seconds` must be a positive finite number, received {shown(self.seconds)}. "
                f"{_HELP}"
            )
        if seconds is not None:
            object.__setattr__(self, "seconds", float(seconds))
        if self.trials is None and self.seconds is None:
            raise BudgetError(f"A budget needs `trials` or `seconds`, received neither. {_HELP}")

    def describe(self) -> str:
        """The limits in words."""
        limits = [] if self.seconds is None else [f"{self.seconds:g} seconds"]
        limits += [] if self.trials is None else [f"{self.trials} trials"]
        limits += [] if self.epochs is None else [f"at most {self.epochs} epochs a trial"]
        return ", ".join(limits)

    @classmethod
    def parse(cls, value: Budget | str | float | timedelta) -> Budget:
        """Reads a budget in any spelling the API accepts.

        Args:
            value: A `Budget`, a duration such as `"10min"`, `"1h30min"`, `"2 hours"` or a
                `timedelta`, or a number of seconds.

        Raises:
            BudgetError: If `value` is none of these.
        """
        if isinstance(value, Budget):
            return value
        if isinstance(value, bool) or not isinstance(value, numbers.Real | str | timedelta):
            raise BudgetError(
                f"`budget` cannot be read from {shown(value)} ({type(value).__name__}). {_HELP}"
            )
        return cls(seconds=_in_seconds(value))

    def with_epochs(self, epochs: int | None) -> Budget:
        """This budget with the `epochs` that a call gave beside it.

        Raises:
            BudgetError: If both name epochs and differ.
        """
        if epochs is None:
            return self
        if self.epochs is not None and self.epochs != epochs:
            raise BudgetError(
                f"`epochs` is {epochs} but `budget` says {self.epochs}. Give one of them."
            )
        return replace(self, epochs=epochs)


def _in_seconds(value: Any) -> Any:
    """A duration in seconds; anything else as it is."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, numbers.Real) and not isinstance(value, int):
        return float(value)  # of NumPy, too
    return _seconds(value) if isinstance(value, str) else value


def _seconds(text: str) -> float:
    # The pattern takes a time that grows with the square of a long row of digits.
    parts = _DURATION.findall(text) if len(text) <= _LONGEST_TEXT else []
    if not parts or _DURATION.sub("", text).strip():
        raise BudgetError(f"`budget` cannot be read from {shown(text)}. {_HELP}")
    return sum(float(number) * _UNITS[unit[0].lower()] for number, unit in parts)
