"""Dates as people write them: day, month and year in any order, with names, with a time of day."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from kerasnas.data.date_texts import is_tidy, offsets_of, split_offset, tidied

ISO = "ISO8601"
"""The name that pandas has for dates such as 2024-01-31T12:30."""

WRITTEN = "written"
"""The clock of dates that tell the local time, whatever offset stands behind them."""

_MISSING = -(2**63)
_SAMPLE = 300  # distinct texts that are looked at before all are
_LIKELY = 0.5  # share of the sample that must look like a date
_DIGITS = {"%Y%m%d": 6, "%Y%m%d%H%M%S": 12, "%Y%m%d%H%M": 10}  # digits after the century
_DATES = {
    "dmy": ["%d{s}%m{s}%Y", "%d{s}%m{s}%y", "%d. %m. %Y"],
    "mdy": ["%m{s}%d{s}%Y", "%m{s}%d{s}%y"],
    "ymd": ["%Y{s}%m{s}%d", "%y{s}%m{s}%d", *_DIGITS],
    "named": [
        "%d{s}%b{s}%Y",
        "%d{s}%b{s}%y",
        "%d{s}%B{s}%Y",
        "%Y{s}%b{s}%d",
        "%Y{s}%B{s}%d",
        "%b{s}%d{s}%Y",
        "%d%b%Y",
        "%d%b%y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%B %d %Y",
        "%d. %b %Y",
        "%d. %B %Y",
        "%d %b, %Y",
        "%d %B, %Y",
        "%a %d %b %Y",
        "%a, %d %b %Y",
        "%A, %d %B %Y",
        "%A, %B %d, %Y",
        "%a, %b %d, %Y",
    ],
    "months": ["%m/%Y", "%Y/%m", "%b{s}%Y", "%B{s}%Y", "%b{s}%y", "%Y{s}%b"],
}
_TIMES = [
    "",
    *(
        f"{gap}{clock}"
        for gap in (" ", "T", ", ")
        for clock in ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p")
    ),
    " %H",
    " %H:%M:%S %z",
    " %H:%M:%S%z",
    " %H:%M %z",
]
_WHOLE = {
    "named": [
        "%a %b %d %H:%M:%S %Y",
        "%a, %d %b %Y %H:%M:%SZ",
        "%a %b %d %Y %H:%M:%S %z",
        "%d/%b/%Y:%H:%M:%S %z",
    ]
}
_RUNS = re.compile(r"\d+|[^\W\d_]+|%[a-zA-Z]")
_CODES = {**dict.fromkeys("aAbBp", "w"), "z": "+d"}


@dataclass(frozen=True)
class DateReading:
    """What a column of dates looks like.

    Attributes:
        formats: Formats that read its cells.
        bad: For each distinct text, whether none of the formats reads it.
        other: Formats of the other order of day and month that reads as many cells; empty where the
            column settles the order.
    """

    formats: tuple[str, ...]
    bad: np.ndarray
    other: tuple[str, ...] = ()


def is_clock(clock: str) -> bool:
    """Whether it is the name of a time zone, or `WRITTEN`."""
    if clock == WRITTEN:
        return True
    try:
        pd.Timestamp(0, tz=clock)
    except (KeyError, ValueError, TypeError, OSError):  # no such zone
        return False
    return True


def clock_of(texts: pd.Series) -> str:
    """The clock of texts with offsets: "UTC", or the local time as it is written."""
    sample = texts.iloc[:: max(1, len(texts) // _SAMPLE)]
    return "UTC" if offsets_of(sample) <= {"", "Z"} else WRITTEN


def looks_like_date(text: str) -> bool:
    """Whether a text has the shape of a date in one of the known formats."""
    text = text.strip()
    return _shape(text if is_tidy(text) else tidied(text)) in _formats()


def named_formats(text: str) -> tuple[str, ...]:
    """Formats of the shape of a text that name the month, or that have no day."""
    found = _formats().get(_shape(text.strip()), ())
    return tuple(f for order, f in found if order in ("named", "months") and "%z" not in f)


def settle_dates(texts: pd.Series, distinct: pd.Series) -> DateReading | None:
    """How the dates of a column are written.

    Args:
        texts: The cells, in the order of the rows, that are no words for missing values.
        distinct: Their distinct values.

    Returns:
        The formats of the order that reads most cells; `None` where few look like dates.
    """
    sample = _clean(distinct.iloc[:: max(1, len(distinct) // _SAMPLE)])
    shapes = [_shape(text) for text in sample]
    known = _formats()
    if sum(shape in known for shape in shapes) < _LIKELY * len(shapes):
        return None
    orders: dict[str, list[str]] = defaultdict(list)
    for shape in dict.fromkeys(shapes):
        alike = [text for text, own in zip(sample, shapes, strict=True) if own == shape]
        for order, form in known.get(shape, ()):
            if _is_plausible(form, alike):
                orders[order].append(form)
    if not orders:
        return None
    plain = [f for order in ("ymd", "named") for f in orders[order] if "%y" not in f]
    for order in {"dmy", "mdy", "ymd"} & set(orders):
        orders[order] += [form for form in plain if form not in orders[order]]
    clean = _clean(distinct)
    counts = texts.value_counts().reindex(distinct.to_numpy()).to_numpy()
    found = {order: _used(clean, forms, counts) for order, forms in orders.items() if forms}
    lost = {order: int(counts[bad].sum()) for order, (_, bad) in found.items()}
    least = min(lost.values())
    tied = [order for order in found if lost[order] == least and found[order][0]]
    if not tied:
        return None
    doubts = {order: _doubt(order, found[order][0], texts) for order in tied}
    best = min(tied, key=lambda order: doubts[order])
    formats, bad = found[best]
    rivals = [found[order][0] for order in tied if doubts[order].years == doubts[best].years]
    other = next((rival for rival in rivals if _differ(distinct, formats, rival)), ())
    return DateReading(formats, bad, other)


def read_dates(texts: pd.Series, formats: Sequence[str], clock: str = "UTC") -> np.ndarray:
    """Seconds since 1970 of texts by the first format that reads each; -2**63 where none does.

    Args:
        texts: The texts.
        formats: Formats of `strptime`, or `ISO`.
        clock: The zone whose clock the seconds tell, or `WRITTEN`.
    """
    seconds = np.full(len(texts), _MISSING)
    stripped = texts.astype(object).str.strip().reset_index(drop=True)
    for clean in (False, True):
        left = seconds == _MISSING
        if not left.any():
            break
        seconds[left] = _first_read(_clean(stripped[left]) if clean else stripped, formats, clock)
    return seconds


def _first_read(texts: pd.Series, formats: Sequence[str], clock: str) -> np.ndarray:
    seconds = np.full(len(texts), _MISSING)
    for form in formats:
        left = seconds == _MISSING
        if not left.any():
            break
        seconds[left] = _seconds(texts[left], form, clock)
    return seconds


def _clean(texts: pd.Series) -> pd.Series:
    """Texts as `strptime` has them."""
    stripped = texts.astype(object).str.strip()
    return pd.Series(
        [one if is_tidy(one) else tidied(one) for one in stripped], index=texts.index, dtype=object
    )


def _seconds(texts: pd.Series, form: str, clock: str = "UTC") -> np.ndarray:
    zoned = "%z" in form or form == ISO
    if zoned and clock == WRITTEN:
        texts = texts.map(lambda text: split_offset(text)[0])
        form, zoned = re.sub(r"\s?%z", "", form), False
    moments = pd.to_datetime(texts, format=form, errors="coerce", utc=zoned)
    if isinstance(moments.dtype, pd.DatetimeTZDtype):
        local = moments.dt.tz_localize(None)
        if clock not in ("UTC", WRITTEN):  # naive times are local ones already
            shifted = texts.map(lambda text: split_offset(text)[1] != "").to_numpy(bool)
            local = local.where(~shifted, moments.dt.tz_convert(clock).dt.tz_localize(None))
        moments = local
    return np.array(moments.to_numpy()).astype("datetime64[s]").astype(np.int64)


def _used(
    distinct: pd.Series, formats: Sequence[str], counts: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray]:
    """The formats that read cells, those that read most first, and the texts that none reads."""
    reads = {form: _seconds(distinct, form) != _MISSING for form in formats}
    order = sorted(reads, key=lambda form: -int(counts[reads[form]].sum()))
    used: list[str] = []
    bad = np.ones(len(distinct), dtype=bool)
    for form in order:
        if (reads[form] & bad).any():
            used.append(form)
            bad &= ~reads[form]
    return tuple(used), bad


class _Doubt(NamedTuple):
    """What speaks against an order that others tie with, what weighs most first."""

    years: int  # distinct years: of a day that is taken for a year there are many
    unsorted: bool
    all_early: bool  # days that change, and none of which is above 12
    unusual: int


def _doubt(order: str, formats: Sequence[str], texts: pd.Series) -> _Doubt:
    seconds = read_dates(texts, formats)
    seconds = seconds[seconds != _MISSING]
    rises = np.diff(seconds)
    moments = pd.Series(seconds.astype("datetime64[s]"))
    days = moments.dt.day
    usual = ("ymd", "mdy", "dmy") if "/" in formats[0] else ("ymd", "dmy", "mdy")
    return _Doubt(
        years=moments.dt.year.nunique(),
        unsorted=not (bool((rises >= 0).all()) or bool((rises <= 0).all())),
        all_early=bool(days.max() <= 12 and days.nunique() > 1),
        unusual=usual.index(order) if order in usual else len(usual),
    )


def _is_plausible(form: str, texts: Sequence[str]) -> bool:
    """Whether texts of a format's shape are as long as dates are: versions and counts are not.

    Digits alone must begin with a century. A year of two digits behind a point or a dash stands
    behind a day and a month of two digits.
    """
    if form in _DIGITS:
        return all(re.fullmatch(rf"(?:19|20)\d{{{_DIGITS[form]}}}", text) for text in texts)
    if re.match(r"%.[.-]%.[.-]%.", form) and "%y" in form and "%b" not in form:
        return all(re.match(r"\d\d[.-]\d\d[.-]\d\d(?!\d)", text) for text in texts)
    return True


def _differ(distinct: pd.Series, formats: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two orders read some text as different days."""
    if tuple(formats) == tuple(others):
        return False
    first, second = read_dates(distinct, formats), read_dates(distinct, others)
    return bool((first != second)[(first != _MISSING) & (second != _MISSING)].any())


def _shape(text: str) -> str:
    """A text with `d` for digits and `w` for letters: `d/d/d d:d` for 31/01/2024 12:30."""
    return _RUNS.sub(lambda run: _letter(run[0]), text)


def _letter(run: str) -> str:
    if run[0] == "%":
        return _CODES.get(run[1], "d")
    return "d" if run[0].isdigit() else "w"


@cache
def _formats() -> dict[str, tuple[tuple[str, str], ...]]:
    """Orders and formats by the shape of a text that they read."""
    found: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for order, form in _all_formats():
        shape = re.sub("d+", "d", _shape(form))
        for one in {shape, shape.replace("+d", "-d"), shape.replace("+d", "w")}:
            found[one][order, form] = None
    return {shape: tuple(forms) for shape, forms in found.items()}


def _all_formats() -> Iterator[tuple[str, str]]:
    for order, dates in _DATES.items():
        for date in dates:
            for form in dict.fromkeys(date.replace("{s}", s) for s in "/-. "):
                bare = order == "months" or date in _DIGITS
                for time in [""] if bare else _TIMES:
                    yield order, form + time
    for order, forms in _WHOLE.items():
        for form in forms:
            yield order, form
