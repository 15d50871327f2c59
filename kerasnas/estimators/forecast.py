"""The forecaster: frames of series in, one `.keras` file that continues them out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import keras
import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from kerasnas.clock import Clock
from kerasnas.data.names import quoted
from kerasnas.data.panel import Panel, SeriesSchema
from kerasnas.data.series import fit_series, read_future
from kerasnas.data.series_reader import SeriesReader
from kerasnas.errors import SchemaError
from kerasnas.estimators.arguments import settle_families
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.forecast_backtest import backtest_of, origins_from
from kerasnas.estimators.forecast_task import ForecastProblem, channel_statistics
from kerasnas.estimators.objective_names import MEASURED
from kerasnas.estimators.task import Task
from kerasnas.objectives import Objective, listed, parse_objectives
from kerasnas.preprocessing import series as windows
from kerasnas.problem.forecasts import FORECAST
from kerasnas.problem.given import Given
from kerasnas.results.backtest import Backtest
from kerasnas.results.ensemble import Wish, parse_ensemble
from kerasnas.results.fitted import Fitted
from kerasnas.spaces.forecast import FAMILIES, SOLVED, ForecastHyperModel
from kerasnas.spaces.quantiles import QUANTILES, check_quantiles

# Validation windows overlap, so that few of them are news: an ensemble of forecasters is chosen
# with care. The numbers are those of the first ensembles of forecasters (benchmarks/forecast.py).
_NEAR = 1.3  # times the best score, up to which a trial may be a member
_START = 3  # the best trials, which the choice starts from
_ROUNDS = 12  # times that a member is added or weighs more


@dataclass(kw_only=True, eq=False, repr=False)
class TimeSeriesForecaster(Estimator):
    """Finds a forecaster for one or many series within a time budget, and saves it as one file.

    `fit` takes a frame with a row for each step of each series. Columns that no argument names are
    covariates whose future is not known. Missing steps are filled in and reported; validation is by
    rolling origin: the latest steps of every series are forecast from what came before them.

    Args:
        horizon: Steps to forecast.
        target: Column to forecast, or several. Of several, each is a series of its own in one
            model, and `predict` gives them beside each other.
        time: Column of times (timestamps, dates as strings, whole numbers such as 20240131 or
            202401), or name of the index; without it the index, or the only column that holds
            times.
        series: Column that tells series apart, or several of them; `None` for one series.
        known_future: Columns known ahead (holidays, prices, the weather forecast).
        static: Columns with one value a series.
        season: Steps of a season; `None` takes that of the calendar (12 for months, 24 for hours)
            or looks for one.
        quantiles: Levels of the forecast, the median among them.
        duplicates: What is done with rows of one series that share a step: `"mean"` averages
            them and says so, `"sum"` adds up their targets, `"last"` takes the last of them.
        objective: `val_mase`, `val_smape`, `val_rmse`, `val_wql`, a measure, or several.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        ensemble: `"auto"` answers with the mean of several trials where that scores better than
            the best of them; a number is the most trials to take, `False` answers with the best.
        refit: Train what was found once more on all steps, those of validation included.
        space: `"auto"`, or the names of families: `linear`, `autoregression`, `naive`, `nhits`,
            `tide`, `dlinear`, `tcn`, `patch_transformer`, `gru`.
        initial: Configurations to try first, as dicts of hyperparameters.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes; Keras
            callbacks go to `fit`.

    Attributes:
        season_: Steps of a season.
        lookback_: Steps that the model looks back.
        channels_: What the channels of a window are, the target first.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model.

    Examples:
        >>> fc = TimeSeriesForecaster(12, "sales", time="month")  # doctest: +SKIP
        >>> fc.fit(frame).predict()  # doctest: +SKIP
    """

    reader_class = SeriesReader
    _keeps_rows = True  # `backtest` forecasts the steps that were held out

    horizon: int = field(kw_only=False)
    target: str | Sequence[str] = field(kw_only=False)
    time: str | None = field(default=None, kw_only=False)
    series: str | Sequence[str] | None = field(default=None, kw_only=False)
    known_future: Sequence[str] = field(default=(), kw_only=False)
    static: Sequence[str] = field(default=(), kw_only=False)
    season: int | None = field(default=None, kw_only=False)
    quantiles: Sequence[float] = QUANTILES
    duplicates: str = "mean"
    folds: bool = field(default=False, init=False)
    intervals: None = field(default=None, init=False)

    def fit(  # type: ignore[override]
        self,
        frame: Any,
        *,
        validation_split: float = 0.2,
        epochs: int | None = None,
        batch_size: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
    ) -> Self:
        """Searches for the best forecaster within the budget.

        Args:
            frame: A DataFrame with a row for each step of each series. For one series without
                covariates a Series will do. Rows after the last target count as known future.
            validation_split: Share of the steps of each series, its latest, to validate with; at
                least one horizon, at most a third.
            epochs: Most epochs of one trial; the same as `Budget(epochs=…)`.
            batch_size: Windows in a step; the recipes search it otherwise.
            callbacks: Keras callbacks, copied for every trial.

        Returns:
            The forecaster itself.

        Raises:
            SchemaError: If the data cannot be used; before any training.
            SearchFailedError: If no trial came to a good end.
        """
        return super().fit(
            frame,
            validation_split=validation_split,
            epochs=epochs,
            batch_size=batch_size,
            callbacks=callbacks,
        )

    def predict(
        self, future: Any = None, *, history: Any = None, model: str | None = None
    ) -> pd.DataFrame:
        """Continues every series from its last known step.

        Args:
            future: A frame with the columns of `known_future` for the steps to come; not needed
                without such columns, or where the frame given to `fit` went on beyond the target.
            history: A frame like that of `fit`, to go on from its last steps instead.
            model: A row of the leaderboard that forecasts instead, by its `trial_id`.

        Returns:
            A frame with the time as index (series and time, for many): the point forecast under the
            name of the target, then its quantiles, `q0.1` and so on.

        Raises:
            SchemaError: If `future` or `history` lacks something.
            SearchSpaceError: If the model of this row is not kept.
        """
        fitted = self._answering(model)
        reader = _reader_of(fitted)
        panel = reader.known if history is None else reader.going_on(history)
        _tell(panel, "`history`", reader.schema, 3)
        later = read_future(future, reader.schema, panel, reader.horizon)
        return reader.frame(panel, fitted.outputs(reader.window(panel, later)))

    def backtest(
        self, frame: Any = None, *, start: Any = None, stride: int | None = None
    ) -> Backtest:
        """Forecasts from origins of the past, with the model as it is, beside what came.

        Args:
            frame: A frame like that of `fit`, with what came; it may begin where `fit` ended.
                `None` forecasts the steps that were held out in `fit`, which `refit=True` has
                learnt from.
            start: First time to be forecast; by default the first after those of `fit`, or, where
                there is none, the first after a whole window.
            stride: Steps between two origins; by default the horizon, so that every step is
                forecast once.

        Returns:
            Forecasts and their scores.

        Raises:
            SchemaError: If there is nothing to forecast.
        """
        check_is_fitted(self)
        return self._backtest(self.fitted_, frame, start, stride)

    def _backtest(
        self, fitted: Fitted, frame: Any = None, start: Any = None, stride: int | None = None
    ) -> Backtest:
        """As `backtest`, by any model of the search."""
        reader = _reader_of(fitted)
        stride = reader.horizon if stride is None else _whole(stride, "stride")
        if frame is None:
            origin = fitted.origin
            if origin is None:
                raise SchemaError(
                    "`backtest()` without a frame needs the forecaster that was fitted; a loaded "
                    "one has only the last steps. Call `backtest(frame)`."
                )
            panel, origins = origin.raw, origin.rows.valid
            ends = panel.lengths[origins.series] - reader.horizon
            origins = origins.take(np.flatnonzero((ends - origins.steps) % stride == 0))
        else:
            panel = reader.going_on(frame)
            _tell(panel, "`frame`", reader.schema, 4)
            origins = origins_from(reader, panel, start, stride)
        if not len(origins):
            raise SchemaError(
                f"There is no step to forecast {f'from {start!r} on' if start is not None else ''}"
                f" that has its answers: series of {panel.lengths.max()} steps, `horizon` "
                f"{reader.horizon}."
            )
        inputs = windows.inputs(
            panel, origins, reader.lookback, reader.horizon, reader.schema, dtype="float64"
        )
        inputs = reader.marked(inputs, panel, origins.series)
        return backtest_of(reader, panel, origins, fitted.outputs(inputs))

    def evaluate(self, frame: Any, y: Any = None) -> dict[str, float]:
        """MASE, sMAPE, RMSE and weighted quantile loss of forecasting the steps of a frame.

        Args:
            frame: The steps that followed those of `fit`, or all of them.
            y: Not used.
        """
        return self.backtest(frame).scores

    def score(self, frame: Any, y: Any = None) -> float:
        """The MASE of `evaluate`, negated: larger is better, as scikit-learn has it."""
        return -self.evaluate(frame)["mase"]

    def _scoring(self, x: Any, y: Any, sample_weight: Any) -> Callable[[Fitted], dict[str, float]]:
        """What scores a model on the steps of a frame."""
        return lambda fitted: self._backtest(fitted, x).scores

    def _prepare(self, given: Given, clock: Clock) -> Task:
        """Checks everything that can be wrong with the data and makes the task of it."""
        horizon = _whole(self.horizon, "horizon")
        check_quantiles(self.quantiles)
        schema, panel = fit_series(
            given.x,
            self.target,
            time=self.time,
            series=self.series,
            known_future=self.known_future,
            static=self.static,
            duplicates=self.duplicates,
        )
        _tell(panel, "`frame`", schema, 5)
        season = self._season(schema, panel, horizon)
        how = (given.validation_split, given.seed)
        split = windows.rolling_split(panel, horizon, season, *how)
        if (
            self.season is None
            and season == 1
            and (schema.grid is None or schema.grid.kind == "integer")
        ):
            season = windows.detect_season(panel, split.cuts)
            split = windows.rolling_split(panel, horizon, season, *how)
        statistics, means = channel_statistics(panel, split.cuts, schema)
        hypermodel = ForecastHyperModel(
            horizon,
            len(schema.channels),
            windows.lookbacks(split.cuts, horizon, season),
            season,
            self.quantiles,
            statistics,
            len(split.train),
            settle_families(self.space, (*SOLVED, *FAMILIES)),
        )
        scales = windows.seasonal_scales(panel, split.cuts, season)
        problem = ForecastProblem(
            schema, panel, split, season, scales, hypermodel, given.seed, means
        )
        return Task(problem, hypermodel, problem.baselines)

    def _wish(self) -> Wish:
        return replace(parse_ensemble(self.ensemble), near=_NEAR, start=_START, rounds=_ROUNDS)

    def _season(self, schema: Any, panel: Panel, horizon: int) -> int:
        """Steps of the season: as told, or of the calendar where two of them are there."""
        if self.season is not None:
            season, longest = _whole(self.season, "season"), int(panel.lengths.max())
            if season > 1 and season + 2 * horizon > longest:
                raise SchemaError(
                    f"`season` is {season}, but the longest series has {longest} steps; with a "
                    f"horizon of {horizon} a season needs {season + 2 * horizon}: one to look back "
                    "on, and steps to learn from and to validate with. Set `season=1`, or give "
                    "more steps."
                )
            return season
        usual = schema.grid.season() if schema.grid is not None else 1
        return usual if panel.lengths.max() >= max(2 * usual, usual + 2 * horizon) else 1

    def _score_names(self) -> list[str]:
        return [f"val_{name}" for name in FORECAST]

    def _objectives(self) -> tuple[Any, ...]:
        scores = self._score_names()
        items = listed("val_mase" if self.objective is None else self.objective)
        named = ["val_mase" if item == "val_loss" else item for item in items]
        directed: list[Any] = [Objective(n, "min") if n in scores else n for n in named]
        return parse_objectives(directed, [*scores, *MEASURED])

    @property
    def _series(self) -> SeriesReader:
        """The reader of the series."""
        return _reader_of(self.fitted_)

    @property
    def season_(self) -> int:
        """Steps of a season."""
        return self._series.season

    @property
    def lookback_(self) -> int:
        """Steps that the model looks back."""
        return self._series.lookback

    @property
    def channels_(self) -> list[str]:
        """The channels of a window, the target first."""
        return [channel.name for channel in self._series.schema.channels]


def _reader_of(fitted: Fitted) -> SeriesReader:
    reader: Any = fitted.reader
    return reader


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SchemaError(f"`{name}` must be a whole number of at least 1, received {value!r}.")
    return int(value)


def _tell(panel: Panel, argument: str, schema: SeriesSchema, level: int) -> None:
    """Warns of what had to be made regular, and of times that could mean something else."""
    if panel.notes:
        warnings.warn(
            f"The series are not regular: {'; '.join(panel.notes)}. Steps without a value are "
            "filled in by straight lines for the model to look at; they are not learnt from as "
            f"answers and not scored. Fill {quoted(schema.targets)} in {argument} yourself for "
            "other values.",
            UserWarning,
            stacklevel=level,
        )
    if panel.doubt:
        warnings.warn(
            f"The dates of `{schema.time}` were read with the {panel.doubt}. Convert them with "
            f"`pandas.to_datetime` and `dayfirst=`, and pass {argument} again, if that is wrong.",
            UserWarning,
            stacklevel=level,
        )
