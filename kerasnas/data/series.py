"""Frames of time series are checked and read into panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.names import did_you_mean, quoted, string_names
from kerasnas.data.panel import Channel, Panel, Role, SeriesSchema, plain_name
from kerasnas.data.time_grid import infer_grid, looks_like_time, read_stamps
from kerasnas.errors import SchemaError

_MOST_EMPTY = 1000  # steps for every one with a row
_MOST_LEVELS = 32  # of a column of strings, each of which becomes a channel


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
    known, still = _names(known_future, "known_future"), _names(static, "static")
    frame = _frame(data, target)
    _check_columns(frame, target, time, series, known, still)
    if time is None:
        time = _time_column(frame, {target, *known, *still, *([series] if series else [])})
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
    channels = [c for n, r in roles.items() for c in _channels(frame[n], n, r, problems)]
    problems += _varying(frame, series, still)
    _raise(problems, "the series cannot be used")
    schema = replace(schema, channels=tuple(channels))
    return schema, _panel(frame, schema, stamps, parts)


def read_series(data: Any, schema: SeriesSchema) -> Panel:
    """Reads a frame of the same columns as the one in `fit`.

    Raises:
        SchemaError: If it does not fit; all problems at once.
    """
    frame = _frame(data, schema.target)
    _check_same(frame, schema, [c.column for c in schema.channels])
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
    _check_same(frame, schema, schema.known, "future")
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


def _names(given: Sequence[str] | str, argument: str) -> list[str]:
    return [given] if isinstance(given, str) else [str(name) for name in given]


def _check_columns(
    frame: pd.DataFrame,
    target: str,
    time: str | None,
    series: str | None,
    known: list[str],
    static: list[str],
) -> None:
    named = [("target", target), ("time", time), ("series", series)]
    named += [("known_future", n) for n in known] + [("static", n) for n in static]
    problems = [
        f"`{argument}` names {name!r}, which is no column{did_you_mean(name, map(str, frame))}"
        for argument, name in named
        if name is not None and name not in frame
    ]
    used = [name for _, name in named if name is not None]
    problems += [
        f"`{name}` is named by several of `target`, `time`, `series`, `known_future`, `static`"
        for name in sorted({n for n in used if used.count(n) > 1})
    ]
    if static and series is None:
        problems.append("`static` needs `series=`: with one series such a column is constant")
    _raise(problems, "the arguments do not fit the frame")


def _check_same(
    frame: pd.DataFrame, schema: SeriesSchema, columns: Sequence[str], what: str = "the frame"
) -> None:
    wanted = [c for c in (schema.time, schema.series, *columns) if c is not None]
    missing = [c for c in dict.fromkeys(wanted) if c not in frame]
    _raise([f"`{c}` is missing" for c in missing], f"{what} does not fit the schema learned in fit")


def _raise(problems: Sequence[str], what: str) -> None:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise SchemaError(f"{count}, {what}: {'; '.join(problems)}.")


def _time_column(frame: pd.DataFrame, others: set[str]) -> str | None:
    """The column to take for the time: none where the index is one, else the only one that fits."""
    if isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex):
        return None
    fitting = [str(c) for c in frame if c not in others and looks_like_time(frame[c])]
    if len(fitting) > 1:
        raise SchemaError(
            f"{quoted(fitting)} all hold times. Say which one orders the steps, such as "
            f"`time={fitting[0]!r}`."
        )
    return fitting[0] if fitting else None


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


def _channels(values: pd.Series, name: str, role: Role, problems: list[str]) -> list[Channel]:
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        numbers = values.to_numpy("float64", na_value=np.nan)
        finite = numbers[np.isfinite(numbers)]
        if role == "target" and not len(finite):
            problems.append(f"`{name}`, the target, has no values")
        if np.isinf(numbers).any():
            problems.append(
                f"`{name}` has infinite values (first in row {np.argmax(np.isinf(numbers))})"
            )
        return [Channel(name, name, role, typical=float(finite.mean()) if len(finite) else 0.0)]
    if role == "target":
        problems.append(f"`{name}`, the target, must hold numbers, received {dtype}")
        return []
    if looks_like_time(values):
        problems.append(f"`{name}` holds times; name it with `time=` or leave it out")
        return []
    levels = sorted({str(v) for v in values.dropna().unique()})
    if len(levels) > _MOST_LEVELS:
        problems.append(
            f"`{name}` has {len(levels)} different strings, more than {_MOST_LEVELS}; name it with "
            "`series=` if it tells series apart, or leave it out"
        )
        return []
    return [Channel(f"{name}={level}", name, role, level) for level in levels]


def _varying(frame: pd.DataFrame, series: str | None, static: Sequence[str]) -> list[str]:
    """Columns named as static that are not."""
    problems = []
    for name in static:
        counts = frame.groupby(series, sort=False)[name].nunique()
        values = counts.to_numpy()
        if (values > 1).any():
            place = int(np.argmax(values > 1))
            problems.append(
                f"`{name}` is named in `static` but has {values[place]} values in the series "
                f"{plain_name(counts.index[place])!r}; leave it out of `static`, or name it in "
                "`known_future`"
            )
    return problems


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
    _raise(problems, "the frame does not fit the schema learned in fit")
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
