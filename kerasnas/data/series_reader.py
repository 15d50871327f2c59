"""The reader of series: their columns, their last known steps, and how they are forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.panel import Panel, SeriesSchema, same_name
from kerasnas.data.reader import chunks
from kerasnas.data.series import read_series
from kerasnas.data.series_join import joined_panel
from kerasnas.errors import SchemaError


@dataclass(frozen=True, eq=False)
class SeriesReader:
    """Reads frames with the columns of a schema.

    Attributes:
        schema: The columns.
        known: The last steps of the series in `fit`, where a forecast goes on.
        horizon: Steps of a forecast.
        lookback: Steps of a window.
        season: Steps of a season.
        quantiles: Levels of the forecasts.
        scales: For each series the error of the seasonal naive forecast in training.
    """

    schema: SeriesSchema
    known: Panel
    horizon: int
    lookback: int
    season: int
    quantiles: tuple[float, ...]
    scales: tuple[float, ...]

    def read(self, x: Any, estimator: str = "the model") -> Any:
        """The windows before the step after the last one of each series."""
        return self.window(self.going_on(x))

    def going_on(self, x: Any) -> Panel:
        """The series of a frame, with the last known steps of `fit` in front where these end.

        Raises:
            SchemaError: If the frame does not fit; all problems at once.
        """
        panel = read_series(x, self.schema)
        return joined_panel(self.known, panel, self.schema, self.lookback)

    def window(self, panel: Panel, later: list[np.ndarray] | None = None) -> Any:
        """What the model is called with, at the end of each series of a panel."""
        past = np.stack([_last(values, self.lookback) for values in panel.values])
        found: Any = past
        if self.schema.future:
            shape = (self.horizon, len(self.schema.future))
            ahead = later if later is not None else [np.zeros(shape)] * len(past)
            found = {"past": past, "future": np.stack(ahead)}
        return self.marked(found, panel, range(len(past)))

    def marked(self, windows: Any, panel: Panel, series: Iterable[int]) -> Any:
        """Windows, with what has to be known of their series beside them.

        Args:
            windows: As the model is called with them.
            panel: The series.
            series: For each window the number of its series.
        """
        return windows

    def take(self, raw: Any, index: np.ndarray) -> Any:
        """Some of the windows."""
        return {k: v[index] for k, v in raw.items()} if isinstance(raw, dict) else raw[index]

    def batches(self, raw: Any) -> Iterator[tuple[np.ndarray, Any]]:
        """Windows in blocks."""
        rows = len(raw["past"] if isinstance(raw, dict) else raw)
        for index in chunks(rows):
            yield np.unique(index), self.take(raw, index)

    def probe(self) -> Any:
        """The last windows of a few series, and one of zeros."""
        windows = self.window(self.known.tail(self.lookback))

        def few(a: np.ndarray) -> np.ndarray:
            return np.concatenate([a[:8], np.zeros_like(a[:1])])

        return (
            {k: few(v) for k, v in windows.items()} if isinstance(windows, dict) else few(windows)
        )

    def scale_of(self, name: Any, panel: Panel, number: int) -> float:
        """The scale of a series in training; of a new one the mean of all others."""
        for known, scale in zip(self.known.names, self.scales, strict=True):
            if same_name(known) == same_name(name):
                return scale
        return float(np.mean(self.scales))

    def frame(self, panel: Panel, forecasts: np.ndarray) -> pd.DataFrame:
        """Forecasts `(series, horizon, 1 + quantiles)` as a frame, its index the time.

        Several targets are columns beside each other: their point forecasts first.
        """
        schema = self.schema
        times, blocks = [], []
        for values, start, forecast in zip(panel.values, panel.starts, forecasts, strict=True):
            last = start + len(values) - 1
            if schema.grid is None:
                times.append(pd.Index(last + 1 + np.arange(self.horizon)))
                blocks.append(forecast)
            else:
                stamps, steps = schema.grid.following(last, self.horizon)
                times.append(stamps)
                blocks.append(_at(forecast, steps, values[:, 0], schema.grid.day))
        time = times[0].append(times[1:]).rename(schema.time or "time")
        flat = np.concatenate(blocks).astype("float64")
        if not schema.keys:
            return pd.DataFrame(flat, index=time, columns=self.columns)
        names = [name if isinstance(name, tuple) else (name,) for name in panel.names]
        levels = [pd.Index(level).repeat(self.horizon) for level in zip(*names, strict=True)]
        index = pd.MultiIndex.from_arrays([*levels, time], names=[*schema.keys, time.name])
        found = pd.DataFrame(flat, index=index, columns=self.columns)
        return self._wide(found) if schema.which else found

    def _wide(self, found: pd.DataFrame) -> pd.DataFrame:
        """Targets beside each other."""
        schema, parts = self.schema, []
        for target in schema.targets:
            if target in found.index.get_level_values(schema.which):
                part = found.xs(target, level=schema.which)
                names = [target, *(f"{target}_{quantile}" for quantile in self.columns[1:])]
                parts.append(part.set_axis(names, axis=1))
        wide = pd.concat(parts, axis=1)
        points = [part.columns[0] for part in parts]
        return wide[[*points, *(c for c in wide if c not in points)]]

    @property
    def columns(self) -> list[str]:
        """Columns of a forecast: the target, then its quantiles."""
        return [self.schema.target, *(f"q{level:g}" for level in self.quantiles)]

    def to_json(self) -> dict[str, Any]:
        """The fields as plain dicts."""
        return {
            "schema": self.schema.to_json(),
            "known": self.known.to_json(),
            "horizon": self.horizon,
            "lookback": self.lookback,
            "season": self.season,
            "quantiles": list(self.quantiles),
            "scales": list(self.scales),
        }

    @classmethod
    def from_json(cls, content: Any) -> SeriesReader:
        """The reader that `to_json` wrote.

        Raises:
            SchemaError: `content` is anything else.
        """
        if not isinstance(content, Mapping) or "known" not in content:
            raise SchemaError("The reader of series must be a dict of its fields.")
        return cls(
            schema=SeriesSchema.from_json(content["schema"]),
            known=Panel.from_json(content["known"]),
            horizon=int(content["horizon"]),
            lookback=int(content["lookback"]),
            season=int(content["season"]),
            quantiles=tuple(content["quantiles"]),
            scales=tuple(content["scales"]),
        )


@dataclass(frozen=True, eq=False)
class ScaledSeriesReader(SeriesReader):
    """Reads windows for rules, such as the seasonal naive forecast. No graph is called with them.

    Windows are always a dict, and `scale` in it is the error of the seasonal naive forecast in the
    training steps of the series.
    """

    def marked(self, windows: Any, panel: Panel, series: Iterable[int]) -> dict[str, np.ndarray]:
        """As `SeriesReader.marked`."""
        scales = [self.scale_of(panel.names[number], panel, number) for number in series]
        given = windows if isinstance(windows, dict) else {"past": windows}
        return {**given, "scale": np.array(scales)}


def _last(values: np.ndarray, steps: int) -> np.ndarray:
    """The last steps; a shorter series is continued backwards with its first."""
    return values[np.maximum(np.arange(len(values) - steps, len(values)), 0)]


def _at(forecast: np.ndarray, steps: np.ndarray, past: np.ndarray, day: int) -> np.ndarray:
    """The forecast of each step; of one beyond the horizon that of the same hour a day before.

    The local clock leaves out an hour once a year, so that the last hour lies one step too far.
    """
    horizon = len(forecast)
    rows = [forecast[min(step, horizon - 1)] for step in steps]
    for row in np.flatnonzero(steps >= horizon):
        before = int(steps[row]) - day
        if 0 <= before < horizon:
            rows[row] = forecast[before]
        elif day and len(past) >= -before > 0:
            rows[row] = past[before] + forecast[-1] - forecast[-1, 0]
    return np.stack(rows)
