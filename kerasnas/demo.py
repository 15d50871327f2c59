"""`kerasnas demo`: two searches on real data, judged on rows that no search has seen.

Each saved file is then opened by plain Keras in a fresh process that cannot import kerasnas.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    root_mean_squared_error,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kerasnas
from kerasnas.errors import ArtifactError
from kerasnas.estimators import TabularClassifier, TabularRegressor
from kerasnas.results.leaderboard import as_text

_Estimator = TabularClassifier | TabularRegressor

_SECONDS = 25  # of each search
_TEST = 0.25  # share of the rows that no search sees

_FRESH_PROCESS = """
import json, sys
sys.modules["kerasnas"] = None                   # from here on, `import kerasnas` fails
import keras, pandas as pd, tensorflow as tf
answers = {}
for name in sys.argv[1:]:
    model = keras.models.load_model(f"{name}.keras")
    rows = pd.read_csv(f"{name}_test.csv")
    inputs = {column: tf.constant(rows[column].to_numpy()[:, None], tensor.dtype)
              for column, tensor in model.input.items()}
    answers[name] = model(inputs).numpy().tolist()
print(json.dumps(answers))
"""


@dataclass
class _Task:
    """One table of the demo, its rows already split."""

    name: str
    what: str
    classify: bool
    train: pd.DataFrame
    test: pd.DataFrame
    target: str

    @property
    def seen(self) -> tuple[pd.DataFrame, pd.Series]:
        return self.train.drop(columns=self.target), self.train[self.target]

    @property
    def unseen(self) -> tuple[pd.DataFrame, pd.Series]:
        return self.test.drop(columns=self.target), self.test[self.target]


def demo(folder: Path) -> None:
    """Runs the demo.

    Args:
        folder: Where its files go.
    """
    folder.mkdir(exist_ok=True)
    print(
        f"kerasnas {kerasnas.__version__}: two tables that scikit-learn ships, {_SECONDS} seconds "
        "of search for each.\nA quarter of the rows is set aside first; no search sees them."
    )
    expected = {}
    for task in (_flowers(), _diabetes()):
        estimator = _search(task)
        print("\nLeaderboard, by scores on rows that the networks were not trained on:")
        print(as_text(estimator.leaderboard(full=True), estimator.fitted_.ranked_by))
        _show_test_scores(task, estimator)
        estimator.save(folder / f"{task.name}.keras")
        rows = task.unseen[0]
        rows.to_csv(folder / f"{task.name}_test.csv", index=False)
        expected[task.name] = (
            estimator.predict_proba(rows)
            if isinstance(estimator, TabularClassifier)
            else estimator.predict(rows)[:, None]
        )
    _check_in_fresh_process(folder, expected)


def _flowers() -> _Task:
    data = load_iris(as_frame=True)
    frame = data.data.assign(species=data.target.map(dict(enumerate(data.target_names))))
    train, test = train_test_split(
        frame, test_size=_TEST, random_state=0, stratify=frame["species"]
    )
    what = "Irises of three species, from 4 measurements of their flowers"
    return _Task("irises", what, True, train, test, "species")


def _diabetes() -> _Task:
    data = load_diabetes(as_frame=True, scaled=False)
    frame = data.data.assign(progression=data.target)
    train, test = train_test_split(frame, test_size=_TEST, random_state=0)
    what = "Progression of diabetes in a year (25 to 346) from 10 measurements"
    return _Task("diabetes", what, False, train, test, "progression")


def _search(task: _Task) -> _Estimator:
    x, y = task.seen
    print(f"\n--- {task.what}.")
    print(f"    {len(task.train)} rows to search with, {len(task.test)} rows set aside.\n")
    kind = TabularClassifier if task.classify else TabularRegressor
    sys.stdout.flush()  # the lines of the search go to stderr
    estimator: _Estimator = kind(budget=_SECONDS, seed=0).fit(x, y)
    return estimator


def _show_test_scores(task: _Task, estimator: _Estimator) -> None:
    """Scores on the rows set aside, beside scikit-learn's models fitted on all other rows."""
    x, y = task.unseen
    models: dict[str, Any] = dict(_baselines(task.classify))
    for model in models.values():
        model.fit(*task.seen)
    models["kerasnas"] = estimator
    names = ("log-loss", "accuracy") if task.classify else ("RMSE", "MAE")
    print(
        f"\nOn the {len(y)} rows set aside, beside scikit-learn's models fitted on all "
        f"{len(task.train)} other rows:"
    )
    print(f"{'':32}{names[0]:>10}{names[1]:>10}")
    for name, model in models.items():
        if task.classify:
            probabilities = model.predict_proba(x)
            scores = (
                log_loss(y, probabilities, labels=model.classes_),
                accuracy_score(y, model.predict(x)),
            )
        else:
            answers = model.predict(x)
            scores = (root_mean_squared_error(y, answers), mean_absolute_error(y, answers))
        print(f"{name:32}{scores[0]:10.3f}{scores[1]:10.3f}")


def _baselines(classify: bool) -> Mapping[str, Any]:
    if classify:
        return {
            "most frequent label": DummyClassifier(strategy="prior"),
            "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
            "histogram gradient boosting": HistGradientBoostingClassifier(random_state=0),
        }
    return {
        "mean": DummyRegressor(),
        "ridge regression": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 7))),
        "histogram gradient boosting": HistGradientBoostingRegressor(random_state=0),
    }


def _check_in_fresh_process(folder: Path, expected: Mapping[str, np.ndarray]) -> None:
    """Compares the answers of plain Keras to those of the estimators.

    Raises:
        RuntimeError: If plain Keras cannot open a file, or answers differently.
    """
    print("\n--- The saved files, opened by plain Keras in a fresh process without kerasnas:")
    print(_FRESH_PROCESS, flush=True)
    done = subprocess.run(
        [sys.executable, "-c", _FRESH_PROCESS, *expected],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ArtifactError(f"Plain Keras could not open the saved files:\n{done.stderr}")
    answers = json.loads(done.stdout.splitlines()[-1])
    for name, wanted in expected.items():
        gap = float(np.abs(np.asarray(answers[name]) - wanted).max())
        size = (folder / f"{name}.keras").stat().st_size / 1e6
        print(
            f"{name}.keras, {size:.1f} MB: {len(wanted)} rows answered, largest difference from "
            f"the estimator's answers {gap:.1e}."
        )
        if not gap <= 1e-5 * max(1.0, float(np.abs(wanted).max())):
            raise ArtifactError(f"{name}.keras answers differently in plain Keras.")
