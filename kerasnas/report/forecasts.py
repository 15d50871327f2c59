"""The part of a report that shows the next forecast of a forecaster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnas.data.panel import plain_name
from kerasnas.data.series_reader import SeriesReader
from kerasnas.report.drawing import COLOURS, GREY, Line, chart
from kerasnas.report.markup import Markup, joined, paragraph, tag
from kerasnas.results.fitted import Fitted

_MOST_SERIES = 4
_HORIZONS = 5  # of the past that are drawn


def forecast_facts(fitted: Fitted) -> list[dict[str, Any]]:
    """How the first series go on; nothing for other models, and where the future must be given.

    Args:
        fitted: The answer of the search.
    """
    reader = fitted.reader
    if not isinstance(reader, SeriesReader) or reader.schema.future:
        return []
    answers = fitted.outputs(reader.window(reader.known))
    levels = reader.quantiles
    return [
        {
            "series": _title(name) if reader.schema.keys else reader.schema.target,
            "past": values[-_HORIZONS * reader.horizon :, 0],
            "ahead": answer[:, 0],
            "low": [levels[0], answer[:, 1 + int(np.argmin(levels))]],
            "high": [levels[-1], answer[:, 1 + int(np.argmax(levels))]],
        }
        for name, values, answer in zip(
            reader.known.names[:_MOST_SERIES], reader.known.values, answers, strict=False
        )
    ]


def forecasts(facts: Mapping[str, Any]) -> Markup:
    """The last known steps of the first series, and their forecasts."""
    drawn = [_picture(one) for one in facts.get("forecast", ())]
    if not drawn:
        return Markup("")
    said = "The last known steps, and the forecast behind them. Step 0 is the last known one."
    return joined([paragraph(said), tag("div", *drawn, class_="figures")])


def _title(name: Any) -> str:
    plain = plain_name(name)
    return ", ".join(map(str, plain)) if isinstance(plain, list) else str(plain)


def _picture(given: Mapping[str, Any]) -> Markup:
    past, ahead = given["past"], given["ahead"]
    steps = range(1 - len(past), 1)

    def after(values: Any) -> list[tuple[int, float]]:
        return [(0, past[-1]), *enumerate(values, start=1)]

    names = [f"quantile {given[end][0]:g}" for end in ("low", "high")]
    lines = [
        Line("known", list(zip(steps, past, strict=True)), colour=GREY),
        Line("forecast", after(ahead)),
        Line(names[0], after(given["low"][1]), "dashed", COLOURS[1]),
        Line(names[1], after(given["high"][1]), "dashed", COLOURS[2]),
    ]
    return chart(lines, "step", str(given["series"]), title=f"How {given['series']} goes on")
