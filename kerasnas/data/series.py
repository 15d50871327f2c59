"""Frames of time series are checked and read into panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.names import quoted, string_names
from kerasnas.data.panel import Channel, Panel, Role, SeriesSchema
from kerasnas.data.series_columns import (
    channels_of,
    check_columns,
    check_same,
    names_of,
    raise_all,
    time_column,
    varying,
)
from kerasnas.data.time_grid import infer_grid, looks_like_time, read_stamps
from kerasnas.errors import SchemaError

_MOST_EMPTY = 1000  # steps for every one with a row


def fit_series(
    data: Any,
    target: str,
    *,
    time: str | None = None,
    series: str | None = None,
    known_future: Sequence[str] = (),
    static: Sequence[str] = (),
) -> tuple[SeriesSchema, Panel]:
    """Learns what the columns of a frame are, and reads it.

    Args:
        data: A DataFrame with a row for each step of each series; for one series without further
            columns also a Series or a 1-D array.
        target: Column to forecast.
        time: Column of times; without it the index, or the only column that holds times.
        series: Column that tells series apart.
        known_future: Columns whose values are known ahead.
        static: Columns with one value a series.

    Raises:
        SchemaError: If the data cannot be used; all problems of the columns at once.
    """
    known, still = names_of(known_future), names_of(static)
    frame = _frame(data, target)
    check_columns(frame, target, time, series, known, still)
    if time is None:
        time = time_column(frame, {target, *known, *still, *([series] if series else [])})
    schema = SeriesSchema(target, time, series, None, ())
    stamps = _stamps(frame, schema)
    parts = _parts(frame, schema)
    if stamps is not None:
        grid = infer_grid([stamps[rows].sort_values().unique() for _, rows in parts])
        schema = replace(schema, grid=grid)
    roles: dict[str, Role] = {target: "target"}
    roles |= {str(c): "past" for c in frame if c not in (time, series, target)}
    roles |= dict.fromkeys(known, "future") | dict.fromkeys(still, "static")  # type: ignore[arg-type]
    problems: list[str] = []
    channels = [c for n, r in roles.items() for c in channels_of(frame[n], n, r, problems)]
    problems += varying(frame, series, still)
    raise_all(problems, "the series cannot be used")
    schema = replace(schema, channels=tuple(channels))
    return schema, _panel(frame, schema, stamps, parts)


def read_series(data: Any, schema: SeriesSchema) -> Panel:
    """Reads a frame of the same columns as the one in `fit`.

    Raises:
        SchemaError: If it does not fit; all problems at once.
    """
    frame = _frame(data, schema.target)
    check_same(frame, schema, [c.column for c in schema.channels])
    return _panel(frame, schema, _stamps(frame, schema), _parts(frame, schema))


def read_future(data: Any, schema: SeriesSchema, panel: Panel, horizon: int) -> list[np.ndarray]:
    """Values of the columns known ahead, for the steps after the last known ones.

    Args:
        data: A frame with time, series and the columns known ahead; `None` where the frame given
            before went on beyond the last target.
        schema: The columns.
        panel: The known steps.
        horizon: Steps to come.

    Returns:
        For each series `(horizon, channels known ahead)`.

    Raises:
        SchemaError: If steps or columns are missing.
    """
    places = schema.future
    if not places:
        if data is not None:
            raise SchemaError(
                "`future` is for columns named in `known_future`, and there are none. Call "
                "`predict()`, or `predict(history=frame)` to go on from newer steps."
            )
        return [np.zeros((horizon, 0), "float32") for _ in panel.names]
    if data is None:
        later = [v[:horizon] for v in panel.later]
    else:
        later = _read_later(data, schema, panel, horizon)
    short = [
        n for n, v in zip(panel.names, later, strict=True) if np.isnan(v).any() or len(v) < horizon
    ]
    if short:
        which = "" if schema.series is None else f" for {len(short)} series (first: {short[0]!r})"
        raise SchemaError(
            f"`future` must hold {quoted(schema.known)} for the {horizon} steps after the last "
            f"known one{which}. Call `predict(future=frame)` with a row for each step."
        )
    return later


def _read_later(data: Any, schema: SeriesSchema, panel: Panel, horizon: int) -> list[np.ndarray]:
    frame = string_names(data) if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    check_same(frame, schema, schema.known, "future")
    stamps = _stamps(frame, schema)
    of_name = {_key(name): rows for name, rows in _parts(frame, schema)}
    matrix = _matrix(frame, schema, [schema.channels[i] for i in schema.future])
    later = []
    for name, values, start in zip(panel.names, panel.values, panel.starts, strict=True):
        block = np.full((horizon, len(schema.future)), np.nan, "float32")
        rows = of_name.get(_key(name), np.zeros(0, int))
        if stamps is None or schema.grid is None:
            block[: len(rows)] = matrix[rows][:horizon]
        elif len(rows):
            steps = schema.grid.positions(stamps[rows]) - start - len(values)
            inside = (steps >= 0) & (steps < horizon)
            block[steps[inside]] = matrix[rows][inside]
        later.append(block)
    return later


def _frame(data: Any, target: str) -> pd.DataFrame:
    if isinstance(data, pd.Series):
        data = data.to_frame(target)
    elif isinstance(data, np.ndarray) and data.ndim == 1:
        data = pd.DataFrame({target: data})
    elif isinstance(data, Mapping):
        data = pd.DataFrame(dict(data))
    if not isinstance(data, pd.DataFrame):
        raise SchemaError(
            "`frame` must be a pandas DataFrame with a row for each step, or a Series; received "
            f"{type(data).__name__}."
        )
    if not len(data):
        raise SchemaError("`frame` has no rows.")
    if isinstance(data.index, pd.MultiIndex):
        raise SchemaError(
            "`frame` has a MultiIndex. Call `frame.reset_index()` and name the columns with "
            "`time=` and `series=`."
        )
    return string_names(data)


def _stamps(frame: pd.DataFrame, schema: SeriesSchema) -> pd.Index | None:
    """The times of all rows; `None` where rows are counted."""
    if schema.time is not None:
        return read_stamps(frame[schema.time], f"`{schema.time}`")
    if schema.series is not None and isinstance(frame.index, pd.RangeIndex):
        return None
    words = frame.index.dtype == object or pd.api.types.is_string_dtype(frame.index.dtype)
    if words and not looks_like_time(frame.index.to_series()):
        raise SchemaError(
            "The index of the frame holds no times. Name the column of times with `time=`, or "
            "call `frame.reset_index(drop=True)` to count rows as steps."
        )
    return read_stamps(frame.index, "The index")


def _parts(frame: pd.DataFrame, schema: SeriesSchema) -> list[tuple[Any, np.ndarray]]:
    """Rows of each series, in the order in which series first occur."""
    if schema.series is None:
        return [(None, np.arange(len(frame)))]
    column = frame[schema.series]
    if column.isna().any():
        raise SchemaError(
            f"`{schema.series}` has {int(column.isna().sum())} missing values: every row must "
            "belong to a series."
        )
    codes, names = pd.factorize(column)
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(1, len(names)))
    return list(zip(list(names), np.split(order, cuts), strict=True))


def _matrix(frame: pd.DataFrame, schema: SeriesSchema, channels: Sequence[Channel]) -> np.ndarray:
    """Channels of all rows, missing values as NaN."""
    matrix = np.full((len(frame), len(channels)), np.nan)
    problems = []
    for place, channel in enumerate(channels):
        values = frame[channel.column]
        if channel.level is not None:
            marked = (values.astype("object").map(str) == channel.level).to_numpy("float64")
            matrix[:, place] = np.where(values.isna().to_numpy(bool), np.nan, marked)
            continue
        try:
            matrix[:, place] = pd.to_numeric(values).to_numpy("float64", na_value=np.nan)
        except (ValueError, TypeError):
            problems.append(f"`{channel.column}` is {values.dtype}, expected numbers")
        if np.isinf(matrix[:, place]).any():
            problems.append(f"`{channel.column}` has infinite values")
    raise_all(problems, "the frame does not fit the schema learned in fit")
    return matrix


def _panel(
    frame: pd.DataFrame,
    schema: SeriesSchema,
    stamps: pd.Index | None,
    parts: Sequence[tuple[Any, np.ndarray]],
) -> Panel:
    matrix = _matrix(frame, schema, schema.channels)
    grid = schema.grid
    _check_steps(frame, schema, stamps, parts)
    names, values, observed, starts, later = [], [], [], [], []
    between = doubled = added = holes = 0
    for name, rows in parts:
        if grid is None or stamps is None:
            places = np.arange(len(rows))
        else:
            places = grid.positions(stamps[rows])
            between += grid.off_grid(stamps[rows])
        start = int(np.min(places))
        block = _gridded(matrix[rows], places - start)
        doubled += len(rows) - len(np.unique(places))
        there = np.isfinite(block[:, 0])
        if not there.any():
            continue
        first, last = int(np.argmax(there)), len(there) - int(np.argmax(there[::-1]))
        known = np.zeros(last - first, bool)
        known[_inside(places - start - first, last - first)] = True
        added += int((~known).sum())
        holes += int((known & ~there[first:last]).sum())
        names.append(name)
        filled = _filled(block[first:], schema)
        values.append(filled[: last - first])
        later.append(filled[last - first :][:, schema.future])
        observed.append(there[first:last])
        starts.append(start + first)
    if not names:
        raise SchemaError(f"`{schema.target}`, the target, has no values.")
    if doubled and schema.series is None and doubled > 0.2 * len(frame):
        raise SchemaError(
            f"{doubled} of {len(frame)} rows repeat a time. Name the column that tells series "
            "apart with `series=`, or leave one row for each step."
        )
    steps = "" if grid is None else grid.describe()
    notes = [
        f"{between} times lie between two {steps} and were moved to the nearest" if between else "",
        f"{doubled} rows share their step with another row and were averaged" if doubled else "",
        f"{added} steps are missing" if added else "",
        f"{holes} steps have no `{schema.target}`" if holes else "",
    ]
    return Panel(names, values, observed, starts, later, [n for n in notes if n])


def _check_steps(
    frame: pd.DataFrame,
    schema: SeriesSchema,
    stamps: pd.Index | None,
    parts: Sequence[tuple[Any, np.ndarray]],
) -> None:
    """Refuses times of events, which lie on no steps: nearly all of these would be made up."""
    grid = schema.grid
    if grid is None or stamps is None:
        return
    between = steps = filled = 0
    for _, rows in parts:
        places = grid.positions(stamps[rows])
        between += grid.off_grid(stamps[rows])
        steps += int(np.ptp(places)) + 1
        filled += len(np.unique(places))
    events = between > 0.5 * len(frame) and filled < 0.5 * steps
    if events or steps > max(_MOST_EMPTY * filled, 1_000_000):
        name = schema.time or "time"
        index = "frame" if schema.time is None else f"frame.set_index({name!r})"
        raise SchemaError(
            f"The times lie on no regular steps: with {grid.describe()}, the most frequent, "
            f"{steps - filled} of {steps} steps would have no row. Bring them onto steps first, "
            f'such as `{index}.resample("h").mean()`.'
        )


def _inside(places: np.ndarray, steps: int) -> np.ndarray:
    return places[(places >= 0) & (places < steps)]


def _gridded(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows at their places, the mean of those that share one; NaN elsewhere."""
    shape = (int(places.max()) + 1, rows.shape[1])
    total, count = np.zeros(shape), np.zeros(shape)
    there = np.isfinite(rows)
    np.add.at(total, places, np.where(there, rows, 0.0))
    np.add.at(count, places, there)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _filled(block: np.ndarray, schema: SeriesSchema) -> np.ndarray:
    """Numbers joined by straight lines, categories kept until the next known one."""
    filled = block.copy()
    steps = np.arange(len(block))
    for place, channel in enumerate(schema.channels):
        there = np.flatnonzero(np.isfinite(block[:, place]))
        if not len(there):
            filled[:, place] = channel.typical
        elif channel.level is None and channel.role != "static":
            filled[:, place] = np.interp(steps, there, block[there, place])
        else:
            latest = np.searchsorted(there, steps, side="right") - 1
            filled[:, place] = block[there[np.maximum(latest, 0)], place]
    # What is known ahead is not made up beyond its last value.
    for place in schema.future:
        there = np.flatnonzero(np.isfinite(block[:, place]))
        if len(there):
            filled[there[-1] + 1 :, place] = np.nan
    targets = np.flatnonzero(np.isfinite(block[:, 0]))
    known = filled[: targets[-1] + 1]
    for place in schema.future:
        known[np.isnan(known[:, place]), place] = schema.channels[place].typical
    return filled.astype("float32")


def _key(name: Any) -> Any:
    return str(name)
