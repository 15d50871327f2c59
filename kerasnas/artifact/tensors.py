"""Arrays as the tensors that an exported model takes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


def input_dtypes(model: keras.Model) -> Any:
    """The dtypes of a model's inputs, in their structure."""
    return keras.tree.map_structure(lambda t: t.dtype, model.input)


def as_inputs(arrays: Any, dtypes: Any) -> Any:
    """Arrays as the tensors that an exported model takes.

    Args:
        arrays: Arrays or lists in the structure of the model's input; one of shape `(rows,)` stands
            for a column `(rows, 1)`.
        dtypes: The dtype of each, as `input_dtypes` gives them.
    """

    def tensor(dtype: str, values: Any) -> tf.Tensor:
        array = np.asarray(values)
        return tf.constant(array[:, None] if array.ndim == 1 else array, dtype=dtype)

    return keras.tree.map_structure_up_to(dtypes, tensor, dtypes, arrays)
