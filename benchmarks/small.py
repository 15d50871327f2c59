"""Small tables: kerasnas beside the models that everybody tries first, over several splits.

    python benchmarks/small.py [--tables iris wine] [--splits 10] [--trials 10 | --seconds 30]
        [--data DIR --rows 400]

Every table is split 75/25 (stratified for classes) by the numbers from 0 on; the test part is
scored once, at the end. Log loss for classes, RMSE for values. Beside kerasnas stand logistic or
ridge regression on scaled columns, a random forest and histogram gradient boosting, each with the
defaults of scikit-learn, fitted on the same rows. `promised` is the score that kerasnas prints:
the held-out score of what answers. With `--data` numeric tables of that folder are added, drawn
down to `--rows`.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kerasnas as kn

SHIPPED = {
    "breast_cancer": (load_breast_cancer, True),
    "wine": (load_wine, True),
    "iris": (load_iris, True),
    "diabetes": (load_diabetes, False),
}
FILES = {
    "phoneme": ("target", True),
    "satimage": ("class", True),
    "concrete": ("strength", False),
}


def tables(folder: Path | None, rows: int, only: list[str]) -> Iterator[tuple]:
    """Name, features, target, and whether it is a class."""
    for name, (load, classes) in SHIPPED.items():
        if not only or name in only:
            data = load(as_frame=True)
            yield name, data.data, data.target, classes
    for name, (target, classes) in FILES.items() if folder is not None else ():
        if not only or name in only:
            frame = pd.read_parquet(folder / f"{name}.parquet").drop(
                columns="split", errors="ignore"
            )
            some = frame.sample(min(rows, len(frame)), random_state=0).reset_index(drop=True)
            yield name, some.drop(columns=target), some[target], classes


def simple(classes: bool) -> dict:
    """The models that everybody tries first."""
    if classes:
        return {
            "linear": make_pipeline(StandardScaler(), LogisticRegression()),
            "forest": RandomForestClassifier(random_state=0),
            "boosting": HistGradientBoostingClassifier(random_state=0),
        }
    return {
        "linear": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 7))),
        "forest": RandomForestRegressor(random_state=0),
        "boosting": HistGradientBoostingRegressor(random_state=0),
    }


def one(x, y, classes: bool, seed: int, budget: kn.Budget) -> dict[str, float]:
    """Test losses of one split."""
    parts = train_test_split(
        x, y, test_size=0.25, random_state=seed, stratify=y if classes else None
    )
    x_train, x_test, y_train, y_test = parts

    def loss(model) -> float:
        if not classes:
            return float(root_mean_squared_error(y_test, model.predict(x_test)))
        labels = list(model.classes_)
        return float(log_loss(y_test, model.predict_proba(x_test), labels=labels))

    kind = kn.TabularClassifier if classes else kn.TabularRegressor
    own = kind(budget=budget, seed=seed, verbose=0).fit(x_train, y_train)
    found = {"kerasnas": loss(own)}
    for name, model in simple(classes).items():
        found[name] = loss(model.fit(x_train, y_train))
    full = own.leaderboard(full=True)
    row = own.leaderboard()[full["trial_id"] == own.fitted_.chosen].iloc[0]
    promised = row["held_out"]
    found["promised"] = float(promised) if promised is not pd.NA else np.nan
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seconds", type=float)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    budget = kn.Budget(trials=given.trials)
    if given.seconds is not None:
        budget = kn.Budget(seconds=given.seconds)
    ratios = []
    for name, x, y, classes in tables(given.data, given.rows, given.tables):
        losses = []
        for seed in range(given.splits):
            losses.append(one(x, y, classes, seed, budget))
            shown = "  ".join(f"{k} {v:.4g}" for k, v in losses[-1].items())
            print(f"{name} {len(x)} x {x.shape[1]}, split {seed}: {shown}", flush=True)
        means = pd.DataFrame(losses).mean()
        best = means[["linear", "forest", "boosting"]].min()
        ratios.append(means["kerasnas"] / best)
        told = "  ".join(f"{k} {v:.4g}" for k, v in means.items())
        print(f"{name}: {told}; kerasnas / best simple one {ratios[-1]:.3f}", flush=True)
    print(f"geometric mean over tables: {np.exp(np.mean(np.log(ratios))):.3f}")


if __name__ == "__main__":
    main()
