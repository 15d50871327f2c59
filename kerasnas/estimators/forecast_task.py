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

from kerasnas.baselines import BaselineModel, Baselines, scored
from kerasnas.clock import Clock, Purpose
from kerasnas.data import RegressionTarget
from kerasnas.data.fingerprint import fingerprint
from kerasnas.data.panel import Panel, SeriesSchema
from kerasnas.data.series_reader import ScaledSeriesReader, SeriesReader
from kerasnas.estimators.forecast_export import with_point_forecast
from kerasnas.preprocessing import series as windows
from kerasnas.problem import View
from kerasnas.problem.forecasts import ForecastScorer
from kerasnas.results.traced import TracedModel
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
        means: Of each channel, what the graph takes off in float64, where float32 is too coarse for
            the series; `None` elsewhere. Of the target the graph takes off the last value.
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
    means: np.ndarray | None = None
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
            windows.answers(self.raw, self.rows.valid, self.horizon),
            self.scales[self.rows.valid.series],
            self.hypermodel.quantiles,
            self.floor,
            self._levels(self.rows.valid),
        )

    def _levels(self, origins: windows.Origins) -> np.ndarray | None:
        """What forecasts of a network are counted from at each origin."""
        return None if self.means is None else windows.last_values(self.raw, origins)

    def _seen(self, origins: windows.Origins, lookback: int) -> Any:
        """What a network sees at each origin."""
        return windows.inputs(
            self.raw, origins, lookback, self.horizon, self.schema, means=self.means
        )

    def _answers(self, origins: windows.Origins) -> np.ndarray:
        """What a network is to answer at each origin, float32."""
        found, levels = windows.answers(self.raw, origins, self.horizon), self._levels(origins)
        return (found if levels is None else found - levels[:, None]).astype("float32")

    @property
    def reader(self) -> SeriesReader:
        """The reader of the longest windows that are searched."""
        return self._reader(self.hypermodel.lookbacks[-1])

    def reader_of(self, model: keras.Model) -> SeriesReader:
        """The reader of the windows that an exported model takes."""
        past = model.input["past"] if self.schema.future else model.input
        return self._reader(int(past.shape[1]))

    def _reader(self, lookback: int, cls: type[SeriesReader] = SeriesReader) -> SeriesReader:
        """Reads new frames, and goes on from these."""
        return cls(
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
        rules = {"naive": partial(self._naive, 1)}
        if self.season > 1:
            rules["seasonal_naive"] = partial(self._naive, self.season)
        fits = {**rules, "dlinear": partial(self._linear, clock)}
        found = scored(fits, scorer, clock, Purpose.SERIES_BASELINE, free=len(rules))
        answers = {n: a for n, a in found.answers.items() if n in rules}
        # Windows of one series that overlap have answers in common.
        valid = self.rows.valid
        pairs = np.stack([valid.series, valid.steps // self.horizon], axis=1)
        blocks = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)
        # Windows as long as the rules and the linear map look back.
        longest = max(self.hypermodel.lookbacks[-1], self.season)
        reader = self._reader(longest, ScaledSeriesReader)
        return replace(found, answers=answers, blocks=blocks, reader=reader)

    def assembler(self, hp: Any) -> Callable[[keras.Model], keras.Model]:
        """As `AnyProblem.assembler`: the same for all networks."""
        return partial(
            with_point_forecast,
            quantiles=self.hypermodel.quantiles,
            floor=self.floor,
            means=None if self.means is None else self.means.tolist(),
            ahead=tuple(self.schema.future),
        )

    def _view(self, lookback: int) -> View:
        x, y, weights = self._training(self.rows.train, lookback)
        valid = self.rows.valid
        seen = self._seen(valid, lookback)
        scorer: Any = self.scorer()
        return View(
            x=x,
            y=y,
            weights=weights,
            validation=(seen, self._answers(valid)),
            scorer=scorer,
            assemble=self.assembler(None),
            example=tf.nest.map_structure(lambda a: a[:1], seen),
        )

    def _training(
        self, origins: windows.Origins, lookback: int
    ) -> tuple[Any, np.ndarray, np.ndarray]:
        index = windows.full_windows(origins, lookback)
        most = windows.most_windows(lookback, len(self.schema.channels))
        kept = origins.take(windows.thin(index, most, self.seed))
        y = self._answers(kept)
        there = np.isfinite(y).any(axis=1)
        kept, y = kept.take(np.flatnonzero(there)), y[there]
        x = self._seen(kept, lookback)
        return x, y, (1.0 / self.scales[kept.series]).astype("float32")

    def _naive(self, season: int) -> tuple[np.ndarray, BaselineModel]:
        """Quantiles of repeating the last season, at the validation origins and at others."""
        train, valid = self.rows.train, self.rows.valid
        train = train.take(np.flatnonzero(train.steps >= season))
        levels, horizon, floor = self.hypermodel.quantiles, self.horizon, self.floor
        spread = np.zeros((horizon, len(levels)))
        if len(train):
            y = windows.answers(self.raw, train, horizon)
            errors = y - repeat_season(self.raw, train, season, horizon)
            errors = errors / self.scales[train.series][:, None]
            errors = errors[np.isfinite(errors).all(axis=1)]
            spread = offsets(errors, levels) if len(errors) else spread
        point, lasts = repeat_season(self.raw, valid, season, horizon), self._levels(valid)
        point = point if lasts is None else point - lasts[:, None]

        def answer(inputs: Any, data: Any) -> np.ndarray:
            past = np.asarray(inputs["past"], "float64")[:, -season:, :1]
            again = past[:, np.arange(horizon) % season]
            found = again + inputs["scale"][:, None, None] * spread
            if floor is not None:
                found = np.maximum(found, floor)
            middle = levels.index(0.5)
            return np.concatenate([found[..., middle : middle + 1], found], axis=2)

        scales = self.scales[valid.series][:, None, None]
        return point[..., None] + scales * spread, BaselineModel(answer)

    def _linear(self, clock: Clock) -> tuple[np.ndarray, BaselineModel]:
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
        hp, lookback = keras_tuner.HyperParameters(), space.lookback(keras_tuner.HyperParameters())
        values = {"family": "linear", "transform": "none", "base": "last", "ridge": 0.1}
        hp.values = {**values, "lookback": lookback}
        view = self.view(hp)
        deadline = clock.allot(Purpose.SERIES_BASELINE)
        network = plain.solve(hp, view, self.seed, deadline).network
        traced = TracedModel(view.assemble(network))

        def answer(inputs: Any, data: Any) -> np.ndarray:
            past = inputs["past"][:, -lookback:]
            given = {"past": past, "future": inputs["future"]} if "future" in inputs else past
            found: np.ndarray = traced(given)
            return found

        found = Predictor(network, view.validation[0])().astype("float64")
        return found, BaselineModel(answer)


def repeat_season(panel: Panel, origins: windows.Origins, season: int, horizon: int) -> np.ndarray:
    """The seasonal naive forecast at each origin, `(origins, horizon)`."""
    out = np.empty((len(origins), horizon))
    back = np.arange(horizon) % season - season
    for row, (number, step) in enumerate(zip(origins.series, origins.steps, strict=True)):
        out[row] = panel.values[number][np.maximum(step + back, 0), 0]
    return out


def channel_statistics(
    panel: Panel, cuts: np.ndarray, schema: SeriesSchema
) -> tuple[ChannelStatistics, np.ndarray | None]:
    """Scales of the channels, from the steps that training may look at.

    Returns:
        The statistics, and what the graph takes off each channel in float64; `None` for nothing.
    """
    pieces = [v[: int(cut)] for v, cut in zip(panel.values, cuts, strict=True)]
    rows = np.concatenate(pieces)
    target, others = rows[:, 0], rows[:, 1:]
    low, high, spread = float(target.min()), float(target.max()), float(target.std())
    targets = [piece[:, 0] for piece in pieces]
    means = None
    if windows.series_lose_digits(panel, cuts):
        # Zeros and ones that mark a category stay what they are.
        numbers = [channel.level is None for channel in schema.channels]
        means = np.where(numbers, rows.mean(axis=0), 0.0)
    statistics = ChannelStatistics(
        low=low,
        high=high,
        spread=spread or 1.0,
        means=tuple(float(m) for m in others.mean(axis=0)),
        deviations=tuple(float(d) for d in others.std(axis=0)),
        future=tuple(schema.future),
        groups=tuple(schema.indicators),
        finest=windows.finest(windows.spreads_of(targets), spread),
        shifted=means is not None,
    )
    if statistics.positive:
        logs = [np.log(t) for t in targets]
        finest = windows.finest(windows.spreads_of(logs), float(np.log(high / low)) / 4)
        statistics = replace(statistics, finest_log=finest)
    if means is not None:
        left = np.array(statistics.means) - means[1:]
        statistics = replace(statistics, means=tuple(float(m) for m in left))
    return statistics, means
