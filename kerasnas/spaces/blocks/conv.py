"""Convolutions and pooling, with a few residual blocks where the picture is small.

The shape of the networks that train fastest on small pictures (Page 2019, "How to train your
ResNet"; Jordan 2024, "94 % on CIFAR-10 in 3.29 seconds"): few layers, pooled early, and residual
blocks only where they are cheap.
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers

from kerasnas.spaces.blocks.convolutions import activate, convolve, drop, head_pool, normalize
from kerasnas.spaces.blocks.image_sizes import stages_for, widths_for

WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)


def conv(hp: keras_tuner.HyperParameters, x: Any, width: int = 16) -> Any:
    """One pooled convolution a stage, residual pairs of convolutions in the last stages.

    Args:
        hp: Declares `conv_width`, `conv_blocks`, `conv_pool`, `conv_head`, `conv_dropout`.
        x: Tensor of shape `(batch, height, width, channels)`.
        width: Default filters before the first stage; each stage has twice as many.

    Returns:
        Tensor of shape `(batch, features)`.
    """
    width = int(hp.Choice("conv_width", list(WIDTHS), default=width))
    blocks = int(hp.Int("conv_blocks", 0, 3, default=1))
    early = hp.Choice("conv_pool", ["late", "early"], default="late")
    head = hp.Choice("conv_head", ["average", "max", "both"], default="average")
    dropout = hp.Float("conv_dropout", 0.0, 0.4, step=0.1, default=0.1)
    stages = stages_for(x.shape[1], x.shape[2])
    widths = widths_for(2 * width, stages)
    x = _layer(x, width, pool=early == "early")
    for i, filters in enumerate(widths):
        # With early pooling every stage sees a quarter of the pixels.
        x = _layer(x, filters, pool=early == "late" or i + 1 < stages)
        if stages - i <= blocks:
            branch = _layer(_layer(x, filters), filters)
            x = layers.Add()([x, branch])
    return drop(head_pool(x, head), dropout)


def conv_multiply_adds(
    height: int, width: int, channels: int, first: int, blocks: int = 1
) -> float:
    """Multiply-adds of one picture, for late pooling: what sizes the default to a budget."""
    area = float(height * width)
    total = area * 9 * channels * first
    stages = stages_for(height, width)
    before = first
    for i, filters in enumerate(widths_for(2 * first, stages)):
        total += area * 9 * before * filters
        area /= 4
        if stages - i <= blocks:
            total += area * 18 * filters * filters
        before = filters
    return total


def _layer(x: Any, filters: int, pool: bool = False) -> Any:
    x = convolve(x, filters)
    if pool:
        # Pooling before the normalisation leaves a quarter of the values to normalise.
        x = layers.MaxPooling2D(padding="same")(x)
    return activate(normalize(x))
