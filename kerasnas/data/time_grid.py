"""Regular grids of time: from stamps to whole steps and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from kerasnas.data.series_times import moments_of, numbers_of_stamps
from kerasnas.errors import SchemaError

Kind = Literal["integer", "duration", "month", "business", "slots"]
Rule = Literal["day", "business", "weekday"]

DAY = 86_400_000_000  # microseconds
WEEK = 7 * DAY
MONDAY = 4 * DAY  # the first one after the beginning of 1970
# Steps of a season by the length of a step in microseconds: a year, a week, a day, an hour.
_SEASONS = {WEEK: 52, DAY: 7, 3_600_000_000: 24, 60_000_000: 60, 1_000_000: 60}
_MONTH_SEASONS = {1: 12, 2: 6, 3: 4, 6: 2}
_BETWEEN = 0.25  # what is added to the place of a stamp that lies on no step


@dataclass(frozen=True)
class TimeGrid:
    """The steps of a time axis.

    Attributes:
        kind: Whole numbers, a fixed duration, calendar months, business days, or the slots of a
            day or week at which something happens, such as the hours of a market.
        step: Length of a step: in units, microseconds, months or days.
        origin: Where step 0 lies: a number, microseconds or days since 1970, months since year 0,
            or slots since the first Monday of 1970.
        anchor: Of a month grid, by its rule: the day of the month, 31 for the last one; the n-th
            business day; the n-th of a weekday. Negative numbers count from the end of the month.
        zone: Time zone of the stamps, `None` for naive ones.
        rule: Which day of the month every step of a month grid has.
        weekday: The weekday of the rule `weekday`; Monday is 0.
        phase: Microseconds of months, business days and slots after midnight, or after the step.
        period: Steps of the day or week that slots repeat in.
        slots: Places of the slots in their period; of a month grid with several days a month these
            days.
        local: Whether steps shorter than a day follow the local clock, which has a day of 23 and
            a day of 25 hours; `False` for the time that has passed.
        written: The form in which whole numbers are dates, such as `%Y%m`; empty for timestamps.
    """

    kind: Kind
    step: int
    origin: int
    anchor: int = 1
    zone: str | None = None
    rule: Rule = "day"
    weekday: int = 0
    phase: int = 0
    period: int = 0
    slots: tuple[int, ...] = ()
    local: bool = False
    written: str = ""

    def checked(self, stamps: pd.Index, name: str) -> pd.Index:
        """Stamps of new data, which must be what those of `fit` were.

        Raises:
            SchemaError: If they are numbers where there were dates, or the other way round, or have
                a time zone where there was none, or the other way round.
        """
        dated, expected = isinstance(stamps, pd.DatetimeIndex), self.kind != "integer"
        if self.written and not dated:
            if self._moments(stamps).isna().any():
                raise SchemaError(
                    f"{name} holds whole numbers that are no dates such as "
                    f"{self.stamps(np.zeros(1))[0]}, which `fit` has seen."
                )
            return stamps
        if dated != expected:
            had, has = ("dates", "whole numbers") if expected else ("whole numbers", "dates")
            raise SchemaError(
                f"{name} holds {has}, but held {had} in `fit`, such as "
                f"{self.stamps(np.zeros(1))[0]}. Pass times of the same kind."
            )
        if isinstance(stamps, pd.DatetimeIndex) and (stamps.tz is None) != (self.zone is None):
            had, way = ("no time zone", "None")
            if self.zone is not None:
                had, way = f"the time zone {self.zone}", repr(self.zone)
            raise SchemaError(
                f"{name} had {had} in `fit`. Call `.dt.tz_localize({way})` on the column, or "
                f"`.tz_localize({way})` on the index."
            )
        return stamps

    def positions(self, stamps: pd.Index) -> np.ndarray:
        """Steps since the origin, rounded to whole ones, int64."""
        return np.round(self._exact(stamps)).astype("int64")

    def between(self, stamps: pd.Index) -> np.ndarray:
        """Whether each stamp lies between two steps."""
        exact = self._exact(stamps)
        return np.abs(exact - np.round(exact)) > 1e-6

    def off_grid(self, stamps: pd.Index) -> int:
        """How many stamps lie between two steps."""
        return int(self.between(stamps).sum())

    def stamps(self, positions: np.ndarray) -> pd.Index:
        """The stamps of steps."""
        index = self._stamps(np.asarray(positions, "int64"))
        return numbers_of_stamps(pd.DatetimeIndex(index), self.written) if self.written else index

    def following(self, place: int, steps: int) -> tuple[pd.Index, np.ndarray]:
        """The stamps after a step, and how many steps of the grid each lies after that step.

        On the local clock an hour may be left out or come twice. Stamps go on through this by the
        time that passes, and their steps leave one out or come twice.
        """
        if not (self.local and self.zone):
            return self.stamps(place + 1 + np.arange(steps)), np.arange(steps)
        begin = pd.DatetimeIndex(self.stamps(np.array([place])))
        micros = micros_of(begin, None)[0] + self.step * np.arange(1, steps + 1)
        index = pd.DatetimeIndex(micros.astype("datetime64[us]")).tz_localize("UTC")
        stamps = index.tz_convert(self.zone)
        return stamps, self.positions(stamps) - place - 1

    def left_out(self, positions: np.ndarray) -> np.ndarray:
        """Whether the local clock leaves each of some steps out."""
        if not (self.local and self.zone):
            return np.zeros(len(positions), bool)
        wall = pd.DatetimeIndex(self._wall(np.asarray(positions, "int64")))
        return np.asarray(
            wall.tz_localize(self.zone, ambiguous=False, nonexistent="NaT").isna(), bool
        )

    def passed(self, stamps: pd.Index) -> np.ndarray:
        """Steps by the time that passes: the two hours that the local clock names alike differ."""
        if self.local and self.zone:
            return np.round((micros_of(stamps, None) - self.origin) / self.step).astype("int64")
        return self.positions(stamps)

    @property
    def day(self) -> int:
        """Steps of a day; 0 where a day has no whole number of steps."""
        return DAY // self.step if self.kind == "duration" and DAY % self.step == 0 else 0

    def season(self) -> int:
        """Steps of the usual season of such a grid; 1 where there is none."""
        if self.kind == "integer":
            return 1
        if self.kind == "business":
            return 5
        if self.kind == "slots":
            return self._slot_season()
        if self.kind == "month":
            return 12 * len(self.slots) if self.slots else _MONTH_SEASONS.get(self.step, 1)
        if self.step in _SEASONS:
            return _SEASONS[self.step]
        if self.step < DAY and DAY % self.step == 0:
            return DAY // self.step if self.step >= 60_000_000 else 60
        return 1

    def _slot_season(self) -> int:
        """Slots of a day, where all days have as many; else all slots."""
        a_day = max(1, DAY // self.step)
        days = np.unique(np.array(self.slots) // a_day, return_counts=True)[1]
        alike = len(set(days.tolist())) == 1 and days[0] > 1
        return int(days[0]) if alike else len(self.slots)

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return {**asdict(self), "slots": list(self.slots)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TimeGrid:
        """The grid that `to_json` wrote."""
        return cls(**{**content, "slots": tuple(content.get("slots", ()))})

    def describe(self) -> str:
        """The step in words."""
        if self.kind == "integer":
            return f"a step of {self.step}"
        if self.kind == "business":
            return "business days"
        if self.kind == "month" and self.slots:
            return f"{len(self.slots)} days of a month"
        if self.kind == "month":
            return "months" if self.step == 1 else f"steps of {self.step} months"
        steps = f"steps of {pd.Timedelta(self.step, 'us')}"
        if self.kind == "slots":
            whole = "day" if self.period * self.step == DAY else "week"
            return f"{steps} at {len(self.slots)} times of the {whole}"
        return steps

    def _exact(self, stamps: pd.Index) -> np.ndarray:
        if self.kind == "integer":
            return (np.asarray(stamps, "float64") - self.origin) / self.step
        micros = micros_of(self._moments(stamps), self.zone if self._local else None)
        if self.kind == "duration":
            return (micros - self.origin) / self.step
        if self.kind == "slots":
            return self.slot_places(micros) - self.origin
        days = micros.astype("datetime64[us]").astype("datetime64[D]")
        if self.kind == "business":
            return np.busday_count(np.datetime64("1970-01-01"), days) - float(self.origin)
        months = days.astype("datetime64[M]").astype("int64") + 1970 * 12
        if self.slots:
            of_month = np.where(days == last_day(days), 31, day_of_month(days))
            rank = np.searchsorted(np.array(self.slots), of_month)
            on = np.isin(of_month, self.slots)
            return (months - self.origin) * len(self.slots) + rank - np.where(on, 0.0, _BETWEEN)
        return (months - self.origin) / self.step

    def slot_places(self, micros: np.ndarray) -> np.ndarray:
        """Slots since the first Monday of 1970, a little more for what lies on none."""
        exact = (micros - MONDAY - self.phase) / self.step
        nearest = np.round(exact).astype("int64")
        cycle, inside = np.divmod(nearest, self.period)
        slots = np.array(self.slots)
        rank = np.searchsorted(slots, inside)
        on = slots[np.minimum(rank, len(slots) - 1)] == inside
        later = np.minimum(rank, len(slots) - 1)
        nearer = np.abs(slots[np.maximum(rank - 1, 0)] - inside) < np.abs(slots[later] - inside)
        rank = np.where(on, rank, np.where(nearer | (rank == len(slots)), rank - 1, rank))
        between = ~on | (np.abs(exact - nearest) > 1e-6)
        places = cycle * len(slots) + np.maximum(rank, 0)
        return places + np.where(between, _BETWEEN, 0.0)

    def _stamps(self, positions: np.ndarray) -> pd.Index:
        if self.kind == "integer":
            return pd.Index(self.origin + self.step * positions)
        index = pd.DatetimeIndex(self._wall(positions))
        return index if self.zone is None else self._localised(index)

    def _wall(self, positions: np.ndarray) -> np.ndarray:
        """The stamps of steps without their zone: by the local clock, or in UTC."""
        if self.kind == "slots":
            cycle, rank = np.divmod(self.origin + positions, len(self.slots))
            inside = np.array(self.slots)[rank]
            micros = MONDAY + self.phase + (cycle * self.period + inside) * self.step
            return micros.astype("datetime64[us]")
        if self.kind == "month" and self.slots:
            months, rank = np.divmod(positions, len(self.slots))
            first = (self.origin + months - 1970 * 12).astype("datetime64[M]")
            last = day_of_month(last_day(first.astype("datetime64[D]")))
            day = np.minimum(last, np.array(self.slots)[rank]) - 1
            days = first.astype("datetime64[D]") + day.astype("timedelta64[D]")
            return days.astype("datetime64[us]") + np.timedelta64(self.phase, "us")
        places = self.origin + self.step * positions
        if self.kind == "duration":
            return places.astype("datetime64[us]")
        if self.kind == "business":
            days = np.busday_offset(np.datetime64("1970-01-01"), places, roll="forward")
        else:
            days = day_in_month(
                (places - 1970 * 12).astype("datetime64[M]"), self.rule, self.anchor, self.weekday
            )
        return days.astype("datetime64[us]") + np.timedelta64(self.phase, "us")

    def _moments(self, stamps: pd.Index) -> pd.Index:
        if self.written and not isinstance(stamps, pd.DatetimeIndex):
            return moments_of(np.asarray(stamps), self.written)
        return stamps

    @property
    def _local(self) -> bool:
        """Whether a step is a matter of the local calendar, where some days have 23 hours."""
        return self.local or self.kind != "duration" or self.step % DAY == 0

    def _localised(self, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
        if self._local:
            return index.tz_localize(self.zone, ambiguous=False, nonexistent="shift_forward")
        return index.tz_localize("UTC").tz_convert(self.zone)


def day_in_month(months: np.ndarray, rule: Rule, anchor: int, weekday: int) -> np.ndarray:
    """The day of each month that a rule names."""
    first = months.astype("datetime64[D]")
    following = (months + np.timedelta64(1, "M")).astype("datetime64[D]")
    last = following - np.timedelta64(1, "D")
    if rule == "business":
        if anchor < 0:
            return np.busday_offset(following, anchor, roll="forward")
        found = np.busday_offset(first, anchor - 1, roll="forward")
        return np.minimum(found, np.busday_offset(following, -1, roll="forward"))
    if rule == "weekday":
        if anchor < 0:
            back = (weekday_of(last) - weekday) % 7
            return last - (back + 7 * (-anchor - 1)).astype("timedelta64[D]")
        ahead = (weekday - weekday_of(first)) % 7
        return first + (ahead + 7 * (anchor - 1)).astype("timedelta64[D]")
    return first + (np.minimum(day_of_month(last), anchor) - 1).astype("timedelta64[D]")


def weekday_of(days: np.ndarray) -> np.ndarray:
    """The weekday of days; Monday is 0."""
    return (days.astype("datetime64[D]").astype("int64") + 3) % 7


def day_of_month(days: np.ndarray) -> np.ndarray:
    """The day of the month, from 1."""
    return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype("int64") + 1


def last_day(days: np.ndarray) -> np.ndarray:
    """The last day of the month that each day is in."""
    following = days.astype("datetime64[M]") + np.timedelta64(1, "M")
    return following.astype("datetime64[D]") - np.timedelta64(1, "D")


def micros_of(stamps: Any, zone: str | None) -> np.ndarray:
    """Microseconds since 1970, of the local clock where a zone is given, else of UTC."""
    index = pd.DatetimeIndex(stamps)
    if index.tz is not None:
        index = index.tz_convert(zone or "UTC").tz_localize(None)
    return index.as_unit("us").asi8
