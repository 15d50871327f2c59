"""A linear model over the features of a problem, for one head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnas.baselines.evidence import Evidence
from kerasnas.baselines.head_model import HeadLesson, HeadModel, constant_head_model
from kerasnas.problem.heads import (
    ClassHead,
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


def fit_linear(lesson: HeadLesson, *, strength: float = 1.0) -> HeadModel:
    """Fits a linear model.

    Args:
        lesson: What it learns. Before its deadline a solver takes as many steps as there is time
            for.
        strength: Inverse strength of the penalty of a classifier.
    """
    head, x, y = lesson.head, lesson.evidence.linear(lesson.train), lesson.targets
    if isinstance(head, ClassHead):
        return _classifier(lesson, x, strength)
    if isinstance(head, OwnLossHead) and y.shape[1] != head.width:
        return constant_head_model(lesson)
    if isinstance(head, ValueHead | ValuesHead):
        y = in_deviations(head, y)
    ridge = _ridge(x).fit(x, y, sample_weight=lesson.train_weights)
    shift: Any = 0.0
    if isinstance(head, QuantilesHead):
        # The errors are taken to be the same everywhere.
        errors = y - np.asarray(ridge.predict(x)).reshape(-1)
        shift = head.constant(errors, lesson.train_weights)

    def answer(evidence: Evidence, asked: np.ndarray) -> np.ndarray:
        found = _over_rows(ridge.predict, evidence, asked).reshape(len(asked), -1) + shift
        if isinstance(head, ValueHead | ValuesHead):
            return in_own_units(head, found)
        return np.clip(found, _NEVER, 1.0 - _NEVER) if isinstance(head, LabelsHead) else found

    return HeadModel(answer, ridge.coef_.nbytes)


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


def _over_rows(predict: Callable[[Any], Any], evidence: Evidence, asked: np.ndarray) -> np.ndarray:
    parts = [asked[i : i + _AT_ONCE] for i in range(0, len(asked), _AT_ONCE)]
    return np.concatenate([np.asarray(predict(evidence.linear(part))) for part in parts])


def _classifier(lesson: HeadLesson, x: Any, strength: float) -> HeadModel:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    classes = lesson.head.width
    steps = affordable(x, classes, lesson.deadline, _ITERATIONS)
    # Steps are short: threads that wait for each other take ten times as long.
    with threadpool_limits(1):
        model = LogisticRegression(C=strength, max_iter=steps)
        model.fit(x, lesson.targets, sample_weight=lesson.train_weights)

    def answer(evidence: Evidence, asked: np.ndarray) -> np.ndarray:
        found = _over_rows(model.predict_proba, evidence, asked)
        full = np.zeros((len(found), classes))
        full[:, model.classes_] = found  # training rows may lack some classes
        return full

    return HeadModel(answer, model.coef_.nbytes)


def _ridge(x: Any) -> Any:
    from scipy import sparse
    from sklearn.linear_model import Ridge, RidgeCV

    if sparse.issparse(x):  # leaving out one row at a time would need the whole matrix
        return Ridge(alpha=1.0, solver="sparse_cg", max_iter=5 * _ITERATIONS)
    return RidgeCV(_PENALTIES)
