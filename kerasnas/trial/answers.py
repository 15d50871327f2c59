"""What a model answers, and how well, through traced functions.

Milliseconds where `Model.predict` and `Model.evaluate` take hundreds: these trace anew and build an
input pipeline for every call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.data.stored import StoredRows
from kerasnas.spaces.method import Solution

_ROWS = 4096  # rows in one call, at most
_CALL = 2**24  # bytes of input in one call: what layers make of it is many times as much


def call(model: keras.Model) -> Any:
    """The model as one `tf.function`: milliseconds where `Model.predict` takes hundreds."""
    signature = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), model.input)

    @tf.function(input_signature=[signature], autograph=False)
    def run(inputs: Any) -> Any:
        return model(inputs, training=False)

    return run


class Predictor:
    """Predicts all rows that it has taken, with the model's present weights.

    Args:
        model: A model; what it answers with, an array or a structure of them, is what comes back.
        x: Array or structure of arrays with a leading axis of rows.
        rows_at_once: Most rows in one call, for a model that makes much of a small row.
    """

    def __init__(self, model: keras.Model, x: Any, rows_at_once: int | None = None) -> None:
        self.take(x)
        tensors = tf.nest.flatten(self._tensors)
        size = sum(tf.as_dtype(t.dtype).size * math.prod(t.shape[1:]) for t in tensors)
        self._batch = min(_ROWS, rows_at_once or _ROWS, max(1, _CALL // max(1, size)))
        # One signature for whole and last batches.
        signature = tf.nest.map_structure(
            lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), self._tensors
        )

        @tf.function(input_signature=[signature], autograph=False)
        def run(part: Any) -> Any:
            return model(part, training=False)

        self._run = run

    def take(self, x: Any) -> None:
        """Goes over to other rows of the same form; what is traced serves these as well."""
        self._tensors = tf.nest.map_structure(_held, x)

    def __call__(self) -> Any:
        """What the model answers to the rows."""
        # TensorFlow warns of retracing when a new function has the id of a deleted one. A concrete
        # function does not warn.
        traced = self._run.get_concrete_function()
        rows = int(tf.nest.flatten(self._tensors)[0].shape[0])
        parts = [
            traced(tf.nest.map_structure(lambda a, s=start: a[s : s + self._batch], self._tensors))
            for start in range(0, rows, self._batch)
        ]
        return tf.nest.map_structure(lambda *a: np.concatenate(a, axis=0), *parts)


def answers_of(solution: Solution, x: Any) -> Any:
    """Answers of a solution to rows; trees give them without tracing their network."""
    answers = solution.answer(x)
    return Predictor(solution.network, x)() if answers is None else answers


def evaluator(
    model: keras.Model, data: tuple[Any, ...], batch_size: int
) -> Callable[[], dict[str, float]]:
    """A traced form of `keras.Model.evaluate` on data in memory.

    Args:
        model: A compiled model with Keras's own test step.
        data: `(x, y)` or `(x, y, sample_weight)`.
        batch_size: Rows in a step.
    """
    tensors = tf.nest.map_structure(tf.convert_to_tensor, data)
    rows = int(tf.nest.flatten(tensors)[0].shape[0])

    def one_step(start: Any) -> Any:
        stop = tf.minimum(start + batch_size, rows)
        model.test_step(tf.nest.map_structure(lambda a: a[start:stop], tensors))
        return start + batch_size

    @tf.function(autograph=False)
    def run() -> None:
        if rows <= batch_size:
            model.test_step(tensors)
        else:
            tf.while_loop(lambda start: start < rows, one_step, [0], parallel_iterations=1)

    def evaluate() -> dict[str, float]:
        model.reset_metrics()
        run.get_concrete_function()()  # as in `Predictor`
        return {f"val_{k}": v for k, v in numbers(model.get_metrics_result()).items()}

    return evaluate


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics as plain numbers; a metric of several numbers gives one for each, `name_0` and on."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        array = np.asarray(value, dtype="float64")
        if array.ndim == 0:
            found[name] = float(array)
        else:
            found.update({f"{name}_{i}": float(v) for i, v in enumerate(array.ravel())})
    return found


def _held(data: Any) -> Any:
    """Data as they are kept: tensors in memory, or rows that stay where they are."""
    return data if isinstance(data, StoredRows) else tf.convert_to_tensor(data)
