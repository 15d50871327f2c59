"""Numbers as people write them: thousands, decimal commas, currencies, per cent, units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from typing import NamedTuple

import numpy as np

from kerasnas.data.durations import DURATION, durations, seconds_of

MAGNITUDES = {"k": 1e3, "K": 1e3, "M": 1e6, "mn": 1e6, "B": 1e9, "bn": 1e9, "T": 1e12}
"""Letters behind a number that multiply it."""

_COUNTED = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "mio": 1e6, "mrd": 1e9, "tsd": 1e3}

_CODES = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|INR|CNY|RMB|BRL|RUB|SEK|NOK|DKK|PLN|CZK|HUF|MXN|ZAR|KRW|SGD|"
    "HKD|TRY"
)
_CURRENCY = rf"(?:[A-Z]{{0,3}}[$€£¥₹₽₩₺₪₴฿]|{_CODES}|Rs\.?|kr\.?)"
_UNIT = r"(?:[%‰°$€£¥₹₽₩₺₪₴฿]|[^\W\d_])[^\d,;:!?()]{0,18}[²³23]?"
_POWER = r"[eE][+-]?\d+|[dD][+-]\d+|\s?[x×*·]\s?10(?:\^|\*\*)?[+-]?\d+"
_CELL = re.compile(
    rf"(?P<bound>(?:[<>≤≥]=?|[~≈])\s?)?"
    rf"(?P<bracket>\()?(?P<sign>[+-])?\s?(?P<before>{_CURRENCY})?\s?(?P<inner>[+-])?"
    rf"(?P<digits>(?:\d(?:[\d.,'_ ]*\d)?[.,]?|[.,]\d+))"
    rf"(?:(?<=[.,])-{{1,2}}|(?P<after>-))?(?P<power>{_POWER})?"
    rf"\s?(?P<behind>{_UNIT})?(?(bracket)\))(?:\[\w{{1,3}}\]|[*†‡]{{1,3}})?"
)
_QUOTED = re.compile(r"=?\"(.*)\"|'(.*)")  # as spreadsheets keep texts from becoming numbers
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2013\ufe63\uff0d", "-"),
        **dict.fromkeys("\u00a0\u202f\u2009\u2007", " "),
        **dict.fromkeys("\u2019\u02bc\u00b4", "'"),
        **dict.fromkeys("\u066b\uff0e", "."),  # as written in Arabic, and in full width
        **dict.fromkeys("\u066c\uff0c", ","),
        **dict.fromkeys("\u200b\u200e\u200f\u2060\ufeff", ""),  # which have no width
    }
)
_SHARES = {"%": 100.0, "‰": 1000.0}  # parts of a whole, which may also be written as fractions
_MEASURES = re.compile(
    rf"[%‰]|{_CURRENCY}|[kmµ]?g|kgs?|lbs?|oz|t|tons?|[kmcdµn]?m|mi|miles?|ft|in|yd|[mcd]?l|°?[CFK]|"
    r"[kKMGT]?i?B|bytes?|[kMGm]?W|[kMGm]?Wh|[km]?V|[km]?A|[kMG]?Hz|[mµn]?s|min|h|hrs?|days?|DR|CR"
)
_FEW_UNITS, _MANY_VALUES = 3, 20
_SAMPLE = 300  # distinct values that are looked at before all are
_LIKELY = 0.5  # share of the sample that must read as numbers with a unit


@dataclass(frozen=True)
class Style:
    """Separators of numbers."""

    decimal: str = "."
    thousands: str = ""


STYLES = (
    Style(),
    Style(".", ","),
    Style(",", "."),
    Style(",", ""),
    Style(".", " "),
    Style(",", " "),
    Style(".", "'"),
    Style(",", "'"),
    Style(".", "_"),
)
"""Styles in the order in which they are preferred where a column fits several."""


@dataclass(frozen=True)
class _Cell:
    """A text taken apart: sign, digits with separators, power of ten, unit."""

    negative: bool
    digits: str
    power: str
    unit: str
    bound: bool = False


class Settled(NamedTuple):
    """How the numbers of a column are written.

    Attributes:
        style: Separators.
        units: What may stand before or behind a number.
        bad: For each distinct text, whether it is no number of this style.
        bare: What a number without a unit is multiplied by: 100 where 0.45 means 45%.
        note: What a user should look at; empty for nothing.
    """

    style: Style
    units: tuple[str, ...]
    bad: np.ndarray
    bare: float = 1.0
    note: str = ""


def looks_like_number(text: str) -> bool:
    """Whether a text is a number in any style, with any unit, or what Python reads as one."""
    if _parse(text) is not None or seconds_of(text) == seconds_of(text):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def has_bound(text: str) -> bool:
    """Whether a text is a number behind a sign such as `<` or `~`."""
    cell = _parse(text)
    return cell is not None and cell.bound


def settle_style(distinct: Sequence[str]) -> Settled | None:
    """How the numbers of a column are written.

    Args:
        distinct: Distinct texts that are no words for missing values.

    Returns:
        What they say together; `None` where the column holds no numbers, or numbers in several
        units.
    """
    step = max(1, len(distinct) // _SAMPLE)
    sample = distinct[::step]
    cells = [_parse(text) for text in sample]
    if sum(cell is not None for cell in cells) < _LIKELY * len(sample):
        return _settled_durations(distinct, sample)
    if (usual := _settled_by_sample(distinct, cells)) is not None:
        return usual
    cells = [_parse(text) for text in distinct]
    units = _units(cells)
    if units is None:
        return _settled_durations(distinct, sample)
    digits = [cell.digits if cell else "" for cell in cells]
    best = _fitting(digits[::step])
    if not all(_pattern(best).fullmatch(d) for d in digits):
        best = _fitting(digits)
    if best == Style() and any(re.fullmatch(_CURRENCY, u) for u in units) and _in_groups(digits):
        best = Style(",", ".")  # no currency in wide use has three digits behind its point
    bad = np.array([not _pattern(best).fullmatch(d) for d in digits], dtype=bool)
    bare, note = 1.0, ""
    without = any(cell is not None and not cell.unit for cell in cells)
    if units and without and set(units) <= set(_SHARES):
        bare, note = _bare_shares(distinct, cells, best, units)
    bounds = [text for text, cell in zip(distinct, cells, strict=True) if cell and cell.bound]
    if bounds:
        read = read_numbers(bounds[:1], best, frozenset(units))[0]
        note = f"has values such as {bounds[0]!r}, which are read as {read:g}"
    return Settled(best, units, bad, bare, note)


def _settled_by_sample(distinct: Sequence[str], cells: Sequence[_Cell | None]) -> Settled | None:
    """The style of a sample, where every text of the column is plainly written in it.

    To match a text takes a third of the time of taking it apart. `None` where some text is not
    plain, or where other texts of the column may decide what the style is.

    Args:
        distinct: As in `settle_style`.
        cells: The texts of the sample, taken apart.
    """
    units = _units(cells)
    if units is None:
        return None
    style = _fitting([cell.digits if cell else "" for cell in cells])
    usual = _usual(style, frozenset(units))
    if usual is None or (units and style == Style()):
        return None
    if not all(map(usual.fullmatch, distinct)):
        return None
    return Settled(style, units, np.zeros(len(distinct), dtype=bool))


def _fitting(digits: Sequence[str]) -> Style:
    """The style that most digits are of, the first of these in the order of preference."""
    return min(STYLES, key=lambda s: sum(not _pattern(s).fullmatch(d) for d in digits))


def _settled_durations(distinct: Sequence[str], sample: Sequence[str]) -> Settled | None:
    if not len(sample) or np.isnan(durations(list(sample))).mean() > 1.0 - _LIKELY:
        return None
    return Settled(Style(), (DURATION,), np.isnan(durations(list(distinct))))


def _bare_shares(
    distinct: Sequence[str], cells: Sequence[_Cell | None], style: Style, units: tuple[str, ...]
) -> tuple[float, str]:
    """What numbers without a unit mean among per cents: the sizes of both tell."""
    values = np.abs(read_numbers(distinct, style, frozenset(units)))
    bare = np.array([cell is not None and not cell.unit for cell in cells])
    first = distinct[int(np.argmax(bare))]
    seen, named = (values[rows & (values > 0)] for rows in (bare, ~bare))
    whole = _SHARES[units[0]]
    if len(seen) and len(named) and seen.max() <= 1.0:
        apart = np.log(np.median(named) / np.median(seen))
        if abs(apart - np.log(whole)) < abs(apart):
            how = f"it is multiplied by {whole:g}"
            return whole, f"has numbers with and without `{units[0]}` (first: {first!r}): {how}"
    how = f"it is taken as {first}{units[0]}"
    return 1.0, f"has numbers with and without `{units[0]}` (first: {first!r}): {how}"


def several_units(texts: Sequence[str]) -> tuple[str, ...]:
    """The units of texts that nearly all are numbers in several units of measure; else empty."""
    cells = [_parse(text) for text in texts]
    found = list(dict.fromkeys(cell.unit for cell in cells if cell and cell.unit))
    known = all(_MEASURES.fullmatch(unit) for unit in found)
    counted = sum(cell is not None for cell in cells) >= 0.9 * len(cells)
    several = len({_folded(unit) for unit in found}) > 1
    # Other units are few beside many numbers; names such as "12 Main Street" have more of them.
    known |= len(found) <= _FEW_UNITS and len(set(texts)) > _MANY_VALUES
    return tuple(found) if several and known and counted else ()


def read_numbers(
    texts: Sequence[str], style: Style, units: frozenset[str], bare: float = 1.0
) -> np.ndarray:
    """Numbers of texts, float64; NaN where a text is no number of this style and these units.

    Args:
        texts: The texts.
        style: Separators.
        units: What may stand before or behind a number.
        bare: What a number without a unit is multiplied by.
    """
    if DURATION in units:
        return durations(list(texts))
    usual = _usual(style, units) if bare == 1.0 else None
    distinct = list(dict.fromkeys(texts))
    match = usual.fullmatch if usual is not None else (lambda _: None)
    numbers = np.empty(len(distinct), dtype=np.float64)
    plain = np.fromiter((match(text) is not None for text in distinct), dtype=bool)
    numbers[plain] = _plainly_written(list(compress(distinct, plain)), style, units)
    for place in np.flatnonzero(~plain):
        numbers[place] = _number(distinct[place], style, units, bare)
    if len(distinct) == len(texts):
        return numbers
    places = dict(zip(distinct, range(len(distinct)), strict=True))
    return numbers[[places[text] for text in texts]]


def _plainly_written(texts: Sequence[str], style: Style, units: frozenset[str]) -> list[float]:
    """Numbers of texts that `_usual` matches, without taking each of them apart."""
    for unit in sorted(units, key=len, reverse=True):
        texts = ["".join(text.replace(unit, "").split()) for text in texts]
    if style.thousands:
        texts = [text.replace(style.thousands, "") for text in texts]
    if style.decimal != ".":
        texts = [text.replace(style.decimal, ".") for text in texts]
    return list(map(float, texts))


@cache
def _usual(style: Style, units: frozenset[str]) -> re.Pattern[str] | None:
    """Numbers with their unit and nothing else, which need not be taken apart; `None` for none."""
    if any(_times(one) != 1.0 for one in units):
        return None
    unit = "|".join(re.escape(one) for one in sorted(units) if one) or "(?!)"
    number = _pattern(style).pattern
    return re.compile(rf"([+-]?)(?:(?:{unit})\s?)?({number})|([+-]?)({number})\s?(?:{unit})")


def _number(text: str, style: Style, units: frozenset[str], bare: float) -> float:
    cell = _parse(text)
    if cell is None or not _pattern(style).fullmatch(cell.digits):
        return np.nan
    if cell.unit and not _known(cell.unit, units):
        return np.nan
    plain = cell.digits.replace(style.thousands, "") if style.thousands else cell.digits
    value = float(plain.replace(style.decimal, ".") + cell.power)
    return (-value if cell.negative else value) * _times(cell.unit, bare)


def _times(unit: str, bare: float = 1.0) -> float:
    """What a number with a unit is multiplied by.

    Args:
        unit: Its unit; empty for none.
        bare: What a number without a unit is multiplied by.
    """
    if not unit:
        return bare
    money = re.match(_CURRENCY, unit)
    counted = unit[money.end() :].casefold().rstrip(".") if money else ""
    return _COUNTED.get(counted, MAGNITUDES.get(unit, 1.0))


def _parse(text: str) -> _Cell | None:
    text = text.translate(_SAME).strip()
    quoted = _QUOTED.fullmatch(text)
    found = _CELL.fullmatch((quoted[1] or quoted[2] or "").strip() if quoted else text)
    if found is None:
        return None
    signs = [found[name] for name in ("sign", "inner", "after") if found[name]]
    if len(signs) + bool(found["bracket"]) > 1:
        return None
    before, behind = found["before"] or "", (found["behind"] or "").strip()
    if before and behind.casefold().rstrip(".") in _COUNTED:
        behind = before + behind
    elif before and behind and behind not in MAGNITUDES:
        return None
    negative = bool(found["bracket"]) or signs == ["-"]
    power = found["power"] or ""
    if power and power[0] != "e":
        power = re.sub(r"\s?[x×*·]\s?10(?:\^|\*\*)?|[dD]", "e", power)
    return _Cell(negative, found["digits"], power, behind or before, bool(found["bound"]))


def _in_groups(digits: Sequence[str]) -> bool:
    """Whether every point stands before exactly three digits, as between thousands."""
    pointed = [d for d in digits if "." in d]
    return bool(pointed) and all(_pattern(Style(",", ".")).fullmatch(d) for d in pointed)


def _units(cells: Sequence[_Cell | None]) -> tuple[str, ...] | None:
    """The units of a column; `None` where they are several, which one number cannot hold."""
    units = list(dict.fromkeys(cell.unit for cell in cells if cell))
    named = [unit for unit in units if unit]
    plain = {_folded(unit) for unit in named if _times(unit) == 1.0}
    if len(plain) > 1:
        return None
    # Letters that multiply stand beside money or bare numbers; "5 M" beside "3 kg" is a length.
    money = all(re.fullmatch(_CURRENCY, unit, re.IGNORECASE) for unit in plain)
    return tuple(named) if money or len({_folded(unit) for unit in named}) == 1 else None


def _known(unit: str, units: frozenset[str]) -> bool:
    return unit in units or _folded(unit) in {_folded(one) for one in units}


@cache
def _folded(unit: str) -> str:
    """A unit without case and plural: "Years" and "year" are one, "Monate" and "Monat" as well."""
    folded = unit.casefold().rstrip(".").strip()
    return re.sub(r"(?<=[^\W\d_]{3})(?:e[ns]?|s)$", "", folded)


@cache
def _pattern(style: Style) -> re.Pattern[str]:
    """Digits of a style; Indian groups of two (`12,34,567`) are thousands as well."""
    point = re.escape(style.decimal)
    whole = r"\d+"
    if style.thousands:
        comma = re.escape(style.thousands)
        whole = rf"(?:\d+|[1-9]\d{{0,2}}(?:{comma}\d{{2,3}})*{comma}\d{{3}})"
    return re.compile(rf"(?:{whole}(?:{point}\d*)?|{point}\d+)")
