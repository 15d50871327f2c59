"""Guess what the columns of a table are: by content, because a dtype is not a kind."""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.names import did_you_mean, quoted, string_names
from kerasnas.data.schema import KINDS, Column, Kind, Schema, unknown_kind
from kerasnas.errors import SchemaError

CODES = 20
"""Strings that read as whole numbers are codes, not amounts, up to this many distinct values."""
MIN_ID_ROWS = 50
"""In a table of at most this many rows nothing is called id-like: all values may well differ."""
TEXT_WORDS = 2.5
"""Words per distinct value from which strings that mostly differ are free text."""

_ISO_DATE = re.compile(
    r"\s*\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?)?\s*"
)
_ID_NAME = re.compile(r"(?:.*[_\s.-])?(?:id|ID|Id|uuid|UUID|guid|GUID|rowid)|.*[a-z](?:ID|Id)")
# Scripts written without spaces: two of their letters count as a word.
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_COUNTER = "id-like, a counter of rows"


def infer_schema(
    frame: pd.DataFrame, column_kinds: Mapping[str, str] | None = None, named: bool = True
) -> Schema:
    """Guess the kind of every column and which columns are of no use.

    Not used are columns that are constant, entirely missing, an exact copy of an earlier column,
    or that merely number the rows. A whole-number counter is kept where nothing else is left, and
    constants are kept where every column is one: a constant model is still a model.

    Args:
        frame: the training rows, as `to_frame` returns them.
        column_kinds: kinds that overrule the guess; such columns are always used.
        named: False if the column names are only positions.

    Returns:
        A `Schema` with one column for each of `frame`, in its order.

    Raises:
        SchemaError: doubled names, an unknown name or kind in `column_kinds`, complex numbers, or
            no column that a model could use.
    """
    frame = string_names(frame)
    chosen = _checked_kinds(column_kinds or {}, frame)
    columns = []
    for name in frame.columns:
        dtype = str(frame[name].dtype)
        series = cells.plain(frame[name])
        if name in chosen:
            columns.append(Column(name, chosen[name], dtype, "Set by `column_kinds`."))
            continue
        if cells.family(series) == "complex":
            raise SchemaError(
                f"Complex data not supported: `{name}` is {dtype}, expected real numbers. Split "
                "it in two columns, for example `x.real` and `x.imag`."
            )
        columns.append(_guess(series, name, dtype))
    columns = _drop_copies(columns, frame, keep=set(chosen))
    return Schema(tuple(_keep_something(columns)), named)


def _checked_kinds(column_kinds: Mapping[str, str], frame: pd.DataFrame) -> dict[str, Kind]:
    chosen: dict[str, Kind] = {}
    for raw_name, kind in column_kinds.items():
        name = str(raw_name)
        if name not in frame.columns:
            raise SchemaError(
                f"`column_kinds` names `{name}`, which is no column of the table"
                f"{did_you_mean(name, frame.columns)}. Its columns are {quoted(frame.columns)}."
            )
        if kind not in KINDS:
            raise SchemaError(f"In `column_kinds`, {unknown_kind(name, kind)}")
        chosen[name] = kind
    return chosen


def _guess(series: pd.Series, name: str, dtype: str) -> Column:
    """Guess one column that the user said nothing about."""
    absent = cells.missing(series)
    kind: Kind
    if absent.all():
        kind = "categorical" if cells.family(series) in ("strings", "category") else "numeric"
        reason = f"Stored as {dtype}, without a single value to learn from."
        return Column(name, kind, dtype, reason, "all values are missing")
    present = series[~absent]
    kind, reason, dropped = _guess_present(present, name, dtype, gaps=bool(absent.any()))
    if not absent.any() and _is_constant(present):
        dropped = "constant, every row has the same value"
    return Column(name, kind, dtype, reason, dropped)


def _guess_present(
    present: pd.Series, name: str, dtype: str, gaps: bool
) -> tuple[Kind, str, str | None]:
    """Return kind, reason and why dropped, for the cells that are there."""
    match cells.family(present):
        case "numbers":
            dropped = _COUNTER if not gaps and _is_counter(present, name) else None
            return "numeric", f"Holds numbers ({dtype}).", dropped
        case "booleans":
            return "boolean", f"Holds only true and false ({dtype}).", None
        case "timedeltas":
            return "numeric", f"Holds durations ({dtype}), taken in seconds.", None
        case "datetimes":
            return "datetime", f"Holds dates or times ({dtype}).", None
        case "category":
            return "categorical", "Typed as category by the user.", None
        case "strings":
            return _guess_strings(pd.Series(cells.to_strings(present), dtype=object), name)
        case _:
            _, bad = cells.to_numbers(present)
            if not bad.any():
                return "numeric", "Holds numbers and strings that all read as numbers.", None
            return "categorical", "Holds values of several types, taken as their names.", None


def _guess_strings(texts: pd.Series, name: str) -> tuple[Kind, str, str | None]:
    distinct = pd.Series(texts.unique(), dtype=object)
    rows, share = len(texts), len(distinct) / len(texts)
    dated = all(_ISO_DATE.fullmatch(text) for text in distinct)
    if dated and not cells.to_seconds(distinct)[1].any():
        return "datetime", "Strings that all read as ISO dates.", None
    values, bad = cells.to_numbers(distinct)
    if not bad.any() and not np.isnan(values).all():
        return _guess_number_strings(distinct, values, share)
    words = _words(distinct)
    amount = f"{len(distinct)} distinct values in {rows} rows"
    is_text = words >= TEXT_WORDS and share > 0.3
    # Two words that never repeat (people's names) tell a model nothing as a category.
    is_text |= words >= 1.5 and share > 0.9 and rows > MIN_ID_ROWS
    if is_text:
        return "text", f"Strings of {words:.1f} words on average, {amount}.", None
    if rows > MIN_ID_ROWS and share > 0.95 and words <= 1.05:
        return "categorical", f"Single words, {amount}.", "id-like, single words that never repeat"
    return "categorical", f"Strings, {amount}.", None


def _guess_number_strings(
    distinct: pd.Series, values: np.ndarray, share: float
) -> tuple[Kind, str, str | None]:
    """Tell amounts from codes among strings that all read as numbers."""
    if distinct.str.fullmatch(r"\s*0\d+\s*").any():
        return "categorical", "Digits with leading zeros, taken as codes.", None
    whole = bool(np.all(np.isnan(values) | (np.isfinite(values) & (values == np.rint(values)))))
    if whole and len(distinct) <= CODES and share <= 0.5:
        reason = f"Strings that read as whole numbers, with {len(distinct)} values: codes."
        return "categorical", reason, None
    return "numeric", "Strings that all read as numbers.", None


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


def _drop_copies(columns: list[Column], frame: pd.DataFrame, keep: set[str]) -> list[Column]:
    """Drop columns that hold the very cells of an earlier one under the same dtype."""
    seen: dict[tuple[str, bytes], str] = {}
    result = []
    for column in columns:
        if column.dropped is None:
            series = cells.plain(frame[column.name])
            array = cells.to_strings(series) if cells.is_object(series.dtype) else series
            digest = pd.util.hash_pandas_object(pd.Series(array), index=False).to_numpy().tobytes()
            key = (f"{column.kind} {column.dtype}", digest)
            twin = seen.setdefault(key, column.name)
            if twin != column.name and column.name not in keep:
                column = replace(column, dropped=f"duplicate of `{twin}`")
        result.append(column)
    return result


def _keep_something(columns: list[Column]) -> list[Column]:
    """Return the columns with at least one in use, or say why there is none."""
    if any(column.dropped is None for column in columns):
        return columns
    if any(column.dropped == _COUNTER for column in columns):
        return [
            replace(column, dropped=None, reason=f"{column.reason} The only column of use.")
            if column.dropped == _COUNTER
            else column
            for column in columns
        ]
    if columns and all((column.dropped or "").startswith("constant") for column in columns):
        return [
            replace(column, dropped=None, reason=f"{column.reason} Constant like all others.")
            for column in columns
        ]
    why = "; ".join(f"`{column.name}`: {column.dropped}" for column in columns[:8])
    raise SchemaError(
        f"None of the {len(columns)} columns can be used ({why}). Pass more columns, or name the "
        "kind of one to use it all the same, for example "
        f"`column_kinds={{{columns[0].name!r}: {columns[0].kind!r}}}`."
        if columns
        else "The table has no columns, expected at least one."
    )
