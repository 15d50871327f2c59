"""Texts of dates brought into one of the forms that `strptime` knows.

Weeks and quarters become their first day. Months in other languages, ordinals, and words around a
date become what English dates have.
"""

from __future__ import annotations

import calendar
import datetime
import re

import pandas as pd

_MONTHS = {
    "Jan": "jan janv januar janvier enero ene gennaio gen janeiro januari jänner jän styczeń "
    "stycznia "
    "января январь янв ocak leden ledna tammikuu",
    "Feb": "feb févr februar février fév febrero febbraio fevereiro fev februari luty lutego "
    "февраля февраль фев февр şubat únor února helmikuu",
    "Mar": "mar mars märz mär mrz marzo março maart mrt marzec marca "
    "марта март мар mart březen března maaliskuu",
    "Apr": "apr april avril avr abril abr aprile kwiecień kwietnia "
    "апреля апрель апр nisan duben dubna huhtikuu",
    "May": "may mai mayo maggio mag maio mei maj maja мая май mayıs květen května toukokuu",
    "Jun": "jun juni juin junio giugno giu junho czerwiec czerwca "
    "июня июнь июн haziran červen června kesäkuu",
    "Jul": "jul juli juillet juil julio luglio lug julho lipiec lipca "
    "июля июль июл temmuz červenec července heinäkuu",
    "Aug": "aug august août aout agosto ago augustus augusti sierpień sierpnia "
    "августа август авг ağustos srpen srpna elokuu",
    "Sep": "sep sept september septembre septiembre settembre set setembro wrzesień września "
    "сентября сентябрь сен сент eylül září syyskuu",
    "Oct": "oct okt october oktober octobre octubre ottobre ott outubro out październik "
    "октября октябрь окт ekim říjen října lokakuu",
    "Nov": "nov november novembre noviembre novembro listopad listopada "
    "ноября ноябрь ноя нояб kasım listopadu marraskuu",
    "Dec": "dec dez déc december dezember décembre diciembre dic dicembre dezembro grudnia "
    "декабря декабрь дек aralık prosinec prosince joulukuu",
}
_ABBREVIATIONS = {word: short for short, words in _MONTHS.items() for word in words.split()}
_ENGLISH = frozenset(name.casefold() for name in calendar.month_name if name)
_WORD = re.compile(r"([^\W\d_]+)(\.?)")
_QUARTER = re.compile(
    r"(?:(\d{4})\s?[-/ ]?\s?Q([1-4])|Q([1-4])\s?[-/ ']?\s?(\d{4}|\d\d)"
    r"|([1-4])Q[-/ ']?(\d{4}|\d\d))",
    re.IGNORECASE,
)
_WEEK = re.compile(r"(\d{4})-?W(\d{2})(?:-?([1-7]))?")
_EASTERN = re.compile(r"(\d{4})\s?[年년.]\s?(\d{1,2})\s?[月월.]\s?(?:(\d{1,2})\s?[日일.])?(.*)")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_TIDY = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?|\d+"
)
_CLEANINGS = (
    (re.compile(r"\s*\([A-Za-z ]{2,40}\)$"), ""),  # the name of a zone behind its offset
    (re.compile(r"(?<=:\d\d )[A-Z]{3,4} (?=\d{4}$)"), ""),  # a zone before the year
    (re.compile(r"\s(?:GMT|UTC)(?=[+-]\d)"), " "),
    (re.compile(r"(?<=\d)\s?(?:UTC|GMT)$"), "Z"),
    (re.compile(r"(?<=\d)\s?Uhr$"), ""),
    (re.compile(r"(?<=\d{4})\s?г(?:\.|ода)?(?=$|[\s,])"), ""),  # the word for year in Russian
    (re.compile(r"\b([ap])\.\s?m\.?(?=$|\s)", re.IGNORECASE), r"\1m"),
    (re.compile(r"\b(\d{1,2})(?:st|nd|rd|th|er|º|\.?ª)(?=[\s,]|$)"), r"\1"),
    (re.compile(r"\b(?:de|del|of|the|den)\s", re.IGNORECASE), ""),
    (re.compile(r"(?<=\d)(?:\s+-\s+|,?\s+at\s+)(?=\d{1,2}[:.]\d\d)"), " "),
    (re.compile(r"(?<=\d\s)(\d{1,2})[h.](\d\d)(?:[m.](\d\d))?$"), r"\1:\2:\3"),
    (re.compile(r"(:\d\d),(\d+)"), r"\1.\2"),
    (re.compile(r"(\.\d{6})\d+"), r"\1"),
    (re.compile(r":$"), ""),
    (re.compile(r"\s{2,}"), " "),
)
_CLOCKED = re.compile(
    r"(.*(?:\d:\d{2}(?::\d{2}(?:[.,]\d+)?)?|T\d{4}(?:\d{2}(?:\.\d+)?)?))\s?"
    r"(Z|[+-]\d{2}(?::?\d{2})?)"
)


def is_tidy(text: str) -> bool:
    """Whether a text is a date in digits alone, with nothing to be done."""
    return _TIDY.fullmatch(text) is not None


def tidied(text: str) -> str:
    """A date as `strptime` or ISO 8601 have it; other texts nearly as they are."""
    text = " ".join(text.split())
    for pattern, write in ((_QUARTER, _quarter), (_WEEK, _week), (_COMPACT, _compact)):
        found = pattern.fullmatch(text)
        if found is not None:
            return write(found) or text
    found = _EASTERN.fullmatch(text)
    if found is not None and (found[3] or not found[4]) and not re.match(r"[.\d]", found[4]):
        return f"{found[1]}-{found[2]:0>2}-{found[3] or '1':0>2} {found[4].strip()}".strip()
    for cleaning, instead in _CLEANINGS:
        text = cleaning.sub(instead, text)
    return _WORD.sub(_month, text)


def split_offset(text: str) -> tuple[str, str]:
    """A date and time, and the offset of its time zone; empty where it has none."""
    found = _CLOCKED.fullmatch(text.strip())
    return (found[1], found[2]) if found else (text, "")


def offsets_of(texts: pd.Series) -> set[str]:
    """The offsets that texts of dates have, "" for none."""
    found = {split_offset(text)[1] for text in texts}
    return {"Z" if re.fullmatch(r"[+-]00(:?00)?", one) else one for one in found}


def _month(found: re.Match[str]) -> str:
    word = found[1].casefold()
    if word in _ENGLISH and not found[2]:
        return found[0]
    return _ABBREVIATIONS.get(word, found[0])


def _quarter(found: re.Match[str]) -> str:
    year, quarter = next(
        (found[a], found[b]) for a, b in ((1, 2), (4, 3), (6, 5)) if found[a] is not None
    )
    century = "" if len(year) == 4 else "20" if int(year) < 69 else "19"
    return f"{century}{year}-{3 * int(quarter) - 2:02d}-01"


def _week(found: re.Match[str]) -> str:
    try:
        day = datetime.date.fromisocalendar(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return ""
    return day.isoformat()


def _compact(found: re.Match[str]) -> str:
    year, month, day, hour, minute, second, zone = found.groups()
    return f"{year}-{month}-{day} {hour}:{minute}:{second or '00'}{zone or ''}"
