"""A real series of months: air passengers."""

import pandas as pd

import kerasnas as kn


def test_air_passengers_beats_the_seasonal_naive_and_dlinear(data_dir):
    frame = pd.read_parquet(data_dir / "timeseries" / "air_passengers.parquet")
    forecaster = kn.TimeSeriesForecaster(
        24, "Passengers", budget=kn.Budget(trials=3, epochs=8), oracle="auto", seed=0, verbose=0
    ).fit(frame.iloc[:120])
    test = forecaster.backtest(frame)
    assert test.scores["mase"] < 0.7 * test.seasonal_naive["mase"]
    table = forecaster.leaderboard(full=True)
    dlinear = table.loc[table["trial_id"] == "dlinear", "val_mase"].iloc[0]
    assert table["val_mase"].min() <= dlinear
