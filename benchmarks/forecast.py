"""Forecasts of real series within five minutes, beside the seasonal naive and DLinear alone.

    python benchmarks/forecast.py --data DIR [--budget 300] [--seeds 0 1] [--only air_passengers]

`DIR` holds `timeseries/air_passengers.parquet` and `timeseries/etth1.parquet`. Models see nothing
of the test steps; every test step is forecast from rolling origins, `horizon` steps apart, with
what was known there. DLinear alone is the same estimator with `space="dlinear"` and a third of the
time.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pandas as pd

import kerasnas as kn

# Name, target, horizon, steps to fit on, steps to test on.
SERIES = (
    ("air_passengers", "Passengers", 24, 120, 24),
    ("etth1", "OT", 24, 11520, 2880),
)


def forecaster(target: str, horizon: int, seconds: float, seed: int, **arguments):
    return kn.TimeSeriesForecaster(
        horizon, target, budget=seconds, seed=seed, verbose=0, **arguments
    )


def rows(data: Path, name: str, budget: float, seed: int):
    """Scores on the test steps, a row for each model."""
    _, target, horizon, known, ahead = next(entry for entry in SERIES if entry[0] == name)
    frame = pd.read_parquet(data / "timeseries" / f"{name}.parquet").iloc[: known + ahead]
    models = {
        "DLinear alone": (budget / 3, {"space": "dlinear", "ensemble": False}),
        "kerasnas": (budget, {}),
        "kerasnas, refit": (budget, {"refit": True}),
    }
    for number, (label, (seconds, arguments)) in enumerate(models.items()):
        begin = time.perf_counter()
        model = forecaster(target, horizon, seconds, seed, **arguments).fit(frame.iloc[:known])
        spent = time.perf_counter() - begin
        test = model.backtest(frame)
        if number == 0:
            yield {"series": name, "model": "seasonal naive", "seed": seed, **test.seasonal_naive}
        table = model.leaderboard(full=True)
        yield {
            "series": name,
            "model": label,
            "seed": seed,
            **test.scores,
            "val_mase": table.loc[table["kind"] != "baseline", "val_mase"].min(),
            "trials": int((table["kind"] == "trial").sum()),
            "seconds": round(spent),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=[entry[0] for entry in SERIES])
    arguments = parser.parse_args()
    found = []
    for name in arguments.only:
        for seed in arguments.seeds:
            for row in rows(arguments.data, name, arguments.budget, seed):
                found.append(row)
                print(pd.DataFrame([row]).round(3).to_string(index=False), flush=True)
    print()
    print(pd.DataFrame(found).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
