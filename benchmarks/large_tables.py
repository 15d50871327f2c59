"""Made tables that are large in one way each: rows, columns, classes, categories, or rare cases.

    python benchmarks/large_tables.py [--budget 60] [--tables rows classes]

Each is fitted with the defaults of `TabularClassifier` or `TabularRegressor` and a budget in
seconds, in a process of its own, and scored on a fifth of the rows (log loss, RMSE). Beside it
stands scikit-learn's histogram gradient boosting with its defaults, for as long as it takes. What
is looked at is whether the budget is kept and whether what one knob makes expensive pushes out
what would have been better; the scores of made tables say little of real ones.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

Made = tuple[pd.DataFrame, np.ndarray]


def _classes(rows: int, columns: int, seed: int, **given) -> Made:
    from sklearn.datasets import make_classification

    x, y = make_classification(rows, columns, random_state=seed, **given)
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(columns)]), y


def many_rows() -> Made:
    """300,000 rows of 40 columns, two classes, 5 % of the labels drawn at random."""
    return _classes(
        300_000, 40, 0, n_informative=15, n_redundant=5, n_clusters_per_class=6, flip_y=0.05
    )


def many_columns() -> Made:
    """3,000 rows of 500 columns, most of them noise, three classes."""
    return _classes(3000, 500, 1, n_informative=40, n_redundant=50, n_classes=3)


def thousands_of_columns() -> Made:
    """As `columns`, 2,000 of them."""
    return _classes(3000, 2000, 1, n_informative=40, n_redundant=50, n_classes=3)


def many_classes() -> Made:
    """20,000 rows of 20 columns, 100 classes."""
    return _classes(
        20_000,
        20,
        2,
        n_informative=15,
        n_redundant=2,
        n_classes=100,
        n_clusters_per_class=1,
        class_sep=1.5,
    )


def many_categories() -> Made:
    """30,000 rows, three columns of 5,000 uneven categories each and five numbers, a value."""
    rng, rows, levels = np.random.default_rng(0), 30_000, 5000
    table = pd.DataFrame(rng.normal(size=(rows, 5)), columns=list("abcde"))
    y = np.sin(2 * table["a"]) + table["b"] * table["c"] + rng.normal(size=rows) * 0.3
    for name in "xyz":
        chosen = rng.choice(levels, rows, p=rng.dirichlet(np.full(levels, 0.3)))
        y += rng.normal(size=levels)[chosen] * 0.7
        table[name] = [f"{name}{i}" for i in chosen]
    return table, y.to_numpy()


def rare_cases() -> Made:
    """50,000 rows of 12 columns, some 2 % of them of the second class."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50_000, 12))
    logit = 2 * (x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * x[:, 3]) - 7
    y = (rng.random(len(x)) < 1 / (1 + np.exp(-logit))).astype(int)
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(12)]), y


TABLES: dict[str, tuple[Callable[[], Made], bool]] = {
    "rows": (many_rows, True),
    "classes": (many_classes, True),
    "columns": (many_columns, True),
    "2000_columns": (thousands_of_columns, True),
    "categories": (many_categories, False),
    "rare": (rare_cases, True),
}


def run(name: str, budget: float) -> None:
    """Fits a table and prints its line."""
    from sklearn import ensemble
    from sklearn.metrics import log_loss
    from sklearn.model_selection import train_test_split

    import kerasnas as kn

    make, classify = TABLES[name]
    table, y = make()
    kept = y if classify else None
    x, new, y, truth = train_test_split(table, y, test_size=0.2, random_state=0, stratify=kept)

    def score(model, rows) -> float:
        if classify:
            return float(log_loss(truth, model.predict_proba(rows), labels=np.unique(y)))
        return float(np.sqrt(np.mean((model.predict(rows) - truth) ** 2)))

    def timed(model, rows):
        begin = time.perf_counter()
        return model.fit(rows, y), time.perf_counter() - begin

    kind = "Classifier" if classify else "Regressor"
    own, seconds = timed(getattr(kn, f"Tabular{kind}")(budget=budget, seed=0, verbose=0), x)
    error = score(own, new)
    codes = table.apply(lambda c: c if c.dtype.kind in "fi" else pd.factorize(c)[0])
    boosting, took = timed(
        getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=0), codes.loc[x.index]
    )
    trials = (own.leaderboard(full=True)["kind"] == "trial").sum()
    print(
        f"{name:14}{seconds:9.1f}{trials:8}{error:12.4f}"
        f"{score(boosting, codes.loc[new.index]):12.4f}{took:10.1f}",
        flush=True,
    )


def main() -> None:
    """Runs the tables one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each fit")
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=TABLES)
    arguments = parser.parse_args()
    print(f"{'table':14}{'seconds':>9}{'trials':>8}{'kerasnas':>12}{'histgb':>12}{'seconds':>10}")
    for name in arguments.tables:
        process = multiprocessing.get_context("spawn").Process(
            target=run, args=(name, arguments.budget)
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
