"""Boosted trees and forests over the columns of a problem, for one head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from kerasnas.baselines.evidence import Evidence
from kerasnas.baselines.head_model import HeadLesson, HeadModel, constant_head_model
from kerasnas.baselines.linear import in_deviations, in_own_units
from kerasnas.clock import Deadline, Margin, Stopwatch, amount
from kerasnas.problem.heads import (
    ClassHead,
    FittedHead,
    LabelsHead,
    OwnLossHead,
    QuantilesHead,
    ValueHead,
    ValuesHead,
)

_STAGES = (1, 4, 16, 100)  # iterations of boosting, which show what the rest of them takes
_FOREST = (10, 100)  # trees of a forest, the first of which show what the rest of them takes
_THREADED = 200_000  # cells, from which boosting uses several threads
_NODE_BYTES = 64  # of a node in a tree of scikit-learn
_BOOSTED_NODES = 61  # of a tree of boosting: scikit-learn stops at 31 leaves


def fit_trees(grow: Callable[..., Any], lesson: HeadLesson, *, seed: int = 0) -> HeadModel:
    """Fits trees: one model, or one for each column of the targets.

    Args:
        grow: `boosted` or `grown`.
        lesson: What they learn.
        seed: Seed of the trees.

    Raises:
        ValueError: If there are no columns for trees.
        OutOfTime: If it would take longer than there is time.
    """
    if lesson.evidence.columns is None:
        raise ValueError("rows with so many columns are not given to trees")
    head, y, width = lesson.head, lesson.targets, lesson.head.width
    if isinstance(head, OwnLossHead) and y.shape[1] != width:
        return constant_head_model(lesson)
    x = lesson.evidence.columns(lesson.train)

    def fitted(targets: np.ndarray, share: float = 1.0, **settings: Any) -> Any:
        return grow(lesson, x, targets, lesson.deadline.part(share), seed, settings)

    if isinstance(head, ClassHead):
        return _classifier(fitted(y), width)
    if isinstance(head, QuantilesHead):
        settings = [{"loss": "quantile", "quantile": level} for level in head.target.quantiles]
        columns = [y] * width
    else:
        targets = in_deviations(head, y) if isinstance(head, ValueHead | ValuesHead) else y
        columns, settings = list(targets.reshape(len(y), -1).T), [{}] * width
    models = [
        # Of one label that all rows or none have, there is nothing to learn.
        float(column[0])
        if isinstance(head, LabelsHead) and len(np.unique(column)) < 2
        else fitted(column, 1 / (width - i), **how)
        for i, (column, how) in enumerate(zip(columns, settings, strict=True))
    ]

    def answer(evidence: Evidence, asked: np.ndarray) -> np.ndarray:
        assert evidence.columns is not None, "the same evidence of other rows"
        rows = evidence.columns(asked)
        found = np.stack([_column(model, rows, head) for model in models], axis=1)
        if isinstance(head, QuantilesHead):
            return np.sort(found, axis=1)
        return in_own_units(head, found) if isinstance(head, ValueHead | ValuesHead) else found

    return HeadModel(answer, sum(_size(m) for m in models if not isinstance(m, float)))


def _classifier(model: Any, width: int) -> HeadModel:
    def answer(evidence: Evidence, asked: np.ndarray) -> np.ndarray:
        assert evidence.columns is not None, "the same evidence of other rows"
        full = np.zeros((len(asked), width))
        full[:, model.classes_] = model.predict_proba(evidence.columns(asked))
        return full

    return HeadModel(answer, _size(model))


def _column(model: Any, rows: np.ndarray, head: FittedHead) -> np.ndarray:
    """The answers of one of several models: a probability for a label."""
    if isinstance(model, float):
        return np.full(len(rows), model)
    found = model.predict_proba(rows)[:, 1] if isinstance(head, LabelsHead) else model.predict(rows)
    return np.asarray(found)


def _size(model: Any) -> int:
    """About how many bytes the trees of a model take."""
    from sklearn.ensemble import BaseEnsemble

    if isinstance(model, BaseEnsemble):
        nodes = sum(tree.tree_.node_count for tree in model.estimators_)
        classes = model.n_classes_ if isinstance(model, ClassifierMixin) else 1
        return int(nodes * (_NODE_BYTES + 8 * classes))
    return int(model.n_trees_per_iteration_ * model.n_iter_ * _BOOSTED_NODES * _NODE_BYTES)


def boosted(
    lesson: HeadLesson,
    x: np.ndarray,
    targets: np.ndarray,
    deadline: Deadline,
    seed: int,
    settings: dict[str, Any],
) -> Any:
    """Boosting, fitted in stages; given up where the rest would take too long."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    classify = lesson.head.classes is not None
    cls = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    flags = list(lesson.evidence.categorical)
    # With warm starts it comes to the very trees that it comes to at once.
    model = cls(
        random_state=seed % 2**32,
        categorical_features=flags if any(flags) else None,
        warm_start=True,
        **settings,
    )
    took: list[float] = []
    classes = len(np.unique(targets)) if classify else 1
    trees = _STAGES[-1] * (classes if classes > 2 else 1)
    deadline.require(amount(Margin.TREE_SECONDS) * trees, f"for the {trees} trees of boosting")
    # On a small table threads that wait for each other cost more than they bring.
    with threadpool_limits(None if x.size > _THREADED else 1, user_api="openmp"):
        for iterations in _STAGES[-1:] if deadline.endless else _STAGES:
            watch = Stopwatch()
            model.set_params(max_iter=iterations)
            model.fit(x, targets, sample_weight=lesson.train_weights)
            if model.n_iter_ < iterations:
                break  # it stopped by itself
            took.append(watch.seconds)
            check_boosting(took, deadline)
    return model


def grown(
    lesson: HeadLesson,
    x: np.ndarray,
    targets: np.ndarray,
    deadline: Deadline,
    seed: int,
    settings: dict[str, Any],
) -> Any:
    """A random forest, fitted in stages; given up where the rest would take too long."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    cls = RandomForestRegressor if lesson.head.classes is None else RandomForestClassifier
    model = cls(random_state=seed % 2**32, warm_start=True, **settings)
    for trees in _FOREST:
        watch = Stopwatch()
        model.set_params(n_estimators=trees)
        model.fit(x, targets, sample_weight=lesson.train_weights)
        if trees < _FOREST[-1]:
            needed = watch.seconds * (_FOREST[-1] / trees - 1)
            deadline.require(needed, "for all trees of a forest")
    return model


def check_boosting(took: list[float], deadline: Deadline) -> None:
    """Gives up boosting that will take longer than it may.

    Args:
        took: Seconds of the stages so far. Each of them sorts the rows into bins anew, which is
            all that the first one, of one iteration, shows.
        deadline: When all stages have to be done.

    Raises:
        OutOfTime: If it is given up.
    """
    if not 0 < len(took) < len(_STAGES):
        return
    if len(took) == 1:
        needed = (len(_STAGES) - 1) * took[0] / amount(Margin.EARLY_BOOSTING)
        deadline.require(needed, "for all iterations of boosting")
        return
    new = _STAGES[len(took) - 1] - _STAGES[len(took) - 2]
    pace = max(took[-1] - took[0], 0.0) / (new - _STAGES[0])
    needed = took[0] + pace * (_STAGES[-1] - _STAGES[len(took) - 1])
    if len(took) == 2:
        needed = (sum(took) + needed) / amount(Margin.EARLY_BOOSTING) - sum(took)
    deadline.require(needed, "for all iterations of boosting")
