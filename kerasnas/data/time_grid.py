"""Regular grids of time: from stamps to whole steps and back."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from kerasnas.errors import SchemaError

Kind = Literal["integer", "duration", "month", "business"]

_MONTHS = {1: (28, 31), 2: (59, 62), 3: (89, 92), 6: (181, 184), 12: (365, 366)}
_DAY = 86_400_000_000  # microseconds
# Steps of a season by the length of a step in microseconds: a year, a week, a day, an hour.
_SEASONS = {7 * _DAY: 52, _DAY: 7, 3_600_000_000: 24, 60_000_000: 60, 1_000_000: 60}
_SECOND, _MINUTE, _HOUR = 1_000_000, 60_000_000, 3_600_000_000
_ROUND = (
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    *(n * _DAY for n in (1, 7)),
)
_MONTH_SEASONS = {1: 12, 2: 6, 3: 4, 6: 2}


@dataclass(frozen=True)
class TimeGrid:
    """The steps of a time axis.

    Attributes:
        kind: Whole numbers, a fixed duration, calendar months, or business days.
        step: Length of a step: in units, microseconds, months or days.
        origin: Where step 0 lies: a number, microseconds or days since 1970, or months since year
            0.
        anchor: Day of the month of every step of a month grid; 31 for the last day.
        zone: Time zone of the stamps, `None` for naive ones.
    """

    kind: Kind
    step: int
    origin: int
    anchor: int = 1
    zone: str | None = None

    def positions(self, stamps: pd.Index) -> np.ndarray:
        """Steps since the origin, rounded to whole ones, int64."""
        return np.round(self._exact(stamps)).astype("int64")

    def off_grid(self, stamps: pd.Index) -> int:
        """How many stamps lie between two steps."""
        exact = self._exact(stamps)
        return int((np.abs(exact - np.round(exact)) > 1e-6).sum())

    def stamps(self, positions: np.ndarray) -> pd.Index:
        """The stamps of steps."""
        places = self.origin + self.step * np.asarray(positions, "int64")
        if self.kind == "integer":
            return pd.Index(places)
        if self.kind == "duration":
            index = pd.DatetimeIndex(places.astype("datetime64[us]"))
        elif self.kind == "business":
            days = np.busday_offset(np.datetime64("1970-01-01"), places, roll="forward")
            index = pd.DatetimeIndex(days.astype("datetime64[us]"))
        else:
            first = (places - 1970 * 12).astype("datetime64[M]")
            day = np.minimum(_day_of_month(_last_day(first)), self.anchor)
            days = first.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
            index = pd.DatetimeIndex(days.astype("datetime64[us]"))
        return index if self.zone is None else self._localised(index)

    def season(self) -> int:
        """Steps of the usual season of such a grid; 1 where there is none."""
        if self.kind == "integer":
            return 1
        if self.kind == "business":
            return 5
        if self.kind == "month":
            return _MONTH_SEASONS.get(self.step, 1)
        if self.step in _SEASONS:
            return _SEASONS[self.step]
        if self.step < _DAY and _DAY % self.step == 0:
            return _DAY // self.step if self.step >= 60_000_000 else 60
        return 1

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TimeGrid:
        """The grid that `to_json` wrote."""
        return cls(**content)

    def describe(self) -> str:
        """The step in words."""
        if self.kind == "integer":
            return f"a step of {self.step}"
        if self.kind == "business":
            return "business days"
        if self.kind == "month":
            return "months" if self.step == 1 else f"steps of {self.step} months"
        return f"steps of {pd.Timedelta(self.step, 'us')}"

    def _exact(self, stamps: pd.Index) -> np.ndarray:
        if self.kind == "integer":
            return (np.asarray(stamps, "float64") - self.origin) / self.step
        micros = _micros(stamps, self.zone if self._local else None)
        if self.kind == "duration":
            return (micros - self.origin) / self.step
        days = micros.astype("datetime64[us]").astype("datetime64[D]")
        if self.kind == "business":
            return np.busday_count(np.datetime64("1970-01-01"), days) - float(self.origin)
        months = days.astype("datetime64[M]").astype("int64") + 1970 * 12
        return (months - self.origin) / self.step

    @property
    def _local(self) -> bool:
        """Whether a step is a matter of the local calendar, where some days have 23 hours."""
        return self.kind != "duration" or self.step % _DAY == 0

    def _localised(self, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
        if self._local:
            return index.tz_localize(self.zone, ambiguous=False, nonexistent="shift_forward")
        return index.tz_localize("UTC").tz_convert(self.zone)


def read_stamps(values: Any, name: str) -> pd.Index:
    """Values of a time axis as whole numbers or timestamps.

    Raises:
        SchemaError: If they are neither, or some are missing.
    """
    index = pd.Index(values)
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if not isinstance(index, pd.DatetimeIndex) and index.dtype.kind not in "iu":
        index = _parsed(index, name)
    if index.isna().any():
        raise SchemaError(
            f"{name} has {int(index.isna().sum())} missing values (first in row "
            f"{int(np.argmax(np.asarray(index.isna())))}). Every row needs its time."
        )
    return index


def looks_like_time(values: pd.Series) -> bool:
    """Whether a column can only be meant as times: timestamps, periods, ISO dates as strings."""
    if isinstance(values.dtype, pd.DatetimeTZDtype | pd.PeriodDtype) or values.dtype.kind == "M":
        return True
    if not pd.api.types.is_string_dtype(values.dtype):
        return False
    try:
        # To UTC: a local clock has several offsets over the year, and strings hold these.
        return not pd.to_datetime(values, format="ISO8601", utc=True).isna().any()
    except (ValueError, TypeError):
        return False


def infer_grid(parts: Sequence[pd.Index]) -> TimeGrid:
    """The grid on which most stamps of several series lie.

    Args:
        parts: Stamps of each series, sorted and without duplicates.

    Raises:
        SchemaError: If no series has two stamps.
    """
    everything = parts[0].append(list(parts[1:]))
    if not isinstance(everything, pd.DatetimeIndex):
        steps = np.concatenate([np.diff(np.asarray(p, "int64")) for p in parts])
        return TimeGrid("integer", _most_common(steps), int(min(p[0] for p in parts)))
    zone = None if everything.tz is None else str(everything.tz)
    micros = [_micros(p, zone) for p in parts]
    steps = np.concatenate([np.diff(m) for m in micros])
    if not len(steps):
        raise SchemaError("No series has more than one time: there is nothing to learn from.")
    days = np.concatenate(micros).astype("datetime64[us]").astype("datetime64[D]")
    typical = float(np.median(steps)) / _DAY
    for months, (low, high) in _MONTHS.items():
        if low - 0.5 <= typical <= high + 0.5 and _monthly(days):
            return _month_grid(days, months, zone)
    if _business(days, steps):
        first = int(np.busday_count(np.datetime64("1970-01-01"), days.min()))
        return TimeGrid("business", 1, first, zone=zone)
    step = _duration(steps)
    if zone is not None and step % _DAY:  # a step of hours goes on through the change of clocks
        micros = [_micros(p, None) for p in parts]
    begin = int(min(m[0] for m in micros))
    if not (steps == step).any():  # times that jitter are moved to round ones
        begin = round(begin / step) * step
    return TimeGrid("duration", step, begin, zone=zone)


def _duration(steps: np.ndarray) -> int:
    """The step that many share; where times jitter, the round one next to what is usual."""
    step = _most_common(steps)
    typical = float(np.median(steps))
    if (steps == step).mean() >= 0.2 or typical <= 0:
        return step
    nearest = min(_ROUND, key=lambda length: abs(np.log(length / typical)))
    alike = np.abs(steps / nearest - np.round(steps / nearest)) < 0.25
    return nearest if alike.mean() > 0.8 and 0.75 < typical / nearest < 1.33 else step


def _month_grid(days: np.ndarray, months: int, zone: str | None) -> TimeGrid:
    number = days.astype("datetime64[M]").astype("int64") + 1970 * 12
    of_month = _day_of_month(days)
    last = _day_of_month(_last_day(days))
    anchor = 31 if (of_month == last).all() else int(np.argmax(np.bincount(of_month)))
    return TimeGrid("month", months, int(number.min()), anchor, zone)


def _monthly(days: np.ndarray) -> bool:
    """Whether days lie at one place of the month; four weeks do not."""
    of_month = _day_of_month(days)
    last = _day_of_month(_last_day(days))
    return bool((of_month == last).mean() > 0.8 or np.max(np.bincount(of_month)) > 0.8 * len(days))


def _business(days: np.ndarray, steps: np.ndarray) -> bool:
    weekday = (days.astype("int64") + 3) % 7  # Monday is 0
    daily = (steps == _DAY).sum() > 0.5 * len(steps)
    return bool(daily and (weekday < 5).all() and (steps == 3 * _DAY).any())


def _day_of_month(days: np.ndarray) -> np.ndarray:
    return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype("int64") + 1


def _most_common(steps: np.ndarray) -> int:
    if not len(steps):
        raise SchemaError("No series has more than one time: there is nothing to learn from.")
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def _micros(stamps: Any, zone: str | None) -> np.ndarray:
    """Microseconds since 1970, of the local clock where a zone is given, else of UTC."""
    index = pd.DatetimeIndex(stamps)
    if index.tz is not None:
        index = index.tz_convert(zone or "UTC").tz_localize(None)
    return index.as_unit("us").asi8


def _parsed(index: pd.Index, name: str) -> pd.DatetimeIndex | pd.Index:
    if index.dtype.kind == "f" and bool((index == np.floor(index)).all()):
        return index.astype("int64")
    if not pd.api.types.is_string_dtype(index.dtype) and index.dtype != object:
        raise SchemaError(
            f"{name} must hold times or whole numbers, received {index.dtype}. Convert it with "
            "`pandas.to_datetime`."
        )
    for utc in (False, True):  # in UTC, strings with several offsets are times too
        with contextlib.suppress(ValueError):
            return pd.DatetimeIndex(pd.to_datetime(index, format="ISO8601", utc=utc))
    try:
        with warnings.catch_warnings():
            # pandas warns where it would have to guess anew for every value.
            warnings.simplefilter("error", UserWarning)
            return pd.DatetimeIndex(pd.to_datetime(index))
    except (ValueError, TypeError, UserWarning) as error:
        raise SchemaError(
            f"{name} has values that are no times ({str(error).splitlines()[0]}). Convert it with "
            "`pandas.to_datetime(..., format=...)` first."
        ) from error


def _last_day(days: np.ndarray) -> np.ndarray:
    """The last day of the month that each day is in."""
    following = days.astype("datetime64[M]") + np.timedelta64(1, "M")
    return following.astype("datetime64[D]") - np.timedelta64(1, "D")
