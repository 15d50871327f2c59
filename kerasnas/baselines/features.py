"""Baselines of images and sounds: the most frequent answer, and a linear model over features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from kerasnas.baselines.tables import scored_rows
from kerasnas.clock import Clock, Purpose
from kerasnas.problem import Scorer

MOST_ROWS = 10_000
_STRENGTHS = np.logspace(0, 4, 5)


def feature_baselines(
    features: Any,
    rows: Any,
    scorer: Scorer,
    clock: Clock,
    answers: dict[str, np.ndarray],
) -> list[dict[str, Any]]:
    """Fits and scores the baselines.

    Args:
        features: Comparable features of all rows, `(rows, features)`: an array, or anything that
            gives one for the indices of some rows.
        rows: `targets`, `weights`, `parts`, `joined`, `classes` and `multilabel` of all rows.
        scorer: Scores the validation rows.
        clock: The clock of the fit; a linear model is not started near its end.
        answers: Takes up the answers to the validation rows.

    Returns:
        Rows of the leaderboard.
    """

    def weights_of(train: np.ndarray) -> np.ndarray | None:
        return None if rows.weights is None else rows.weights[train]

    def over_parts(fit: Callable[..., np.ndarray]) -> Callable[[], np.ndarray]:
        return lambda: rows.joined([fit(sampled(train), valid) for train, valid in rows.parts])

    def constant(train: np.ndarray, valid: np.ndarray) -> np.ndarray:
        y, weights, count = rows.targets[train], weights_of(train), len(valid)
        if rows.classes is None or rows.multilabel:
            mean = np.average(y, axis=0, weights=weights)
            return np.tile(np.reshape(mean, (1, -1)), (count, 1))
        counts = np.bincount(y, weights=weights, minlength=rows.classes)
        return np.tile(counts / counts.sum(), (count, 1))

    def linear(train: np.ndarray, valid: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import LogisticRegression, RidgeCV

        y, weights, count = rows.targets[train], weights_of(train), len(valid)
        x = features[train]

        def answered(predict: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
            starts = range(0, count, MOST_ROWS)
            return np.concatenate([predict(features[valid[i : i + MOST_ROWS]]) for i in starts])

        if rows.multilabel or rows.classes is None:
            ridge = RidgeCV(_STRENGTHS).fit(x, y, sample_weight=weights)
            found = answered(ridge.predict).reshape(count, -1)
            return np.clip(found, 1e-3, 1 - 1e-3) if rows.multilabel else found
        # On so few features threads that wait for each other take ten times as long.
        with threadpool_limits(1):
            model = LogisticRegression(max_iter=100, C=0.1).fit(x, y, weights)
        full = np.zeros((count, rows.classes))
        full[:, model.classes_] = answered(model.predict_proba)
        return full

    first = "mean" if rows.classes is None else "majority"
    fits = {first: over_parts(constant), "linear": over_parts(linear)}
    return scored_rows(fits, scorer, clock, Purpose.FEATURE_BASELINE, answers)


def sampled(train: np.ndarray) -> np.ndarray:
    """At most `MOST_ROWS` of the training rows, evenly spread."""
    return train[:: max(1, -(-len(train) // MOST_ROWS))]
