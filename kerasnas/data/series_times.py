"""The times of series as people write them: timestamps, periods, numbers, texts of any order."""

from __future__ import annotations

import contextlib
import datetime
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kerasnas.data.date_formats import named_formats
from kerasnas.data.date_texts import tidied
from kerasnas.errors import SchemaError

_FEW_NUMBERS = 4  # distinct whole numbers from which a column that is not named may be dates
_PARTS = re.compile(
    r"\s*(\d{1,4})([/.\-])\s?(\d{1,2})\2\s?(\d{1,4})"
    r"(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp][Mm])?)?\s*"
)
_QUARTER = re.compile(r"\s*(?:(\d{4})[-\s]?[Qq]([1-4])|[Qq]([1-4])[-/\s]?(\d{4}))\s*")
_WEEK = re.compile(r"\s*(\d{4})-?W(\d{2})(?:-?([1-7]))?\s*")
_NUMBERED_MONTH = re.compile(r"\s*(\d{4})-?M(\d{1,2})\s*")
_MONTHS = ("%m-%Y", "%m.%Y")  # in a table these may be numbers
_DIGITS = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 10: "%Y%m%d%H", 8: "%Y%m%d", 6: "%Y%m"}
_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_BEYOND_DATES = 1e15  # dates as digits have fourteen at most


@dataclass(frozen=True)
class TimesRead:
    """Texts of times that were read.

    Attributes:
        index: The times.
        order: The order of day, month and year, such as `dmy`; empty where it is written out.
        doubt: What else the texts could mean, in words; empty where the column settles it.
    """

    index: pd.DatetimeIndex
    order: str = ""
    doubt: str = ""


def read_stamps(values: object, name: str, order: str = "") -> pd.Index:
    """Values of a time axis as whole numbers or timestamps.

    Args:
        values: The values.
        name: How errors name them.
        order: The order of day, month and year that `fit` has found in texts.

    Raises:
        SchemaError: If they are neither, or some are missing.
    """
    index = pd.Index(values)  # type: ignore[call-overload]
    if isinstance(index.dtype, pd.CategoricalDtype):
        index = index.astype(object)
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if isinstance(index.dtype, pd.ArrowDtype) and index.dtype.kind == "M":
        index = pd.DatetimeIndex(index.astype(object))
    _refuse_missing(index, name)
    if not isinstance(index, pd.DatetimeIndex) and index.dtype.kind not in "iu":
        index = _parsed(index, name, order)
        _refuse_missing(index, name)
    return index


def _refuse_missing(index: pd.Index, name: str) -> None:
    absent = np.asarray(index.isna())
    if absent.any():
        raise SchemaError(
            f"{name} has {int(absent.sum())} missing values (first in row "
            f"{int(np.argmax(absent))}). Every row needs its time."
        )


def looks_like_time(values: pd.Series) -> bool:
    """Whether a column can only be meant as times: timestamps, texts or digits of dates."""
    dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype | pd.PeriodDtype) or dtype.kind == "M":
        return True
    if dtype.kind in "iuf":
        # Whole numbers become floats beside a gap, and stay floats when the gap has gone.
        numbers = values.to_numpy("float64", na_value=np.nan)
        if not ((np.abs(numbers) < _BEYOND_DATES) & (numbers == np.floor(numbers))).all():
            return False
        whole = np.unique(numbers.astype("int64"))
        return len(whole) >= _FEW_NUMBERS and written_form(whole) != ""
    if isinstance(dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if dtype.kind == "O" and pd.api.types.infer_dtype(values) in ("date", "datetime", "period"):
        return True
    if not pd.api.types.is_string_dtype(values.dtype) or values.isna().any():
        return False
    distinct = pd.Series(values.unique())
    return _read_iso(pd.Index(distinct)) is not None or _read_written(distinct) is not None


def looks_like_years(values: pd.Series) -> bool:
    """Whether a column of one series counts years: each of 1900 to 2099 once, none left out."""
    texts = values.astype(str).str.strip()
    if values.dtype.kind == "f" or not texts.str.fullmatch(r"\d{4}").all():
        return False
    years = np.sort(texts.astype("int64").to_numpy())
    inside = len(years) > 0 and years[0] >= _FIRST_YEAR and years[-1] <= _LAST_YEAR
    return bool(inside and len(years) >= _FEW_NUMBERS and (np.diff(years) == 1).all())


def written_form(values: np.ndarray) -> str:
    """The form in which whole numbers are dates, such as `%Y%m%d`; empty where they are none.

    Days such as 20240131, months such as 202401, ISO weeks such as 202401 to 202452, quarters such
    as 20241 to 20244. Numbers that are counted on beyond the 12th month are numbers.
    """
    if not len(values) or values.min() < _FIRST_YEAR * 10:
        return ""
    low, high = int(values.min()), int(values.max())
    digits = len(str(low))
    if digits != len(str(high)):
        return ""
    unit = 10 ** (digits - 4)
    if low // unit < _FIRST_YEAR or high // unit > _LAST_YEAR:
        return ""
    years, rest = np.unique(values // unit), np.unique(values % unit)
    if digits == 5 and len(years) > 1 and rest.min() >= 1 and rest.max() <= 4 and len(rest) > 1:
        return "%YQ"
    weeks = len(years) > 1 and 12 < rest.max() <= 53 and len(rest) > 1
    if digits == 6 and weeks and rest.min() >= 1:
        return "%G%V"
    form = _DIGITS.get(digits, "")
    if not form:
        return ""
    moments = pd.to_datetime(
        pd.Series(values.astype("int64")).astype(str), format=form, errors="coerce"
    )
    return "" if moments.isna().any() else form


def moments_of(values: np.ndarray, form: str) -> pd.DatetimeIndex:
    """Whole numbers in a form of dates as timestamps; NaT where one is no date."""
    numbers = np.asarray(values, "int64")
    if form == "%YQ":
        months = (numbers // 10 - 1970) * 12 + 3 * (numbers % 10 - 1)
        return pd.DatetimeIndex(months.astype("datetime64[M]").astype("datetime64[us]"))
    texts = pd.Series(numbers).astype(str)
    if form == "%G%V":
        texts, form = texts + "1", "%G%V%u"
    return pd.DatetimeIndex(pd.to_datetime(texts, format=form, errors="coerce")).as_unit("us")


def numbers_of_stamps(moments: pd.DatetimeIndex, form: str) -> pd.Index:
    """Timestamps as whole numbers in a form of dates."""
    if form == "%YQ":
        return pd.Index(moments.year * 10 + moments.quarter).astype("int64")
    return pd.Index(moments.strftime(form)).astype("int64")


def order_of(values: object) -> TimesRead | None:
    """Texts of times with the order of their parts; `None` of what is no such text."""
    index = pd.Index(values)  # type: ignore[call-overload]
    if isinstance(index.dtype, pd.CategoricalDtype):
        index = index.astype(object)
    if index.isna().any() or not pd.api.types.is_string_dtype(index.dtype):
        return None
    if _read_iso(index) is not None:
        return None
    return _read_written(pd.Series(index.unique()))


def _parsed(index: pd.Index, name: str, order: str) -> pd.DatetimeIndex | pd.Index:
    if index.dtype.kind == "f" and bool((index == np.floor(index)).all()):
        return index.astype("int64")
    if not pd.api.types.is_string_dtype(index.dtype) and index.dtype != object:
        raise SchemaError(
            f"{name} must hold times or whole numbers, received {index.dtype}. Convert it with "
            "`pandas.to_datetime`."
        )
    found = _read_iso(index)
    if found is not None:
        return found
    texts = pd.Series(index)
    if not texts.isna().any() and all(isinstance(text, str) for text in texts):
        distinct = pd.Series(texts.unique())
        written = _read_written(distinct, order)
        if written is not None:
            place = pd.Index(distinct).get_indexer(pd.Index(texts))
            return written.index[place]
    try:
        with warnings.catch_warnings():
            # pandas warns where it would have to guess anew for every value.
            warnings.simplefilter("error", UserWarning)
            return pd.DatetimeIndex(pd.to_datetime(index))
    except (ValueError, TypeError, UserWarning) as error:
        read = pd.to_datetime(texts.astype(str), format="mixed", errors="coerce")
        row = int(np.argmax(read.isna()))
        raise SchemaError(
            f"{name} has values that are no times (first: {index[row]!r} in row {row}). Convert it "
            "with `pandas.to_datetime(..., format=...)` first."
        ) from error


def _read_iso(index: pd.Index) -> pd.DatetimeIndex | None:
    """Dates in ISO 8601; texts of digits alone are left to `_read_written`."""
    if len(index) and isinstance(index[0], str) and index[0].strip().isdigit():
        return None
    for utc in (False, True):  # in UTC, strings with several offsets are times too
        with contextlib.suppress(ValueError, TypeError):
            return pd.DatetimeIndex(pd.to_datetime(index, format="ISO8601", utc=utc))
    return None


def _read_written(distinct: pd.Series, order: str = "") -> TimesRead | None:
    """Texts in the first form that reads all of them; `None` where none does."""
    texts = distinct.astype(str)
    if texts.str.fullmatch(r"\s*\d{5,14}\s*").all():
        numbers = texts.str.strip().astype("int64").to_numpy()
        form = written_form(np.unique(numbers))
        return TimesRead(moments_of(numbers, form)) if form else None
    first = texts.iloc[0] if len(texts) else ""
    for pattern, read in _PATTERNS:
        if pattern.fullmatch(first):
            found = [pattern.fullmatch(text) for text in texts]
            if not all(found):
                return None
            matches = [m for m in found if m]
            return _dates(matches, order) if read is None else read(matches)
    for form in (*named_formats(first), *_MONTHS):
        if _reads(first, form):
            moments = pd.to_datetime(texts.str.strip(), format=form, errors="coerce")
            if not moments.isna().any():
                return TimesRead(pd.DatetimeIndex(moments))
    tidy = texts.map(tidied)  # months in other languages, ordinals, words around a date
    return None if tidy.equals(texts) else _read_written(tidy, order)


def _reads(text: str, form: str) -> bool:
    try:
        datetime.datetime.strptime(text.strip(), form)
    except ValueError:
        return False
    return True


def _quarters(found: list[re.Match[str]]) -> TimesRead:
    parts = [(int(m[1] or m[4]), int(m[2] or m[3])) for m in found]
    return TimesRead(moments_of(np.array([y * 10 + q for y, q in parts]), "%YQ"))


def _weeks(found: list[re.Match[str]]) -> TimesRead | None:
    try:
        days = [datetime.date.fromisocalendar(int(m[1]), int(m[2]), int(m[3] or 1)) for m in found]
    except ValueError:
        return None
    return TimesRead(pd.DatetimeIndex(days))


def _numbered_months(found: list[re.Match[str]]) -> TimesRead | None:
    if not all(1 <= int(m[2]) <= 12 for m in found):
        return None
    return TimesRead(moments_of(np.array([int(m[1]) * 100 + int(m[2]) for m in found]), "%Y%m"))


def _dates(found: list[re.Match[str]], order: str) -> TimesRead | None:
    """Dates of three numbers. Their order is settled by all of them together."""
    parts = np.array([[int(m[1]), int(m[3]), int(m[4])] for m in found])
    clocks = np.array([_micros_of_day(m) for m in found])
    ends = {(len(m[1]) == 4, len(m[4]) == 4) for m in found}
    if len(ends) > 1 or (clocks < 0).any():
        return None
    if ends == {(True, False)}:
        orders = {"ymd": (0, 1, 2), "ydm": (0, 2, 1)}
    elif ends == {(False, True)} or (parts < 100).all():
        orders = {"dmy": (2, 1, 0), "mdy": (2, 0, 1)}
    else:
        return None
    read = _in_orders(parts, orders)
    if not read and ends == {(False, False)}:
        read = _in_orders(parts, {"ymd": (0, 1, 2)})
    if not read:
        return None
    if order in _ORDERS and order not in read:
        said = {"d": "day", "m": "month", "y": "year"}
        raise SchemaError(
            f"Texts of times had their parts in the order {'-'.join(said[o] for o in order)} in "
            f"`fit`; {found[0][0]!r} and those beside it do not fit that. Write them as in `fit`, "
            "or convert them with `pandas.to_datetime`."
        )
    best, doubt = (order, "") if order in read else _settled(read, found[0][2])
    moments = read[best].astype("datetime64[us]") + clocks.astype("timedelta64[us]")
    return TimesRead(pd.DatetimeIndex(moments), best, doubt)


def _in_orders(parts: np.ndarray, orders: dict[str, tuple[int, int, int]]) -> dict[str, np.ndarray]:
    """Days by the orders in which all of them are days."""
    read = {
        order: _days(parts[:, year], parts[:, month], parts[:, day])
        for order, (year, month, day) in orders.items()
    }
    return {order: days for order, days in read.items() if days is not None}


def _micros_of_day(found: re.Match[str]) -> int:
    """The time of day; -1 where there is no such time."""
    if found[5] is None:
        return 0
    hour, minute, second = int(found[5]), int(found[6]), int(found[7] or 0)
    if found[8]:
        if not 1 <= hour <= 12:
            return -1
        hour = hour % 12 + 12 * (found[8].lower() == "pm")
    fits = hour < 24 and minute < 60 and second < 60
    return (3600 * hour + 60 * minute + second) * 1_000_000 if fits else -1


def _days(years: np.ndarray, months: np.ndarray, days: np.ndarray) -> np.ndarray | None:
    if months.min() < 1 or months.max() > 12 or days.min() < 1 or days.max() > 31:
        return None
    if years.max() < 100:  # as POSIX has it: 69 to 99 lie in the 20th century
        years = np.where(years < 69, 2000, 1900) + years
    first = ((years - 1970) * 12 + months - 1).astype("datetime64[M]")
    found = first.astype("datetime64[D]") + (days - 1).astype("timedelta64[D]")
    return None if (found.astype("datetime64[M]") != first).any() else found


def _settled(read: dict[str, np.ndarray], separator: str) -> tuple[str, str]:
    """The order of day and month whose days are the most regular steps, and the doubt about it."""
    if len(read) == 1:
        return next(iter(read)), ""
    regular = {order: _regularity(days) for order, days in read.items()}
    best = max(regular.values())
    tied = [order for order, share in regular.items() if share >= best - 1e-9]
    if len(tied) == 1:
        return tied[0], ""
    # Days that change and never rise above 12 are more likely months.
    plain = [order for order in tied if not _all_early(read[order])]
    if len(plain) == 1:
        return plain[0], ""
    usual = "ymd" if "ymd" in tied else "dmy" if separator == "." else "mdy"
    if separator == "." or len(np.unique(np.stack(list(read.values())), axis=0)) == 1:
        return usual, ""
    said = {"mdy": "month first", "dmy": "day first", "ymd": "month first", "ydm": "day first"}
    return usual, f"{said[usual]}; the other order of day and month is as regular"


def _regularity(days: np.ndarray) -> float:
    """Share of steps that are alike: of as many days, or from month to month on one day."""
    ordered = np.unique(days)
    if len(ordered) < 2:
        return 0.0
    months = ordered.astype("datetime64[M]")
    of_month = (ordered - months.astype("datetime64[D]")).astype("int64")
    gaps, steps = np.diff(ordered).astype("int64"), np.diff(months).astype("int64")
    monthly = np.where(np.diff(of_month) == 0, steps, 0)
    counts = [np.unique(gaps, return_counts=True)[1].max() / len(gaps)]
    if (monthly > 0).any():
        counts.append(np.unique(monthly[monthly > 0], return_counts=True)[1].max() / len(gaps))
    return float(max(counts))


def _all_early(days: np.ndarray) -> bool:
    of_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype("int64") + 1
    return bool(of_month.max() <= 12 and len(np.unique(of_month)) > 1)


_ORDERS = ("dmy", "mdy", "ymd", "ydm")
_Read = Callable[[list[re.Match[str]]], TimesRead | None]
_PATTERNS: tuple[tuple[re.Pattern[str], _Read | None], ...] = (
    (_PARTS, None),  # read by `_dates`, in the order that the column settles
    (_QUARTER, _quarters),
    (_WEEK, _weeks),
    (_NUMBERED_MONTH, _numbered_months),
)
