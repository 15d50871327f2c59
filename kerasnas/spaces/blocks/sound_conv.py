"""Convolutional networks over spectrograms: plain, separable, and with a recurrent layer on top."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops

from kerasnas.spaces.blocks.sound import attention_pool, by_frame, mask_of, shorter

WIDTHS = (8, 12, 16, 24, 32, 48)


def cnn(hp: keras_tuner.HyperParameters, x: Any, width: int = 16) -> Any:
    """Stages of two convolutions, halved in time and pitch between them.

    Args:
        hp: Declares `cnn_width`, `cnn_convolutions`, `cnn_dropout`.
        x: `(batch, frames, mels)`, zero behind the end.
        width: Default filters of the first stage.

    Returns:
        `(batch, features)`.
    """
    width = int(hp.Choice("cnn_width", list(WIDTHS), default=width))
    depth = int(hp.Int("cnn_convolutions", 1, 2, default=2))
    dropout = hp.Float("cnn_dropout", 0.0, 0.5, step=0.1, default=0.2)
    mask, x, step = mask_of(x), ops.expand_dims(x, -1), 1
    for stage in range(4):
        filters = int(width * (1, 2, 3, 4)[stage])
        for _ in range(depth):
            x = _conv(x, filters)
        if stage < 3:
            pool = 2 if _halves(x.shape[1], 12) else 1
            x = layers.MaxPooling2D((pool, 2), padding="same")(x)
            step *= pool
    x = by_frame(x)
    x = layers.Dense(8 * width, use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    return _dropped(attention_pool(x, shorter(mask, step)), dropout)


def separable(hp: keras_tuner.HyperParameters, x: Any, width: int = 48) -> Any:
    """Depthwise-separable convolutions of the size of keyword spotters (Zhang et al. 2017).

    Args:
        hp: Declares `separable_width`, `separable_blocks`, `separable_dropout`.
        x: `(batch, frames, mels)`, zero behind the end.
        width: Default filters.

    Returns:
        `(batch, features)`.
    """
    width = int(hp.Choice("separable_width", [24, 32, 48, 64, 96, 128], default=width))
    blocks = int(hp.Int("separable_blocks", 2, 6, default=4))
    dropout = hp.Float("separable_dropout", 0.0, 0.5, step=0.1, default=0.2)
    mask, step = mask_of(x), 2 if _halves(x.shape[1], 12) else 1
    x = layers.Conv2D(width, (7, 5), (step, 2), padding="same", use_bias=False)(
        ops.expand_dims(x, -1)
    )
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    for block in range(blocks):
        if block == blocks // 2:
            pool = 2 if _halves(x.shape[1], 12) else 1
            x = layers.MaxPooling2D((pool, 2), padding="same")(x)
            step *= pool
        short = x
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(width, 1, use_bias=False)(x))
        x = layers.Activation("relu")(layers.Add()([x, short]))
    x = layers.Dense(2 * width, activation="relu")(by_frame(x))
    return _dropped(attention_pool(x, shorter(mask, step)), dropout)


def crnn(hp: keras_tuner.HyperParameters, x: Any, width: int = 16) -> Any:
    """Convolutions, then a recurrent layer both ways over time (Cakir et al. 2017).

    Args:
        hp: Declares `crnn_width`, `crnn_units`, `crnn_dropout`.
        x: `(batch, frames, mels)`, zero behind the end.
        width: Default filters of the first stage.

    Returns:
        `(batch, features)`.
    """
    width = int(hp.Choice("crnn_width", list(WIDTHS), default=width))
    units = int(hp.Choice("crnn_units", [32, 48, 64, 96], default=64))
    dropout = hp.Float("crnn_dropout", 0.0, 0.5, step=0.1, default=0.2)
    mask, x, step = mask_of(x), ops.expand_dims(x, -1), 1
    for stage in range(3):
        x = _conv(x, width * (stage + 1))
        pool = 2 if _halves(x.shape[1], 20) else 1
        x = layers.MaxPooling2D((pool, 2), padding="same")(x)
        step *= pool
    mask = shorter(mask, step)
    x = layers.Dense(2 * units, activation="relu")(by_frame(x))
    x = _dropped(x, dropout)
    x = layers.Bidirectional(layers.GRU(units, return_sequences=True))(
        x, mask=ops.greater(mask[:, :, 0], 0.5)
    )
    return _dropped(attention_pool(x, mask), dropout)


def multiply_adds(frames: int, mels: int, width: int) -> float:
    """What `cnn` spends on one sound, about."""
    total, filters = 0.0, [1, *(width * n for n in (1, 2, 3, 4))]
    for stage in range(4):
        cells = frames * mels / 4**stage
        total += cells * 9 * filters[stage + 1] * (filters[stage] + filters[stage + 1])
    return total


def _conv(x: Any, filters: int) -> Any:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def _halves(frames: int, fewest: int) -> bool:
    """Whether half of the frames are still enough."""
    return int(frames) >= 2 * fewest


def _dropped(x: Any, rate: float) -> Any:
    return layers.Dropout(rate)(x) if rate else x
