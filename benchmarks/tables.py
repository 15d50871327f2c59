"""Six real tables, 60 seconds each: time kept, file portable, result beside the baselines.

    python benchmarks/tables.py --data DIR [--budget 60] [--only titanic adult]

Each table is split 80/20 with seed 0 (stratified for classes); the test part is scored at the end
only. For every table the script checks that `fit` ends in time (at most 5 % + 2 s over the budget)
and that the saved file, loaded with plain Keras where importing kerasnas is blocked, gives the same
answers from the raw columns to 1e-5. A seventh table, made here, has two datetime columns of which
only the difference matters.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

TABLES = {
    "adult": "income",
    "telco_churn": "Churn",
    "titanic": "Survived",
    "splice": "class",
    "california_housing": "median_house_value",
    "ames_housing": "SalePrice",
}
REGRESSION = {"california_housing", "ames_housing"}

# What anybody without kerasnas has to write to use the file.
PLAIN_KERAS = """
import sys
sys.modules["kerasnas"] = None
import keras, numpy as np, tensorflow as tf
model = keras.models.load_model(sys.argv[1])
raw = np.load(sys.argv[2], allow_pickle=False)
inputs = {}
for i, (name, tensor) in enumerate(model.input.items()):
    inputs[name] = tf.constant(raw[f"column_{i}"][:, None].tolist(), dtype=tensor.dtype)
np.save(sys.argv[3], np.asarray(model(inputs)))
"""


def load(name: str, folder: Path | None) -> tuple[pd.DataFrame, str]:
    """A table without its official split, or the made one."""
    if name == "two_dates":
        return two_dates(), "late"
    assert folder is not None
    frame = pd.read_parquet(folder / f"{name}.parquet")
    return frame.drop(columns="split", errors="ignore"), TABLES[name]


def two_dates(rows: int = 3000) -> pd.DataFrame:
    """Orders that are late when delivery took more than five days, whenever that was."""
    rng = np.random.default_rng(0)
    ordered = pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 9e7, rows), unit="s")
    took = rng.gamma(4.0, 1.25, rows) * 86_400
    delivered = pd.Series(ordered + pd.to_timedelta(took.astype("int64"), unit="s"))
    delivered[rng.random(rows) < 0.03] = pd.NaT
    late = np.where(took > 5 * 86_400, "yes", "no")
    return pd.DataFrame({"ordered": ordered, "delivered": delivered, "late": late})


def split(frame: pd.DataFrame, target: str, classes: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    from sklearn.model_selection import train_test_split

    stratify = frame[target] if classes else None
    train, test = train_test_split(frame, test_size=0.2, random_state=0, stratify=stratify)
    return train, test


def portable_gap(estimator: object, path: Path, test: pd.DataFrame, folder: Path) -> float:
    """Largest difference between the estimator and plain Keras on raw rows, relative to size."""
    from kerasnas.data import ingest

    raw = ingest(test, estimator.schema_)
    arrays = {
        f"column_{i}": v.astype("U") if v.dtype == object else v
        for i, v in enumerate(raw[n] for n in estimator.model_.input)
    }
    np.savez(folder / "raw.npz", **arrays)
    script = folder / "plain.py"
    script.write_text(PLAIN_KERAS)
    command = [
        sys.executable,
        str(script),
        str(path),
        str(folder / "raw.npz"),
        str(folder / "out.npy"),
    ]
    subprocess.run(command, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, cwd=folder)
    theirs = np.load(folder / "out.npy")
    ours = (
        estimator.predict_proba(test)
        if hasattr(estimator, "predict_proba")
        else estimator.predict(test)[:, None]
    )
    return float(np.max(np.abs(theirs - ours)) / max(1.0, np.max(np.abs(ours))))


def baselines(estimator: object, train: pd.DataFrame, test: pd.DataFrame, target: str) -> dict:
    """Linear model and gradient boosting, fitted on all training rows, on the test part."""
    from kerasnas.clock import Clock
    from kerasnas.estimators.table_task import prepare
    from kerasnas.problem import Scorer
    from kerasnas.problem.given import Given

    classify = hasattr(estimator, "predict_proba")
    held_out = (test.drop(columns=target), test[target])
    data = prepare(Given(train, target, seed=0, validation_data=held_out), classify=classify)
    scorer = Scorer(data.rows.targets[data.rows.valid], data.rows.classes)
    return {row["trial_id"]: row for row in data.baselines(scorer, Clock(), 0).rows}


def run(name: str, data: Path | None, seconds: float, folder: Path) -> dict:
    import kerasnas as kn

    frame, target = load(name, data)
    classes = name not in REGRESSION
    train, test = split(frame, target, classes)
    cls = kn.TabularClassifier if classes else kn.TabularRegressor
    estimator = cls(budget=seconds, seed=0, verbose=0)
    begin = time.monotonic()
    estimator.fit(train, target)
    took = time.monotonic() - begin
    path = folder / f"{name}.keras"
    estimator.save(path)
    rest = test.drop(columns=target)
    gap = portable_gap(estimator, path, rest, folder)
    scores = estimator.evaluate(rest, test[target])
    others = baselines(estimator, train, test, target)
    trials = int((estimator.leaderboard(full=True)["kind"] == "trial").sum())
    return {
        "name": name,
        "took": took,
        "gap": gap,
        "scores": scores,
        "others": others,
        "trials": trials,
        "size": path.stat().st_size,
        "classes": classes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the parquet files")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each fit")
    parser.add_argument("--only", nargs="*", default=[*TABLES, "two_dates"])
    arguments = parser.parse_args()
    failed, gaps = [], []
    print(
        f"{'table':<20}{'fit s':>7}{'trials':>8}{'metric':>10}{'kerasnas':>11}{'linear':>11}"
        f"{'boosting':>11}{'file gap':>11}{'MB':>7}"
    )
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            row = run(name, arguments.data, arguments.budget, Path(folder))
        metrics = ("accuracy", "auc", "log_loss") if row["classes"] else ("rmse", "r2")
        for metric in metrics:
            first = metric == metrics[0]
            mine = row["scores"][metric]
            linear = row["others"]["linear"][f"val_{metric}"]
            boosting = row["others"]["hist_gradient_boosting"][f"val_{metric}"]
            head = f"{name:<20}{row['took']:>7.1f}{row['trials']:>8}" if first else " " * 35
            tail = f"{row['gap']:>11.1e}{row['size'] / 1e6:>7.2f}" if first else ""
            print(
                f"{head}{metric:>10}{mine:>11.5g}{linear:>11.5g}{boosting:>11.5g}{tail}", flush=True
            )
            if first:
                sign = 1 if metric == "rmse" else -1
                gaps.append(sign * (mine - boosting) / boosting)
                if sign * (mine - linear) / linear > 0.02:
                    failed.append(
                        f"{name}: {metric} {mine:.5g} is over 2 % behind linear {linear:.5g}"
                    )
        if row["took"] > 1.05 * arguments.budget + 2:
            failed.append(f"{name}: fit took {row['took']:.1f} s of {arguments.budget:.0f}")
        if row["gap"] > 1e-5:
            failed.append(f"{name}: plain Keras differs by {row['gap']:.1e}")
    print(f"mean relative gap to gradient boosting (positive = behind): {np.mean(gaps):+.2%}")
    print(
        "\n".join(failed) if failed else "all fits in time, all files portable, none behind linear"
    )
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
