"""Rows of series on their grid: gaps filled in, rows that share a step made one, all of it told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.names import quoted
from kerasnas.data.panel import Channel, Panel, SeriesSchema, plain_name
from kerasnas.data.series_columns import raise_all, too_large
from kerasnas.errors import SchemaError

_MOST_EMPTY = 1000  # steps for every one with a row
_MOST_NAMED = 3  # series that a note names


def channel_matrix(frame: pd.DataFrame, channels: Sequence[Channel]) -> np.ndarray:
    """Channels of all rows, missing values as NaN."""
    matrix = np.full((len(frame), len(channels)), np.nan)
    problems = []
    for place, channel in enumerate(channels):
        values = frame[channel.column]
        if channel.level is not None:
            marked = (values.astype("object").map(str) == channel.level).to_numpy("float64")
            # A row without a category has none of them, such as no holiday; series have theirs.
            unknown = values.isna().to_numpy(bool) & (channel.role == "static")
            matrix[:, place] = np.where(unknown, np.nan, marked)
            continue
        matrix[:, place], bad = cells.to_numbers(cells.plain(values), channel.written)
        if bad.any():
            first = values.iloc[int(np.argmax(bad))]
            problems.append(
                f"`{channel.column}` is {values.dtype}, expected numbers (first that is none: "
                f"{first!r})"
            )
        if np.isinf(matrix[:, place]).any():
            problems.append(f"`{channel.column}` has infinite values")
        problems.extend(too_large(matrix[:, place], channel.column))
    raise_all(problems, "the frame does not fit the schema learned in fit")
    return matrix


def panel_of(
    frame: pd.DataFrame,
    schema: SeriesSchema,
    stamps: pd.Index | None,
    parts: Sequence[tuple[Any, np.ndarray]],
) -> Panel:
    """The panel of a frame with a row for each step of each series.

    Args:
        frame: The rows.
        schema: What its columns are.
        stamps: The times of the rows; `None` where rows are counted.
        parts: Names and rows of the series.

    Raises:
        SchemaError: If values are no numbers, times lie on no steps, or no target is there.
    """
    matrix = channel_matrix(frame, schema.channels)
    grid = schema.grid
    names, values, observed, starts, later = [], [], [], [], []
    found = _Found()
    if grid is not None and stamps is not None:
        between, everywhere = grid.between(stamps), grid.positions(stamps)
        passed = grid.passed(stamps) if grid.local else everywhere
        found.between = int(between.sum())
        _check_steps(schema, everywhere, between, parts)
    for name, rows in parts:
        if grid is None or stamps is None:
            places, distinct = np.arange(len(rows)), len(rows)
        else:
            places, distinct = everywhere[rows], len(np.unique(passed[rows]))
        start = int(np.min(places))
        block = _gridded(matrix[rows], places - start, schema.duplicates)
        found.note("doubled", len(rows) - distinct, name)
        there = np.isfinite(block[:, 0])
        if not there.any():
            found.note("empty", 1, name)
            continue
        first, last = int(np.argmax(there)), len(there) - int(np.argmax(there[::-1]))
        known = np.zeros(last - first, bool)
        known[_inside(places - start - first, last - first)] = True
        missing = np.flatnonzero(~known)
        if grid is not None and len(missing):
            missing = missing[~grid.left_out(start + first + missing)]
        found.note("added", len(missing), name)
        found.note("holes", int((known & ~there[first:last]).sum()), name)
        names.append(name)
        filled = _filled(block[first:], schema)
        values.append(filled[: last - first])
        later.append(filled[last - first :][:, schema.future])
        observed.append(there[first:last])
        starts.append(start + first)
    if not names:
        raise SchemaError(f"{quoted(schema.targets)}, the target, has no values.")
    _check_doubled(schema, found.counts["doubled"], len(frame))
    return Panel(names, values, observed, starts, later, found.notes(schema))


def _check_doubled(schema: SeriesSchema, doubled: int, rows: int) -> None:
    """Many rows of one time are several series, or amounts to add up."""
    if doubled > 0.2 * rows and not schema.series and schema.duplicates == "mean":
        raise SchemaError(
            f"{doubled} of {rows} rows repeat a time. Name the column that tells series apart with "
            '`series=`, add the rows up with `duplicates="sum"`, or leave one row for each step.'
        )


@dataclass
class _Found:
    """What is irregular about the rows of a frame.

    Attributes:
        between: Times that lie between two steps.
        counts: How many rows or steps are irregular, by what is wrong with them.
        names: The first series with each of these.
    """

    between: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def note(self, what: str, count: int, name: Any) -> None:
        """Takes note of rows or steps of a series."""
        self.counts[what] += count
        if count:
            self.names[what].append(name)

    def notes(self, schema: SeriesSchema) -> list[str]:
        """The same in words."""
        steps = "" if schema.grid is None else schema.grid.describe()
        target, counts = quoted(schema.targets), self.counts
        how = {
            "mean": ' and were averaged (`duplicates="sum"` adds them up)',
            "sum": " and were added up",
            "last": ", of which the last was taken",
        }[schema.duplicates]
        sentences = {
            "doubled": f"{counts['doubled']} rows share their step with another row{how}",
            "added": f"{counts['added']} steps are missing",
            "holes": f"{counts['holes']} steps have no {target}",
            "empty": f"{counts['empty']} series have no {target} and are left out",
        }
        if schema.duplicates != "mean":
            del sentences["doubled"]  # the user has said what is to be done with these
        moved = f"{self.between} times lie between two {steps} and were moved to the nearest"
        return [
            *([moved] if self.between else []),
            *(
                text + (f" (series {first_names(self.names[what])})" if schema.keys else "")
                for what, text in sentences.items()
                if counts[what]
            ),
        ]


def first_names(names: Sequence[Any]) -> str:
    """The first of some series by their names."""
    first = ", ".join(repr(plain_name(name)) for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{first} and {more} more" if more > 0 else first


def _check_steps(
    schema: SeriesSchema,
    everywhere: np.ndarray,
    between: np.ndarray,
    parts: Sequence[tuple[Any, np.ndarray]],
) -> None:
    """Refuses times of events, which lie on no steps: nearly all of these would be made up."""
    assert schema.grid is not None, "only times lie on steps or between them"
    grid, steps, filled = schema.grid, 0, 0
    for _, rows in parts:
        places = everywhere[rows]
        steps += int(np.ptp(places)) + 1
        filled += len(np.unique(places))
    events = between.sum() > 0.5 * len(between) and filled < 0.5 * steps
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


def _gridded(rows: np.ndarray, places: np.ndarray, duplicates: str) -> np.ndarray:
    """Rows at their places, those that share one made one; NaN elsewhere."""
    shape = (int(places.max()) + 1, rows.shape[1])
    if duplicates == "last":
        block = np.full(shape, np.nan)
        block[places] = rows
        return block
    total, count = np.zeros(shape), np.zeros(shape)
    there = np.isfinite(rows)
    np.add.at(total, places, np.where(there, rows, 0.0))
    np.add.at(count, places, there)
    shared = np.maximum(count, 1)
    if duplicates == "sum":  # of the target alone: a price or a category is the same in all rows
        shared[:, 0] = 1
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / shared, np.nan)


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
    return filled


def joined_by_lines(
    before: np.ndarray, after: np.ndarray, gap: int, schema: SeriesSchema
) -> np.ndarray:
    """Two parts of a series with the steps between them filled in as all gaps are."""
    if not gap:
        return np.concatenate([before, after])
    between = np.empty((gap, before.shape[1]))
    share = (np.arange(gap) + 1) / (gap + 1)
    for place, channel in enumerate(schema.channels):
        first, last = before[-1, place], after[0, place]
        line = channel.level is None and channel.role != "static"
        between[:, place] = first + share * (last - first) if line else first
    return np.concatenate([before, between, after])
