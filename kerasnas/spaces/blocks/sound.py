"""What all networks over sounds share: where a sound ends, its level, and pooling over time.

Frames behind the end of a sound are exactly zero, before a network and after every block of it.
"""

from __future__ import annotations

from typing import Any

import keras_tuner
import numpy as np
from keras import layers, ops

_RANGE = 16.0  # nepers of power, 70 dB: what lies further below the loudest part is not looked at
_SMOOTHING = 0.04  # of the level that PCEN divides by: some 25 frames
NORMALIZATIONS = ("channel", "clip", "level", "pcen")


def mask_of(x: Any) -> Any:
    """1 where a sound still goes on, 0 behind its end: `(batch, frames, 1)`.

    Args:
        x: `(batch, frames, channels)` with zeros behind the end.
    """
    busy = ops.max(ops.cast(ops.not_equal(x, 0.0), "float32"), axis=2, keepdims=True)
    left = ops.flip(ops.cumsum(ops.flip(busy, axis=1), axis=1), axis=1)
    return ops.cast(ops.greater(left, 0.0), "float32")


def shorter(mask: Any, step: int) -> Any:
    """The mask of every `step`-th frame."""
    return mask[:, ::step]


def normalized(hp: keras_tuner.HyperParameters, x: Any, kind: str = "channel") -> Any:
    """Log-mel spectrograms brought to a common level, zero behind the end.

    Args:
        hp: Declares `normalize`: `channel` takes the mean of every band over the sound away, which
            takes the voice's and the microphone's colour away; `clip` only the loudness; `level`
            nothing; `pcen` divides every band by its own recent level (Wang et al. 2017).
        x: `(batch, frames, mels)` as `preprocessing.sounds.front` gives it.
        kind: Default.
    """
    kind = hp.Choice("normalize", list(NORMALIZATIONS), default=kind)
    mask = mask_of(x)
    if kind == "level":
        return (x + 8.0) / 4.0 * mask
    if kind == "pcen":
        return _pcen(x, mask) * mask
    loudest = ops.max(ops.where(ops.equal(mask, 0.0), -100.0, x), axis=(1, 2), keepdims=True)
    x = ops.maximum(x, loudest - _RANGE)
    frames = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
    mean = ops.sum(x * mask, axis=1, keepdims=True) / frames
    if kind == "clip":
        mean = ops.mean(mean, axis=2, keepdims=True)
    x = (x - mean) * mask
    variance = ops.sum(ops.mean(ops.square(x), axis=2, keepdims=True), axis=1, keepdims=True)
    return x / ops.sqrt(variance / frames + 0.05)


def _pcen(x: Any, mask: Any) -> Any:
    """Per-channel energy normalisation; the smoother is a causal convolution with fixed weights."""
    power = ops.exp(x) * mask
    length = 4 * round(1 / _SMOOTHING)
    decay = _SMOOTHING * (1 - _SMOOTHING) ** np.arange(length)[::-1]
    smoother = layers.DepthwiseConv1D(length, use_bias=False, trainable=False, name="pcen_smoother")
    level = smoother(ops.pad(power, ((0, 0), (length - 1, 0), (0, 0))))
    smoother.set_weights([np.tile(decay[:, None, None], (1, int(x.shape[2]), 1)).astype("float32")])
    gained = power / ops.power(level + 1e-7, 0.98)
    return ops.sqrt(gained + 2.0) - np.sqrt(2.0)


def attention_pool(x: Any, mask: Any, hidden: int = 64) -> Any:
    """Weighted mean and spread over time, with weights of the frames by what they hold.

    Okabe et al. 2018, "Attentive Statistics Pooling".

    Args:
        x: `(batch, frames, channels)`.
        mask: `(batch, frames, 1)`.
        hidden: Width of the layer that finds the weights.

    Returns:
        `(batch, 2 * channels)`.
    """
    score = layers.Dense(1)(layers.Dense(hidden, activation="tanh")(x))
    weight = ops.softmax(score + (mask - 1.0) * 1e4, axis=1)
    mean = ops.sum(weight * x, axis=1)
    spread = ops.sum(weight * ops.square(x), axis=1) - ops.square(mean)
    return ops.concatenate([mean, ops.sqrt(ops.maximum(spread, 1e-4))], axis=1)


def by_frame(x: Any) -> Any:
    """`(batch, frames, bands, channels)` as `(batch, frames, bands * channels)`."""
    return layers.Reshape((-1, int(x.shape[2]) * int(x.shape[3])))(x)
