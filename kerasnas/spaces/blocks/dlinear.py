"""A series parted into trend and rest, for a linear forecast."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops


def dlinear(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """The moving average of a window and what is left over (Zeng et al. 2023, DLinear).

    A linear layer on top is the whole model. Only the first channel, the target, is looked at.

    Args:
        hp: Declares `dlinear_kernel`.
        x: Windows `(batch, steps, channels)`.

    Returns:
        Tensor of shape `(batch, 2 * steps)`.
    """
    kernel = min(int(hp.Choice("dlinear_kernel", [5, 13, 25], default=25)), int(x.shape[1]))
    target = x[:, :, :1]
    before, after = (kernel - 1) // 2, kernel - 1 - (kernel - 1) // 2
    edges = [ops.repeat(target[:, :1], before, axis=1), target]
    padded = ops.concatenate([*edges, ops.repeat(target[:, -1:], after, axis=1)], axis=1)
    trend = layers.AveragePooling1D(kernel, strides=1)(padded)
    return layers.Flatten()(layers.Concatenate()([trend, target - trend]))
