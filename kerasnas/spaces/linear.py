"""A linear model as a family: solved, not stepped. Cheap, and on small tables hard to beat."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.clock import ENDLESS, Deadline, Purpose
from kerasnas.spaces.linear_penalty import CROSS_VALIDATED, PENALTIES, chosen
from kerasnas.spaces.linear_solver import affordable

_MOST_COLUMNS = 3000  # of the solved system; categories beyond are left out
_ITERATIONS = 300
_DIRECT = 1e11  # products of a direct solution, beyond which one in steps is quicker


def declare_linear(hp: keras_tuner.HyperParameters) -> float:
    """The weight of the squared coefficients; 0 lets cross-validation choose it."""
    return float(
        hp.Choice("linear_penalty", [CROSS_VALIDATED, *PENALTIES], default=CROSS_VALIDATED)
    )


def solve_linear(
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    embedded: Sequence[int],
    classes: int | None,
    penalty: float,
    deadline: Deadline = ENDLESS,
) -> keras.Model:
    """Ridge or logistic regression as a network over the feature matrix.

    Args:
        x: Feature matrix, shape `(rows, width)`.
        y: Integer labels or standardised values, shape `(rows,)` or `(rows, 1)`.
        weights: Weight of each row, or `None`.
        embedded: Number of categories of each column of indices at the end of `x`; each category
            gets a coefficient of its own.
        classes: Number of classes; `None` for regression.
        penalty: Weight of the squared coefficients; 0 for that of `linear_penalty.chosen`.
        deadline: When the search ends.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    plain = x.shape[1] - len(embedded)
    design, spans = _design(x, plain, embedded)
    labels = y.reshape(-1)
    if penalty == CROSS_VALIDATED:
        penalty = chosen(design, labels, weights, classes, deadline)
    if classes is None:
        direct = design.shape[0] * design.shape[1] ** 2 < _DIRECT
        ridge = Ridge(alpha=penalty, solver="auto" if direct else "lsqr")
        ridge.fit(design, labels, sample_weight=weights)
        kernel, bias = ridge.coef_.reshape(1, -1).T, np.atleast_1d(ridge.intercept_)
    else:
        with warnings.catch_warnings():
            # One that has not quite converged still is a fair linear model.
            warnings.simplefilter("ignore")
            until = deadline.allot(Purpose.SOLVE)
            most = affordable(design, classes, until, _ITERATIONS)
            logistic = LogisticRegression(C=1.0 / penalty, max_iter=most)
            logistic.fit(design, labels, sample_weight=weights)
        kernel, bias = _all_classes(logistic, classes)
    return _network(x.shape[1], plain, embedded, spans, kernel, bias, classes)


def _design(x: np.ndarray, plain: int, embedded: Sequence[int]) -> tuple[np.ndarray, list[int]]:
    """Features and the indicator columns of categories, and where those of each column start."""
    parts, spans, at = [x[:, :plain]], [], plain
    for place, categories in enumerate(embedded):
        if at + categories > _MOST_COLUMNS:
            spans.append(-1)
            continue
        index = x[:, plain + place].astype("int64")
        parts.append(np.eye(categories, dtype="float32")[index])
        spans.append(at)
        at += categories
    return np.concatenate(parts, axis=1), spans


def _all_classes(logistic: Any, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of all classes, of which the training rows may lack some."""
    kernel, bias = logistic.coef_.T, logistic.intercept_
    if kernel.shape[1] == 1:
        kernel = np.concatenate([np.zeros_like(kernel), kernel], axis=1)
        bias = np.array([0.0, bias[0]])
    full = np.zeros((kernel.shape[0], classes))
    lowest = np.full(classes, -30.0)
    full[:, logistic.classes_] = kernel
    lowest[logistic.classes_] = bias
    return full, lowest


def _network(
    width: int,
    plain: int,
    embedded: Sequence[int],
    spans: Sequence[int],
    kernel: np.ndarray,
    bias: np.ndarray,
    classes: int | None,
) -> keras.Model:
    matrix = keras.Input((width,), name="features")
    outputs = kernel.shape[1]
    parts, loads = [], []
    if plain:
        dense = layers.Dense(outputs, use_bias=True)
        parts.append(dense(matrix[:, :plain] if embedded else matrix))
        loads.append((dense, [kernel[:plain], bias]))
    for place, (categories, start) in enumerate(zip(embedded, spans, strict=True)):
        if start < 0:
            continue
        look = layers.Embedding(int(categories), outputs)
        parts.append(look(ops.cast(matrix[:, plain + place], "int32")))
        own = kernel[start : start + categories]
        loads.append((look, [own if plain or place else own + bias]))
    answer = layers.Add()(parts) if len(parts) > 1 else parts[0]
    if classes is not None:
        answer = layers.Softmax()(answer)
    network = keras.Model(matrix, answer)
    for layer, values in loads:
        layer.set_weights(values)
    return network
