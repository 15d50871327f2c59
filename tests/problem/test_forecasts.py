"""Scores of forecasts, against their definitions."""

import numpy as np
import pytest

from kerasnas.problem.forecasts import FORECAST, ForecastScorer

TRUE = np.array([[1.0, 2.0], [10.0, np.nan]])
FORECASTS = np.array([[[0.0, 2.0, 3.0], [1.0, 2.0, 4.0]], [[5.0, 8.0, 9.0], [0.0, 0.0, 0.0]]])
SCORER = ForecastScorer(TRUE, np.array([1.0, 4.0]), (0.1, 0.5, 0.9))


def test_scores_are_what_their_definitions_say():
    scores = SCORER(FORECASTS)
    assert scores["mase"] == pytest.approx((1.0 / 1 + 0.0 + 2.0 / 4) / 3)
    assert scores["smape"] == pytest.approx(100 * (2 * 1 / 3 + 0 + 2 * 2 / 18) / 3)
    assert scores["rmse"] == pytest.approx(np.sqrt((1 + 0 + 4) / 3))
    pinball = [
        0.1 * 1 + 0.1 * 1 + 0.1 * 5,
        0.5 * 1 + 0.0 + 0.5 * 2,
        0.1 * 2 + 0.1 * 2 + 0.9 * 1,
    ]
    assert scores["wql"] == pytest.approx(2 * np.mean(pinball) / 13)


def test_names_are_those_of_the_leaderboard():
    assert tuple(SCORER.validation(FORECASTS)) == tuple(f"val_{name}" for name in FORECAST)


def test_a_perfect_forecast_has_no_error():
    exact = np.where(np.isnan(TRUE), 3.0, TRUE)[..., None].repeat(3, axis=2)
    assert SCORER(exact) == dict.fromkeys(FORECAST, 0.0)


def test_answers_that_are_no_numbers_are_no_scores():
    assert np.isnan(list(SCORER(np.full((2, 2, 3), np.nan)).values())).all()


def test_a_floor_holds_answers_up():
    floored = ForecastScorer(np.zeros((1, 1)), np.ones(1), (0.5,), floor=0.0)
    assert floored(np.full((1, 1, 1), -3.0))["mase"] == 0.0
