"""What the user hands over as series, as one long frame with a row for each step of each series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import foreign
from kerasnas.data.names import quoted, string_names
from kerasnas.data.odd_cells import refuse_no_values
from kerasnas.data.panel import SeriesSchema
from kerasnas.data.series_times import looks_like_time
from kerasnas.errors import SchemaError

_NESTED = (list, tuple, dict, set, np.ndarray, pd.Series, pd.DataFrame)


def names_of(given: Any, columns: Iterable[Any] = ()) -> list[str]:
    """The names that an argument gives, one or several; a tuple may be the name of one column."""
    if given is None:
        return []
    one = isinstance(given, tuple) and given in set(columns)
    if one or isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return [str(given)]
    return [str(name) for name in given]


def as_pandas(data: Any) -> Any:
    """Tables of other libraries and lists of rows as those of pandas; all else as it is."""
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        return pd.DataFrame.from_records(data)
    own = isinstance(data, pd.DataFrame | pd.Series | Mapping)
    return foreign.to_pandas(data) if not own and foreign.is_table(data) else data


def columns_of(data: Any) -> list[Any]:
    """Names of the columns of what the user hands over; none of an array."""
    return list(foreign.column_names(data) or ())


def to_series_frame(data: Any, targets: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """Any form of series as a frame whose columns are named by strings.

    Args:
        data: A DataFrame; anything that turns itself into one; a dict of columns; for series
            without further columns also a Series or an array.
        targets: Columns to forecast, the names of what has none.
        names: Columns that arguments name. An index of one of these names becomes a column.

    Raises:
        SchemaError: If it is no frame, or has no rows.
    """
    data = as_pandas(data)
    if isinstance(data, pd.Series):
        data = data.to_frame(targets[0])
    elif isinstance(data, np.ndarray) and data.ndim in (1, 2):
        matrix = data.reshape(len(data), -1)
        if matrix.shape[1] == len(targets):
            data = pd.DataFrame(matrix, columns=list(targets))
    elif isinstance(data, Mapping):
        data = pd.DataFrame(dict(data))
    if not isinstance(data, pd.DataFrame):
        raise SchemaError(
            "`frame` must be a pandas DataFrame with a row for each step, or a Series; received "
            f"{type(data).__name__}."
        )
    if not len(data):
        raise SchemaError("`frame` has no rows.")
    return _refuse_nested(string_names(_with_index(data, names)))


def long_frame(frame: pd.DataFrame, schema: SeriesSchema) -> pd.DataFrame:
    """Several targets below each other, in one column of values; one target as it is."""
    if not schema.which:
        return frame
    rest = frame.drop(columns=[name for name in schema.targets if name in frame])
    parts = []
    for name in schema.targets:
        part = rest.assign(**{schema.which: name})
        if name in frame:
            part[schema.value] = frame[name]
        parts.append(part)
    return pd.concat(parts)


def free_name(wanted: str, frame: pd.DataFrame) -> str:
    """A name that no column of a frame has."""
    while wanted in frame:
        wanted += "_"
    return wanted


def _with_index(data: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The frame with those levels of its index as columns that have a name and a meaning."""
    if isinstance(data.index, pd.MultiIndex):
        if any(name is None for name in data.index.names):
            raise SchemaError(
                "`frame` has a MultiIndex. Call `frame.reset_index()` and name the columns with "
                "`time=` and `series=`."
            )
        return _levels(data)
    name = data.index.name
    if name is None or name in data or str(name) in map(str, data):
        return data
    return _levels(data) if str(name) in names or is_dated(data.index) else data


def is_dated(index: pd.Index) -> bool:
    """Whether an index holds times, texts of times, or digits of dates."""
    return isinstance(index, pd.PeriodIndex) or looks_like_time(index.to_series())


def _levels(data: pd.DataFrame) -> pd.DataFrame:
    both = [str(n) for n in data.index.names if str(n) in map(str, data)]
    if both:
        raise SchemaError(
            f"{quoted(both)} is a column and a level of the index. Call "
            "`frame.reset_index(drop=True)` or rename one of them."
        )
    return data.reset_index()


def _refuse_nested(frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame:
        if pd.api.types.infer_dtype(frame[name], skipna=True) != "mixed":
            continue
        for row, cell in enumerate(frame[name]):
            if isinstance(cell, _NESTED):
                raise SchemaError(
                    f"`{name}` holds {type(cell).__name__} values (first in row {row}), expected "
                    f"one number or string in each cell. Call `frame.explode({str(name)!r})`, or "
                    "leave the column out."
                )
    for name in frame:
        refuse_no_values(frame[name], str(name))
    return frame
