"""The forecaster from frame to file and back."""

import logging
import warnings

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.clock import Clock
from kerasnas.errors import SchemaError, SearchSpaceError
from kerasnas.problem.given import Given
from kerasnas.results.fusion import fuse

HORIZON = 4
QUICK = {
    "budget": kn.Budget(trials=3, epochs=2),
    "space": ("linear", "dlinear"),
    "oracle": "random",
    "seed": 0,
    "verbose": 0,
}


def monthly(steps=72):
    rng = np.random.default_rng(0)
    time = pd.date_range("2015-01-01", periods=steps, freq="MS")
    wave = 1 + 0.3 * np.sin(2 * np.pi * np.arange(steps) / 12)
    sales = 100 * np.exp(0.01 * np.arange(steps)) * wave * np.exp(rng.normal(0, 0.02, steps))
    return pd.DataFrame({"month": time, "sales": sales})


def shops():
    frame = pd.concat([monthly().assign(shop=s) for s in ("north", "south")], ignore_index=True)
    rng = np.random.default_rng(1)
    frame["promo"] = rng.integers(0, 2, len(frame))
    frame["sales"] += 40 * frame["promo"] + 500 * (frame["shop"] == "south")
    frame["region"] = frame["shop"].map({"north": "n", "south": "s"})
    return frame


@pytest.fixture(scope="module")
def fitted():
    frame = monthly()
    return kn.TimeSeriesForecaster(HORIZON, "sales", **QUICK).fit(frame.iloc[:-12]), frame


@pytest.fixture(scope="module")
def fitted_shops():
    frame = shops()
    known = frame[frame["month"] < "2020-07-01"]
    forecaster = kn.TimeSeriesForecaster(
        HORIZON,
        "sales",
        time="month",
        series="shop",
        known_future=["promo"],
        static=["region"],
        **QUICK,
    )
    return forecaster.fit(known), frame


def test_a_forecast_is_a_frame_that_goes_on_where_fit_ended(fitted):
    forecaster, _ = fitted
    forecast = forecaster.predict()
    assert list(forecast.index) == list(pd.date_range("2020-01-01", periods=4, freq="MS"))
    assert forecast.index.name == "month"
    assert list(forecast.columns) == ["sales", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9"]
    assert (np.diff(forecast.iloc[:, 1:], axis=1) >= 0).all()
    assert (forecast["sales"] == forecast["q0.5"]).all()
    assert forecaster.season_ == 12
    assert forecaster.channels_ == ["sales"]


def test_it_is_better_than_the_seasonal_naive_on_steps_it_has_not_seen(fitted):
    forecaster, frame = fitted
    test = forecaster.backtest(frame)
    assert len(test.forecasts) == 12
    assert test.forecasts["month"].min() == pd.Timestamp("2020-01-01")
    assert test.scores["mase"] < test.seasonal_naive["mase"]
    error = np.abs(test.forecasts["actual"] - test.forecasts["sales"]).mean()
    assert test.scores["mase"] == pytest.approx(error / forecaster.fitted_.reader.scales[0])
    assert "seasonal naive" in repr(test)
    assert forecaster.evaluate(frame) == test.scores
    assert forecaster.score(frame) == -test.scores["mase"]


def test_only_the_new_steps_are_enough_to_evaluate(fitted):
    forecaster, frame = fitted
    assert forecaster.evaluate(frame.iloc[-12:]) == pytest.approx(forecaster.evaluate(frame))


def test_a_backtest_of_the_held_out_steps_is_what_the_leaderboard_says(fitted):
    forecaster, _ = fitted
    scores = forecaster.backtest(stride=1).scores
    best = forecaster.leaderboard(full=True)
    best = best[best["kind"] != "baseline"].iloc[0]
    for name in ("mase", "smape", "rmse", "wql"):
        assert scores[name] == pytest.approx(best[f"val_{name}"], rel=1e-4)
    assert len(forecaster.backtest(stride=1).by_step) == HORIZON


def test_newer_history_moves_the_forecast(fitted):
    forecaster, frame = fitted
    forecast = forecaster.predict(history=frame)
    assert forecast.index[0] == pd.Timestamp("2021-01-01")


def test_every_trial_forecasts_by_its_own_window(fitted):
    forecaster, frame = fitted
    trials = forecaster.leaderboard(full=True).query("kind == 'trial'")
    assert len({values["lookback"] for values in trials["hyperparameters"]}) > 1
    for trial_id in trials["trial_id"]:
        assert len(forecaster.predict(model=trial_id)) == HORIZON
    board = forecaster.leaderboard(frame)
    assert set(trials["trial_id"]) <= {name.split()[0] for name in board["model"]}
    assert board["mase"].is_monotonic_increasing
    assert any(np.isclose(board["mase"], forecaster.evaluate(frame)["mase"]))
    assert {"naive (baseline)", "dlinear (baseline)"} <= set(board["model"])
    seasonal = forecaster.predict(model="seasonal_naive")
    np.testing.assert_allclose(seasonal["sales"], frame["sales"].iloc[48:52])
    with pytest.raises(SearchSpaceError, match="`model` '0099' has no model here"):
        forecaster.predict(model="0099")


def test_baselines_are_rows_of_the_leaderboard(fitted):
    table = fitted[0].leaderboard(full=True)
    assert {"naive", "seasonal_naive", "dlinear"} <= set(table["trial_id"])
    assert np.isfinite(table["val_mase"]).all()


def test_the_latency_of_what_answers_is_measured_when_it_is_asked_for(fitted):
    table = fitted[0].leaderboard(full=True)
    assert (table.loc[table["answers"], "latency_ms"] > 0).all()


def test_a_linear_map_is_no_baseline_where_the_clock_has_no_time_for_it():
    forecaster = kn.TimeSeriesForecaster(HORIZON, "sales", **QUICK)
    task = forecaster._prepare(Given(monthly(), seed=0), Clock())
    rows = task.baselines(task.problem.scorer(), Clock(1.0), 0).rows
    assert [(r["trial_id"], r["failure"]) for r in rows] == [
        ("naive", ""),
        ("seasonal_naive", ""),
        ("dlinear", "no time left in the budget"),
    ]


def test_a_forecaster_no_better_than_the_last_value_says_so(caplog):
    walk = np.random.default_rng(3).normal(size=90).cumsum()
    settings = {**QUICK, "space": "naive", "budget": kn.Budget(trials=2)}
    with caplog.at_level(logging.WARNING, logger="kerasnas"):
        kn.TimeSeriesForecaster(HORIZON, "y", **settings).fit(pd.Series(walk))
    assert any("than the baseline 'naive'" in r.getMessage() for r in caplog.records)


def test_an_ensemble_keeps_a_limit_on_its_latency():
    settings = {**QUICK, "space": "linear", "budget": kn.Budget(trials=4)}
    forecaster = kn.TimeSeriesForecaster(HORIZON, "sales", ensemble="500ms", **settings)
    table = forecaster.fit(monthly()).leaderboard(full=True)
    assert (table.loc[table["kind"] == "ensemble", "latency_ms"] < 500).all()


def test_the_file_takes_windows_in_plain_keras_without_kerasnas(fitted, run_script, tmp_path):
    forecaster, frame = fitted
    forecaster.save(tmp_path / "sales.keras")
    window = frame["sales"].to_numpy("float32")[:-12][-forecaster.lookback_ :]
    np.save(tmp_path / "window.npy", window[None, :, None])
    code = """
import sys; sys.modules["kerasnas"] = None
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], np.asarray(model(np.load(sys.argv[2]))))
"""
    (tmp_path / "plain.py").write_text(code)
    paths = [tmp_path / n for n in ("sales.keras", "window.npy", "answer.npy")]
    code, printed = run_script(tmp_path / "plain.py", *paths, folder=tmp_path)
    assert code == 0, printed
    answer = np.load(tmp_path / "answer.npy")
    assert answer.shape == (1, HORIZON, 6)
    np.testing.assert_allclose(answer[0], forecaster.predict().to_numpy(), rtol=1e-5)


def test_a_loaded_forecaster_goes_on(fitted_shops, tmp_path):
    forecaster, frame = fitted_shops
    forecaster.save(tmp_path / "shops.keras")
    again = kn.load(tmp_path / "shops.keras")
    future = frame[frame["month"] >= "2020-07-01"].drop(columns="sales")
    pd.testing.assert_frame_equal(again.predict(future), forecaster.predict(future))
    assert again.channels_ == ["sales", "promo", "region=n", "region=s"]
    assert again.evaluate(frame) == pytest.approx(forecaster.evaluate(frame))
    with pytest.raises(SchemaError, match=r"Call `backtest\(frame\)`"):
        again.backtest()


def test_many_series_and_what_is_known_ahead(fitted_shops):
    forecaster, frame = fitted_shops
    future = frame[frame["month"] >= "2020-07-01"]
    forecast = forecaster.predict(future)
    assert forecast.index.names == ["shop", "month"]
    assert len(forecast) == 2 * HORIZON
    with_promo = forecaster.predict(future.assign(promo=1))
    without = forecaster.predict(future.assign(promo=0))
    assert (with_promo["sales"] > without["sales"]).mean() > 0.7
    assert set(forecaster.model_.input) == {"past", "future"}
    with pytest.raises(SchemaError, match="must hold `promo`"):
        forecaster.predict()


def test_gaps_are_reported_once_and_filled_in():
    frame = monthly().drop(index=[20, 21])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", message="The series are not regular")
        settings = {**QUICK, "space": "linear", "budget": kn.Budget(trials=1)}
        forecaster = kn.TimeSeriesForecaster(HORIZON, "sales", **settings).fit(frame)
    assert ["2 steps are missing" in str(w.message) for w in caught] == [True]
    assert np.isfinite(forecaster.predict()).all(axis=None)


def test_refit_learns_from_the_latest_steps_too():
    frame = monthly()
    settings = {**QUICK, "space": "linear", "budget": kn.Budget(trials=2)}
    apart = kn.TimeSeriesForecaster(HORIZON, "sales", ensemble=False, **settings).fit(frame)
    again = kn.TimeSeriesForecaster(HORIZON, "sales", ensemble=False, refit=True, **settings).fit(
        frame
    )
    assert not np.allclose(apart.predict(), again.predict())
    assert (again.leaderboard(full=True)["kind"] == "refit").sum() == 1


def test_the_same_seed_forecasts_the_same():
    frame = monthly()
    settings = {**QUICK, "space": "dlinear", "budget": kn.Budget(trials=1, epochs=1)}
    one, other = (
        kn.TimeSeriesForecaster(HORIZON, "sales", **settings).fit(frame) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.predict(), other.predict())


def test_an_ensemble_is_a_row_and_one_graph():
    settings = {**QUICK, "space": "linear", "budget": kn.Budget(trials=5)}
    forecaster = kn.TimeSeriesForecaster(HORIZON, "sales", ensemble=3, **settings).fit(monthly())
    table = forecaster.leaderboard(full=True)
    found, trials = table[table["kind"] == "ensemble"], table[table["kind"] == "trial"]
    assert 1 <= len(found["hyperparameters"].iloc[0]["members"]) <= 3
    # What choosing adds is told for the ensemble, and for the best trial.
    assert np.isfinite(found["optimism"].iloc[0]) and np.isfinite(
        found["val_mase_held_out"].iloc[0]
    )
    assert np.isfinite(trials["optimism"].iloc[0])
    # The ensemble answers where it is better on windows that it was not chosen on.
    best = trials["val_mase"].iloc[0]
    alone = best + trials["optimism"].iloc[0]
    better = found["val_mase_held_out"].iloc[0] < alone
    expected = found["val_mase"].iloc[0] if better else best
    scores = forecaster.backtest(stride=1).scores
    assert scores["mase"] == pytest.approx(expected, rel=1e-4)
    assert isinstance(forecaster.export_model(), keras.Model)


@pytest.mark.parametrize("known", [False, True])
def test_members_that_look_back_less_far_see_the_last_steps(known):
    def member(steps, weight):
        past = keras.Input((steps, 2), name="past")
        x = keras.layers.Flatten()(past)
        inputs = past
        if known:
            inputs = {"past": past, "future": keras.Input((HORIZON, 1), name="future")}
            x = keras.layers.Concatenate()([x, keras.layers.Flatten()(inputs["future"])])
        dense = keras.layers.Dense(HORIZON)
        model = keras.Model(inputs, keras.layers.Reshape((HORIZON, 1))(dense(x)))
        kernel, bias = dense.get_weights()
        dense.set_weights([np.full_like(kernel, weight), bias])
        return model

    long, short = member(12, 1.0), member(5, 2.0)
    fused = fuse([short, long], [0.25, 0.75])
    rng = np.random.default_rng(0)
    past = rng.normal(size=(3, 12, 2)).astype("float32")
    future = rng.normal(size=(3, HORIZON, 1)).astype("float32")

    def given(steps):
        return {"past": past[:, -steps:], "future": future} if known else past[:, -steps:]

    expected = 0.25 * short(given(5)).numpy() + 0.75 * long(given(12)).numpy()
    np.testing.assert_allclose(fused(given(12)).numpy(), expected, rtol=1e-5)


def test_an_ensemble_trained_again_is_made_of_the_same_members():
    settings = {**QUICK, "space": "linear", "budget": kn.Budget(trials=4), "refit": True}
    forecaster = kn.TimeSeriesForecaster(HORIZON, "sales", ensemble=3, **settings).fit(monthly())
    assert (forecaster.leaderboard(full=True)["kind"] == "refit").sum() == 1
    assert np.isfinite(forecaster.predict()).all(axis=None)


def test_objectives_of_forecasts():
    forecaster = kn.TimeSeriesForecaster(
        HORIZON, "sales", objective=["val_wql", "params"], **{**QUICK, "space": "linear"}
    ).fit(monthly())
    assert forecaster.leaderboard(full=True)["on_front"].any()
    assert forecaster.get_params()["horizon"] == HORIZON


def test_two_seasons_are_enough_to_see_one():
    steps = np.arange(36)
    months = pd.date_range("2020-01-01", periods=36, freq="MS")
    wave = 100 + 25 * np.sin(2 * np.pi * steps / 12) + np.random.default_rng(0).normal(0, 2, 36)
    frame = pd.DataFrame({"month": months, "y": wave})
    budget = kn.Budget(trials=4, epochs=2)
    model = kn.TimeSeriesForecaster(6, "y", budget=budget, seed=0, verbose=0)
    test = model.fit(frame[:30]).backtest(frame)
    assert model.season_ == 12
    assert model.lookback_ >= 12
    assert test.scores["mase"] < 1.2 * test.seasonal_naive["mase"]


def test_series_of_zeros_have_scores():
    days = pd.date_range("2024-01-01", periods=80, freq="D")
    frame = pd.DataFrame({"day": days, "y": 0.0})
    model = kn.TimeSeriesForecaster(
        7, "y", objective="val_wql", budget=kn.Budget(trials=2, epochs=1), seed=0, verbose=0
    ).fit(frame)
    assert (model.predict() == 0).all().all()
    assert model.leaderboard(full=True)["val_wql"].min() == 0.0


def test_the_same_line_again_continues_and_answers_the_same(tmp_path):
    settings = {**QUICK, "space": "linear", "budget": kn.Budget(trials=4)}
    once, again = (
        kn.TimeSeriesForecaster(HORIZON, "sales", directory=tmp_path, **settings).fit(monthly())
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(once.predict(), again.predict())
    trials = again.leaderboard(full=True)
    assert (trials["kind"] == "trial").sum() == 4
