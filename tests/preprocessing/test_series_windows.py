"""Windows over series: nothing that is validated with is learnt from."""

import numpy as np
import pandas as pd
import pytest

from kerasnas.data.series import fit_series
from kerasnas.errors import SchemaError
from kerasnas.preprocessing.series import (
    answers,
    detect_season,
    full_windows,
    inputs,
    lookbacks,
    rolling_split,
    seasonal_scales,
)


def panel_of(*lengths, hole=None):
    parts = []
    for number, length in enumerate(lengths):
        y = np.arange(length, dtype=float)
        if hole is not None:
            y[hole] = np.nan
        parts.append(pd.DataFrame({"id": number, "t": np.arange(length), "y": y, "ahead": 2 * y}))
    frame = pd.concat(parts).fillna({"ahead": 0})
    return fit_series(frame, "y", time="t", series="id", known_future=["ahead"])


@pytest.mark.parametrize("length", [30, 60, 120, 500])
@pytest.mark.parametrize("horizon", [1, 6, 12])
def test_training_ends_before_validation_begins(length, horizon):
    _, panel = panel_of(length, length + 7)
    split = rolling_split(panel, horizon, 12, 0.2, seed=0)
    for number in (0, 1):
        train = split.train.steps[split.train.series == number]
        valid = split.valid.steps[split.valid.series == number]
        assert train.max() + horizon <= split.cuts[number] <= valid.min()
        assert valid.max() + horizon == panel.lengths[number]
        assert split.cuts[number] >= length // 2
    assert split.every.steps.max() + horizon == length + 7


def test_a_window_is_what_came_before_and_an_answer_what_came_after():
    schema, panel = panel_of(40)
    split = rolling_split(panel, 3, 1, 0.2, seed=0)
    seen = inputs(panel, split.train, 5, 3, schema)
    y = answers(panel, split.train, 3)
    for row, step in enumerate(split.train.steps):
        expected = np.maximum(np.arange(step - 5, step), 0)
        assert seen["past"][row, :, 0].tolist() == expected.tolist()
        assert seen["future"][row, :, 0].tolist() == [2 * s for s in range(step, step + 3)]
        assert y[row].tolist() == [step, step + 1, step + 2]


def test_steps_without_a_target_are_no_answers():
    _, panel = panel_of(40, hole=20)
    split = rolling_split(panel, 3, 1, 0.2, seed=0)
    y = answers(panel, split.train, 3)
    at = split.train.steps[:, None] + np.arange(3)
    assert (np.isnan(y) == (at == 20)).all()


def test_a_short_series_among_others_is_learnt_from_but_not_validated_with():
    _, panel = panel_of(60, 15)
    split = rolling_split(panel, 6, 1, 0.2, seed=0)
    assert set(split.valid.series) == {0}
    assert set(split.train.series) == {0, 1}


def test_too_short_for_the_horizon():
    _, panel = panel_of(20)
    with pytest.raises(SchemaError, match=r"20 steps; a horizon of 12 needs at least 28"):
        rolling_split(panel, 12, 1, 0.2, seed=0)


@pytest.mark.parametrize("season", [1, 7, 12, 52])
@pytest.mark.parametrize("cut", [10, 30, 84, 400, 5000])
def test_a_lookback_leaves_windows_to_train_on(season, cut):
    horizon = 4
    choices = lookbacks(np.array([cut]), horizon, season)
    assert choices == sorted(set(choices))
    assert all(2 <= n <= max(2, cut - horizon) for n in choices)
    if season > 1 and cut > 4 * season:
        assert all(n >= season for n in choices)
        assert 2 * season in choices


def test_a_season_is_looked_back_on_wherever_one_window_holds_it():
    assert lookbacks(np.array([24]), 12, 12) == [12]
    assert max(lookbacks(np.array([23]), 12, 12)) < 12


@pytest.mark.parametrize(("steps", "horizon", "season"), [(24, 6, 12), (36, 12, 12), (80, 5, 50)])
def test_a_split_leaves_a_season_to_look_back_on(steps, horizon, season):
    _, panel = panel_of(steps)
    split = rolling_split(panel, horizon, season, 0.2, seed=0)
    assert lookbacks(split.cuts, horizon, season)[0] == season


def test_only_full_windows_where_there_are_enough():
    _, panel = panel_of(60)
    train = rolling_split(panel, 6, 1, 0.2, seed=0).train
    assert train.take(full_windows(train, 20)).steps.min() == 20
    assert len(full_windows(train, 50)) == len(train)


def test_scales_are_the_error_of_the_seasonal_naive_before_the_cut():
    y = np.tile([0.0, 10.0], 20) + np.arange(40)
    y[30:] += 1000
    _, panel = fit_series(y, "y")
    assert seasonal_scales(panel, np.array([30]), 2)[0] == pytest.approx(2.0)
    assert seasonal_scales(panel, np.array([30]), 1)[0] == pytest.approx(
        np.abs(np.diff(y[:30])).mean()
    )


def test_the_scale_of_a_constant_series_is_its_size():
    _, panel = fit_series(np.full(40, 5.0), "y")
    assert seasonal_scales(panel, np.array([30]), 1)[0] == pytest.approx(5.0)


def test_a_season_is_found_where_there_is_one():
    rng = np.random.default_rng(0)
    steps = np.arange(120)
    wave = 3 * np.sin(2 * np.pi * steps / 8) + 0.1 * steps + rng.normal(0, 0.3, 120)
    _, panel = fit_series(wave, "y")
    assert detect_season(panel, np.array([100])) == 8
    _, panel = fit_series(rng.normal(size=120), "y")
    assert detect_season(panel, np.array([100])) == 1
