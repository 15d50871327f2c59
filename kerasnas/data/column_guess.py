"""What one column holds: its kind, how its cells are written, and what may be wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.date_formats import WRITTEN, clock_of, looks_like_date, settle_dates
from kerasnas.data.float32_loss import loses_digits, merges_whole_numbers
from kerasnas.data.number_formats import has_bound, looks_like_number, settle_style, several_units
from kerasnas.data.schema import Column, Kind
from kerasnas.data.written import Written, WrittenDates, WrittenNumbers

CODES = 20
"""Strings that read as whole numbers are codes, not amounts, up to this many distinct values."""
MIN_ID_ROWS = 50
"""In a table of at most this many rows nothing is called id-like: all values may well differ."""
TEXT_WORDS = 2.5
"""Words per distinct value from which strings that mostly differ are free text."""
MOST_BAD_CELLS = 0.01
"""Share of a column's cells that may be unreadable, so that they count as gaps."""
_MOST_WORDS = 3  # that recur among numbers or dates, and are gaps there
_ELSE = "Correct them, or pass `column_kinds={...: 'categorical'}` if they mean something else"
_SAMPLE = 300  # rows that are looked at before all are
_LIKELY = 0.9  # share of the sample that must look like dates or numbers
_DIGITS = frozenset("123456789")  # no word for a missing value begins with one of these
_LONGEST_GAP = max(map(len, cells.MISSING_WORDS))
COUNTER = "id-like, a counter of rows"

_ISO_DATE = re.compile(
    r"\s*\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?)?\s*"
)
_ID_NAME = re.compile(r"(?:.*[_\s.-])?(?:id|ID|Id|uuid|UUID|guid|GUID|rowid)|.*[a-z](?:ID|Id)")
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
        found = _of_kind(kind, reason, "all values are missing")
    else:
        found = _guess_present(present, dtype)
        found = _looked_at(found, present, name, gaps=bool(absent.any()))
    return replace(found, name=name, dtype=dtype)


def _of_kind(kind: Kind, reason: str, dropped: str | None = None) -> Column:
    """A column whose name and dtype `guess_column` fills in."""
    return Column("", kind, "", reason, dropped)


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
        return _of_kind(kind, reason)
    texts = cells.family(present) in ("strings", "mixed")
    found = _of_kind(kind, reason)
    if texts:
        strings = _strings(present)
        guess = _guess_dates(strings) if kind == "datetime" else _guess_numbers(strings)
        if guess is not None and guess.kind == kind:  # few whole numbers are guessed as codes
            found = replace(guess, reason=f"{reason} {guess.reason}")
    if kind == "numeric" and cells.family(present) in ("numbers", "strings", "mixed"):
        return _with_digits(found, present)
    return found


def _guess_present(present: pd.Series, dtype: str) -> Column:
    """The kind of the cells that are there."""
    match cells.family(present):
        case "numbers":
            return _of_kind("numeric", f"Holds numbers ({dtype}).")
        case "booleans":
            return _of_kind("boolean", f"Holds only true and false ({dtype}).")
        case "timedeltas":
            return _of_kind("numeric", f"Holds durations ({dtype}), taken in seconds.")
        case "datetimes":
            return _on_clock(_of_kind("datetime", f"Holds dates or times ({dtype})."), present)
        case "category":
            return _of_kind("categorical", "Typed as category by the user.")
        case "strings":
            return _guess_strings(_strings(present))
        case _:
            return _guess_mixed(present)


def _on_clock(guess: Column, present: pd.Series) -> Column:
    """The guess for typed moments with the clock that they tell."""
    clock = cells.clock_of(present)
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
        return _of_kind("numeric", f"Holds numbers and strings that all read as numbers.{gaps}")
    _, strange = cells.to_seconds(present)
    if strange.sum() <= MOST_BAD_CELLS * len(present):
        guess = _of_kind("datetime", "Holds dates and words among them.")
        return _lenient(guess, WrittenDates(), present[strange], len(present), "dates")
    texts = pd.Series(cells.to_strings(present), index=present.index, dtype=object)
    guess_or_none = _guess_numbers(texts)
    if guess_or_none is not None:
        return guess_or_none
    return _of_kind("categorical", "Holds values of several types, taken as their names.")


def _strings(present: pd.Series) -> pd.Series:
    return pd.Series(cells.to_strings(present), index=present.index, dtype=object)


def _guess_strings(texts: pd.Series) -> Column:
    distinct = pd.Series(texts.unique(), dtype=object)
    sample = _sampled(texts)
    dated = _guess_dates(texts) if _are_mostly(sample, _is_date) else None
    if dated is not None:
        return dated
    note = None
    if _are_mostly(sample, looks_like_number):
        if distinct.str.fullmatch(r"\s*0\d+\s*").any() and not cells.to_numbers(distinct)[1].any():
            return _of_kind("categorical", "Digits with leading zeros, taken as codes.")
        numeric = _guess_numbers(texts)
        if numeric is not None:
            return numeric
        note = _told_units(sample)
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
        return _of_kind("text", f"Strings of {words:.1f} words on average, {amount}.")
    if rows > MIN_ID_ROWS and share > 0.95 and words <= 1.05:
        dropped = "id-like, single words that never repeat"
        return _of_kind("categorical", f"Single words, {amount}.", dropped)
    return _of_kind("categorical", f"Strings, {amount}.")


def _sampled(texts: pd.Series) -> list[str]:
    """Cells that stand for all of a column, without words for missing values."""
    return [text for text in texts.iloc[:: max(1, len(texts) // _SAMPLE)] if not _is_gap(text)]


def _is_date(text: str) -> bool:
    if text.isdigit() and len(text) not in (8, 12, 14):
        return False
    return _ISO_DATE.fullmatch(text) is not None or looks_like_date(text)


def _are_mostly(sample: Sequence[str], looks: Callable[[str], bool]) -> bool:
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
    words = tuple(word.strip() for word in _repeated(_sampled(known), looks))
    if not words:
        return known, (), ""
    said = known.str.strip().isin(words).to_numpy()
    names = " or ".join(repr(word) for word in words)
    note = (
        f"says {names} in {said.sum()} of {len(known)} values: they are gaps. Pass "
        "`column_kinds={...: 'categorical'}` if they mean something else"
    )
    return known[~said], words, note


def _told_units(sample: Sequence[str]) -> str | None:
    """A note about numbers that are no numbers for the model, since their units differ."""
    units = several_units(sample)
    if not units:
        return None
    shown = ", ".join(f"`{unit}`" for unit in units[:4])
    return (
        f"holds numbers in several units ({shown}), and is read as strings. Bring them to one "
        "unit, or pass `column_kinds={...: 'categorical'}` to say that they are names"
    )


def _known(texts: pd.Series) -> pd.Series:
    """The texts without words for missing values."""
    codes, distinct = pd.factorize(texts)
    gone = np.array([t[:1] not in _DIGITS and _is_gap(t) for t in distinct], dtype=bool)
    return texts[~gone[codes]] if gone.any() else texts


def _is_gap(text: str) -> bool:
    return len(text) <= _LONGEST_GAP and text.strip().lower() in cells.MISSING_WORDS


def _guess_dates(texts: pd.Series) -> Column | None:
    """The guess for a column of dates; `None` for any other column.

    At most a share of `MOST_BAD_CELLS` of the cells may be unreadable.
    """
    known = _known(texts)
    gaps = " Words such as 'unknown' are gaps." if len(known) < len(texts) else ""
    known, words, told = _apart(known, _is_date)
    if not len(known):
        return None
    distinct = pd.Series(known.unique(), dtype=object)
    clock = clock_of(distinct)
    local = " The local time as it is written is taken." if clock == WRITTEN else ""
    plain = WrittenDates(gaps=words, clock=clock)
    sample = distinct.iloc[:: max(1, len(distinct) // 100)]
    if sum(_ISO_DATE.fullmatch(text) is not None for text in sample) > 0.9 * len(sample):
        iso = np.array([_ISO_DATE.fullmatch(text) is not None for text in distinct], dtype=bool)
        odd = distinct[~iso | cells.to_seconds(distinct)[1]]
        bad = known.isin(set(odd)).to_numpy() if len(odd) else np.zeros(len(known), dtype=bool)
        if bad.sum() <= MOST_BAD_CELLS * len(known):
            read = "read" if bad.any() or words else "all read"
            guess = _of_kind("datetime", f"Strings that {read} as ISO dates.{local}{gaps}")
            guess = _with_note(guess, told)
            if not bad.any() and plain == WrittenDates():
                return guess
            return _lenient(guess, plain, known[bad], len(known), "dates")
    reading = settle_dates(known, distinct)
    if reading is None:
        return None
    bad = known.isin(set(distinct[reading.bad])).to_numpy()
    if bad.sum() > MOST_BAD_CELLS * len(known):
        return None
    written = replace(plain, formats=reading.formats)
    guess = _of_kind("datetime", f"Strings that read as dates, {written.describe()}.{local}{gaps}")
    if reading.other:
        note = (
            f"holds dates whose order no value settles (first: {known.iloc[0]!r}): read as "
            f"{written.formats[0]}, not as {reading.other[0]}. Pass the right one, for example "
            f"`column_kinds={{...: {reading.other[0]!r}}}`"
        )
        guess = replace(guess, note=note)
    return _lenient(_with_note(guess, told), written, known[bad], len(known), "dates")


def _guess_numbers(texts: pd.Series) -> Column | None:
    """The guess for a column of numbers, or of codes; `None` for any other column.

    At most a share of `MOST_BAD_CELLS` of the cells may be unreadable.
    """
    known = _known(texts)
    gaps = " Words such as 'N/A' are gaps." if len(known) < len(texts) else ""
    known, words, told = _apart(known, looks_like_number)
    if not len(known):
        return None
    distinct = pd.Series(known.unique(), dtype=object)
    values, bad = cells.to_numbers(distinct)
    if not bad.any():
        plain = _plain_numbers(distinct, values, len(distinct) / len(known), gaps)
        if plain.kind == "categorical":
            return plain
        return _with_note(plain, told, WrittenNumbers(gaps=words) if words else None)
    rows = known.isin(set(distinct[bad]))
    few = rows.sum() <= MOST_BAD_CELLS * len(known)
    if few and not any(map(has_bound, distinct[bad])):
        plain = _plain_numbers(distinct[~bad], values[~bad], len(distinct) / len(known), gaps)
        if plain.kind == "categorical":
            return None
        written = WrittenNumbers(gaps=words)
        return _lenient(_with_note(plain, told), written, known[rows], len(known), "numbers")
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
    rows = known.isin(set(distinct[odd]))
    if rows.sum() > MOST_BAD_CELLS * len(known):
        return None
    how = f", {written.describe()}" if written.describe() else ""
    guess = _of_kind("numeric", f"Strings that read as numbers{how}.{gaps}")
    if settled.note:
        guess = _with_note(guess, f"{settled.note}. {_ELSE}")
    return _lenient(_with_note(guess, told), written, known[rows], len(known), "numbers")


def _plain_numbers(distinct: pd.Series, values: np.ndarray, share: float, gaps: str) -> Column:
    """Tell amounts from codes among strings that all read as numbers."""
    whole = bool(np.all(np.isnan(values) | (np.isfinite(values) & (values == np.rint(values)))))
    if whole and len(distinct) <= CODES and share <= 0.5:
        reason = f"Strings that read as whole numbers, with {len(distinct)} values: codes."
        return _of_kind("categorical", reason)
    return _of_kind("numeric", f"Strings that all read as numbers.{gaps}")


def _lenient(
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


def _words(distinct: pd.Series) -> float:
    """Return the mean number of words in a value."""
    spaced = distinct.map(lambda text: len(text.split()))
    unspaced = distinct.str.count(_UNSPACED.pattern)
    return float((spaced + unspaced // 2).mean())


def _is_constant(present: pd.Series) -> bool:
    if cells.is_object(present.dtype):
        return len(set(cells.to_strings(present))) == 1
    return bool(present.nunique() == 1)


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
