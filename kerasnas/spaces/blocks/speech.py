"""Encoders of speech: one vector for every few frames, for sounds of any length.

Everything behind the end of a sound is zero after every block, and time is only ever halved from
its beginning: silence at the end changes nothing.
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops

from kerasnas.spaces.blocks.sound import by_frame, mask_of, shorter
from kerasnas.spaces.blocks.sound_conformer import conformer_block


def stem(x: Any, mask: Any, filters: int, stride: int) -> tuple[Any, Any]:
    """Two convolutions over the spectrogram; time is thinned out by `stride` (1, 2 or 4).

    Returns:
        `(batch, frames / stride, bands * filters)` and the mask of these frames.
    """
    x = ops.expand_dims(x, -1)
    for layer in range(2):
        x = layers.Conv2D(filters * (layer + 1), 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        x = x * ops.expand_dims(mask, -1)
        step = 2 if stride > 2**layer else 1
        x = layers.MaxPooling2D((step, 2), padding="same")(x)
        mask = shorter(mask, step)
    return by_frame(x), mask


def speech_recurrent(hp: keras_tuner.HyperParameters, x: Any, stride: int) -> tuple[Any, Any]:
    """Convolutions, then recurrent layers both ways.

    Args:
        hp: Declares `recurrent_filters`, `recurrent_units`, `recurrent_layers`,
            `recurrent_dropout`.
        x: `(batch, frames, mels)`, zero behind the end.
        stride: Frames that become one.

    Returns:
        `(batch, frames / stride, features)` and the mask.
    """
    filters = int(hp.Choice("recurrent_filters", [8, 12, 16, 24], default=12))
    units = int(hp.Choice("recurrent_units", [48, 64, 96, 128], default=96))
    depth = int(hp.Int("recurrent_layers", 1, 3, default=1))
    dropout = hp.Float("recurrent_dropout", 0.0, 0.5, step=0.1, default=0.2)
    x, mask = stem(x, mask_of(x), filters, stride)
    x = layers.Dense(2 * units, use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    for _ in range(depth):
        x = layers.Dropout(dropout)(x)
        x = layers.Bidirectional(layers.GRU(units, return_sequences=True))(
            x, mask=ops.greater(mask[:, :, 0], 0.5)
        )
        x = x * mask
    return layers.Dropout(dropout)(x), mask


def speech_conv(hp: keras_tuner.HyperParameters, x: Any, stride: int) -> tuple[Any, Any]:
    """Residual separable convolutions over time (Kriman et al. 2020, "QuartzNet").

    Args:
        hp: Declares `time_filters`, `time_width`, `time_blocks`, `time_kernel`, `time_dropout`.
        x: `(batch, frames, mels)`, zero behind the end.
        stride: Frames that become one.

    Returns:
        `(batch, frames / stride, features)` and the mask.
    """
    filters = int(hp.Choice("time_filters", [8, 12, 16, 24], default=12))
    width = int(hp.Choice("time_width", [64, 96, 128, 192], default=128))
    blocks = int(hp.Int("time_blocks", 2, 8, default=4))
    kernel = int(hp.Choice("time_kernel", [5, 9, 13], default=9))
    dropout = hp.Float("time_dropout", 0.0, 0.5, step=0.1, default=0.2)
    x, mask = stem(x, mask_of(x), filters, stride)
    x = layers.Dense(width, use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x)) * mask
    for _ in range(blocks):
        inner = layers.DepthwiseConv1D(kernel, padding="same", use_bias=False)(x)
        inner = layers.BatchNormalization(momentum=0.9)(layers.Dense(width, use_bias=False)(inner))
        inner = layers.Dropout(dropout)(layers.Activation("relu")(inner))
        x = layers.Add()([x, inner]) * mask
    return x, mask


def speech_conformer(hp: keras_tuner.HyperParameters, x: Any, stride: int) -> tuple[Any, Any]:
    """Convolutions, then conformer blocks.

    Args:
        hp: Declares `conformer_width`, `conformer_blocks`, `conformer_kernel`,
            `conformer_dropout`.
        x: `(batch, frames, mels)`, zero behind the end.
        stride: Frames that become one.

    Returns:
        `(batch, frames / stride, features)` and the mask.
    """
    width = int(hp.Choice("conformer_width", [48, 64, 96, 128, 144], default=96))
    blocks = int(hp.Int("conformer_blocks", 1, 6, default=3))
    kernel = int(hp.Choice("conformer_kernel", [7, 15], default=7))
    dropout = hp.Float("conformer_dropout", 0.0, 0.3, step=0.1, default=0.1)
    x, mask = stem(x, mask_of(x), 12, stride)
    x = layers.Dense(width)(x) * mask
    for _ in range(blocks):
        x = conformer_block(x, mask, width, 4, kernel, dropout)
    return x, mask
