"""A linear model over the features of a problem, for one head."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasnas.baselines.evidence import Evidence
from kerasnas.clock import ENDLESS, Deadline
from kerasnas.problem.heads import (
    ClassHead,
    FittedHead,
    LabelsHead,
    OwnLossHead,
    QuantilesHead,
    ValueHead,
    ValuesHead,
)
from kerasnas.spaces.linear_solver import affordable

_ITERATIONS = 200  # of a solver, at most
_PENALTIES = np.logspace(-3, 4, 8)  # of ridge regression, which chooses among them by itself
_AT_ONCE = 10_000  # rows that are answered together
_NEVER = 1e-3  # least probability of a label, which a ridge regression does not limit by itself


def linear_answers(
    evidence: Evidence,
    head: FittedHead,
    encoded: np.ndarray,
    weights: np.ndarray | None,
    train: np.ndarray,
    asked: np.ndarray,
    *,
    strength: float = 1.0,
    deadline: Deadline = ENDLESS,
) -> np.ndarray:
    """Answers to some rows of a linear model fitted on others, `(rows, width)`.

    Args:
        evidence: Features of all rows.
        head: What is to be answered.
        encoded: Encoded targets of all rows.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        asked: Indices of the rows to answer.
        strength: Inverse strength of the penalty of a classifier.
        deadline: When it has to be fitted: a solver takes as many steps as there is time for.
    """
    x, y = evidence.linear(train), encoded[train]
    kept = None if weights is None else weights[train]

    def over_rows(predict: Any) -> np.ndarray:
        parts = [asked[i : i + _AT_ONCE] for i in range(0, len(asked), _AT_ONCE)]
        return np.concatenate([np.asarray(predict(evidence.linear(part))) for part in parts])

    if isinstance(head, ClassHead):
        return _classified(x, y, kept, head.width, over_rows, strength, deadline)
    if isinstance(head, OwnLossHead) and y.shape[1] != head.width:
        return np.tile(head.constant(y, kept), (len(asked), 1))
    if isinstance(head, ValueHead | ValuesHead):
        y = in_deviations(head, y)
    ridge = _ridge(x).fit(x, y, sample_weight=kept)
    found = over_rows(ridge.predict).reshape(len(asked), -1)
    if isinstance(head, QuantilesHead):
        # The errors are taken to be the same everywhere.
        found = found + head.constant(y - np.asarray(ridge.predict(x)).reshape(-1), kept)
    if isinstance(head, ValueHead | ValuesHead):
        return in_own_units(head, found)
    if isinstance(head, LabelsHead):
        return np.clip(found, _NEVER, 1.0 - _NEVER)
    return found


def in_deviations(head: ValueHead | ValuesHead, targets: np.ndarray) -> np.ndarray:
    """Targets in deviations from their mean, float64: libraries count in float32 or square."""
    if head.units is None:
        return targets
    return (targets - np.asarray(head.units.mean)) / np.asarray(head.units.scale)


def in_own_units(head: ValueHead | ValuesHead, answers: np.ndarray) -> np.ndarray:
    """Answers of a model that was fitted on what `in_deviations` gives."""
    answers = answers.astype("float64")
    if head.units is None:
        return answers
    return answers * np.asarray(head.units.scale) + np.asarray(head.units.mean)


def _classified(
    x: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    classes: int,
    over_rows: Any,
    strength: float,
    deadline: Deadline,
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    steps = affordable(x, classes, deadline, _ITERATIONS)
    # Steps are short: threads that wait for each other take ten times as long.
    with threadpool_limits(1):
        model = LogisticRegression(C=strength, max_iter=steps).fit(x, y, sample_weight=weights)
    found = over_rows(model.predict_proba)
    full = np.zeros((len(found), classes))
    full[:, model.classes_] = found  # training rows may lack some classes
    return full


def _ridge(x: Any) -> Any:
    from scipy import sparse
    from sklearn.linear_model import Ridge, RidgeCV

    if sparse.issparse(x):  # leaving out one row at a time would need the whole matrix
        return Ridge(alpha=1.0, solver="sparse_cg", max_iter=5 * _ITERATIONS)
    return RidgeCV(_PENALTIES)
