"""Where a forecaster is tested on the past, and how its forecasts compare with what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.panel import Panel, same_name
from kerasnas.data.series_reader import SeriesReader
from kerasnas.data.series_times import read_stamps
from kerasnas.data.time_grid import TimeGrid
from kerasnas.estimators.forecast_task import repeat_season
from kerasnas.preprocessing import series as windows
from kerasnas.problem.forecasts import ForecastScorer
from kerasnas.results.backtest import Backtest


def origins_from(reader: SeriesReader, panel: Panel, start: Any, stride: int) -> windows.Origins:
    """Places to forecast from: a stride apart, from a time on or behind the steps of `fit`."""
    grid = reader.schema.grid
    first = None
    if start is not None:
        first = int(start) if grid is None else _place(start, grid, reader.schema.order)
    series, steps = [], []
    ends = {
        same_name(n): s + len(v)
        for n, s, v in zip(
            reader.known.names, reader.known.starts, reader.known.values, strict=True
        )
    }
    for number, (name, values, begin) in enumerate(
        zip(panel.names, panel.values, panel.starts, strict=True)
    ):
        last = len(values) - reader.horizon
        low = ends.get(same_name(name), begin) - begin if first is None else first - begin
        if first is None and not 0 < low <= last:
            low = min(reader.lookback, last)
        places = np.arange(max(low, 1), last + 1, stride)
        steps.append(places)
        series.append(np.full(len(places), number))
    return windows.Origins(np.concatenate(series).astype(int), np.concatenate(steps).astype(int))


def _place(start: Any, grid: TimeGrid, order: str) -> int:
    stamps = read_stamps([start], "`start`", order)
    if isinstance(stamps, pd.DatetimeIndex) and stamps.tz is None and grid.zone is not None:
        stamps = stamps.tz_localize(grid.zone)
    return int(grid.positions(grid.checked(stamps, "`start`"))[0])


def backtest_of(
    reader: SeriesReader, panel: Panel, origins: windows.Origins, forecasts: np.ndarray
) -> Backtest:
    """Forecasts beside what came, with their scores and those of the seasonal naive rule."""
    schema, horizon = reader.schema, reader.horizon
    actual = windows.answers(panel, origins, horizon)
    numbers = origins.series
    scales = np.array(
        [reader.scale_of(name, panel, i) for i, name in enumerate(panel.names)], "float64"
    )[numbers]
    naive = repeat_season(panel, origins, reader.season, horizon)
    levels = len(reader.quantiles)

    def scores(steps: slice, predictions: np.ndarray) -> dict[str, float]:
        scorer = ForecastScorer(actual[:, steps], scales, reader.quantiles)
        return scorer(predictions[:, steps])

    starts = np.array(panel.starts)[numbers] + origins.steps
    places = starts[:, None] + np.arange(horizon)
    grid = schema.grid

    def stamps(p: np.ndarray) -> pd.Index:
        return pd.Index(p) if grid is None else grid.stamps(p)

    table: dict[str, Any] = {}
    names = [name if isinstance(name, tuple) else (name,) for name in panel.names]
    for key, level in zip(schema.keys, zip(*names, strict=True), strict=False):
        table[key] = pd.Index(level)[numbers].repeat(horizon)
    table["origin"] = stamps(starts - 1).repeat(horizon)
    table[schema.time or "time"] = stamps(places.reshape(-1))
    table["step"] = np.tile(np.arange(1, horizon + 1), len(origins))
    table["actual"] = actual.reshape(-1)
    flat = forecasts.reshape(-1, 1 + levels).astype("float64")
    table |= {name: flat[:, i] for i, name in enumerate(reader.columns)}
    quantiles = forecasts[..., 1:]
    by_step = pd.DataFrame(
        [scores(slice(s, s + 1), quantiles) for s in range(horizon)],
        index=pd.RangeIndex(1, horizon + 1, name="step"),
    )
    return Backtest(
        forecasts=pd.DataFrame(table),
        scores=scores(slice(None), quantiles),
        seasonal_naive=scores(slice(None), np.repeat(naive[..., None], levels, axis=2)),
        by_step=by_step,
    )
