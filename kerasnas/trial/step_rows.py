"""The rows of a training step: in memory, or read ahead of the step."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnas.data.stored import Ahead, StoredRows


def joined(x: Any, y: Any, weights: Any) -> tuple[Any, ...]:
    """Data as a training step takes them apart."""
    if weights is None:
        return x, y
    return x, y, tf.nest.map_structure(lambda w: w.astype("float32"), weights)


def at_hand(data: Any) -> Any:
    """Data as training takes them: tensors in memory, or rows that are read ahead of each step."""
    return Ahead(data) if isinstance(data, StoredRows) else tf.convert_to_tensor(data)


def taken(data: Any, rows: Any) -> Any:
    """The rows of one step, inside a traced function."""
    if not isinstance(data, Ahead):
        return tf.gather(data, rows)
    # TensorFlow's outermost graph holds this function until a session is cleared: it must not hold
    # the data.
    weakly = weakref.ref(data)

    def read_rows(index: np.ndarray) -> np.ndarray:
        ahead = weakly()
        assert ahead is not None, "training goes on without a trainer"
        return ahead.read(index)

    read = tf.numpy_function(read_rows, [rows], tf.as_dtype(data.dtype))
    read.set_shape((None, *data.shape[1:]))
    return read
