"""A small conformer: attention over all frames and convolutions over near ones.

Gulati et al. 2020, "Conformer". Order in time comes from the convolutions, so that no table of
positions, and no layer of ours, is needed.
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops

from kerasnas.spaces.blocks.sound import attention_pool, by_frame, mask_of, shorter


def conformer(hp: keras_tuner.HyperParameters, x: Any, width: int = 64) -> Any:
    """Spectrograms thinned out by convolutions, then conformer blocks.

    Args:
        hp: Declares `conformer_width`, `conformer_blocks`, `conformer_heads`, `conformer_kernel`,
            `conformer_dropout`.
        x: `(batch, frames, mels)`, zero behind the end.
        width: Default width of a frame.

    Returns:
        `(batch, features)`.
    """
    width = int(hp.Choice("conformer_width", [32, 48, 64, 96, 128], default=width))
    blocks = int(hp.Int("conformer_blocks", 1, 4, default=2))
    heads = int(hp.Choice("conformer_heads", [2, 4], default=4))
    kernel = int(hp.Choice("conformer_kernel", [7, 15], default=7))
    dropout = hp.Float("conformer_dropout", 0.0, 0.3, step=0.1, default=0.1)
    mask, x, step = mask_of(x), ops.expand_dims(x, -1), 1
    for _ in range(2):
        stride = 2 if int(x.shape[1]) >= 40 else 1
        x = layers.Conv2D(width // 2, 3, (stride, 2), padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        step *= stride
    mask = shorter(mask, step)
    x = layers.Dense(width)(by_frame(x)) * mask
    for _ in range(blocks):
        x = conformer_block(x, mask, width, heads, kernel, dropout)
    return attention_pool(x, mask)


def conformer_block(x: Any, mask: Any, width: int, heads: int, kernel: int, dropout: float) -> Any:
    """One block: half a feed-forward step, attention, convolution, the other half.

    Args:
        x: `(batch, frames, width)`.
        mask: `(batch, frames, 1)`.
        width: Width of a frame.
        heads: Heads of attention.
        kernel: Frames that the convolution spans.
        dropout: Share of what every step adds that is left out in training.
    """
    # Every frame may look at all frames of the sound: (batch, frames, frames).
    seen = ops.greater(ops.transpose(mask, (0, 2, 1)) * ops.ones_like(mask), 0.5)
    x = layers.Add()([x, 0.5 * _feed_forward(x, width, dropout)])
    inner = layers.LayerNormalization(epsilon=1e-6)(x)
    inner = layers.MultiHeadAttention(heads, max(8, width // heads), dropout=dropout)(
        inner, inner, attention_mask=seen
    )
    x = layers.Add()([x, layers.Dropout(dropout)(inner)])
    inner = layers.Dense(2 * width)(layers.LayerNormalization(epsilon=1e-6)(x))
    inner = inner[:, :, :width] * ops.sigmoid(inner[:, :, width:]) * mask
    inner = layers.DepthwiseConv1D(kernel, padding="same", use_bias=False)(inner)
    inner = layers.Activation("silu")(layers.BatchNormalization(momentum=0.9)(inner))
    x = layers.Add()([x, layers.Dropout(dropout)(layers.Dense(width)(inner))])
    x = layers.Add()([x, 0.5 * _feed_forward(x, width, dropout)])
    return layers.LayerNormalization(epsilon=1e-6)(x) * mask


def _feed_forward(x: Any, width: int, dropout: float) -> Any:
    inner = layers.LayerNormalization(epsilon=1e-6)(x)
    inner = layers.Dropout(dropout)(layers.Dense(4 * width, activation="silu")(inner))
    return layers.Dropout(dropout)(layers.Dense(width)(inner))
