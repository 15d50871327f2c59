"""A linear model as a family: solved, not stepped. Cheap, and on small tables hard to beat."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.clock import ENDLESS, Deadline, Purpose
from kerasnas.preprocessing.numeric import unclipped
from kerasnas.spaces.linear_penalty import CROSS_VALIDATED, PENALTIES, chosen
from kerasnas.spaces.linear_solver import affordable

_MOST_COLUMNS = 3000  # of the solved system; categories beyond are left out
_ITERATIONS = 300
_DIRECT = 1e11  # products of a direct solution, beyond which one in steps is quicker
_BOTH_CELLS = 2_000_000  # of the matrix, up to which columns are solved for in both forms
_DENSE_CELLS = 50_000_000  # of the matrix, beyond which indicators are kept as a sparse matrix
_LEAST_SPREAD = 1e-6  # of a column that is divided by it


class LinearValues(NamedTuple):
    """Hyperparameters of a linear model.

    Attributes:
        penalty: Weight of the squared coefficients; 0 for that of `linear_penalty.chosen`.
        columns: `clipped` as they come, `plain` as they were and scaled to unit variance, or `both`
            for the mean of a model of each.
    """

    penalty: float = CROSS_VALIDATED
    columns: str = "clipped"


LIKE_BASELINE = {"linear_columns": "plain", "linear_penalty": 1.0}
"""Values with which the model is scikit-learn's usual one, for classes."""


def declare_linear(hp: keras_tuner.HyperParameters, classify: bool) -> LinearValues:
    """Declares the hyperparameters of a linear model and reads their values."""
    penalty = hp.Choice("linear_penalty", [CROSS_VALIDATED, *PENALTIES], default=CROSS_VALIDATED)
    usual = "both" if classify else "clipped"
    columns = hp.Choice("linear_columns", ["clipped", "plain", "both"], default=usual)
    return LinearValues(float(penalty), str(columns))


def solve_linear(
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    embedded: Sequence[int],
    classes: int | None,
    values: LinearValues,
    deadline: Deadline = ENDLESS,
) -> keras.Model:
    """Ridge or logistic regression as a network over the feature matrix.

    Columns come clipped. What is far out matters on some tables and misleads on others: for `both`
    the scores are half those of a model of each form. For classes, on eleven tables that had no
    part in it, the log loss is 0.989 (+- 0.012) times that of the first alone, on nine others
    0.986. Values are better without: the error of concrete was 1.07 times as large.

    Args:
        x: Feature matrix, shape `(rows, width)`.
        y: Integer labels or standardised values, shape `(rows,)` or `(rows, 1)`.
        weights: Weight of each row, or `None`.
        embedded: Number of categories of each column of indices at the end of `x`; each category
            gets a coefficient of its own.
        classes: Number of classes; `None` for regression.
        values: As `declare_linear` gives them.
        deadline: When the search ends.
    """
    plain = x.shape[1] - len(embedded)
    design, spans = _design(x, plain, embedded)
    labels = y.reshape(-1)

    def solved(columns: Any, until: Deadline) -> _Linear:
        weight = values.penalty
        if weight == CROSS_VALIDATED:
            weight = chosen(columns, labels, weights, classes, until)
        return _fit(columns, labels, weights, classes, weight, until)

    both = values.columns == "both" and design.shape[0] * design.shape[1] <= _BOTH_CELLS
    if not plain or not (both or values.columns == "plain"):
        found = solved(design, deadline)
        return _network(x.shape[1], plain, embedded, spans, found, None, classes)
    known = ops.convert_to_numpy(unclipped(x[:, :plain]))
    mean, spread = known.mean(axis=0), known.std(axis=0)
    scale = np.where(spread > _LEAST_SPREAD, spread, 1.0)
    far_design = _beside([(known - mean) / scale, design[:, plain:]])
    near = solved(design, deadline.part(0.5)) if both else None
    found = solved(far_design, deadline)
    far = found.kernel[:plain] / scale[:, None]
    bias = found.bias - mean @ far
    if near is None:
        kernel = np.concatenate([np.zeros_like(far), found.kernel[plain:]])
        return _network(x.shape[1], plain, embedded, spans, _Linear(kernel, bias), far, classes)
    shared = (near.kernel[plain:] + found.kernel[plain:]) / 2
    kernel = np.concatenate([near.kernel[:plain] / 2, shared])
    mixed = _Linear(kernel, (near.bias + bias) / 2)
    return _network(x.shape[1], plain, embedded, spans, mixed, far / 2, classes)


class _Linear(NamedTuple):
    """A linear map: a kernel of shape `(columns, outputs)`, a bias of shape `(outputs,)`."""

    kernel: np.ndarray
    bias: np.ndarray


def _fit(
    design: Any,
    labels: np.ndarray,
    weights: np.ndarray | None,
    classes: int | None,
    penalty: float,
    deadline: Deadline,
) -> _Linear:
    from scipy.sparse import issparse
    from sklearn.linear_model import LogisticRegression, Ridge

    if classes is None:
        direct = issparse(design) or design.shape[0] * design.shape[1] ** 2 < _DIRECT
        ridge = Ridge(alpha=penalty, solver="auto" if direct else "lsqr")
        ridge.fit(design, labels, sample_weight=weights)
        return _Linear(ridge.coef_.reshape(1, -1).T, np.atleast_1d(ridge.intercept_))
    with warnings.catch_warnings():
        # One that has not quite converged still is a fair linear model.
        warnings.simplefilter("ignore")
        most = affordable(design, classes, deadline.allot(Purpose.SOLVE), _ITERATIONS)
        logistic = LogisticRegression(C=1.0 / penalty, max_iter=most)
        logistic.fit(design, labels, sample_weight=weights)
    return _Linear(*_all_classes(logistic, classes))


def _design(x: np.ndarray, plain: int, embedded: Sequence[int]) -> tuple[Any, list[int]]:
    """Features and the indicator columns of categories, and where those of each column start.

    Of many rows the matrix is sparse: a thousand indicators of a row take as much as one.
    """
    spans, at = list[int](), plain
    for categories in embedded:
        spans.append(at if at + categories <= _MOST_COLUMNS else -1)
        at += categories if spans[-1] >= 0 else 0
    sparse = at > plain and len(x) * at > _DENSE_CELLS
    parts: list[Any] = [x[:, :plain]]
    for place, (categories, start) in enumerate(zip(embedded, spans, strict=True)):
        if start >= 0:
            index = x[:, plain + place].astype("int32")
            parts.append(_indicators(index, categories, sparse))
    return _beside(parts), spans


def _indicators(index: np.ndarray, categories: int, sparse: bool) -> Any:
    """A column for each category, 1 in the rows of that category."""
    if not sparse:
        return np.eye(categories, dtype="float32")[index]
    from scipy.sparse import csr_matrix

    ones, starts = np.ones(len(index), "float32"), np.arange(len(index) + 1, dtype="int32")
    return csr_matrix((ones, index, starts), (len(index), categories))


def _beside(parts: Sequence[Any]) -> Any:
    """Matrices side by side, sparse if one of them is."""
    from scipy.sparse import csr_matrix, hstack, issparse

    if any(issparse(part) for part in parts):
        return hstack([csr_matrix(part) for part in parts], format="csr")
    return np.concatenate(parts, axis=1)


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
    found: _Linear,
    far: np.ndarray | None,
    classes: int | None,
) -> keras.Model:
    """The solution as a network; `far` are coefficients of the columns as they were."""
    matrix = keras.Input((width,), name="features")
    kernel, bias = found
    outputs = kernel.shape[1]
    parts, loads = [], []
    if plain:
        columns = matrix[:, :plain] if embedded else matrix
        dense = layers.Dense(outputs, use_bias=True)
        parts.append(dense(columns))
        loads.append((dense, [kernel[:plain], bias]))
        if far is not None:
            dense = layers.Dense(outputs, use_bias=False)
            parts.append(dense(unclipped(columns)))
            loads.append((dense, [far]))
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
