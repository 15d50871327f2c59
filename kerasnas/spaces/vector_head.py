"""A linear model over the vectors of a frozen backbone, solved for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers

from kerasnas.clock import Deadline
from kerasnas.spaces.linear_solver import affordable, solve_linear
from kerasnas.spaces.method import Solution

BY_ROWS = 0.0  # the value of the hyperparameter that leaves the strength to the held-out rows
STRENGTHS = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 1.0)
"""Inverse strengths of the penalty on standardised columns, the strongest penalty first."""

_ITERATIONS, _FEWEST = 200, 20  # steps of the solver: most for a strength, fewest for all
_WORSE = 2  # strengths in a row that make it worse, after which the others are not tried
_LAYER = "of_vectors"


def vector_head(
    width: int, classes: int | None, multilabel: bool = False, outputs: int = 1
) -> keras.Model:
    """A compiled linear model over vectors.

    Args:
        width: Width of the vectors.
        classes: Number of classes or labels; `None` for values.
        multilabel: Whether a row may have any number of labels.
        outputs: Number of values.
    """
    vectors = keras.Input((width,), name="vectors")
    x = layers.Dense(int(classes or outputs), name=_LAYER)(vectors)
    loss: keras.losses.Loss = keras.losses.MeanSquaredError()
    if classes is not None:
        x = layers.Activation("sigmoid" if multilabel else "softmax")(x)
        loss = keras.losses.SparseCategoricalCrossentropy()
        loss = keras.losses.BinaryCrossentropy() if multilabel else loss
    model = keras.Model(vectors, x)
    metrics = ["accuracy"] if classes is not None and not multilabel else []
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=metrics)
    return model


def declared_strength(hp: keras_tuner.HyperParameters, name: str) -> float:
    """Declares the strength of the penalty and reads its value.

    Args:
        hp: Where it is declared.
        name: Its name.
    """
    return float(hp.Choice(name, [BY_ROWS, *STRENGTHS], default=BY_ROWS))


def solve_vectors(
    model: keras.Model, view: Any, classes: int | None, strength: float, deadline: Deadline
) -> Solution | None:
    """Solves for the weights of `vector_head`; `None` if there is no time for it.

    Args:
        model: What `vector_head` has built.
        view: A `problem.View` with vectors.
        classes: Number of classes or labels; `None` for values.
        strength: Inverse strength of the penalty; `BY_ROWS` takes the one with the least loss on
            the validation rows.
        deadline: When it has to be done.
    """
    x = np.asarray(view.x[:], dtype="float32")
    mean, spread = x.mean(axis=0, dtype="float64"), np.maximum(x.std(axis=0, dtype="float64"), 1e-6)

    def scaled(vectors: Any) -> np.ndarray:
        return ((np.asarray(vectors[:], dtype="float32") - mean) / spread).astype("float32")

    found = solve_scaled(scaled, view, classes, strength, deadline)
    if found is None:
        return None
    kernel = found[0] / spread[:, None]
    model.get_layer(_LAYER).set_weights([kernel, found[1] - mean @ kernel])
    return Solution(model)


def solve_scaled(
    scaled: Callable[[Any], np.ndarray],
    view: Any,
    classes: int | None,
    strength: float,
    deadline: Deadline,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Kernel and bias of a linear model over scaled columns; `None` if there is no time for it.

    Args:
        scaled: From the inputs of a view to a matrix whose columns have one scale.
        view: A `problem.View`.
        classes: Number of classes or labels; `None` for values.
        strength: As in `solve_vectors`.
        deadline: When it has to be done.
    """
    matrix = scaled(view.x)
    path = STRENGTHS if strength == BY_ROWS else (strength,)
    most = affordable(matrix, int(classes or 1), deadline, _ITERATIONS * len(path))
    if most < _FEWEST:
        return None
    solutions = _solutions(matrix, view, classes, path, max(1, most // len(path)))
    if strength != BY_ROWS:
        return next(solutions)
    x_valid, y_valid, weights = [*view.validation, None][:3]
    losses = _Losses(scaled(x_valid), np.asarray(y_valid), weights, classes)
    return _best(solutions, losses, deadline)


_Found = tuple[np.ndarray, np.ndarray]


def _best(found: Iterator[_Found], loss: Callable[[_Found], float], deadline: Deadline) -> _Found:
    """The solution with the least loss, of those that there is time for."""
    best, least, worse = None, np.inf, 0
    for one in found:
        now = loss(one)
        if best is None or now < least:
            best, least, worse = one, now, 0
        else:
            worse += 1
        if worse >= _WORSE or deadline.passed:
            break
    assert best is not None, "there is at least one strength"
    return best


def _solutions(
    matrix: np.ndarray, view: Any, classes: int | None, path: Sequence[float], steps: int
) -> Iterator[_Found]:
    """Kernel and bias for each strength, each begun where the one before has ended."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    y = np.asarray(view.y)
    single = classes is not None and not _several(y)
    present = np.unique(y) if single else np.zeros(0)
    if classes is None or len(present) < 3 or len(present) < classes:
        for strength in path:
            yield _solved(matrix, y, view.weights, classes, strength, steps)
        return
    model = LogisticRegression(max_iter=steps, warm_start=True)
    for strength in path:
        # Steps are short: threads that wait for each other take ten times as long.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")  # one that has not quite converged is scored as well
            model.set_params(C=strength).fit(matrix, y.ravel(), sample_weight=view.weights)
        yield model.coef_.T.astype("float64"), model.intercept_.astype("float64")


def _solved(
    matrix: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    classes: int | None,
    strength: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    if classes is not None or y.ndim < 2 or y.shape[1] == 1:
        return solve_linear(matrix, y, weights, classes, strength, steps)
    found = [solve_linear(matrix, column, weights, None, strength, steps) for column in y.T]
    return np.concatenate([c for c, _ in found], axis=1), np.concatenate([b for _, b in found])


def _several(y: np.ndarray) -> bool:
    """Whether targets are a 0/1 matrix of labels."""
    return (y.ndim == 2 and y.shape[1] > 1) or y.dtype.kind == "f"


class _Losses:
    """The loss of solutions on held-out rows.

    Args:
        rows: Standardised vectors.
        y: Targets.
        weights: Weight of each row, or `None`.
        classes: Number of classes or labels; `None` for values.
    """

    def __init__(
        self, rows: np.ndarray, y: np.ndarray, weights: np.ndarray | None, classes: int | None
    ) -> None:
        self._rows = rows
        self._y = y
        self._weights = weights
        self._classes = classes

    def __call__(self, found: _Found) -> float:
        """The weighted mean."""
        logits = self._rows @ found[0] + found[1]
        if self._classes is None:
            each = ((logits - self._y.reshape(len(logits), -1)) ** 2).mean(axis=1)
        elif _several(self._y):
            each = (np.logaddexp(0, logits) - self._y * logits).mean(axis=1)
        else:
            own = logits[np.arange(len(logits)), self._y.ravel().astype(int)]
            each = np.logaddexp.reduce(logits, axis=1) - own
        return float(np.average(each, weights=self._weights))
