"""Arrays as the tensors that an exported model takes."""

from __future__ import annotations

import math
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


def gap_of(ours: Any, theirs: Any) -> float:
    """The largest difference of answers, as a share of the largest of ours where that is above 1.

    Args:
        ours: Answers in any structure.
        theirs: As many answers in the same order; infinite where a shape is another one.
    """
    gaps = [0.0]
    for pair in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        # As numbers: a set is of truth values.
        one, other = (np.asarray(answer).astype("float64") for answer in pair)
        if one.shape != other.shape:
            return math.inf
        gap = float(np.max(np.abs(one - other), initial=0.0))
        gaps.append(gap / max(1.0, float(np.max(np.abs(one), initial=0.0))))
    return float(np.max(gaps))  # NaN where an answer is none
