"""Honest baselines: what a trivial rule and two classical models reach on the same split."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasnas.clock import Clock, Deadline, Margin, OutOfTime, Purpose, Stopwatch, amount
from kerasnas.data import MISSING_DATETIME, Column
from kerasnas.problem import Scorer
from kerasnas.spaces.linear_solver import affordable

NO_TIME = "no time left in the budget"
_MOST_ROWS = 50_000
_MOST_CELLS = 20_000_000
_ITERATIONS = 200  # of a linear model
_STAGES = (1, 4, 16, 100)  # iterations of boosting, which show what the rest of them takes
_THREADED = 200_000  # cells, from which boosting uses several threads


class Split:
    """The rows that baselines are fitted on and scored with.

    Args:
        columns: Raw columns in use.
        raw: All rows by column name, as `data.ingest` gives them.
        matrix: The feature matrix of all rows, `(rows, width)`.
        embedded: Columns at the end of the matrix that are indices, not features.
        targets: Integer labels or values of all rows.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        valid: Indices of the validation rows.
        folds: Rows to train on and rows to validate on, of each fold, where there are folds.
    """

    def __init__(
        self,
        columns: tuple[Column, ...],
        raw: Mapping[str, np.ndarray],
        matrix: np.ndarray,
        embedded: int,
        targets: np.ndarray,
        weights: np.ndarray | None,
        train: np.ndarray,
        valid: np.ndarray,
        folds: tuple[tuple[np.ndarray, np.ndarray], ...] = (),
    ) -> None:
        self.columns = columns
        self.raw = raw
        self.features = matrix[:, : matrix.shape[1] - embedded]
        self.targets = targets
        self.weights = weights
        most = min(_MOST_ROWS, max(1, _MOST_CELLS // max(1, matrix.shape[1])))
        self.train = train[:: max(1, len(train) // most)]
        self.valid = valid
        self.folds = folds
        self.answers: dict[str, np.ndarray] = {}  # of each baseline to the validation rows

    def parts(self) -> list[Split]:
        """The split itself, or that of each fold."""
        if not self.folds:
            return [self]
        parts = []
        for train, valid in self.folds:
            part = copy.copy(self)
            part.train, part.valid, part.folds = train, valid, ()
            parts.append(part)
        return parts

    def joined(self, answers: list[np.ndarray]) -> np.ndarray:
        """Answers of the parts in the order of the validation rows."""
        if not self.folds:
            return answers[0]
        rows = np.concatenate([valid for _, valid in self.folds])
        return np.concatenate(answers)[np.argsort(rows)]


def baseline_rows(split: Split, scorer: Scorer, clock: Clock, seed: int) -> list[dict[str, Any]]:
    """Fits and scores the baselines.

    Args:
        split: Data.
        scorer: Scores validation rows.
        clock: The clock of the fit; a classical model is not started near its end, and one that
            would take more than a share of the time that is left is given up.
        seed: Seed of the search.

    Returns:
        Rows of the leaderboard.
    """
    task = "regression" if scorer.classes is None else "classification"
    first = "mean" if scorer.classes is None else "majority"
    fits = {first: _constant, "linear": _linear, "hist_gradient_boosting": _boosting}

    def answered(fit: Callable[..., np.ndarray]) -> Callable[[], np.ndarray]:
        def answer() -> np.ndarray:
            parts = split.parts()
            one = clock.allot(Purpose.TABLE_BASELINE).left / len(parts)
            fitted = [
                fit(part, task, scorer.classes, seed, clock.deadline.at_most(one)) for part in parts
            ]
            return split.joined(fitted)

        return answer

    waiting = {name: answered(fit) for name, fit in fits.items()}
    return scored_rows(waiting, scorer, clock, Purpose.TABLE_BASELINE, split.answers)


def scored_rows(
    fits: Mapping[str, Callable[[], np.ndarray]],
    scorer: Scorer,
    clock: Clock,
    purpose: Purpose,
    answers: dict[str, np.ndarray],
) -> list[dict[str, Any]]:
    """Rows of the leaderboard for baselines, the first of which costs nothing.

    Args:
        fits: By name, what fits a baseline and answers the validation rows.
        scorer: Scores the answers.
        clock: The clock of the fit.
        purpose: Says how many seconds must be left before any but the first is started.
        answers: Takes up the answers, by name.
    """
    rows = []
    for place, (name, fit) in enumerate(fits.items()):
        if place and not clock.has_time(purpose):
            rows.append(baseline_row(name, {}, 0.0, NO_TIME))
            continue
        watch = Stopwatch()
        try:
            with warnings.catch_warnings():
                # A linear model that has not quite converged still is a baseline.
                warnings.simplefilter("ignore")
                answers[name] = fit()
            metrics = scorer.validation(answers[name])
            rows.append(baseline_row(name, metrics, watch.seconds, ""))
        except (ValueError, OutOfTime) as error:
            rows.append(baseline_row(name, {}, watch.seconds, str(error)))
    return rows


def baseline_row(
    name: str, metrics: Mapping[str, float], seconds: float, failure: str
) -> dict[str, Any]:
    """A row of the leaderboard for what is no trial."""
    return {
        "trial_id": name,
        "kind": "baseline",
        "status": "FAILED" if failure else "COMPLETED",
        **metrics,
        "seconds": seconds,
        "feasible": not failure,
        "hyperparameters": {},
        "failure": failure,
    }


def _constant(
    split: Split, task: str, classes: int | None, seed: int, deadline: Deadline
) -> np.ndarray:
    targets = split.targets[split.train]
    weights = None if split.weights is None else split.weights[split.train]
    rows = len(split.valid)
    if classes is None:
        return np.full((rows, 1), np.average(targets, weights=weights))
    counts = np.bincount(targets, weights=weights, minlength=classes)
    return np.tile(counts / counts.sum(), (rows, 1))


def _linear(
    split: Split, task: str, classes: int | None, seed: int, deadline: Deadline
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    weights = None if split.weights is None else split.weights[split.train]
    x, y = split.features[split.train], split.targets[split.train]
    if classes is None:
        ridge = RidgeCV(np.logspace(-3, 3, 7)).fit(x, y, sample_weight=weights)
        return np.asarray(ridge.predict(split.features[split.valid])).reshape(-1, 1)
    most = affordable(x, classes, deadline, _ITERATIONS)
    logistic = LogisticRegression(max_iter=most).fit(x, y, sample_weight=weights)
    return _spread(logistic, split.features[split.valid], classes)


def _boosting(
    split: Split, task: str, classes: int | None, seed: int, deadline: Deadline
) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    x, categorical = _ordinal(split)
    weights = None if split.weights is None else split.weights[split.train]
    cls = HistGradientBoostingRegressor if classes is None else HistGradientBoostingClassifier
    # With warm starts it comes to the very trees that it comes to at once.
    model = cls(random_state=seed % 2**32, categorical_features=categorical, warm_start=True)
    took: list[float] = []
    # On a small table threads that wait for each other cost more than they bring.
    with threadpool_limits(None if x.size > _THREADED else 1, user_api="openmp"):
        for iterations in _STAGES[-1:] if deadline.endless else _STAGES:
            watch = Stopwatch()
            model.set_params(max_iter=iterations)
            model.fit(x[split.train], split.targets[split.train], sample_weight=weights)
            if model.n_iter_ < iterations:
                break  # it stopped by itself
            took.append(watch.seconds)
            _check_boosting(took, deadline)
    if classes is None:
        return np.asarray(model.predict(x[split.valid])).reshape(-1, 1)
    return _spread(model, x[split.valid], classes)


def _check_boosting(took: list[float], deadline: Deadline) -> None:
    """Gives up boosting that will take longer than it may.

    Args:
        took: Seconds of the stages so far. Each of them sorts the rows into bins anew, which is
            all that the first one, of one iteration, shows.
        deadline: When all stages have to be done.

    Raises:
        OutOfTime: If it is given up.
    """
    if not 1 < len(took) < len(_STAGES):
        return
    new = _STAGES[len(took) - 1] - _STAGES[len(took) - 2]
    pace = max(took[-1] - took[0], 0.0) / (new - _STAGES[0])
    needed = took[0] + pace * (_STAGES[-1] - _STAGES[len(took) - 1])
    if len(took) == 2:
        needed = (sum(took) + needed) / amount(Margin.EARLY_BOOSTING) - sum(took)
    deadline.require(needed, "for all iterations of boosting")


def _spread(model: Any, x: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities of all classes, those that the training rows lack included."""
    full = np.zeros((len(x), classes))
    full[:, model.classes_] = model.predict_proba(x)
    return full


def _ordinal(split: Split) -> tuple[np.ndarray, list[bool]]:
    """Numbers as they are, the 250 most frequent categories as codes, text by its length."""
    matrix, categorical = [], []
    for column in split.columns:
        values = split.raw[column.name]
        categorical.append(column.kind == "categorical")
        if column.kind == "categorical":
            known, counts = np.unique(values[split.train], return_counts=True)
            kept = known[np.argsort(-counts, kind="stable")[:250]]
            code = {value: i for i, value in enumerate(kept)}
            matrix.append(np.array([code.get(v, np.nan) for v in values]))
        elif column.kind == "text":
            matrix.append(np.array([len(v) for v in values], dtype="float64"))
        elif column.kind == "datetime":
            matrix.append(np.where(values == MISSING_DATETIME, np.nan, values.astype("float64")))
        else:
            matrix.append(values.astype("float64"))
    return np.stack(matrix, axis=1), categorical
