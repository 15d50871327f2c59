"""What one column holds: its kind, how its cells are written, and what may be wrong with it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.date_formats import WRITTEN
from kerasnas.data.float32_loss import loses_digits, merges_whole_numbers
from kerasnas.data.number_formats import looks_like_number
from kerasnas.data.schema import Column, Kind
from kerasnas.data.string_guess import (
    MOST_BAD_CELLS,
    are_mostly,
    dates_of,
    is_date,
    lenient,
    numbers_of,
    of_kind,
    sampled,
    told_odd,
    told_units,
)
from kerasnas.data.written import WrittenDates, WrittenNumbers

MIN_ID_ROWS = 50
"""In a table of at most this many rows nothing is called id-like: all values may well differ."""
TEXT_WORDS = 2.5
"""Words per distinct value from which strings that mostly differ are free text."""
_EXAMPLES = 50  # cells of which a column of strings keeps the categories
COUNTER = "id-like, a counter of rows"

_ID_NAME = re.compile(r"(?:.*[_\s.-])?(?:id|ID|Id|uuid|UUID|guid|GUID|rowid)|.*[a-z](?:ID|Id)")
_LEADING_ZERO = re.compile(r"\s*0\d+\s*")
# Scripts written without spaces: two of their letters count as a word.
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def guess_column(series: pd.Series, name: str, dtype: str, kind: Kind | None = None) -> Column:
    """Guess one column.

    Args:
        series: The cells of all rows, as `cells.plain` gives them.
        name: The column's name.
        dtype: Its dtype as the user has it.
        kind: The kind that the user has set; `None` to guess it.
    """
    absent = cells.missing(series)
    present = series[~absent]
    if kind is not None:
        found = _as_wished(present, kind)
    elif absent.all():
        strings = cells.family(series) in ("strings", "category")
        reason = f"Stored as {dtype}, without a single value to learn from."
        kind = "categorical" if strings else "numeric"
        found = of_kind(kind, reason, "all values are missing")
    else:
        found = _guess_present(present, dtype)
        found = _looked_at(found, present, name, gaps=bool(absent.any()))
    found = replace(found, name=name, dtype=dtype)
    if found.kind == "categorical" and found.dropped is None and cells.family(present) == "strings":
        texts = dict.fromkeys(cells.to_strings(present.iloc[:_EXAMPLES]))
        found = replace(found, examples=tuple(texts))
    return found


def is_row_counter(values: np.ndarray, name: str) -> bool:
    """Whether a column is called an id or an index, and counts the rows in their order."""
    named = _ID_NAME.fullmatch(name) or re.fullmatch(r"(?i)index|row|rownum|#|unnamed: \d+", name)
    return bool(named) and bool((np.diff(values) == 1).all())


def _looked_at(found: Column, present: pd.Series, name: str, gaps: bool) -> Column:
    """The guess with what numbers and repetition say about its use."""
    if not gaps and _is_constant(present):
        return replace(found, dropped="constant, every row has the same value")
    if found.kind != "numeric" or cells.family(present) == "timedeltas":
        return found
    if not gaps and cells.family(present) == "numbers" and _is_counter(present, name):
        found = replace(found, dropped=COUNTER)
    return _with_digits(found, present)


def _with_digits(found: Column, present: pd.Series) -> Column:
    """The guess with what float32 would do to the numbers."""
    written = found.written if isinstance(found.written, WrittenNumbers) else None
    if cells.family(present) == "strings":
        present = pd.Series(present.unique())
    numbers, bad = cells.to_numbers(present, written)
    known = numbers[~bad & ~np.isnan(numbers)]
    if len(known) and 2.0**53 <= np.abs(known).max() < 2.0**63:  # float64 merges some as well
        known = cells.to_integers(present[~bad & ~np.isnan(numbers)], written)[0]
    if merges_whole_numbers(known):
        reason = f"{found.reason} Whole numbers that float32 would merge, taken as int64."
        return replace(found, exact=True, reason=reason)
    if loses_digits(numbers):
        note = (
            "holds numbers that differ by less than float32 can tell apart, and the model takes "
            "float32. Subtract a constant in `x`, or pass the column in another unit"
        )
        return replace(found, lossy=True, note=note)
    return found


def _as_wished(present: pd.Series, kind: Kind) -> Column:
    """A kind that the user has set; how it is written is still to be found."""
    reason = "Set by `column_kinds`."
    if kind not in ("numeric", "datetime") or not len(present):
        return of_kind(kind, reason)
    texts = cells.family(present) in ("strings", "mixed")
    found = of_kind(kind, reason)
    if texts:
        strings = _strings(present)
        distinct = pd.Series(strings.unique(), dtype=object)
        guess = (dates_of if kind == "datetime" else numbers_of)(strings, distinct)
        if guess is not None and guess.kind == kind:  # few whole numbers are guessed as codes
            found = replace(guess, reason=f"{reason} {guess.reason}")
    if kind == "numeric" and cells.family(present) in ("numbers", "strings", "mixed"):
        return _with_digits(found, present)
    return found


def _guess_present(present: pd.Series, dtype: str) -> Column:
    """The kind of the cells that are there."""
    match cells.family(present):
        case "numbers":
            return of_kind("numeric", f"Holds numbers ({dtype}).")
        case "booleans":
            return of_kind("boolean", f"Holds only true and false ({dtype}).")
        case "timedeltas":
            return of_kind("numeric", f"Holds durations ({dtype}), taken in seconds.")
        case "datetimes":
            return _on_clock(of_kind("datetime", f"Holds dates or times ({dtype})."), present)
        case "category":
            return of_kind("categorical", "Typed as category by the user.")
        case "strings":
            return _guess_strings(_strings(present))
        case _:
            return _guess_mixed(present)


def _on_clock(guess: Column, present: pd.Series) -> Column:
    """The guess for typed moments with the clock that they tell."""
    clock = cells.clock_of_stamps(present)
    if clock == "UTC":
        return guess
    where = "as it is written" if clock == WRITTEN else f"of {clock}"
    reason = f"{guess.reason} The local time {where} is taken."
    return replace(guess, reason=reason, written=WrittenDates(clock=clock))


def _guess_mixed(present: pd.Series) -> Column:
    """Cells of several types: numbers or moments with some words among them, or names."""
    values, bad = cells.to_numbers(present)
    if not bad.any() and not np.isnan(values).all():
        gaps = " Words such as 'N/A' are gaps." if np.isnan(values).any() else ""
        return of_kind("numeric", f"Holds numbers and strings that all read as numbers.{gaps}")
    _, strange = cells.to_seconds(present)
    if strange.sum() <= MOST_BAD_CELLS * len(present):
        guess = of_kind("datetime", "Holds dates and words among them.")
        return lenient(guess, WrittenDates(), present[strange], len(present), "dates")
    texts = pd.Series(cells.to_strings(present), index=present.index, dtype=object)
    distinct = pd.Series(texts.unique(), dtype=object)
    guess_or_none = numbers_of(texts, distinct)
    if guess_or_none is not None:
        return guess_or_none
    named = _named(texts, distinct)
    return replace(
        named, kind="categorical", reason="Holds values of several types, taken as their names."
    )


def _strings(present: pd.Series) -> pd.Series:
    return pd.Series(cells.to_strings(present), index=present.index, dtype=object)


def _guess_strings(texts: pd.Series) -> Column:
    distinct = pd.Series(texts.unique(), dtype=object)
    sample = sampled(texts)
    dates = are_mostly(sample, is_date)
    dated = dates_of(texts, distinct) if dates else None
    if dated is not None:
        return dated
    note = told_odd(texts, is_date, "dates") if dates else None
    if are_mostly(sample, looks_like_number):
        coded = any(map(_LEADING_ZERO.fullmatch, distinct))
        if coded and not cells.to_numbers(distinct)[1].any():
            return of_kind("categorical", "Digits with leading zeros, taken as codes.")
        numeric = numbers_of(texts, distinct)
        if numeric is not None:
            return numeric
        note = told_units(sample) or told_odd(texts, looks_like_number, "numbers") or note
    return replace(_named(texts, distinct), note=note)


def _named(texts: pd.Series, distinct: pd.Series) -> Column:
    """The guess for strings that are neither dates nor numbers: texts or categories."""
    rows, share = len(texts), len(distinct) / len(texts)
    words = _words(distinct)
    amount = f"{len(distinct)} distinct values in {rows} rows"
    is_text = words >= TEXT_WORDS and share > 0.3
    # Two words that never repeat (people's names) tell a model nothing as a category.
    is_text |= words >= 1.5 and share > 0.9 and rows > MIN_ID_ROWS
    if is_text:
        return of_kind("text", f"Strings of {words:.1f} words on average, {amount}.")
    if rows > MIN_ID_ROWS and share > 0.95 and words <= 1.05:
        dropped = "id-like, single words that never repeat"
        return of_kind("categorical", f"Single words, {amount}.", dropped)
    return of_kind("categorical", f"Strings, {amount}.")


def _words(distinct: pd.Series) -> float:
    """Return the mean number of words in a value."""
    spaced = distinct.map(lambda text: len(text.split()))
    unspaced = distinct.str.count(_UNSPACED.pattern)
    return float((spaced + unspaced // 2).mean())


def _is_constant(present: pd.Series) -> bool:
    few = present.iloc[:_EXAMPLES]  # which differ in nearly every column
    return _distinct_values(few) < 2 and _distinct_values(present) == 1


def _distinct_values(present: pd.Series) -> int:
    if cells.is_object(present.dtype):
        return len(set(cells.to_strings(present)))
    return int(present.nunique())


def _is_counter(present: pd.Series, name: str) -> bool:
    """Say whether whole numbers merely number the rows; floats never do.

    They do if they rise or fall by one from row to row, if they are a shuffled or thinned out
    counter (no value twice, most of the span taken), or if they are unique and called an id.
    """
    if present.dtype.kind not in "iu" or len(present) <= MIN_ID_ROWS:
        return False
    values = np.asarray(present.to_numpy(dtype=np.float64))
    if len(np.unique(values)) < len(values):
        return False
    low, high = values.min(), values.max()
    if low >= 1800 and high <= 2100:  # one row a year is a trend, not a counter
        return False
    dense = len(values) / (high - low + 1) >= 0.5
    return bool(dense or _ID_NAME.fullmatch(name))
