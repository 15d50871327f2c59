"""Penalised linear models, solved for: the weights that a linear network then has."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from kerasnas.clock import Deadline, Margin, amount, seconds_of


def seconds_of_step(matrix: Any, outputs: int) -> float:
    """Seconds of one step of a solver, from one pair of products with the matrix.

    Args:
        matrix: Sparse or dense, `(rows, terms)`.
        outputs: Columns on the other side.
    """
    right = np.ones((matrix.shape[1], outputs), dtype=matrix.dtype)  # else numpy copies the matrix
    products = seconds_of(lambda: matrix.T @ (matrix @ right))
    return amount(Margin.SOLVER_STEP) * products


def affordable(matrix: Any, outputs: int, deadline: Deadline, most: int) -> int:
    """Steps of a solver that there is time for, at least one.

    Args:
        matrix: Sparse or dense, `(rows, terms)`.
        outputs: Columns of the coefficients.
        deadline: When they have to be done; endless for `most` steps.
        most: Most steps.
    """
    if deadline.endless:
        return most
    pace = max(seconds_of_step(matrix, outputs), 1e-9)
    return max(1, min(most, int(deadline.left / pace)))


def solve_linear(
    matrix: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    classes: int | None,
    strength: float,
    most: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients `(features, outputs)` and biases of a penalised linear model.

    Args:
        matrix: Sparse or dense, `(rows, features)`.
        y: Integer labels `(rows,)`, a 0/1 matrix, or values `(rows, 1)`.
        weights: Weight of each row, or `None`.
        classes: Number of classes or labels; `None` for values.
        strength: Inverse strength of the penalty.
        most: Most iterations.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    if classes is None:
        ridge = Ridge(alpha=1.0 / strength, solver="sparse_cg", max_iter=5 * most)
        _fit(ridge, matrix, y.ravel(), weights)
        return np.asarray(ridge.coef_).reshape(-1, 1), np.atleast_1d(ridge.intercept_)
    if (y.ndim == 2 and y.shape[1] > 1) or y.dtype.kind == "f":
        columns = [_binary(matrix, y[:, i] > 0.5, weights, strength, most) for i in range(classes)]
        return np.stack([c for c, _ in columns], axis=1), np.array([b for _, b in columns])
    labels = y.ravel()
    present = np.unique(labels)
    coefficients = np.zeros((matrix.shape[1], classes))
    bias = np.full(classes, -12.0)  # of classes that no training row has
    if len(present) == 1:
        bias[present] = 0.0
        return coefficients, bias
    model = _fit(LogisticRegression(C=strength, max_iter=most), matrix, labels, weights)
    if len(present) == 2:
        # One logit of two classes: half to the one, half from the other.
        half, shift = model.coef_[0] / 2, float(model.intercept_[0]) / 2
        coefficients[:, present] = np.stack([-half, half], axis=1)
        bias[present] = [-shift, shift]
    else:
        coefficients[:, present] = model.coef_.T
        bias[present] = model.intercept_
    return coefficients, bias


def _binary(
    matrix: Any, truth: np.ndarray, weights: np.ndarray | None, strength: float, most: int
) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    if truth.all() or not truth.any():
        return np.zeros(matrix.shape[1]), 6.0 if truth.all() else -6.0
    model = _fit(LogisticRegression(C=strength, max_iter=most), matrix, truth, weights)
    return model.coef_[0], float(model.intercept_[0])


def _fit(model: Any, matrix: Any, y: np.ndarray, weights: np.ndarray | None) -> Any:
    # Steps are short: threads that wait for each other take ten times as long.
    with warnings.catch_warnings(), threadpool_limits(1):
        # A model that has not quite converged is scored like any other.
        warnings.simplefilter("ignore")
        return model.fit(matrix, y, sample_weight=weights)
