"""What the columns of a frame of time series are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.column_guess import guess_column
from kerasnas.data.float32_loss import LARGEST_TO_SQUARE
from kerasnas.data.names import did_you_mean, quoted
from kerasnas.data.panel import Channel, Role, SeriesSchema, plain_name
from kerasnas.data.series_times import looks_like_time, looks_like_years
from kerasnas.data.written import WrittenNumbers
from kerasnas.errors import SchemaError

_MOST_LEVELS = 32  # of a column of strings, each of which becomes a channel
_FEW_TEXTS = 8  # that are all different and no category, as texts of times are
_PARTS_OF_DATES = ("year", "month", "day", "hour", "minute", "second")  # as in `to_datetime`


def check_columns(
    frame: pd.DataFrame,
    targets: Sequence[str],
    time: str | None,
    series: Sequence[str],
    known: Sequence[str],
    static: Sequence[str],
) -> None:
    """Checks that arguments name columns of the frame, each only once.

    Raises:
        SchemaError: With all problems.
    """
    named: list[tuple[str, str | None]] = [("time", time)]
    given = {"target": targets, "series": series, "known_future": known, "static": static}
    named += [(argument, name) for argument, names in given.items() for name in names]
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
    if static and not series:
        problems.append("`static` needs `series=`: with one series such a column is constant")
    raise_all(problems, "the arguments do not fit the frame")


def check_same(
    frame: pd.DataFrame, schema: SeriesSchema, columns: Sequence[str], what: str = "the frame"
) -> None:
    """Checks that columns learned in `fit` are there.

    Raises:
        SchemaError: With all that are missing.
    """
    wanted = [c for c in (schema.time, *schema.series, *columns) if c is not None]
    missing = [c for c in dict.fromkeys(wanted) if c not in frame]
    raise_all(
        [f"`{c}` is missing" for c in missing], f"{what} does not fit the schema learned in fit"
    )


def raise_all(problems: Sequence[str], what: str) -> None:
    """Raises all problems at once, if there are any."""
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise SchemaError(f"{count}, {what}: {'; '.join(problems)}.")


def time_column(frame: pd.DataFrame, others: set[str], keys: Sequence[str] = ()) -> str | None:
    """The column to take for the time: none where the index is one, else the only one that fits.

    Digits of dates, such as 20240131, are times where no column of timestamps or texts is, and
    years are where none has such digits.

    Args:
        frame: The frame.
        others: Columns that are something else.
        keys: Columns that tell series apart.

    Raises:
        SchemaError: If several fit.
    """
    if isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex):
        return None
    fitting = [str(c) for c in frame if c not in others and looks_like_time(frame[c])]
    written = [c for c in fitting if frame[c].dtype.kind not in "iuf"]
    fitting = written or fitting or [str(c) for c in frame if _is_year(frame, c, others, keys)]
    if len(fitting) > 1:
        raise SchemaError(
            f"{quoted(fitting)} all hold times. Say which one orders the steps, such as "
            f"`time={fitting[0]!r}`."
        )
    return fitting[0] if fitting else None


def _is_year(frame: pd.DataFrame, name: Any, others: set[str], keys: Sequence[str]) -> bool:
    """Whether a column counts the years of every series."""
    if str(name) in others or frame[name].isna().any():
        return False
    parts = [p[name] for _, p in frame.groupby(list(keys), sort=False)] if keys else [frame[name]]
    return all(looks_like_years(part) for part in parts)


def too_large(numbers: np.ndarray, name: str) -> list[str]:
    """What is wrong with finite numbers whose squares float32 cannot add up."""
    large = np.isfinite(numbers) & (np.abs(numbers) > LARGEST_TO_SQUARE)
    if not large.any():
        return []
    first = int(np.argmax(large))
    power = int(np.log10(np.abs(numbers[large]).max()))
    return [
        f"`{name}` has values beyond {LARGEST_TO_SQUARE:.0e} (first in row {first}: "
        f"{numbers[first]:.6g}), divide it first: frame[{name!r}] /= 1e{power}"
    ]


def channels_of(values: pd.Series, name: str, role: Role, problems: list[str]) -> list[Channel]:
    """The channels of a column; why it cannot have any is added to `problems`."""
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
        problems.extend(too_large(numbers, name))
        return [Channel(name, name, role, typical=float(finite.mean()) if len(finite) else 0.0)]
    if role != "target" and looks_like_time(values):
        problems.append(f"`{name}` holds times; name it with `time=` or leave it out")
        return []
    if not isinstance(dtype, pd.CategoricalDtype) and _may_be_numbers(values):
        column = guess_column(
            cells.plain(values), name, str(dtype), "numeric" if role == "target" else None
        )
        written = column.written if isinstance(column.written, WrittenNumbers) else None
        numbers, bad = cells.to_numbers(cells.plain(values), written)
        if column.kind == "numeric" and not bad.any() and np.isfinite(numbers).any():
            typical = float(np.nanmean(numbers))
            return [Channel(name, name, role, typical=typical, written=written)]
    if role == "target":
        problems.append(f"`{name}`, the target, must hold numbers, received {dtype}")
        return []
    levels = sorted({str(v) for v in values.dropna().unique()})
    if len(levels) > _MOST_LEVELS:
        problems.append(
            f"`{name}` has {len(levels)} different strings, more than {_MOST_LEVELS}; name it with "
            "`series=` if it tells series apart, or leave it out"
        )
        return []
    return [Channel(f"{name}={level}", name, role, level) for level in levels]


def _may_be_numbers(values: pd.Series) -> bool:
    """Whether the first values of a column have digits, as numbers in texts do."""
    some = values.dropna().unique()[:_MOST_LEVELS]
    return len(some) > 0 and sum(any(c.isdigit() for c in str(v)) for v in some) > 0.5 * len(some)


def unread(frame: pd.DataFrame, series: Sequence[str], channels: Sequence[Channel]) -> list[str]:
    """Columns of texts that tell every row from all others, so that no model can learn from them.

    They are most likely times in a form that nobody here reads.
    """
    names = dict.fromkeys(c.column for c in channels if c.level is not None and c.role != "static")
    return [
        f"`{name}` has a text of its own in every row (first: {frame[name].iloc[0]!r}). If these "
        "are times, convert them with `pandas.to_datetime(..., format=...)` and name the column "
        "with `time=`; else leave it out"
        for name in names
        if frame[name].nunique() >= _FEW_TEXTS and not frame.duplicated([*series, name]).any()
    ]


def parts_of_dates(frame: pd.DataFrame, others: set[str]) -> list[str]:
    """Columns that together are dates, such as `year` and `month`; none without these two."""
    found = {str(c).strip().lower(): str(c) for c in frame if str(c) not in others}
    parts = [found[part] for part in _PARTS_OF_DATES if part in found]
    return parts if {"year", "month"} <= set(found) else []


def varying(frame: pd.DataFrame, series: Sequence[str], static: Sequence[str]) -> list[str]:
    """Columns named as static that are not."""
    problems = []
    for name in static:
        keys = list(series) if len(series) > 1 else series[0]
        counts = frame.groupby(keys, sort=False)[name].nunique()
        values = counts.to_numpy()
        if (values > 1).any():
            place = int(np.argmax(values > 1))
            problems.append(
                f"`{name}` is named in `static` but has {values[place]} values in the series "
                f"{plain_name(counts.index[place])!r}; leave it out of `static`, or name it in "
                "`known_future`"
            )
    return problems
