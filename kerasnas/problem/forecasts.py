"""Scores of forecasts, under the names that leaderboards and objectives use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerasnas.problem.metrics import ClassColumns

FORECAST = ("mase", "smape", "rmse", "wql")


@dataclass(frozen=True)
class ForecastScorer:
    """Scores quantile forecasts for fixed targets; targets that are NaN do not count.

    Attributes:
        targets: True values, shape `(windows, horizon)`.
        scales: For each window the error of the seasonal naive forecast in training.
        quantiles: Levels of the forecasts, ascending, the median among them.
        floor: Smallest answer, `None` for none.
        levels: For each window what forecasts are counted from; `None` for 0.
    """

    targets: np.ndarray
    scales: np.ndarray
    quantiles: tuple[float, ...]
    floor: float | None = None
    levels: np.ndarray | None = None

    @property
    def rows(self) -> int:
        """Number of windows."""
        return len(self.targets)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""
        return FORECAST

    @property
    def weights(self) -> None:
        """`None`: every window counts as much as another."""
        return None

    @property
    def class_columns(self) -> tuple[ClassColumns, ...]:
        """None: forecasts are no probabilities."""
        return ()

    def of(self, rows: np.ndarray) -> ForecastScorer:
        """The scorer of some of the windows."""
        levels = None if self.levels is None else self.levels[rows]
        return replace(self, targets=self.targets[rows], scales=self.scales[rows], levels=levels)

    def __call__(self, predictions: np.ndarray) -> dict[str, float]:
        """Scores forecasts of shape `(windows, horizon, quantiles)`.

        Returns:
            `mase`: mean absolute error of the median, each window's divided by its scale.
            `smape`: symmetric mean absolute percentage error of the median, in percent, 0 to 200.
            `rmse`: root mean squared error of the median.
            `wql`: weighted quantile loss: twice the pinball loss of all levels, divided by the sum
            of the true values' sizes.
        """
        return self.some(FORECAST, predictions)

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """The scores of these names only."""
        if not np.isfinite(predictions).all():
            return dict.fromkeys(names, float("nan"))
        forecasts = predictions.astype("float64")
        if self.levels is not None:
            forecasts = forecasts + self.levels[:, None, None]
        if self.floor is not None:
            forecasts = np.maximum(forecasts, self.floor)
        there = np.isfinite(self.targets)
        targets = np.where(there, self.targets, 0.0)
        point = forecasts[..., self.quantiles.index(0.5)]
        error = np.where(there, targets - point, 0.0)
        found = {}
        if "mase" in names:
            found["mase"] = float((np.abs(error) / self.scales[:, None]).sum() / there.sum())
        if "smape" in names:
            size = np.abs(targets) + np.abs(point)
            relative = np.divide(2 * np.abs(error), size, out=np.zeros_like(error), where=size > 0)
            found["smape"] = float(100 * relative[there].mean())
        if "rmse" in names:
            found["rmse"] = float(np.sqrt((error**2).sum() / there.sum()))
        if "wql" in names:
            found["wql"] = self._wql(forecasts, targets, there)
        return found

    def _wql(self, forecasts: np.ndarray, targets: np.ndarray, there: np.ndarray) -> float:
        levels = np.array(self.quantiles)
        gaps = np.where(there[..., None], targets[..., None] - forecasts, 0.0)
        pinball = np.maximum(levels * gaps, (levels - 1) * gaps).sum(axis=(0, 1))
        count, volume = int(there.sum()), float(np.abs(targets).sum())
        return float(2 * pinball.mean() / (volume if volume > 0 else count))

    def answers(self, predictions: np.ndarray) -> np.ndarray:
        """Forecasts as they are: in the series' own units, counted from `levels`."""
        return predictions

    def validation(self, predictions: np.ndarray) -> dict[str, float]:
        """The same scores as Keras would name them: `val_mase` and so on."""
        return {f"val_{name}": value for name, value in self(predictions).items()}
