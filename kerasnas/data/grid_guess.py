"""The grid on which the times of series lie, found from the times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kerasnas.data.series_times import moments_of, written_form
from kerasnas.data.time_grid import (
    DAY,
    MONDAY,
    WEEK,
    Rule,
    TimeGrid,
    day_in_month,
    day_of_month,
    last_day,
    micros_of,
    weekday_of,
)
from kerasnas.errors import SchemaError

_SECOND, _MINUTE, _HOUR = 1_000_000, 60_000_000, 3_600_000_000
_ROUND = (
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    *(n * DAY for n in (1, 7)),
)
_MONTH_DAYS = 30.436875  # of a mean month
_MONTH_PLAY = 4.5  # days that a month may be longer or shorter than its mean, n-th Fridays included
_FEWEST_DAYS = 4.5  # days between times that come more than once a month
_MOST_DAYS = 6  # of a month at which there are rows: pentads are the most that are usual
_BY_RULE = 0.8  # share of the times that must follow a rule of the month
_UNEVEN = 0.2  # share of steps of another length; a change of clocks makes fewer
_WHOLE = 0.95  # share of all steps with a row, from which no slots are looked for
_SLOTTED = 0.7  # share of the slots that must have a row
_RARE = 0.1  # share of the weeks in which a slot occurs, below which it may be none
_FEWEST_WEEKS = {True: 3.0, False: 2.0}  # that show a pattern of the week, of days and of hours


def infer_grid(parts: Sequence[pd.Index]) -> TimeGrid:
    """The grid on which most stamps of several series lie.

    Args:
        parts: Stamps of each series, sorted and without duplicates.

    Raises:
        SchemaError: If no series has two stamps.
    """
    everything = parts[0].append(list(parts[1:]))
    if not isinstance(everything, pd.DatetimeIndex):
        numbers = [np.asarray(p, "int64") for p in parts]
        form = written_form(np.unique(np.concatenate(numbers)))
        if form:
            return replace(infer_grid([moments_of(n, form) for n in numbers]), written=form)
        steps = np.concatenate([np.diff(n) for n in numbers])
        return TimeGrid("integer", _most_common(steps), int(min(p[0] for p in parts)))
    zone = None if everything.tz is None else str(everything.tz)
    micros = [micros_of(p, zone) for p in parts]
    steps = np.concatenate([np.diff(m) for m in micros])
    if not len(steps):
        raise SchemaError("No series has more than one time: there is nothing to learn from.")
    together = np.concatenate(micros)
    monthly = _month_grid(micros, together, steps, zone)
    if monthly is not None:
        return monthly
    days = together.astype("datetime64[us]").astype("datetime64[D]")
    if _business(days, together, steps):
        first = int(np.busday_count(np.datetime64("1970-01-01"), days.min()))
        return TimeGrid("business", 1, first, zone=zone)
    step = _duration(steps[steps > 0])
    slotted = _uneven_slots(micros, steps, step, zone) or _slot_grid(micros, step, zone)
    if slotted is not None:
        return slotted
    local = zone is not None and step % DAY != 0
    if local and not _on_local_clock(parts, micros, step):
        # Steps of a day's part go on through the change of clocks.
        micros, local = [micros_of(p, None) for p in parts], False
    begin = int(min(m[0] for m in micros))
    if not (steps == step).any():  # times that jitter are moved to round ones
        begin = round(begin / step) * step
    return TimeGrid("duration", step, begin, zone=zone, local=local)


def _on_local_clock(parts: Sequence[pd.Index], micros: Sequence[np.ndarray], step: int) -> bool:
    """Whether times lie on steps of the local clock at least as often as on those of UTC."""

    def between(places: Sequence[np.ndarray]) -> int:
        begin = min(p[0] for p in places)
        return sum(int(((p - begin) % step != 0).sum()) for p in places)

    return between(micros) <= between([micros_of(p, None) for p in parts])


def _duration(steps: np.ndarray) -> int:
    """The step that many share; where times jitter, the round one next to what is usual."""
    step = _most_common(steps)
    typical = float(np.median(steps))
    if (steps == step).mean() >= 0.2 or typical <= 0:
        return step
    nearest = min(_ROUND, key=lambda length: abs(np.log(length / typical)))
    alike = np.abs(steps / nearest - np.round(steps / nearest)) < 0.25
    return nearest if alike.mean() > 0.8 and 0.75 < typical / nearest < 1.33 else step


def _month_grid(
    micros: Sequence[np.ndarray], together: np.ndarray, steps: np.ndarray, zone: str | None
) -> TimeGrid | None:
    """Months, quarters or years, where every time is the same day of its month by some rule."""
    typical = float(np.median(steps)) / DAY
    months = round(typical / _MONTH_DAYS)
    days = together.astype("datetime64[us]").astype("datetime64[D]")
    if _FEWEST_DAYS < typical < _MONTH_DAYS - _MONTH_PLAY:
        return _days_of_month(days, _time_of_day(together), zone)
    if months < 1 or abs(typical - months * _MONTH_DAYS) > _MONTH_PLAY:
        return None
    rule = _rule_of_month(days)
    if rule is None:
        return None
    numbers = [m.astype("datetime64[us]").astype("datetime64[M]").astype("int64") for m in micros]
    apart = np.concatenate([np.diff(n) for n in numbers])
    if (apart == 0).mean() > 1 - _BY_RULE:
        return None
    step = int(np.gcd.reduce(apart[apart > 0]))
    name, anchor, weekday = rule
    first = min(int(n[0]) for n in numbers) + 1970 * 12
    phase = _time_of_day(together)
    return TimeGrid("month", step, first, anchor, zone, name, weekday, phase)


def _days_of_month(days: np.ndarray, phase: int, zone: str | None) -> TimeGrid | None:
    """Two to six days of every month, such as the 1st and the 15th, or the 15th and the last."""
    places = np.where(days == last_day(days), 31, day_of_month(days))
    known, counts = np.unique(places, return_counts=True)
    months = np.unique(days.astype("datetime64[M]"))
    often = counts.min() >= _SLOTTED * len(months)
    if not 2 <= len(known) <= _MOST_DAYS or len(months) < 3 or not often:
        return None
    first = int(months[0].astype("int64")) + 1970 * 12
    slots = tuple(int(day) for day in known)
    return TimeGrid("month", 1, first, 1, zone, phase=phase, slots=slots)


def _rule_of_month(days: np.ndarray) -> tuple[Rule, int, int] | None:
    """The rule that most days follow: the first one of those that as many follow."""
    months = days.astype("datetime64[M]")
    following = (months + np.timedelta64(1, "M")).astype("datetime64[D]")
    of_month, weekday = day_of_month(days), weekday_of(days)
    usual_day = int(np.argmax(np.bincount(of_month)))
    usual = int(np.argmax(np.bincount(weekday)))
    nth = int(np.argmax(np.bincount(np.busday_count(months.astype("datetime64[D]"), days) + 1)))
    back = int(np.argmax(np.bincount(np.busday_count(days, following))))
    rules: list[tuple[Rule, int, int]] = [
        ("day", 31, 0),
        ("day", usual_day, 0),
        ("business", -max(back, 1), 0),
        ("business", nth, 0),
        ("weekday", int(np.argmax(np.bincount((of_month - 1) // 7))) + 1, usual),
        (
            "weekday",
            -int(np.argmax(np.bincount((last_day(days) - days).astype("int64") // 7))) - 1,
            usual,
        ),
    ]
    shares = [float((day_in_month(months, *rule) == days).mean()) for rule in rules]
    best = int(np.argmax(shares))
    return rules[best] if shares[best] > _BY_RULE else None


def _business(days: np.ndarray, micros: np.ndarray, steps: np.ndarray) -> bool:
    daily = (steps == DAY).sum() > 0.5 * len(steps)
    five = (weekday_of(days) < 5).all() and (steps == 3 * DAY).any()
    return bool(daily and five and (micros % DAY == 0).all())


def _time_of_day(micros: np.ndarray) -> int:
    """The time of day that all stamps share; midnight where they share none."""
    of_day = np.unique(micros % DAY)
    return int(of_day[0]) if len(of_day) == 1 else 0


def _slot_grid(micros: Sequence[np.ndarray], step: int, zone: str | None) -> TimeGrid | None:
    """The times of the week, or of the day, at which there are rows; `None` for all of them."""
    if step >= WEEK or WEEK % step:
        return None
    together = np.unique(np.concatenate(micros))
    phase = _most_common((together - MONDAY) % step)
    places = np.unique(np.round((together - MONDAY - phase) / step).astype("int64"))
    whole = int(places[-1] - places[0]) + 1
    if len(places) > _WHOLE * whole:
        return None
    weeks = whole * step / WEEK
    shown = weeks >= _FEWEST_WEEKS[step >= DAY] or _free_weekends(together, step)
    periods = [WEEK // step] if shown else []
    if DAY % step == 0 and DAY // step > 1 and whole * step >= 3 * DAY:
        periods.append(DAY // step)
    for period in periods:
        slots = _slots(places, whole, period)
        if slots is not None:
            grid = TimeGrid("slots", step, 0, zone=zone, phase=phase, period=period, slots=slots)
            first = int(np.floor(grid.slot_places(together[:1])[0]))
            return replace(grid, origin=first)
    return None


def _uneven_slots(
    micros: Sequence[np.ndarray], steps: np.ndarray, step: int, zone: str | None
) -> TimeGrid | None:
    """Times of the week or day that lie unevenly, such as Tuesdays and Thursdays; else `None`."""
    finest = int(np.gcd.reduce(steps[steps > 0]))
    if finest == step or finest < _MINUTE or (steps != step).mean() < _UNEVEN:
        return None
    return _slot_grid(micros, finest, zone)


def _free_weekends(micros: np.ndarray, step: int) -> bool:
    """Whether there are rows on all days but Saturday and Sunday: one week shows that."""
    open_days = np.unique(weekday_of(micros.astype("datetime64[us]").astype("datetime64[D]")))
    return step < DAY and np.ptp(micros) >= WEEK and open_days.tolist() == [0, 1, 2, 3, 4]


def _slots(places: np.ndarray, whole: int, period: int) -> tuple[int, ...] | None:
    """Slots of a period that have a row nearly always, where all others never have one."""
    counts = np.bincount(places % period, minlength=period)
    range_of = np.arange(places[0], places[0] + whole) % period
    for least in (1, max(2, int(np.ceil(_RARE * whole / period)))):
        known = np.flatnonzero(counts >= least)
        if not len(known) or len(known) > _WHOLE * period:
            continue
        inside = counts[known].sum() / np.isin(range_of, known).sum()
        if inside >= _SLOTTED and inside > len(places) / whole + 0.05:
            return tuple(int(slot) for slot in known)
    return None


def _most_common(steps: np.ndarray) -> int:
    if not len(steps):
        raise SchemaError("No series has more than one time: there is nothing to learn from.")
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])
