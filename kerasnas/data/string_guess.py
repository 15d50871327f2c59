"""What strings say about their column: dates or numbers, how they are written, and gaps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.cell_texts import MISSING_WORDS
from kerasnas.data.date_formats import WRITTEN, clock_of, looks_like_date, settle_dates
from kerasnas.data.number_formats import has_bound, looks_like_number, settle_style, several_units
from kerasnas.data.schema import Column, Kind
from kerasnas.data.written import Written, WrittenDates, WrittenNumbers

CODES = 20
"""Strings that read as whole numbers are codes, not amounts, up to this many distinct values."""
MOST_BAD_CELLS = 0.01
"""Share of a column's cells that may be unreadable, so that they count as gaps."""
_MOST_WORDS = 6  # that recur among numbers or dates, and are gaps there
_ELSE = "Correct them, or pass `column_kinds={...: 'categorical'}` if they mean something else"
_SAMPLE = 300  # rows that are looked at before all are
_LIKELY = 0.9  # share of the sample that must look like dates or numbers
_DIGITS = frozenset("123456789")  # no word for a missing value begins with one of these
_LONGEST_GAP = max(map(len, MISSING_WORDS))

_GRADE = re.compile(r"\s*\d{1,3}[+\-\u2212\u2013]?\s*")
_ISO_DATE = re.compile(
    r"\s*\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?)?\s*"
)


def of_kind(kind: Kind, reason: str, dropped: str | None = None) -> Column:
    """A column whose name and dtype `guess_column` fills in."""
    return Column("", kind, "", reason, dropped)


def sampled(texts: pd.Series) -> list[str]:
    """Cells that stand for all of a column, without words for missing values."""
    return [text for text in texts.iloc[:: max(1, len(texts) // _SAMPLE)] if not _is_gap(text)]


def is_date(text: str) -> bool:
    """Whether a text looks like a date or a time; digits alone only as 20240131 does."""
    if text.isdigit() and len(text) not in (8, 12, 14):
        return False
    return _ISO_DATE.fullmatch(text) is not None or looks_like_date(text)


def are_mostly(sample: Sequence[str], looks: Callable[[str], bool]) -> bool:
    """Whether a column may be one of dates or numbers, some words among them left out."""
    odd = _repeated(sample, looks)
    left = [text for text in sample if text not in odd]
    return sum(looks(text) for text in left) >= _LIKELY * len(left)


def _repeated(sample: Sequence[str], looks: Callable[[str], bool]) -> tuple[str, ...]:
    """The few words that recur where all else looks like a date or a number; else empty."""
    odd = Counter(text for text in sample if not looks(text))
    recur = tuple(word for word, times in odd.items() if times > 1 and not re.search(r"\d", word))
    values = {text for text in sample if text not in odd}
    few = 0 < len(recur) <= _MOST_WORDS and len(values) > CODES
    return recur if few and 2 * odd.total() <= len(sample) else ()


def _apart(
    known: pd.Series, looks: Callable[[str], bool]
) -> tuple[pd.Series, tuple[str, ...], str]:
    """The cells without words that recur among dates or numbers; the words; a note about them."""
    words = tuple(word.strip() for word in _repeated(sampled(known), looks))
    if not words:
        return known, (), ""
    said = known.str.strip().isin(words).to_numpy()
    names = " or ".join(repr(word) for word in words)
    note = (
        f"says {names} in {said.sum()} of {len(known)} values: they are gaps. Pass "
        "`column_kinds={...: 'categorical'}` if they mean something else"
    )
    return known[~said], words, note


def told_units(sample: Sequence[str]) -> str | None:
    """A note about numbers that are no numbers for the model, since their units differ."""
    units = several_units(sample)
    if not units:
        return None
    shown = ", ".join(f"`{unit}`" for unit in units[:4])
    return (
        f"holds numbers in several units ({shown}), and is read as strings. Bring them to one "
        "unit, or pass `column_kinds={...: 'categorical'}` to say that they are names"
    )


def told_odd(texts: pd.Series, looks: Callable[[str], bool], noun: str) -> str | None:
    """A note about strings that would be numbers or dates, were it not for a few of them."""
    known, distinct, *_ = _without_gaps(texts, pd.Series(texts.unique(), dtype=object), looks, "")
    odd = known[known.isin(set(distinct[~distinct.map(looks).astype(bool)]))]
    if not 0 < len(odd) <= (1.0 - _LIKELY) * len(known) or len(distinct) <= CODES:
        return None
    return (
        f"is read as strings: {len(odd)} of {len(known)} values are no {noun} (first: "
        f"{odd.iloc[0]!r}). Correct them, write None where they say nothing, or pass "
        "`column_kinds={...: 'categorical'}` if all of them are names"
    )


def _known(texts: pd.Series, distinct: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The texts and the distinct texts without words for missing values."""
    gone = np.array([t[:1] not in _DIGITS and _is_gap(t) for t in distinct], dtype=bool)
    if not gone.any():
        return texts, distinct
    return texts[~texts.isin(set(distinct[gone]))], _numbered(distinct[~gone])


def _numbered(distinct: pd.Series) -> pd.Series:
    return distinct.reset_index(drop=True)


def _is_gap(text: str) -> bool:
    return len(text) <= _LONGEST_GAP and text.strip().lower() in MISSING_WORDS


def _without_gaps(
    texts: pd.Series, distinct: pd.Series, looks: Callable[[str], bool], example: str
) -> tuple[pd.Series, pd.Series, tuple[str, ...], str, str]:
    """The cells that are there, the distinct ones, words that are gaps, a note, and a reason.

    Args:
        texts: The cells.
        distinct: The cells, each once.
        looks: Whether a text looks like what the column holds.
        example: A word for a gap, for the reason.
    """
    known, values = _known(texts, distinct)
    reason = f" Words such as {example!r} are gaps." if len(known) < len(texts) else ""
    left, words, note = _apart(known, looks)
    if words:
        values = pd.Series(left.unique(), dtype=object)
    return left, values, words, note, reason


def dates_of(texts: pd.Series, distinct: pd.Series) -> Column | None:
    """The guess for a column of dates; `None` for any other column.

    At most a share of `MOST_BAD_CELLS` of the cells may be unreadable.

    Args:
        texts: The cells.
        distinct: The cells, each once.
    """
    known, distinct, words, told, gaps = _without_gaps(texts, distinct, is_date, "unknown")
    if not len(known):
        return None
    clock = clock_of(distinct)
    local = " The local time as it is written is taken." if clock == WRITTEN else ""
    plain = WrittenDates(gaps=words, clock=clock)
    sample = distinct.iloc[:: max(1, len(distinct) // 100)]
    if sum(_ISO_DATE.fullmatch(text) is not None for text in sample) > 0.9 * len(sample):
        iso = np.array([_ISO_DATE.fullmatch(text) is not None for text in distinct], dtype=bool)
        bad = _rows_of(known, distinct[~iso | cells.to_seconds(distinct)[1]])
        if bad.sum() <= MOST_BAD_CELLS * len(known):
            read = "read" if bad.any() or words else "all read"
            guess = of_kind("datetime", f"Strings that {read} as ISO dates.{local}{gaps}")
            guess = _with_note(guess, told)
            if not bad.any() and plain == WrittenDates():
                return guess
            return lenient(guess, plain, known[bad], len(known), "dates")
    reading = settle_dates(known, distinct)
    if reading is None:
        return None
    bad = _rows_of(known, distinct[reading.bad])
    if bad.sum() > MOST_BAD_CELLS * len(known):
        return None
    written = replace(plain, formats=reading.formats)
    guess = of_kind("datetime", f"Strings that read as dates, {written.describe()}.{local}{gaps}")
    if reading.other:
        note = (
            f"holds dates whose order no value settles (first: {known.iloc[0]!r}): read as "
            f"{written.formats[0]}, not as {reading.other[0]}. Pass the right one, for example "
            f"`column_kinds={{...: {reading.other[0]!r}}}`"
        )
        guess = replace(guess, note=note)
    return lenient(_with_note(guess, told), written, known[bad], len(known), "dates")


def numbers_of(texts: pd.Series, distinct: pd.Series) -> Column | None:
    """The guess for a column of numbers, or of codes; `None` for any other column.

    At most a share of `MOST_BAD_CELLS` of the cells may be unreadable.

    Args:
        texts: The cells.
        distinct: The cells, each once.
    """
    known, distinct, words, told, gaps = _without_gaps(texts, distinct, looks_like_number, "N/A")
    if not len(known):
        return None
    some = distinct.iloc[:: max(1, len(distinct) // _SAMPLE)]
    if len(distinct) > len(some) and cells.to_numbers(some)[1].mean() > 0.5:  # no plain numbers
        return _numbers_in_style(known, distinct, words, told, gaps)
    values, bad = cells.to_numbers(distinct)
    if bad.any() and len(distinct) <= min(CODES, len(known) / 2) and _are_grades(distinct):
        reason = f"Strings such as grades, signs behind numbers, with {len(distinct)} values."
        return of_kind("categorical", reason)
    if not bad.any():
        plain = _plain_numbers(distinct, values, len(distinct) / len(known), gaps)
        if plain.kind == "categorical":
            return plain
        return _with_note(plain, told, WrittenNumbers(gaps=words) if words else None)
    rows = _rows_of(known, distinct[bad])
    few = rows.sum() <= MOST_BAD_CELLS * len(known)
    spare = None
    if few and not any(map(has_bound, distinct[bad])):
        plain = _plain_numbers(distinct[~bad], values[~bad], len(distinct) / len(known), gaps)
        if plain.kind == "categorical":
            return None
        written = WrittenNumbers(gaps=words)
        spare = lenient(_with_note(plain, told), written, known[rows], len(known), "numbers")
        if not any(map(looks_like_number, distinct[bad])):
            return spare
    return _numbers_in_style(known, distinct, words, told, gaps) or spare


def _numbers_in_style(
    known: pd.Series, distinct: pd.Series, words: tuple[str, ...], told: str, gaps: str
) -> Column | None:
    """The guess for numbers that Python cannot read; `None` where they are no numbers.

    Args:
        known: The cells that are there.
        distinct: These cells, each once.
        words: Words that are gaps.
        told: A note about such words.
        gaps: A reason that tells of words for missing values.
    """
    settled = settle_style(distinct.to_list())
    if settled is None:
        return None
    written = WrittenNumbers(
        settled.style.decimal,
        settled.style.thousands,
        settled.units,
        gaps=words,
        bare=settled.bare,
    )
    odd = settled.bad | np.isnan(written.read(distinct.to_list()))
    rows = _rows_of(known, distinct[odd])
    if rows.sum() > MOST_BAD_CELLS * len(known):
        return None
    how = f", {written.describe()}" if written.describe() else ""
    guess = of_kind("numeric", f"Strings that read as numbers{how}.{gaps}")
    if settled.note:
        guess = _with_note(guess, f"{settled.note}. {_ELSE}")
    return lenient(_with_note(guess, told), written, known[rows], len(known), "numbers")


def _rows_of(known: pd.Series, odd: pd.Series) -> np.ndarray:
    """The rows that hold one of a few texts, bool."""
    if not len(odd):
        return np.zeros(len(known), dtype=bool)
    return known.isin(set(odd)).to_numpy()


def _are_grades(distinct: pd.Series) -> bool:
    """Whether texts are few whole numbers, some with a sign behind: 1- is a grade, not -1."""
    return all(_GRADE.fullmatch(text) is not None for text in distinct)


def _plain_numbers(distinct: pd.Series, values: np.ndarray, share: float, gaps: str) -> Column:
    """Tell amounts from codes among strings that all read as numbers."""
    whole = bool(np.all(np.isnan(values) | (np.isfinite(values) & (values == np.rint(values)))))
    if whole and len(distinct) <= CODES and share <= 0.5:
        reason = f"Strings that read as whole numbers, with {len(distinct)} values: codes."
        return of_kind("categorical", reason)
    return of_kind("numeric", f"Strings that all read as numbers.{gaps}")


def lenient(
    guess: Column, written: WrittenDates | WrittenNumbers, bad: pd.Series, rows: int, noun: str
) -> Column:
    """The guess with how cells are written; with a note where some cannot be read."""
    if not len(bad):
        return replace(guess, written=written)
    note = (
        f"has {len(bad)} of {rows} values that are no {noun} (first: {bad.iloc[0]!r}): they are "
        "gaps. Correct them, or pass `column_kinds={...: 'categorical'}` if they mean something"
    )
    return replace(_with_note(guess, note), written=replace(written, lenient=True))


def _with_note(guess: Column, note: str, written: Written | None = None) -> Column:
    """The guess with one more note, if there is one, and how cells are written."""
    guess = guess if written is None else replace(guess, written=written)
    if not note:
        return guess
    return replace(guess, note=note if guess.note is None else f"{guess.note}; it {note}")
