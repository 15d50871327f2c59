"""Numbers as people write them: thousands, decimal commas, currencies, per cent, units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

MAGNITUDES = {"k": 1e3, "K": 1e3, "M": 1e6, "mn": 1e6, "B": 1e9, "bn": 1e9, "T": 1e12}
"""Letters behind a number that multiply it."""

_CODES = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|INR|CNY|RMB|BRL|RUB|SEK|NOK|DKK|PLN|CZK|HUF|MXN|ZAR|KRW|SGD|"
    "HKD|TRY"
)
_CURRENCY = rf"(?:[A-Z]{{0,3}}[$€£¥₹₽₩₺₪₴฿]|{_CODES}|Rs\.?|kr\.?)"
_UNIT = r"(?:[%‰°$€£¥₹₽₩₺₪₴฿]|[^\W\d_])[^\d,;:!?()]{0,18}[²³23]?"
_CELL = re.compile(
    rf"(?P<bracket>\()?(?P<sign>[+-])?\s?(?P<before>{_CURRENCY})?\s?(?P<inner>[+-])?"
    rf"(?P<digits>(?:\d(?:[\d.,'_ ]*\d)?[.,]?|[.,]\d+))(?P<power>[eE][+-]?\d+)?"
    rf"\s?(?P<behind>{_UNIT})?(?(bracket)\))"
)
_SAME = str.maketrans({"\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})
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


def looks_like_number(text: str) -> bool:
    """Whether a text is a number in any style, with any unit, or what Python reads as one."""
    if _parse(text) is not None:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def settle_style(distinct: Sequence[str]) -> tuple[Style, tuple[str, ...], np.ndarray] | None:
    """How the numbers of a column are written.

    Args:
        distinct: Distinct texts that are no words for missing values.

    Returns:
        The style, the units, and for each text whether it is no number of this style; `None` where
        the column holds no numbers, or numbers in several units.
    """
    step = max(1, len(distinct) // _SAMPLE)
    sample = distinct[::step]
    if sum(_parse(text) is not None for text in sample) < _LIKELY * len(sample):
        return None
    cells = [_parse(text) for text in distinct]
    units = _units(cells)
    if units is None:
        return None
    digits = [cell.digits if cell else "" for cell in cells]
    best = min(STYLES, key=lambda s: sum(not _pattern(s).fullmatch(d) for d in digits))
    if best == Style() and any(re.fullmatch(_CURRENCY, u) for u in units) and _in_groups(digits):
        best = Style(",", ".")  # no currency in wide use has three digits behind its point
    bad = np.array([not _pattern(best).fullmatch(d) for d in digits], dtype=bool)
    return best, units, bad


def read_numbers(texts: Sequence[str], style: Style, units: frozenset[str]) -> np.ndarray:
    """Numbers of texts, float64; NaN where a text is no number of this style and these units."""
    known: dict[str, float] = {}
    return np.array(
        [known[t] if t in known else known.setdefault(t, _number(t, style, units)) for t in texts],
        dtype=np.float64,
    )


def _number(text: str, style: Style, units: frozenset[str]) -> float:
    cell = _parse(text)
    if cell is None or not _pattern(style).fullmatch(cell.digits):
        return np.nan
    if cell.unit and not _known(cell.unit, units):
        return np.nan
    plain = cell.digits.replace(style.thousands, "") if style.thousands else cell.digits
    value = float(plain.replace(style.decimal, ".") + cell.power)
    return (-value if cell.negative else value) * MAGNITUDES.get(cell.unit, 1.0)


def _parse(text: str) -> _Cell | None:
    found = _CELL.fullmatch(text.strip().translate(_SAME))
    if found is None:
        return None
    signs = [found[name] for name in ("sign", "inner") if found[name]]
    if len(signs) + bool(found["bracket"]) > 1:
        return None
    before, behind = found["before"] or "", (found["behind"] or "").strip()
    if before and behind and behind not in MAGNITUDES:
        return None
    negative = bool(found["bracket"]) or signs == ["-"]
    return _Cell(negative, found["digits"], found["power"] or "", behind or before)


def _in_groups(digits: Sequence[str]) -> bool:
    """Whether every point stands before exactly three digits, as between thousands."""
    pointed = [d for d in digits if "." in d]
    return bool(pointed) and all(_pattern(Style(",", ".")).fullmatch(d) for d in pointed)


def _units(cells: Sequence[_Cell | None]) -> tuple[str, ...] | None:
    """The units of a column; `None` where they are several, which one number cannot hold."""
    units = list(dict.fromkeys(cell.unit for cell in cells if cell))
    named = [unit for unit in units if unit]
    if all(unit in MAGNITUDES for unit in named):
        return tuple(named)
    if len({_folded(unit) for unit in named}) > 1 or ("" in units and _is_share(named[0])):
        return None
    return tuple(named)


def _is_share(unit: str) -> bool:
    """Whether a number without the unit may be a hundred times another one."""
    return unit in ("%", "‰")


def _known(unit: str, units: frozenset[str]) -> bool:
    return unit in units or _folded(unit) in {_folded(one) for one in units}


@cache
def _folded(unit: str) -> str:
    """A unit without case and plural: "Years" and "year" are one."""
    folded = unit.casefold().rstrip(".").strip()
    return folded[:-1] if len(folded) > 3 and folded.endswith("s") else folded


@cache
def _pattern(style: Style) -> re.Pattern[str]:
    """Digits of a style; Indian groups of two (`12,34,567`) are thousands as well."""
    point = re.escape(style.decimal)
    whole = r"\d+"
    if style.thousands:
        comma = re.escape(style.thousands)
        whole = rf"(?:\d+|[1-9]\d{{0,2}}(?:{comma}\d{{2,3}})*{comma}\d{{3}})"
    return re.compile(rf"(?:{whole}(?:{point}\d*)?|{point}\d+)")
