"""Forecasts from many origins of the past, beside what came."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True, eq=False)
class Backtest:
    """Rolling-origin forecasts of one model.

    Attributes:
        forecasts: A row for each origin and step: `origin` (the last step known), the time, `step`
            from 1, `actual` (NaN where it is not known), the point forecast, its quantiles.
        scores: MASE, sMAPE, RMSE and weighted quantile loss over all of them.
        seasonal_naive: The same scores of repeating the last season.
        by_step: The scores for each step of the horizon.
    """

    forecasts: pd.DataFrame
    scores: dict[str, float]
    seasonal_naive: dict[str, float] = field(default_factory=dict)
    by_step: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __repr__(self) -> str:
        """The scores in one line each."""
        origins = self.forecasts.groupby("step").size().max() if len(self.forecasts) else 0
        lines = [f"Backtest of {origins} origins"]
        for name, value in self.scores.items():
            beside = self.seasonal_naive.get(name)
            lines.append(f"  {name:6} {value:10.4g}   seasonal naive {beside:10.4g}")
        return "\n".join(lines)
