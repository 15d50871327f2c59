"""The problem of a forecaster: what trials train on, and the baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import keras
import keras_tuner
import numpy as np
import tensorflow as tf
from keras import layers, ops

from kerasnas.baselines import Baselines, scored
from kerasnas.clock import Clock, Purpose
from kerasnas.data import RegressionTarget
from kerasnas.data.panel import Panel, SeriesSchema
from kerasnas.data.series_reader import SeriesReader
from kerasnas.preprocessing import series as windows
from kerasnas.problem import View
from kerasnas.problem.forecasts import ForecastScorer
from kerasnas.searching import fingerprint
from kerasnas.spaces.forecast import ForecastHyperModel
from kerasnas.spaces.forecast_front import ChannelStatistics
from kerasnas.spaces.forecast_solved import offsets
from kerasnas.trial.answers import Predictor

_KEPT_VIEWS = 4


@dataclass(frozen=True, eq=False)
class ForecastProblem:
    """Series and their rolling split, with the members of an `AnyProblem`.

    Attributes:
        schema: The columns.
        raw: The series.
        rows: Origins to train on and to validate with.
        season: Steps of a season.
        scales: Error of the seasonal naive forecast, for each series.
        hypermodel: The search space.
        seed: Seed of the search.
        target: Targets stay as they are.
        broken: None: a frame has no files.
    """

    schema: SeriesSchema
    raw: Panel
    rows: windows.RollingSplit
    season: int
    scales: np.ndarray
    hypermodel: ForecastHyperModel
    seed: int
    target: RegressionTarget = field(default_factory=RegressionTarget)
    broken: Sequence[str] = ()
    _views: dict[int, View] = field(default_factory=dict, repr=False)

    @property
    def horizon(self) -> int:
        """Steps of a forecast."""
        return self.hypermodel.horizon

    @property
    def floor(self) -> float | None:
        """Smallest answer: series that were never negative are not forecast to be."""
        return 0.0 if self.hypermodel.statistics.low >= 0 else None

    def with_metrics(self, extra: tuple[str, ...]) -> Self:
        """The problem itself: forecasts have no further metrics."""
        return self

    def identity(self) -> dict[str, Any]:
        """What tells this search from another one in the same directory."""
        return {
            "columns": [[c.name, c.role] for c in self.schema.channels],
            "horizon": self.horizon,
            "data": fingerprint(*self.raw.values),
        }

    def view(self, hp: Any) -> View:
        """Windows of the lookback that these hyperparameters ask for; the last few are kept."""
        lookback = self.hypermodel.lookback(hp)
        if lookback not in self._views:
            while len(self._views) >= _KEPT_VIEWS:
                self._views.pop(next(iter(self._views)))
            self._views[lookback] = self._view(lookback)
        return self._views[lookback]

    def whole(self, hp: Any) -> View:
        """The view of these hyperparameters with all origins among those to train on."""
        x, y, weights = self._training(self.rows.every, self.hypermodel.lookback(hp))
        return replace(self.view(hp), x=x, y=y, weights=weights)

    def scorer(self) -> ForecastScorer:
        """Scores forecasts of the validation origins."""
        return ForecastScorer(
            windows.answers(self.raw, self.rows.valid, self.horizon).astype("float64"),
            self.scales[self.rows.valid.series],
            self.hypermodel.quantiles,
            self.floor,
        )

    @property
    def reader(self) -> SeriesReader:
        """The reader of the longest windows that are searched."""
        return self._reader(self.hypermodel.lookbacks[-1])

    def reader_of(self, model: keras.Model) -> SeriesReader:
        """The reader of the windows that an exported model takes."""
        past = model.input["past"] if self.schema.future else model.input
        return self._reader(int(past.shape[1]))

    def _reader(self, lookback: int) -> SeriesReader:
        """Reads new frames, and goes on from these."""
        return SeriesReader(
            schema=self.schema,
            known=self.raw.tail(max(lookback, self.season)),
            horizon=self.horizon,
            lookback=lookback,
            season=self.season,
            quantiles=self.hypermodel.quantiles,
            scales=tuple(float(s) for s in self.scales),
        )

    def baselines(self, scorer: ForecastScorer, clock: Clock, seed: int) -> Baselines:
        """What the last value, the last season and a linear map of the window reach.

        The answer is compared with the rules. A linear map is one of the trials besides.
        """
        rules: dict[str, Callable[[], np.ndarray]] = {"naive": lambda: self._naive(1)}
        if self.season > 1:
            rules["seasonal_naive"] = lambda: self._naive(self.season)
        fits = {**rules, "dlinear": lambda: self._linear(clock)}
        found = scored(fits, scorer, clock, Purpose.SERIES_BASELINE, free=len(rules))
        return replace(found, answers={n: a for n, a in found.answers.items() if n in rules})

    def _view(self, lookback: int) -> View:
        x, y, weights = self._training(self.rows.train, lookback)
        valid = self.rows.valid
        seen = windows.inputs(self.raw, valid, lookback, self.horizon, self.schema)
        scorer: Any = self.scorer()
        return View(
            x=x,
            y=y,
            weights=weights,
            validation=(seen, windows.answers(self.raw, valid, self.horizon)),
            scorer=scorer,
            assemble=partial(
                with_point_forecast, quantiles=self.hypermodel.quantiles, floor=self.floor
            ),
            example=tf.nest.map_structure(lambda a: a[:1], seen),
        )

    def _training(
        self, origins: windows.Origins, lookback: int
    ) -> tuple[Any, np.ndarray, np.ndarray]:
        index = windows.full_windows(origins, lookback)
        most = windows.most_windows(lookback, len(self.schema.channels))
        kept = origins.take(windows.thin(index, most, self.seed))
        y = windows.answers(self.raw, kept, self.horizon)
        there = np.isfinite(y).any(axis=1)
        kept, y = kept.take(np.flatnonzero(there)), y[there]
        x = windows.inputs(self.raw, kept, lookback, self.horizon, self.schema)
        return x, y, (1.0 / self.scales[kept.series]).astype("float32")

    def _naive(self, season: int) -> np.ndarray:
        """Quantiles of repeating the last season, at the validation origins."""
        train, valid = self.rows.train, self.rows.valid
        train = train.take(np.flatnonzero(train.steps >= season))
        levels = self.hypermodel.quantiles
        spread = np.zeros((self.horizon, len(levels)))
        if len(train):
            y = windows.answers(self.raw, train, self.horizon)
            errors = (y - repeat_season(self.raw, train, season, self.horizon)).astype("float64")
            errors = errors / self.scales[train.series][:, None]
            errors = errors[np.isfinite(errors).all(axis=1)]
            spread = offsets(errors, levels) if len(errors) else spread
        point = repeat_season(self.raw, valid, season, self.horizon)
        return point[..., None] + self.scales[valid.series][:, None, None] * spread

    def _linear(self, clock: Clock) -> np.ndarray:
        """A linear map of the window, as DLinear, its weights solved for."""
        space = self.hypermodel
        plain = ForecastHyperModel(
            space.horizon,
            space.channels,
            space.lookbacks,
            space.season,
            space.quantiles,
            space.statistics,
            families=("linear",),
        )
        hp = keras_tuner.HyperParameters()
        values = {"family": "linear", "transform": "none", "base": "last", "ridge": 0.1}
        hp.values = {**values, "lookback": space.lookback(keras_tuner.HyperParameters())}
        view = self.view(hp)
        deadline = clock.allot(Purpose.SERIES_BASELINE)
        network = plain.solve(hp, view, self.seed, deadline).network
        return Predictor(network, view.validation[0])().astype("float64")


def with_point_forecast(
    network: keras.Model, quantiles: Sequence[float], floor: float | None
) -> keras.Model:
    """The exported model: windows in, the point forecast and then the quantiles out.

    Args:
        network: From windows to quantiles.
        quantiles: Their levels; the point forecast is the median.
        floor: The least forecast; `None` without one.
    """
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), network.input
    )
    answer = keras.Model(network.input, network.outputs[0], name="network")(inputs)
    if floor is not None:
        answer = ops.maximum(answer, floor)
    middle = [*quantiles].index(0.5)
    answer = layers.Concatenate(name="forecast")([answer[:, :, middle : middle + 1], answer])
    return keras.Model(inputs, answer, name="kerasnas")


def repeat_season(panel: Panel, origins: windows.Origins, season: int, horizon: int) -> np.ndarray:
    """The seasonal naive forecast at each origin, `(origins, horizon)`."""
    out = np.empty((len(origins), horizon))
    back = np.arange(horizon) % season - season
    for row, (number, step) in enumerate(zip(origins.series, origins.steps, strict=True)):
        out[row] = panel.values[number][np.maximum(step + back, 0), 0]
    return out


def channel_statistics(panel: Panel, cuts: np.ndarray, schema: SeriesSchema) -> ChannelStatistics:
    """Scales of the channels, from the steps that training may look at."""
    pieces = [v[: int(cut)] for v, cut in zip(panel.values, cuts, strict=True)]
    rows = np.concatenate(pieces).astype("float64")
    target, others = rows[:, 0], rows[:, 1:]
    return ChannelStatistics(
        low=float(target.min()),
        high=float(target.max()),
        spread=float(target.std()) or 1.0,
        means=tuple(float(m) for m in others.mean(axis=0)),
        deviations=tuple(float(d) for d in others.std(axis=0)),
        future=tuple(schema.future),
    )
