"""Frames of time series are checked and read into panels."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.grid_guess import infer_grid
from kerasnas.data.gridding import channel_matrix, panel_of
from kerasnas.data.names import quoted
from kerasnas.data.panel import (
    Channel,
    Panel,
    Role,
    SeriesSchema,
    plain_name,
    same_name,
)
from kerasnas.data.series_columns import (
    channels_of,
    check_columns,
    check_same,
    parts_of_dates,
    raise_all,
    time_column,
    unread,
    varying,
)
from kerasnas.data.series_frame import (
    as_pandas,
    columns_of,
    free_name,
    is_dated,
    long_frame,
    names_of,
    to_series_frame,
)
from kerasnas.data.series_times import looks_like_time, order_of, read_stamps
from kerasnas.errors import SchemaError

DUPLICATES = ("mean", "sum", "last")


def fit_series(
    data: Any,
    target: Any,
    *,
    time: Any = None,
    series: Any = None,
    known_future: Any = (),
    static: Any = (),
    duplicates: str = "mean",
) -> tuple[SeriesSchema, Panel]:
    """Learns what the columns of a frame are, and reads it.

    Args:
        data: A DataFrame with a row for each step of each series; for one series without further
            columns also a Series or a 1-D array.
        target: Column to forecast, or several of them.
        time: Column of times, or name of the index; without it the index, or the only column that
            holds times.
        series: Column that tells series apart, or several of them.
        known_future: Columns whose values are known ahead.
        static: Columns with one value a series.
        duplicates: What is done with rows that share a step: `mean`, `sum` or `last`.

    Raises:
        SchemaError: If the data cannot be used; all problems of the columns at once.
    """
    if duplicates not in DUPLICATES:
        raise SchemaError(
            f"`duplicates` must be one of {', '.join(map(repr, DUPLICATES))}, received "
            f"{duplicates!r}."
        )
    data = as_pandas(data)
    columns = columns_of(data)
    targets, keys = names_of(target, columns), names_of(series, columns)
    known, still = names_of(known_future, columns), names_of(static, columns)
    named = names_of(time, columns)
    if not targets or len(named) > 1:
        wrong = "`target` names no column" if not targets else "`time` names several columns"
        raise SchemaError(f"{wrong}, expected one, such as {quoted(map(str, columns))}.")
    frame = to_series_frame(data, targets, [*named, *keys])
    at = named[0] if named else None
    if isinstance(data, pd.DataFrame) and isinstance(data.index, pd.MultiIndex) and not keys:
        keys = _keys_of_index(frame, [str(n) for n in data.index.names], at)
    check_columns(frame, targets, at, keys, known, still)
    if at is None:
        others = {*targets, *known, *still, *keys}
        at = time_column(frame, others, keys)
        parts = parts_of_dates(frame, others)
        if at is None and parts and isinstance(frame.index, pd.RangeIndex):
            warnings.warn(_counted(parts), UserWarning, stacklevel=5)
    schema = SeriesSchema(tuple(targets), at, tuple(keys), None, (), duplicates)
    if len(targets) > 1:
        schema = replace(schema, value=free_name("value", frame), which=free_name("target", frame))
    return _fitted(frame, schema, known, still)


def _counted(parts: list[str]) -> str:
    """What to do about dates whose parts are columns of their own."""
    first = "" if any(p.strip().lower() == "day" for p in parts) else ".assign(day=1)"
    return (
        f"Rows are taken as steps in their order: {quoted(parts)} hold parts of dates, and no "
        "column holds times. If these columns order the steps, pass "
        f"`frame.assign(time=pandas.to_datetime(frame[{parts}]{first}))`."
    )


def _keys_of_index(frame: pd.DataFrame, levels: list[str], time: str | None) -> list[str]:
    """The levels of an index that tell series apart: all but the one that holds times."""
    dated = [name for name in levels if name == time or (not time and looks_like_time(frame[name]))]
    return [name for name in levels if name not in dated[:1]]


def _fitted(
    frame: pd.DataFrame, schema: SeriesSchema, known: list[str], still: list[str]
) -> tuple[SeriesSchema, Panel]:
    """The schema with its grid and channels, and the panel of the frame."""
    problems: list[str] = []
    first: list[Channel] = []
    for name in schema.targets:
        first += channels_of(frame[name], name, "target", problems)
    roles: dict[str, Role] = {
        str(c): "past" for c in frame if c not in (schema.time, *schema.series, *schema.targets)
    }
    roles |= dict.fromkeys(known, "future") | dict.fromkeys(still, "static")  # type: ignore[arg-type]
    channels = [c for n, r in roles.items() for c in channels_of(frame[n], n, r, problems)]
    problems += varying(frame, schema.series, still) + unread(frame, schema.series, channels)
    raise_all(problems, "the series cannot be used")
    found = order_of(frame.index if schema.time is None else frame[schema.time])
    doubt = "" if found is None else found.doubt
    schema = schema if found is None else replace(schema, order=found.order)
    frame = long_frame(frame, schema)
    if schema.which:
        typical = float(np.mean([c.typical for c in first]))
        first = [Channel(schema.value, schema.value, "target", typical=typical)]
        channels += channels_of(frame[schema.which], schema.which, "static", problems)
    stamps, parts = _stamps(frame, schema), _parts(frame, schema)
    if stamps is not None:
        grid = infer_grid([stamps[rows].sort_values().unique() for _, rows in parts])
        schema = replace(schema, grid=grid)
    schema = replace(schema, channels=(*first, *channels))
    return schema, replace(panel_of(frame, schema, stamps, parts), doubt=doubt)


def read_series(data: Any, schema: SeriesSchema) -> Panel:
    """Reads a frame of the same columns as the one in `fit`.

    Raises:
        SchemaError: If it does not fit; all problems at once.
    """
    frame = _timed(to_series_frame(data, schema.targets, _names(schema)), schema)
    inputs = [c.column for c in schema.channels if c.role != "target" and c.column != schema.which]
    check_same(frame, schema, [*schema.targets, *inputs])
    frame = long_frame(frame, schema)
    return panel_of(frame, schema, _stamps(frame, schema), _parts(frame, schema))


def _names(schema: SeriesSchema) -> list[str]:
    return [*schema.series, *([schema.time] if schema.time is not None else [])]


def _timed(frame: pd.DataFrame, schema: SeriesSchema) -> pd.DataFrame:
    """The frame with its times in the column of `fit`, where they are its index now."""
    lacking = schema.time is not None and schema.time not in frame
    if lacking and not isinstance(frame.index, pd.RangeIndex) and is_dated(frame.index):
        return frame.rename_axis(schema.time).reset_index()
    return frame


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
        return [np.zeros((horizon, 0)) for _ in panel.names]
    if data is None:
        later = [v[:horizon] for v in panel.later]
    else:
        later = _read_later(data, schema, panel, horizon)
    short = [
        n
        for n, v, needed in zip(panel.names, later, _needed(schema, panel, horizon), strict=True)
        if len(v) < horizon or np.isnan(v[needed]).any()
    ]
    if short:
        of = f" for {len(short)} series (first: {plain_name(short[0])!r})"
        which = of if schema.keys else ""
        raise SchemaError(
            f"`future` must hold {quoted(schema.known)} for the {horizon} steps after the last "
            f"known one{which}. Call `predict(future=frame)` with a row for each step."
        )
    return [_carried(v) for v in later]


def _needed(schema: SeriesSchema, panel: Panel, horizon: int) -> list[np.ndarray]:
    """For each series the steps that are forecast: on the local clock one may be left out."""
    needed = []
    for values, start in zip(panel.values, panel.starts, strict=True):
        places = np.arange(horizon)
        if schema.grid is not None:
            places = schema.grid.following(start + len(values) - 1, horizon)[1]
        needed.append(np.unique(places[places < horizon]))
    return needed


def _carried(block: np.ndarray) -> np.ndarray:
    """Steps that the local clock leaves out, with the values of the step before."""
    return pd.DataFrame(block).ffill().bfill().to_numpy()


def _read_later(data: Any, schema: SeriesSchema, panel: Panel, horizon: int) -> list[np.ndarray]:
    frame = _timed(to_series_frame(data, schema.known, _names(schema)), schema)
    check_same(frame, schema, schema.known, "future")
    frame = long_frame(frame, schema)
    stamps = _stamps(frame, schema)
    of_name = {same_name(name): rows for name, rows in _parts(frame, schema)}
    matrix = channel_matrix(frame, [schema.channels[i] for i in schema.future])
    later = []
    for name, values, start in zip(panel.names, panel.values, panel.starts, strict=True):
        block = np.full((horizon, len(schema.future)), np.nan)
        rows = of_name.get(same_name(name), np.zeros(0, int))
        if stamps is None or schema.grid is None:
            block[: len(rows)] = matrix[rows][:horizon]
        elif len(rows):
            steps = schema.grid.positions(stamps[rows]) - start - len(values)
            inside = (steps >= 0) & (steps < horizon)
            block[steps[inside]] = matrix[rows][inside]
        later.append(block)
    return later


def _stamps(frame: pd.DataFrame, schema: SeriesSchema) -> pd.Index | None:
    """The times of all rows; `None` where rows are counted."""
    if schema.time is not None:
        return _checked(frame[schema.time], f"`{schema.time}`", schema)
    if schema.keys and not isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex):
        # The index of a frame of many series counts its rows, in one piece or in several.
        counted = schema.grid is None and pd.api.types.is_integer_dtype(frame.index.dtype)
        if counted or isinstance(frame.index, pd.RangeIndex):
            return None
    words = frame.index.dtype == object or pd.api.types.is_string_dtype(frame.index.dtype)
    if words and not looks_like_time(frame.index.to_series()):
        raise SchemaError(
            "The index of the frame holds no times. Name the column of times with `time=`, or "
            "call `frame.reset_index(drop=True)` to count rows as steps."
        )
    return _checked(frame.index, "The index", schema)


def _checked(values: Any, name: str, schema: SeriesSchema) -> pd.Index:
    stamps = read_stamps(values, name, schema.order)
    return stamps if schema.grid is None else schema.grid.checked(stamps, name)


def _parts(frame: pd.DataFrame, schema: SeriesSchema) -> list[tuple[Any, np.ndarray]]:
    """Rows of each series, in the order in which series first occur."""
    keys = list(schema.keys)
    if not keys:
        return [(None, np.arange(len(frame)))]
    for key in keys:
        if frame[key].isna().any():
            raise SchemaError(
                f"`{key}` has {int(frame[key].isna().sum())} missing values: every row must "
                "belong to a series."
            )
    if len(keys) == 1:
        found = pd.factorize(frame[keys[0]])
        codes, names = found[0].astype("int64"), list(found[1])
    else:
        groups = frame.groupby(keys, sort=False, observed=True)
        codes = groups.ngroup().to_numpy("int64")
        names = list(frame[keys].drop_duplicates().itertuples(index=False, name=None))
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(1, len(names)))
    return list(zip(names, np.split(order, cuts), strict=True))
