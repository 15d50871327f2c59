"""Newer steps of series behind the steps that `fit` has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kerasnas.data.gridding import first_names, joined_by_lines
from kerasnas.data.panel import Panel, SeriesSchema, same_name


def joined_panel(known: Panel, panel: Panel, schema: SeriesSchema, lookback: int) -> Panel:
    """A panel with the known steps of `fit` in front of series that go on where those ended.

    Steps between the two are filled in as all gaps are, where there are fewer of them than steps in
    a window. What was filled in, and series that are shorter than a window, are told in the notes.

    Args:
        known: The last steps of the series in `fit`.
        panel: Newer steps.
        schema: The columns.
        lookback: Steps of a window.
    """
    places = {same_name(name): i for i, name in enumerate(known.names)} if schema.grid else {}
    names = list(panel.names)
    values, observed, starts = list(panel.values), list(panel.observed), list(panel.starts)
    gaps = 0
    apart: list[Any] = []
    short: list[Any] = []
    for i, name in enumerate(panel.names):
        place = places.get(same_name(name))
        if place is not None:
            names[i] = known.names[place]
            before, begin = known.values[place], known.starts[place]
            gap = starts[i] - begin - len(before)
            if starts[i] > begin and gap < lookback:
                cut = min(starts[i] - begin, len(before))
                values[i] = joined_by_lines(before[:cut], values[i], max(gap, 0), schema)
                filled = np.zeros(max(gap, 0), bool)
                seen = known.observed[place][:cut]
                observed[i], starts[i] = np.concatenate([seen, filled, observed[i]]), begin
                if gap > 0:
                    gaps, apart = gaps + gap, [*apart, name]
        if len(values[i]) < lookback:
            short.append(name)
    notes = list(panel.notes)
    if gaps:
        notes.append(f"{gaps} steps between `fit` and `history` are missing{_of(apart, schema)}")
    if short:
        notes.append(
            f"fewer steps than the {lookback} of a window are known, so that the first one is "
            f"repeated before them{_of(short, schema)}"
        )
    return replace(panel, names=names, values=values, observed=observed, starts=starts, notes=notes)


def _of(names: list[Any], schema: SeriesSchema) -> str:
    return f" (series {first_names(names)})" if schema.keys else ""
