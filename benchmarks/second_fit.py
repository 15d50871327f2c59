"""What a second fit on all rows brings boosted trees that a fifth of the rows was held out from.

    python benchmarks/second_fit.py --data DIR [--tables satimage abalone] [--seeds 0 1 2]

scikit-learn's histogram gradient boosting is fitted on four fifths of the training part and stopped
by the other fifth. Then it is fitted again on all of it for as many iterations, with other seeds;
and on each of the other four folds. Printed is the change of the score on test rows (log loss, or
RMSE), in per cent of that of the first model: of one second fit in its place, of the mean with one,
two and three of them, and of the mean of all five folds.
"""

from __future__ import annotations

import argparse
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from tabular import categories, parts, score

TABLES = (
    "satimage", "california_housing", "bike_sharing_hour", "telco_churn",
    "phoneme", "abalone", "splice", "ames_housing",
)  # fmt: skip
MOST_ROWS = 12_000
MOST_CATEGORIES = 250


def numbers(frame: pd.DataFrame) -> np.ndarray:
    """A table as float64, categories as codes."""
    columns = []
    for name in frame:
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            codes = values.cat.codes.to_numpy("float64")
            columns.append(np.where(codes < 0, np.nan, codes))
        else:
            columns.append(values.to_numpy("float64"))
    return np.column_stack(columns)


def changes(table: str, data: Path, seed: int) -> dict[str, float]:
    """Change of the test score by what answers."""
    from sklearn import ensemble
    from sklearn.model_selection import KFold, StratifiedKFold

    train, test, target, classes = parts(table, data, seed)
    if len(train) > MOST_ROWS:
        train = train.sample(MOST_ROWS, random_state=0)
    frame, new = categories(train, test, target)
    x, z, y = numbers(frame), numbers(new), train[target].to_numpy()
    kinds = [isinstance(frame[name].dtype, pd.CategoricalDtype) for name in frame]
    codes = [i for i, kind in enumerate(kinds) if kind and np.nanmax(x[:, i]) < MOST_CATEGORIES]
    cls = getattr(ensemble, f"HistGradientBoosting{'Classifier' if classes else 'Regressor'}")
    labels = list(np.unique(y)) if classes else None

    def model(number: int, rounds: int = 700, stops: bool = False):
        return cls(
            learning_rate=0.08, max_leaf_nodes=31, min_samples_leaf=30 if classes else 10,
            l2_regularization=0.1, max_features=0.5, max_depth=8, max_iter=rounds,
            early_stopping=stops, scoring="loss", n_iter_no_change=30, tol=0.0,
            categorical_features=codes or None, random_state=number,
        )  # fmt: skip

    def answers(fitted) -> np.ndarray:
        return fitted.predict_proba(z) if classes else fitted.predict(z)

    kind = StratifiedKFold if classes else KFold
    folds, best = [], []
    for number, (rows, held) in enumerate(kind(5, shuffle=True, random_state=1).split(x, y)):
        found = model(number, stops=True)
        found.fit(x[rows], y[rows], X_val=x[held], y_val=y[held])
        best.append(max(1, int(np.argmax(found.validation_score_))))
        stages = found.staged_predict_proba(z) if classes else found.staged_predict(z)
        folds.append(next(islice(stages, best[-1] - 1, None)))
    again = [answers(model(9 + i, best[0]).fit(x, y)) for i in range(3)]

    def tested(given: list[np.ndarray]) -> float:
        return score(test, target, np.mean(given, axis=0), labels)["score"]

    forms = {
        "instead": again[:1],
        "with one": [folds[0], *again[:1]],
        "with two": [folds[0], *again[:2]],
        "with three": [folds[0], *again],
        "five folds": folds,
    }
    first = tested(folds[:1])
    return {name: tested(given) / first - 1 for name, given in forms.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the parquet files")
    parser.add_argument("--tables", nargs="*", default=TABLES)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = {}
    for table in arguments.tables:
        found = [changes(table, arguments.data, seed) for seed in arguments.seeds]
        rows[table] = pd.DataFrame(found).mean()
    table = pd.DataFrame(rows).T
    table.loc["mean"] = table.mean()
    print((100 * table).to_string(float_format=lambda v: f"{v:+.1f} %"))


if __name__ == "__main__":
    main()
