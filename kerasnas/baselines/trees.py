"""Boosted trees and forests over the columns of a problem, for one head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasnas.baselines.evidence import Evidence
from kerasnas.baselines.linear import in_deviations, in_own_units
from kerasnas.clock import ENDLESS, Deadline, Margin, Stopwatch, amount
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


def tree_answers(
    fit: Callable[..., Any],
    evidence: Evidence,
    head: FittedHead,
    encoded: np.ndarray,
    weights: np.ndarray | None,
    train: np.ndarray,
    asked: np.ndarray,
    *,
    seed: int = 0,
    deadline: Deadline = ENDLESS,
) -> np.ndarray:
    """Answers to some rows of trees fitted on others, `(rows, width)`.

    Args:
        fit: `boosted` or `grown`.
        evidence: Columns of all rows.
        head: What is to be answered.
        encoded: Encoded targets of all rows.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        asked: Indices of the rows to answer.
        seed: Seed of the trees.
        deadline: When it has to be fitted.

    Raises:
        ValueError: If there are no columns for trees.
        OutOfTime: If it would take longer.
    """
    if evidence.columns is None:
        raise ValueError("rows with so many columns are not given to trees")
    x, y, answered = evidence.columns(train), encoded[train], evidence.columns(asked)
    kept = None if weights is None else weights[train]

    def fitted(targets: np.ndarray, share: float = 1.0, **settings: Any) -> Any:
        part = deadline.part(share)
        return fit(head, evidence, seed, settings, x, targets, weights=kept, deadline=part)

    def side_by_side(targets: Sequence[np.ndarray], settings: Sequence[Any]) -> np.ndarray:
        shares = [1 / (head.width - i) for i in range(head.width)]
        models = [fitted(t, s, **how) for t, s, how in zip(targets, shares, settings, strict=True)]
        return np.stack([model.predict(answered) for model in models], axis=1)

    def each_column(targets: np.ndarray) -> np.ndarray:
        return side_by_side(list(targets.T), [{}] * head.width)

    if isinstance(head, ClassHead):
        model = fitted(y)
        full = np.zeros((len(asked), head.width))
        full[:, model.classes_] = model.predict_proba(answered)
        return full
    if isinstance(head, LabelsHead):
        return np.stack([_of_label(fitted, y, i, answered) for i in range(head.width)], axis=1)
    if isinstance(head, QuantilesHead):
        settings = [{"loss": "quantile", "quantile": level} for level in head.target.quantiles]
        return np.sort(side_by_side([y] * head.width, settings), axis=1)
    if isinstance(head, OwnLossHead):
        if y.shape[1] != head.width:
            return np.tile(head.constant(y, kept), (len(asked), 1))
        return each_column(y)
    if isinstance(head, ValuesHead):
        return in_own_units(head, each_column(in_deviations(head, y)))
    assert isinstance(head, ValueHead)
    found = fitted(in_deviations(head, y)).predict(answered)
    return in_own_units(head, np.asarray(found).reshape(-1, 1))


def _of_label(fitted: Any, y: np.ndarray, label: int, asked: np.ndarray) -> np.ndarray:
    """The probability of one label; of one that all rows or none have, that share."""
    if len(np.unique(y[:, label])) < 2:
        return np.full(len(asked), float(y[0, label]))
    return fitted(y[:, label], 1 / (y.shape[1] - label)).predict_proba(asked)[:, 1]


def boosted(
    head: FittedHead,
    evidence: Evidence,
    seed: int,
    settings: dict[str, Any],
    x: np.ndarray,
    y: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    deadline: Deadline = ENDLESS,
) -> Any:
    """Boosting, fitted in stages; given up where the rest would take too long."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    classify = head.classes is not None
    cls = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    flags = list(evidence.categorical)
    # With warm starts it comes to the very trees that it comes to at once.
    model = cls(
        random_state=seed % 2**32,
        categorical_features=flags if any(flags) else None,
        warm_start=True,
        **settings,
    )
    took: list[float] = []
    classes = len(np.unique(y)) if classify else 1
    trees = _STAGES[-1] * (classes if classes > 2 else 1)
    deadline.require(amount(Margin.TREE_SECONDS) * trees, f"for the {trees} trees of boosting")
    # On a small table threads that wait for each other cost more than they bring.
    with threadpool_limits(None if x.size > _THREADED else 1, user_api="openmp"):
        for iterations in _STAGES[-1:] if deadline.endless else _STAGES:
            watch = Stopwatch()
            model.set_params(max_iter=iterations)
            model.fit(x, y, sample_weight=weights)
            if model.n_iter_ < iterations:
                break  # it stopped by itself
            took.append(watch.seconds)
            check_boosting(took, deadline)
    return model


def grown(
    head: FittedHead,
    evidence: Evidence,
    seed: int,
    settings: dict[str, Any],
    x: np.ndarray,
    y: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    deadline: Deadline = ENDLESS,
) -> Any:
    """A random forest, fitted in stages; given up where the rest would take too long."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    cls = RandomForestRegressor if head.classes is None else RandomForestClassifier
    model = cls(random_state=seed % 2**32, warm_start=True, **settings)
    for trees in _FOREST:
        watch = Stopwatch()
        model.set_params(n_estimators=trees)
        model.fit(x, y, sample_weight=weights)
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
