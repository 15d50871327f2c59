"""A sound as a few numbers, for linear models: level and spread of bands, and their course."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops

from kerasnas.spaces.blocks.sound import mask_of


def summary(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Mean and spread of every band, and its mean over stretches of the sound.

    A sound is cut into the same number of stretches whatever its length.

    Args:
        hp: Declares `linear_stretches`.
        x: `(batch, frames, bands)`, zero behind the end of a sound.

    Returns:
        Tensor of shape `(batch, features)`.
    """
    stretches = int(hp.Choice("linear_stretches", [4, 6, 10], default=6))
    mask = mask_of(x)
    frames = ops.maximum(ops.sum(mask, axis=1), 1.0)
    mean = ops.sum(x * mask, axis=1) / frames
    around = (x - ops.expand_dims(mean, 1)) * mask
    spread = ops.sqrt(ops.sum(ops.square(around), axis=1) / frames + 1e-6)
    place = (ops.cumsum(mask, axis=1) - 1.0) * stretches / ops.expand_dims(frames, 1)
    numbers = ops.reshape(ops.arange(stretches, dtype="float32"), (1, 1, stretches))
    inside = ops.cast(ops.equal(ops.floor(place + 1e-4), numbers), "float32") * mask
    sums = ops.matmul(ops.transpose(inside, (0, 2, 1)), around)
    course = sums / ops.expand_dims(ops.maximum(ops.sum(inside, axis=1), 1.0), -1)
    parts = [mean, spread, ops.log(frames), ops.reshape(course, (-1, stretches * x.shape[-1]))]
    return layers.Concatenate(name="summary")(parts)
