"""Durations and times of day as people write them: `1:30:00`, `1h 20m`, `2 days 03:00`, `PT1H`."""

from __future__ import annotations

import re

import numpy as np

DURATION = "duration"
"""The unit of columns whose cells are durations, read in seconds."""

_CLOCK = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d+)\s?(?:d|days?),?\s+)?[+]?(?P<hours>\d{1,4}):(?P<minutes>\d{2})"
    r"(?::(?P<seconds>\d{2}(?:\.\d+)?))?(?:\s?(?P<half>[ap])\.?m\.?)?",
    re.IGNORECASE,
)
_LAP = re.compile(r"(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d\.\d+)")
_ISO = re.compile(
    r"(?P<sign>-)?P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_WORDS = {
    "years": r"y|yrs?|years?",
    "months": r"mons?|mths?|months?",
    "weeks": r"w|wks?|weeks?",
    "days": r"d|days?",
    "hours": r"h|hrs?|hours?",
    "minutes": r"m|mins?|minutes?",
    "seconds": r"s|secs?|seconds?",
}
_PARTS = re.compile(
    r"(?P<sign>-)?"
    + "".join(
        rf"(?:(?P<{name}>\d+(?:\.\d+)?)\s?(?:{words})(?![^\W\d_])[,.]?\s*)?"
        for name, words in _WORDS.items()
    ),
    re.IGNORECASE,
)
_SECONDS = {
    "years": 31557600.0,  # of 365.25 days
    "months": 2629800.0,
    "weeks": 604800.0,
    "days": 86400.0,
    "hours": 3600.0,
    "minutes": 60.0,
    "seconds": 1.0,
}


def seconds_of(text: str) -> float:
    """Seconds of a text; NaN where it is no duration and no time of day.

    Two numbers on a clock are hours and minutes; minutes and seconds with a fraction.
    """
    text = text.strip()
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        return _clock_seconds(clock)
    for pattern in (_LAP, _ISO, _PARTS):
        found = pattern.fullmatch(text)
        if found is not None:
            return _sum(found)
    return float("nan")


def durations(texts: list[str]) -> np.ndarray:
    """Seconds of texts, float64; NaN where a text is no duration."""
    return np.array([seconds_of(text) for text in texts], dtype=np.float64)


def _clock_seconds(found: re.Match[str]) -> float:
    parts = found.groupdict()
    half, hours = (parts["half"] or "").lower(), float(parts["hours"])
    if half and not (1 <= hours <= 12 and not parts["days"]):
        return float("nan")
    if float(parts["minutes"]) >= 60 or float(parts["seconds"] or 0) >= 60:
        return float("nan")
    if half:
        hours = hours % 12 + 12 * (half == "p")
    seconds = 3600 * hours + 60 * float(parts["minutes"]) + float(parts["seconds"] or 0)
    sign = -1.0 if parts["sign"] else 1.0
    if parts["days"]:  # "-1 days +23:00:00" is an hour less than nothing
        return sign * 86400 * float(parts["days"]) + seconds
    return sign * seconds


def _sum(found: re.Match[str]) -> float:
    parts = {name: float(v) for name, v in found.groupdict().items() if v and name != "sign"}
    if not parts:
        return float("nan")
    total = sum(_SECONDS[name] * value for name, value in parts.items())
    return -total if found.groupdict().get("sign") else total
