"""The space of forecasts: scales come off and on again, quantiles never cross."""

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas.clock import Deadline
from kerasnas.errors import SearchSpaceError
from kerasnas.problem import View
from kerasnas.spaces.forecast import FAMILIES, SOLVED, ForecastHyperModel
from kerasnas.spaces.forecast_front import ChannelStatistics
from kerasnas.spaces.quantiles import QuantileLoss

LEVELS = (0.1, 0.5, 0.9)
LOOKBACK, HORIZON = 16, 4


def values(**given):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(given)
    return hp


def space(channels=1, **arguments):
    settings = {"season": 4, "quantiles": LEVELS, "families": (*SOLVED, *FAMILIES), **arguments}
    return ForecastHyperModel(HORIZON, channels, (LOOKBACK,), **settings)


def windows_of(series):
    starts = np.arange(len(series) - LOOKBACK - HORIZON + 1)
    x = np.stack([series[s : s + LOOKBACK] for s in starts])[..., None].astype("float32")
    y = np.stack([series[s + LOOKBACK : s + LOOKBACK + HORIZON] for s in starts])
    return x, y.astype("float32")


def randomise(model, seed=0):
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("transform", ["none", "log"])
def test_quantiles_of_every_network_are_in_order_and_a_file_gives_them_back(
    family, transform, tmp_path
):
    statistics = ChannelStatistics(low=1.0, high=50.0, spread=10.0)
    model = space(statistics=statistics).build(values(family=family, transform=transform))
    randomise(model)
    x = np.random.default_rng(1).uniform(1, 50, (8, LOOKBACK, 1)).astype("float32")
    answer = np.asarray(model(x))
    assert answer.shape == (8, HORIZON, 3)
    assert np.isfinite(answer).all()
    assert (np.diff(answer, axis=-1) >= 0).all()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(np.asarray(again(x)), answer, rtol=1e-5)


@pytest.mark.parametrize("base", ["last", "seasonal", "mean"])
def test_the_scale_of_a_window_is_the_scale_of_its_answers(base):
    model = space().build(values(family="tide", base=base))
    randomise(model)
    x = np.random.default_rng(1).normal(size=(4, LOOKBACK, 1)).astype("float32")
    there = np.asarray(model(x))
    np.testing.assert_allclose(np.asarray(model(30 * x + 7)), 30 * there + 7, rtol=2e-3, atol=2e-2)


def test_an_untrained_network_repeats_the_last_season():
    model = space().build(values(family="nhits", base="seasonal"))
    x = np.random.default_rng(1).normal(size=(4, LOOKBACK, 1)).astype("float32")
    np.testing.assert_allclose(np.asarray(model(x))[..., 1], x[:, -4:, 0], atol=1e-5)


def test_channels_known_ahead_reach_the_answers():
    statistics = ChannelStatistics(means=(0.0,), deviations=(1.0,), future=(1,))
    for family in ("gru", "linear"):
        model = space(2, statistics=statistics).build(values(family=family))
        randomise(model)
        rng = np.random.default_rng(1)
        x = {
            "past": rng.normal(size=(2, LOOKBACK, 2)).astype("float32"),
            "future": rng.normal(size=(2, HORIZON, 1)).astype("float32"),
        }
        changed = {**x, "future": x["future"] + 1}
        assert not np.allclose(np.asarray(model(x)), np.asarray(model(changed)))


def solve(series, **given):
    x, y = windows_of(series)
    hypermodel = space(
        statistics=ChannelStatistics(float(series.min()), float(series.max()), float(series.std()))
    )
    hp = values(**given)
    view = View(x=x, y=y, weights=np.ones(len(x)))
    network = hypermodel.solve(hp, view, 0, Deadline()).network
    return network, x, y


@pytest.mark.parametrize("base", ["last", "seasonal", "mean"])
def test_ridge_continues_a_line_with_a_season(base):
    steps = np.arange(120.0)
    series = 0.5 * steps + 3 * np.tile([0.0, 1.0, 4.0, 2.0], 30) + 20
    network, x, y = solve(series, family="linear", base=base, transform="none", ridge=1e-4)
    np.testing.assert_allclose(np.asarray(network(x))[..., 1], y, atol=0.3)


@pytest.mark.parametrize("difference", ["both", "seasonal"])
def test_an_autoregression_continues_growth_by_a_factor(difference):
    steps = np.arange(120.0)
    series = np.exp(0.02 * steps) * np.tile([1.0, 1.5, 2.0, 1.2], 30)
    drift = difference == "seasonal"
    network, x, y = solve(
        series, family="autoregression", transform="log", ar_difference=difference, ar_drift=drift
    )
    np.testing.assert_allclose(np.asarray(network(x))[..., 1], y, rtol=0.02)


def test_an_autoregression_finds_the_weight_of_a_noisy_one():
    rng = np.random.default_rng(0)
    steps = np.zeros(2000)
    for t in range(1, 2000):
        steps[t] = 0.7 * steps[t - 1] + rng.normal()
    series = np.cumsum(steps)
    network, x, y = solve(
        series,
        family="autoregression",
        transform="none",
        ar_difference="first",
        ar_order=1,
        ar_seasonal_lags=False,
        ar_ridge=1e-4,
    )
    last, before = x[:, -1, 0], x[:, -2, 0]
    expected = last + 0.7 * (last - before)
    found = np.asarray(network(x))[:, 0, 1]
    assert np.corrcoef(found - last, expected - last)[0, 1] > 0.999
    inside = (y >= np.asarray(network(x))[..., 0]) & (y <= np.asarray(network(x))[..., 2])
    assert 0.72 < inside.mean() < 0.88


@pytest.mark.parametrize("base", ["last", "seasonal"])
def test_the_naive_forecast_is_a_solution_with_quantiles_of_its_errors(base):
    rng = np.random.default_rng(1)
    series = 100 + np.cumsum(rng.normal(size=900))
    network, x, y = solve(series, family="naive", base=base, transform="none")
    answer = np.asarray(network(x))
    expected = np.repeat(x[:, -1:, 0], HORIZON, axis=1) if base == "last" else x[:, -4:, 0]
    np.testing.assert_allclose(answer[:, :4, 1], expected[:, :4], rtol=1e-4)
    inside = (y >= answer[..., 0]) & (y <= answer[..., 2])
    assert 0.7 < inside.mean() < 0.9


def test_windows_with_unknown_answers_do_not_spoil_a_solution():
    series = np.arange(80.0)
    x, y = windows_of(series)
    y[5, 2] = np.nan
    view = View(x=x, y=y, weights=np.ones(len(x)))
    given = values(family="linear", base="last", ridge=1e-4)
    network = space().solve(given, view, 0, Deadline()).network
    np.testing.assert_allclose(np.asarray(network(x))[:, :, 1], windows_of(series)[1], atol=0.2)


def test_the_loss_does_not_look_at_unknown_targets():
    loss = QuantileLoss(LEVELS)
    known = np.array([[1.0, 2.0]], "float32")
    answer = np.array([[[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]], "float32")
    whole = float(loss(known[:, :1], answer[:, :1]))
    holed = float(loss(np.array([[1.0, np.nan]], "float32"), answer))
    assert holed == pytest.approx(whole)


def test_every_portfolio_entry_builds():
    hypermodel = space()
    for entry in hypermodel.portfolio:
        assert hypermodel.build(values(**entry)).output_shape == (None, HORIZON, 3)


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.9, 0.5), (0.5, 1.0), (0.5, 0.5)])
def test_levels_without_order_or_median_are_refused(levels):
    with pytest.raises(SearchSpaceError, match="`quantiles` must be ascending levels"):
        space(quantiles=levels)


def test_an_unknown_family_is_refused():
    with pytest.raises(SearchSpaceError, match=r"names \['arima'\]; expected some of"):
        space(families=("arima",))
