"""A convolutional network over the waveform itself.

Dai et al. 2017, "Very deep convolutional neural networks for raw waveforms".
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops

from kerasnas.spaces.blocks.sound import attention_pool, mask_of, shorter


def wave(hp: keras_tuner.HyperParameters, x: Any, kernel: int = 80) -> Any:
    """A bank of filters, then stages of convolutions over ever coarser time.

    Args:
        hp: Declares `wave_width`, `wave_normalize`, `wave_dropout`.
        x: Waveforms `(batch, samples)`, zero behind the end.
        kernel: Samples of one filter of the bank, some 10 ms.

    Returns:
        `(batch, features)`.
    """
    width = int(hp.Choice("wave_width", [16, 24, 32, 48, 64], default=32))
    scaled = hp.Boolean("wave_normalize", default=True)
    dropout = hp.Float("wave_dropout", 0.0, 0.5, step=0.1, default=0.2)
    x = ops.expand_dims(x, -1)
    mask = mask_of(x)
    if scaled:
        samples = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
        power = ops.sum(ops.square(x), axis=1, keepdims=True) / samples
        x = x / ops.sqrt(power + 1e-8)
    step = max(1, kernel // 4)
    x = _conv(x, width, kernel, step)
    for stage in range(5):
        if int(x.shape[1]) < 48:
            break
        if stage:
            x = _conv(x, min(4, stage + 1) * width, 3)
        factor = 4 if int(x.shape[1]) >= 96 else 2
        x = layers.MaxPooling1D(factor, padding="same")(x)
        step *= factor
    x = _conv(x, 4 * width, 3)
    x = attention_pool(x, shorter(mask, step))
    return layers.Dropout(dropout)(x) if dropout else x


def _conv(x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
    x = layers.Conv1D(filters, kernel, stride, padding="same", use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
