"""From whatever table the user has to the raw arrays that the exported model takes."""

import warnings
from typing import cast

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.cells import MISSING_DATETIME, MISSING_INTEGER
from kerasnas.data.date_formats import WRITTEN
from kerasnas.data.names import did_you_mean, quoted, string_names
from kerasnas.data.schema import Column, Schema
from kerasnas.data.tables import to_frame
from kerasnas.data.written import WrittenDates, WrittenNumbers
from kerasnas.errors import SchemaError, shown

__all__ = ["MISSING_DATETIME", "MISSING_INTEGER", "ingest", "own_numbers", "to_frame"]

_LOOKED_AT = 1000  # cells that are compared with those of fit
_EXPECTED = {
    "numeric": "numbers",
    "boolean": "true or false",
    "datetime": "datetime",
}


def ingest(
    frame: pd.DataFrame, schema: Schema, *, named: bool = True, estimator: str = "the model"
) -> dict[str, np.ndarray]:
    """Convert a table into the model's raw inputs, or say everything that is wrong with it.

    Columns are found by name, in any order; columns that `fit` did not see are ignored with one
    warning. Where either table has no real names (plain arrays), columns are taken by position.

    What odd values mean: an infinity passes through as an infinity, and so does a number beyond
    the range of float32; the model's graph decides what to do with it. A category that `fit` did
    not see passes through as it is; the graph maps it to its slot for unknown values. Missing
    cells become NaN, "" or -2**63 (of datetimes and exact whole numbers), which the graph knows as
    missing. Words such as "N/A" are missing in columns of numbers and dates.

    Args:
        frame: the table, as `to_frame` returns it.
        schema: what `infer_schema` learned from the training rows.
        named: False if the frame's column names are only positions, as `to_frame` says.
        estimator: the name to use in errors and warnings.

    Returns:
        A fresh array of shape (n,) for each of `schema.used`, by name, in the schema's order:
        numeric and boolean float32 (int64 where the column is `exact`), categorical and text
        object (`str`), datetime int64.

    Raises:
        SchemaError: columns are missing or hold what their kind cannot; all are named in one go.
    """
    frame = _by_name(string_names(frame), schema, named, estimator)
    known = set(schema.names)
    spare = [name for name in frame.columns if name not in known]
    problems: list[str] = []
    arrays: dict[str, np.ndarray] = {}
    for column in schema.used:
        if column.name not in frame.columns:
            hint = did_you_mean(column.name, spare)
            problems.append(f"`{column.name}` is missing{hint}")
            continue
        array, problem = _convert(frame[column.name], column)
        arrays[column.name] = array
        if problem:
            problems.append(problem)
    if problems:
        subject = "1 column does" if len(problems) == 1 else f"{len(problems)} columns do"
        raise SchemaError(
            f"{subject} not fit the schema learned in fit: {'; '.join(problems)}. Pass the same "
            "columns as in fit, or refit."
        )
    if spare:
        warnings.warn(
            f"`x` has {len(spare)} column{'s' if len(spare) > 1 else ''} that {estimator} did not "
            f"see in fit: {quoted(spare)}. {'They are' if len(spare) > 1 else 'It is'} ignored.",
            UserWarning,
            stacklevel=2,
        )
    return arrays


def _by_name(frame: pd.DataFrame, schema: Schema, named: bool, estimator: str) -> pd.DataFrame:
    """Rename columns by position if names say nothing on either side."""
    if schema.named and named:
        return frame
    if len(frame.columns) != len(schema.columns):
        raise SchemaError(
            f"X has {len(frame.columns)} features, but {estimator} is expecting "
            f"{len(schema.columns)} features as input."
        )
    if tuple(frame.columns) != schema.names:
        counted = all(name == str(place) for place, name in enumerate(schema.names))
        if named:
            _warn_names(f"X has feature names, but {estimator} was fitted without feature names")
        elif schema.named and not counted:
            _warn_names(
                f"X does not have valid feature names, but {estimator} was fitted with feature "
                "names"
            )
        frame.columns = pd.Index(schema.names)
    return frame


def _warn_names(message: str) -> None:
    # scikit-learn's own words, so that filters written for its estimators work here.
    warnings.warn(message, UserWarning, stacklevel=4)


def _convert(series: pd.Series, column: Column) -> tuple[np.ndarray, str | None]:
    """Return the raw array of one column, and what is wrong with it if anything is."""
    dtype = str(series.dtype)
    series = cells.plain(series)
    if column.kind in ("categorical", "text"):
        texts = cells.to_strings(series)
        _warn_of_type(series, texts, column, dtype)
        return texts, None
    if column.kind == "datetime":
        empty = np.full(len(series), MISSING_DATETIME)
        misfits = {"numbers", "booleans", "timedeltas", "complex"}
    else:
        empty = np.full(len(series), MISSING_INTEGER if column.exact else np.nan)
        misfits = {"datetimes", "complex"}
        if not column.dtype.startswith(("timedelta", "duration", "object")):
            misfits.add("timedeltas")
    if cells.missing(series).all():  # a column without values may have any dtype
        return _typed(empty, column), None
    if cells.family(series) in misfits:
        return empty, f"`{column.name}` is {dtype}, expected {_EXPECTED[column.kind]}"
    if column.kind == "datetime":
        _warn_of_zone(series, column)
    values, bad = _values(series, column)
    if bad.any() and column.written is not None and column.written.lenient:
        warnings.warn(
            f"{_misfit(series, bad, column)}. As in fit, such values are gaps. Correct them in "
            "`x` if they mean something.",
            UserWarning,
            stacklevel=4,
        )
    elif bad.any():
        return empty, _misfit(series, bad, column)
    return _typed(values, column), None


def _warn_of_type(series: pd.Series, texts: np.ndarray, column: Column, dtype: str) -> None:
    """Warn of numbers or truths in a column of strings that are no categories which `fit` saw."""
    if not column.examples or cells.family(series) not in ("numbers", "booleans"):
        return
    new = texts[texts != ""]
    if len(new) and not np.isin(new[:_LOOKED_AT], np.array(column.examples, dtype=object)).any():
        warnings.warn(
            f"`{column.name}` is {dtype} in `x`, and held strings in fit: the model knows none of "
            f"its values (first: {new[0]!r}, in fit {column.examples[0]!r}). Write them as in fit, "
            f"for example with `x[{column.name!r}].map(...)` or `.astype(str).str.zfill(5)`.",
            UserWarning,
            stacklevel=4,
        )


def _warn_of_zone(series: pd.Series, column: Column) -> None:
    """Warn of a zone where `fit` saw times without one, and of none where it saw one."""
    seen = cast("WrittenDates", column.written or WrittenDates()).clock
    naive = isinstance(series.dtype, np.dtype) and series.dtype.kind == "M"
    if naive and seen not in ("UTC", WRITTEN):
        told = f"no time zone in `x`, and {seen} in fit: its times are taken as local ones"
        line = f"If they are in UTC, pass `x[{column.name!r}].dt.tz_localize('UTC')`"
    elif seen == "UTC" and seen not in column.dtype and cells.clock_of_times(series) != seen:
        told = "a time zone in `x`, and none but UTC in fit: its times are brought to UTC"
        line = f"If fit had local times, drop the zone of `x[{column.name!r}]`"
    else:
        return
    warnings.warn(f"`{column.name}` has {told}. {line}.", UserWarning, stacklevel=4)


def _values(series: pd.Series, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """The numbers or seconds of a column, and which cells cannot be read."""
    if column.kind == "datetime":
        return cells.to_seconds(series, cast("WrittenDates | None", column.written))
    if column.kind == "boolean":
        return cells.to_booleans(series)
    written = cast("WrittenNumbers | None", column.written)
    return (cells.to_integers if column.exact else cells.to_numbers)(series, written)


def _typed(values: np.ndarray, column: Column) -> np.ndarray:
    if column.kind == "datetime" or column.exact:
        return values.astype(np.int64)
    with np.errstate(over="ignore"):  # beyond float32 becomes an infinity, as documented
        return values.astype(np.float32)


def own_numbers(frame: pd.DataFrame, schema: Schema) -> dict[str, np.ndarray]:
    """float64 values, as the user has them, of the numeric columns in which float32 loses digits.

    Args:
        frame: a table that `ingest` has taken.
        schema: its columns.
    """
    frame = string_names(frame)
    if tuple(frame.columns) != schema.names and len(frame.columns) == len(schema.columns):
        known = set(schema.names)
        if not known & set(frame.columns):
            frame.columns = pd.Index(schema.names)  # by position, as `ingest` takes them
    found = {}
    for column in schema.used:
        if column.kind == "numeric" and column.lossy:
            written = cast("WrittenNumbers | None", column.written)
            found[column.name] = cells.to_numbers(cells.plain(frame[column.name]), written)[0]
    return found


def _misfit(series: pd.Series, bad: np.ndarray, column: Column) -> str:
    rows = np.flatnonzero(bad)
    amount = "1 value that is" if len(rows) == 1 else f"{len(rows)} values that are"
    noun = {
        "numeric": "not a number" if len(rows) == 1 else "not numbers",
        "boolean": "not true or false",
        "datetime": "not an ISO date" if len(rows) == 1 else "not ISO dates",
    }[column.kind]
    if column.written is not None and column.written.describe():
        noun = f"not written as in fit ({column.written.describe()})"
    first = series.iloc[int(rows[0])]
    first = shown(first.item() if isinstance(first, np.generic) else first)
    return f"`{column.name}` has {amount} {noun} (first: {first} in row {rows[0]})"
