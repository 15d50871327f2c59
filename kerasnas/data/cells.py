"""The cells of one column, whatever pandas stores them in, as plain NumPy arrays.

Every function takes a Series of any dtype that pandas has (NumPy, nullable, pyarrow, sparse,
category, object) and never writes into it. Inference and ingestion share them, so that a column
which was *read* as numbers is also *converted* as numbers.
"""

import datetime
import decimal
import fractions
import numbers
import re
from typing import Any, Literal

import numpy as np
import pandas as pd

from kerasnas.data.cell_texts import all_encodable, spells_missing, text_of
from kerasnas.data.date_formats import WRITTEN, clock_of, is_clock
from kerasnas.data.foreign import numpy_dtype_of
from kerasnas.data.written import WrittenDates, WrittenNumbers

MISSING_DATETIME = -(2**63)
"""Seconds that stand for a missing datetime; also what NumPy stores for NaT."""

MISSING_INTEGER = MISSING_DATETIME
"""What stands for a missing number among exact whole numbers."""

Family = Literal[
    "numbers", "booleans", "strings", "datetimes", "timedeltas", "category", "complex", "mixed"
]

_OBJECT_FAMILIES: dict[str, Family] = {
    "integer": "numbers",
    "floating": "numbers",
    "mixed-integer-float": "numbers",
    "decimal": "numbers",
    "boolean": "booleans",
    "string": "strings",
    "bytes": "strings",
    "datetime": "datetimes",
    "datetime64": "datetimes",
    "date": "datetimes",
    "timedelta": "timedeltas",
    "timedelta64": "timedeltas",
    "complex": "complex",
}
_KIND_FAMILIES: dict[str, Family] = {
    "b": "booleans",
    "i": "numbers",
    "u": "numbers",
    "f": "numbers",
    "c": "complex",
    "M": "datetimes",
    "m": "timedeltas",
}
_TIMES = 300  # texts that are looked at for the offset of a time zone
_TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def plain(series: pd.Series) -> pd.Series:
    """Return the same cells in one of the dtypes that the functions below know.

    Sparse becomes dense, periods become their first moment, intervals become strings, pyarrow
    times become NumPy's, and what is left of pyarrow's types becomes Python objects. Numbers get
    the byte order of this machine.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return pd.Series(np.asarray(series), index=series.index)
    if isinstance(dtype, pd.PeriodDtype):
        return series.dt.to_timestamp()
    if isinstance(dtype, pd.IntervalDtype):
        return series.astype(object).map(str, na_action="ignore")
    if isinstance(dtype, pd.ArrowDtype):
        if dtype.kind == "M":
            zone = _zone_of(dtype)
            wanted = np.dtype("M8[us]") if zone is None else pd.DatetimeTZDtype("us", zone)
            return series.astype(wanted)
        if dtype.kind == "m":
            return series.astype("timedelta64[us]")
        if dtype.kind not in "biuf":
            return series.astype(object)
    if isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize > 8:
        return series.astype(np.float64)
    if isinstance(dtype, np.dtype) and not dtype.isnative:
        return series.astype(dtype.newbyteorder("="))
    if is_object(dtype):
        found = pd.api.types.infer_dtype(series, skipna=True)
        if found == "period":
            return series.map(lambda period: period.to_timestamp(), na_action="ignore")
        if found == "time":
            return series.map(str, na_action="ignore")
        if found == "mixed" and _are_fractions(series):
            return series.map(float, na_action="ignore")
    return series


def _are_fractions(series: pd.Series) -> bool:
    """Whether all cells are exact fractions or other real numbers of Python, or missing."""
    found = False
    for cell in series:
        found = found or isinstance(cell, fractions.Fraction)
        if not (isinstance(cell, numbers.Real) or cell is None or cell is pd.NA):
            return False
    return found


def _zone_of(dtype: pd.ArrowDtype) -> str | None:
    """The time zone of times of pyarrow; dates never have one."""
    import pyarrow

    kind = dtype.pyarrow_dtype
    return kind.tz if isinstance(kind, pyarrow.TimestampType) else None


def clock_of_stamps(series: pd.Series) -> str:
    """The clock of a `plain` series of datetimes: a zone, "UTC" without one, or `WRITTEN`."""
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        zones = {str(series.dtype.tz)}
    elif is_object(series.dtype):
        moments = [c for c in series if isinstance(c, datetime.datetime) and c.tzinfo is not None]
        zones = {str(moment.tzinfo) for moment in moments}
    else:
        zones = set()
    if len(zones) > 1:
        return WRITTEN
    zone = next(iter(zones), "UTC")
    return zone if is_clock(zone) else WRITTEN


def clock_of_times(series: pd.Series) -> str:
    """As `clock_of_stamps`, also of texts of dates: `WRITTEN` where they have offsets."""
    there = series.dropna()
    if family(there) != "strings":
        return clock_of_stamps(there)
    return clock_of(pd.Series(to_strings(there.iloc[:: max(1, len(there) // _TIMES)])))


def is_object(dtype: Any) -> bool:
    """Say whether cells of this dtype are Python objects of any type."""
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def family(series: pd.Series) -> Family:
    """Say what the cells of a `plain` series are; objects are looked at one by one."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.StringDtype):
        return "strings"
    if dtype.kind in _KIND_FAMILIES:
        return _KIND_FAMILIES[dtype.kind]
    return _OBJECT_FAMILIES.get(pd.api.types.infer_dtype(series, skipna=True), "mixed")


def missing(series: pd.Series) -> np.ndarray:
    """Return a bool array of shape (n,): None, NaN, NaT, pd.NA or the empty string."""
    absent = np.array(series.isna(), dtype=bool)
    if family(series) in ("strings", "mixed", "category"):
        texts = series if isinstance(series.dtype, pd.StringDtype) else series.astype(object)
        absent |= np.asarray((texts == "").fillna(False), dtype=bool)
    return absent


def to_numbers(
    series: pd.Series, written: WrittenNumbers | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Read a `plain` series as numbers; timedeltas in seconds, booleans as 0 and 1.

    Args:
        series: The cells. Words for missing values, such as "N/A", are missing.
        written: How strings are written; `None` reads them as Python does.

    Returns:
        values: float64 (n,), NaN where missing or unreadable.
        bad: bool (n,), True where a cell is there but is no number.
    """
    kind = family(series)
    if kind == "category":
        return _through_categories(series, to_numbers, np.nan)
    if kind in ("numbers", "booleans") and not is_object(series.dtype):
        return _floats(series), np.zeros(len(series), dtype=bool)
    if kind == "timedeltas":
        seconds = pd.to_timedelta(series).dt.total_seconds()
        return np.array(seconds, dtype=np.float64), np.zeros(len(series), dtype=bool)
    absent = missing(series)
    if kind in ("datetimes", "complex"):
        return np.full(len(series), np.nan), ~absent
    cells = series.astype(object).where(~absent, None)
    if kind == "strings" and written is not None and not written.plain:  # Python reads none
        values = np.full(len(cells), np.nan)
    else:
        values = np.array(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)
    if kind in ("strings", "mixed"):
        if written is not None:
            texts = np.array([isinstance(cell, str | bytes) for cell in cells], dtype=bool)
            texts &= np.isnan(values) | (not written.plain)
            values[texts] = written.read([text_of(cell) for cell in cells.to_numpy()[texts]])
        unread = np.isnan(values) & ~absent
        words = () if written is None else written.gaps
        absent[unread] = [spells_missing(cell, words) for cell in cells.to_numpy()[unread]]
    bad = np.isnan(values) & ~absent
    if kind == "mixed":  # to_numeric reads moments as nanoseconds, which nobody means
        odd = (datetime.date, np.datetime64, np.timedelta64, datetime.timedelta)
        bad |= np.array([isinstance(cell, odd) for cell in cells], dtype=bool) & ~absent
    values[bad] = np.nan
    return values, bad


def to_booleans(series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Read a `plain` series as truths: booleans, 0 and 1, or the words true and false.

    Returns:
        values: float64 (n,) of 0, 1 and NaN.
        bad: bool (n,), True where a cell is there but is no truth.
    """
    kind = family(series)
    if kind == "category":
        return _through_categories(series, to_booleans, np.nan)
    if kind in ("strings", "mixed"):
        absent = missing(series)
        words = pd.Series(to_strings(series), dtype=object).str.strip().str.lower()
        values = np.array(words.map(_TRUTHS), dtype=np.float64)
        return values, np.isnan(values) & ~absent
    values, bad = to_numbers(series)
    if kind == "timedeltas":
        return np.full_like(values, np.nan), ~missing(series)
    bad = bad | ~(np.isnan(values) | (values == 0) | (values == 1))
    values[bad] = np.nan
    return values, bad


def to_integers(
    series: pd.Series, written: WrittenNumbers | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Read a `plain` series as whole numbers of any size, to the last digit.

    Returns:
        values: int64 (n,); `MISSING_INTEGER` where missing or unreadable. Fractions are rounded.
            Numbers beyond int64 are clipped to its range.
        bad: bool (n,), as `to_numbers` has it.
    """
    floats, bad = to_numbers(series, written)
    gone = np.isnan(floats)
    large = 2.0**63
    inside = np.clip(np.rint(np.where(gone, 0.0, floats)), -large, large * (1 - 2.0**-53))
    values = inside.astype(np.int64)
    values = np.maximum(values, MISSING_INTEGER + 1)  # the least number means a missing one
    for place in np.flatnonzero(~gone & (np.abs(inside) >= 2.0**53)):
        exact = _digits(series.iloc[int(place)], written)
        if exact is not None and abs(exact) < 2**63:
            values[place] = exact
    values[gone] = MISSING_INTEGER
    return values, bad


def _digits(cell: Any, written: WrittenNumbers | None) -> int | None:
    """A whole number, which float64 may have no room for; `None` of anything else."""
    if isinstance(cell, numbers.Integral):
        return int(cell)
    if isinstance(cell, decimal.Decimal):
        return int(cell.to_integral_value()) if cell.is_finite() else None
    text = text_of(cell).strip() if isinstance(cell, str | bytes) else ""
    if written is not None and written.thousands:
        text = text.replace(written.thousands, "")
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else None


def to_seconds(
    series: pd.Series, written: WrittenDates | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Read a `plain` series as moments: datetimes, dates, or strings, in ISO 8601 or as written.

    Args:
        series: The cells. Words for missing values, such as "N/A", are missing.
        written: How strings are written; `None` for ISO 8601.

    Returns:
        values: int64 (n,) whole seconds since 1970-01-01 on the clock of `written` (naive times
            count as they are), rounded down; `MISSING_DATETIME` where missing or unreadable.
        bad: bool (n,), True where a cell is there but is no moment.
    """
    kind = family(series)
    if kind == "category":
        return _through_categories(series, to_seconds, MISSING_DATETIME)
    absent = missing(series)
    if kind in ("strings", "mixed"):
        return _texts_to_seconds(series.astype(object), absent, kind == "mixed", written)
    if kind != "datetimes":
        return np.full(len(series), MISSING_DATETIME), ~absent
    values = _seconds(series, "UTC" if written is None else written.clock)
    return values, (values == MISSING_DATETIME) & ~absent


def _texts_to_seconds(
    series: pd.Series, absent: np.ndarray, mixed: bool, written: WrittenDates | None
) -> tuple[np.ndarray, np.ndarray]:
    """Read texts as `to_seconds` does, with moments among them if they are mixed."""
    cells = series.to_numpy()
    texts, moments = ~absent, np.zeros(len(cells), dtype=bool)
    if mixed:
        texts = np.array([isinstance(cell, str) for cell in cells], dtype=bool) & ~absent
        odd = [isinstance(cell, datetime.date | np.datetime64) for cell in cells]
        moments = np.array(odd, dtype=bool) & ~absent
    elif any(isinstance(cell, bytes) for cell in cells[texts][:1]):
        series = pd.Series(to_strings(series), index=series.index, dtype=object)
    values = np.full(len(cells), MISSING_DATETIME)
    if written is not None:
        codes, distinct = pd.factorize(series[texts])
        values[texts] = written.read(pd.Series(distinct, dtype=object))[codes]
    elif texts.any():
        values[texts] = _seconds(series[texts].str.strip())
    if moments.any():
        values[moments] = _seconds(series[moments], "UTC" if written is None else written.clock)
    bad = (values == MISSING_DATETIME) & ~absent
    rows = np.flatnonzero(bad & texts)
    words = () if written is None else written.gaps
    bad[rows] = [not spells_missing(cell, words) for cell in cells[rows]]
    return values, bad


def _seconds(series: pd.Series, clock: str = "UTC") -> np.ndarray:
    """Whole seconds of datetimes, or of objects in ISO 8601; `MISSING_DATETIME` for others."""
    if is_object(series.dtype) and clock != "UTC":
        series = series.map(lambda cell: _local(cell, clock), na_action="ignore")
    if is_object(series.dtype) or isinstance(series.dtype, pd.StringDtype):
        series = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
        series = series.dt.tz_localize(None)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series if clock == WRITTEN else series.dt.tz_convert(clock)
        series = series.dt.tz_localize(None)
    # The unit is named before taking integers: pandas stores s, ms, us or ns as it likes.
    return np.array(series.to_numpy()).astype("datetime64[s]").astype(np.int64)


def _local(cell: Any, clock: str) -> Any:
    """A moment on a clock, without its zone; anything else as it is."""
    if not isinstance(cell, datetime.datetime) or cell.tzinfo is None or cell is pd.NaT:
        return cell
    moment = pd.Timestamp(cell)
    return (moment if clock == WRITTEN else moment.tz_convert(clock)).tz_localize(None)


def to_strings(series: pd.Series) -> np.ndarray:
    """Write the cells of a `plain` series as strings.

    Returns:
        An object array of shape (n,) of `str`: whole numbers without a decimal point ("3", also
        for 3.0), truths as "True" and "False", missing as "".
    """
    kind = family(series)
    if kind == "category":
        return _through_categories_text(series)
    if isinstance(series.dtype, pd.StringDtype):
        return all_encodable(series.to_numpy(dtype=object, na_value=""))
    if kind in ("numbers", "booleans") and not is_object(series.dtype):
        absent = np.array(series.isna(), dtype=bool)
        # Not through float64, which has no room for the digits of large integers.
        numpy_dtype = numpy_dtype_of(series)
        filler = False if kind == "booleans" else 0
        filled = series.fillna(filler) if absent.any() else series
        values = filled.to_numpy(dtype=numpy_dtype)
        if values.dtype.kind == "f":  # nullable and pyarrow floats may hold NaN beside NA
            absent |= np.isnan(values)
        distinct, places = np.unique(values, return_inverse=True)
        texts = _objects([text_of(value) for value in distinct])[places]
        texts[absent] = ""
        return texts
    absent = np.array(series.isna(), dtype=bool)
    if kind == "strings" and not absent.any() and set(map(type, series)) == {str}:
        return all_encodable(series.to_numpy(dtype=object, copy=True))
    return _objects(
        ["" if gone else text_of(cell) for cell, gone in zip(series, absent, strict=True)]
    )


def _floats(series: pd.Series) -> np.ndarray:
    if isinstance(series.dtype, np.dtype):
        return np.array(series.to_numpy(), dtype=np.float64)
    return np.array(series.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _objects(texts: list[str]) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _through_categories(series: pd.Series, convert: Any, absent: Any) -> tuple[Any, Any]:
    """Convert the few categories and spread them over the rows by their codes."""
    values, bad = convert(plain(pd.Series(series.cat.categories)))
    codes = series.cat.codes.to_numpy()
    spread = np.append(values, np.array([absent], dtype=values.dtype))[codes]
    return spread, np.append(bad, False)[codes]


def _through_categories_text(series: pd.Series) -> np.ndarray:
    texts = to_strings(plain(pd.Series(series.cat.categories)))
    return _objects([*texts, ""])[series.cat.codes.to_numpy()]
