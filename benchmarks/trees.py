"""Converted trees beside the libraries' own answers, on every row of twelve tables.

    python benchmarks/trees.py --data DIR [--only titanic adult] [--save FILE]

Each library is fitted on 80 % of a table as `histgb`, `extra_trees`, `lightgbm`, `xgboost` and
`catboost` are in a search (those that are installed), written as a Keras graph, saved, loaded and
asked for every row of the table. Besides, a hard copy of the rows: missing values everywhere,
infinities, categories that training did not see, and every number replaced by the threshold of some
split or by one of the two float32 numbers next to it. Differences of probabilities, and of values
in standard deviations of the target.
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tabular import TABLES, read

from kerasnas.clock import ENDLESS
from kerasnas.estimators.table_task import prepare
from kerasnas.preprocessing import fit_tree_preprocessing
from kerasnas.problem.given import Given
from kerasnas.spaces.trees import TREE_FAMILIES, TreeRows, families, network_of

SEED = 0
TOLERANCE = {
    "histgb": 2e-6,
    "extra_trees": 2e-6,
    "lightgbm": 5e-6,
    "xgboost": 1e-5,
    "catboost": 1e-5,
}


def rows_of(frame: pd.DataFrame, target: str, classes: bool) -> tuple[TreeRows, np.ndarray]:
    """Training and validation rows in the form of trees, and the matrix of all rows."""
    data = prepare(Given(frame, target, seed=SEED), classify=classes)
    train, valid = data.rows.train, data.rows.valid
    table = data.table
    front = fit_tree_preprocessing({n: v[train] for n, v in table.raw.items()}, table.schema)
    matrix = front.transform(table.raw)
    y = data.rows.targets
    if not classes:
        y = (y - y[train].mean()) / y[train].std()
    codes = len(front.embedded)
    rows = TreeRows(
        matrix[train], y[train], None, matrix[valid], y[valid], None,
        data.rows.classes, codes, SEED, ENDLESS,
    )  # fmt: skip
    return rows, matrix


def hard(
    matrix: np.ndarray, thresholds: dict[int, np.ndarray], rows: TreeRows, infinite: bool
) -> np.ndarray:
    """Rows that no training set has."""
    rng = np.random.default_rng(SEED)
    x = matrix.copy()
    plain = x.shape[1] - rows.codes
    for column in range(plain):
        known = thresholds.get(column)
        if known is None or not len(known):
            continue
        picked = rng.choice(known.astype("float32"), len(x))
        side = rng.integers(-1, 2, len(x))
        moved = np.where(side < 0, np.nextafter(picked, np.float32(-3e38)), picked)
        moved = np.where(side > 0, np.nextafter(picked, np.float32(3e38)), moved)
        x[:, column] = np.where(np.abs(moved) < np.finfo("float32").tiny, 0.0, moved)
    for column in range(plain, x.shape[1]):
        unseen = rng.random(len(x)) < 0.1
        x[unseen, column] = 251 + rng.integers(0, 4, unseen.sum())
    x[rng.random(x.shape) < 0.1] = np.nan
    if infinite:
        x[:, :plain][rng.random((len(x), plain)) < 0.05] = np.inf
        x[:, :plain][rng.random((len(x), plain)) < 0.05] = -np.inf
    return x


class Watch:
    """Keeps the library's own model while a family is fitted."""

    def __init__(self, module: object, name: str) -> None:
        self._module, self._name = module, name
        self._read = getattr(module, name)
        self.model: object = None

    def __enter__(self) -> "Watch":
        def read(model: object) -> object:
            self.model = model
            return self._read(model)

        setattr(self._module, self._name, read)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self._module, self._name, self._read)


def reader(family: str) -> tuple[object, str]:
    """Where the function is that reads a library's model."""
    from kerasnas.spaces.trees import catboost, lightgbm, xgboost

    return {
        "histgb": (families, "read_hist_gradient_boosting"),
        "extra_trees": (families, "read_forest"),
        "lightgbm": (lightgbm, "read_lightgbm"),
        "xgboost": (xgboost, "read_xgboost"),
        "catboost": (catboost, "read_catboost"),
    }[family]


def check(family: str, rows: TreeRows, matrix: np.ndarray) -> dict:
    import keras_tuner

    declared = TREE_FAMILIES[family].declare(
        keras_tuner.HyperParameters(), rows.classes is not None
    )
    begin = time.perf_counter()
    with Watch(*reader(family)) as watch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The whole ensemble is compared: `histgb` leaves out the trees after the best iteration.
        TREE_FAMILIES[family].fit(rows, declared)
        trees = watch._read(watch.model)
    fitted = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.keras"
        network_of(trees).save(path)
        size = path.stat().st_size
        network = keras.models.load_model(path)
    run = tf.function(lambda x: network(x, training=False), reduce_retracing=True)
    thresholds: dict[int, list] = {}
    for tree in trees.trees:
        inner = ~tree.is_leaf
        for column, threshold in zip(tree.column[inner], tree.threshold[inner], strict=True):
            thresholds.setdefault(int(column), []).append(threshold)
    found = {k: np.array(v)[np.isfinite(v)] for k, v in thresholds.items()}
    infinite = family in ("histgb", "lightgbm", "catboost")  # the others refuse infinities
    tests = {"rows": matrix, "hard rows": hard(matrix, found, rows, infinite)}
    if family == "xgboost":  # it refuses categories that it has not seen
        for x in tests.values():
            for column in rows.categorical:
                x[~np.isin(x[:, column], rows.x[:, column]), column] = np.nan
    gaps = {}
    for name, x in tests.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = getattr(watch.model, "predict_proba", watch.model.predict)(x)
        ours = np.concatenate(
            [run(tf.constant(x[i : i + 4096])).numpy() for i in range(0, len(x), 4096)]
        )
        gaps[name] = float(np.abs(ours - theirs.reshape(len(x), -1)).max())
    one = tf.constant(matrix[:1])
    run(one)
    times = []
    for _ in range(50):
        begin = time.perf_counter()
        run(one).numpy()
        times.append(time.perf_counter() - begin)
    return {
        "family": family, "fit_seconds": fitted, "trees": len(trees.trees), "bytes": size,
        "row_ms": float(np.median(times) * 1e3), "gap": gaps["rows"], "hard_gap": gaps["hard rows"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the parquet files")
    parser.add_argument("--only", nargs="*", default=list(TABLES))
    parser.add_argument("--save", type=Path, help="JSON lines file to append to")
    arguments = parser.parse_args()
    installed = [name for name, family in TREE_FAMILIES.items() if family.installed]
    worst: dict[str, float] = {}
    print(f"{'table':<20}{'rows':>7}  {'family':<12}{'trees':>6}{'fit s':>7}{'MB':>7}{'row ms':>8}"
          f"{'max gap':>10}{'hard rows':>11}")  # fmt: skip
    for name in arguments.only:
        frame, target, classes = read(name, arguments.data)
        rows, matrix = rows_of(frame, target, classes)
        for family in installed:
            row = {"table": name, "rows": len(matrix), **check(family, rows, matrix)}
            worst[family] = max(worst.get(family, 0.0), row["gap"], row["hard_gap"])
            print(f"{name:<20}{row['rows']:>7}  {family:<12}{row['trees']:>6}"
                  f"{row['fit_seconds']:>7.1f}{row['bytes'] / 1e6:>7.2f}{row['row_ms']:>8.2f}"
                  f"{row['gap']:>10.1e}{row['hard_gap']:>11.1e}", flush=True)  # fmt: skip
            if arguments.save:
                with arguments.save.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    print("largest difference:", {k: f"{v:.1e}" for k, v in worst.items()})
    bad = {k: v for k, v in worst.items() if v > TOLERANCE[k]}
    raise SystemExit(f"too large: {bad}" if bad else 0)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
