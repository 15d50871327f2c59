"""Networks over patches: a small vision transformer and a small ConvNeXt.

Dosovitskiy et al. 2021; Liu et al. 2022, "A ConvNet for the 2020s". Positions come from a
depthwise convolution (Chu et al. 2021), which needs no table of positions and so no layer of ours.
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers

from kerasnas.spaces.blocks.convolutions import drop


def vit(hp: keras_tuner.HyperParameters, x: Any, width: int = 64) -> Any:
    """A transformer over patches.

    Args:
        hp: Declares `vit_patch`, `vit_width`, `vit_depth`, `vit_heads`, `vit_dropout`.
        x: Tensor of shape `(batch, height, width, channels)`.
        width: Default width of a token.

    Returns:
        Tensor of shape `(batch, width)`.
    """
    side = min(int(x.shape[1]), int(x.shape[2]))
    patches = [p for p in (2, 4, 7, 8, 14, 16) if side / 16 <= p <= max(2, side // 4)] or [1]
    patch = int(hp.Choice("vit_patch", patches, default=patches[min(1, len(patches) - 1)]))
    width = int(hp.Choice("vit_width", [32, 48, 64, 96, 128, 192], default=width))
    depth = int(hp.Int("vit_depth", 2, 8, default=4))
    heads = int(hp.Choice("vit_heads", [2, 4, 8], default=4))
    dropout = hp.Float("vit_dropout", 0.0, 0.3, step=0.1, default=0.1)
    x = layers.Conv2D(width, patch, strides=patch, padding="same")(x)
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same")(x)])
    x = layers.Reshape((int(x.shape[1]) * int(x.shape[2]), width))(x)
    for _ in range(depth):
        inner = layers.LayerNormalization(epsilon=1e-6)(x)
        inner = layers.MultiHeadAttention(heads, max(8, width // heads), dropout=dropout)(
            inner, inner
        )
        x = layers.Add()([x, drop(inner, dropout)])
        inner = layers.LayerNormalization(epsilon=1e-6)(x)
        inner = layers.Dense(2 * width, activation="gelu")(inner)
        inner = layers.Dense(width)(drop(inner, dropout))
        x = layers.Add()([x, inner])
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    return layers.GlobalAveragePooling1D()(x)


def convnext(hp: keras_tuner.HyperParameters, x: Any, width: int = 32) -> Any:
    """Stages of depthwise convolutions and channel mixers over small patches.

    Args:
        hp: Declares `convnext_patch`, `convnext_width`, `convnext_depth`, `convnext_kernel`,
            `convnext_dropout`.
        x: Tensor of shape `(batch, height, width, channels)`.
        width: Default filters of the first stage.

    Returns:
        Tensor of shape `(batch, features)`.
    """
    side = min(int(x.shape[1]), int(x.shape[2]))
    patches = [p for p in (1, 2, 4) if p <= max(1, side // 8)]
    patch = int(hp.Choice("convnext_patch", patches, default=patches[min(1, len(patches) - 1)]))
    width = int(hp.Choice("convnext_width", [16, 24, 32, 48, 64, 96], default=width))
    depth = int(hp.Int("convnext_depth", 1, 3, default=2))
    kernel = int(hp.Choice("convnext_kernel", [3, 5, 7], default=5))
    dropout = hp.Float("convnext_dropout", 0.0, 0.4, step=0.1, default=0.1)
    x = layers.Conv2D(width, patch, strides=patch, padding="same")(x)
    stages = 3 if side // patch >= 16 else 2
    for stage in range(stages):
        filters = width * 2**stage
        if stage:
            x = layers.LayerNormalization(epsilon=1e-6)(x)
            x = layers.Conv2D(filters, 2, strides=2, padding="same")(x)
        for _ in range(depth):
            inner = layers.DepthwiseConv2D(kernel, padding="same")(x)
            inner = layers.LayerNormalization(epsilon=1e-6)(inner)
            inner = layers.Dense(3 * filters, activation="gelu")(inner)
            x = layers.Add()([x, layers.Dense(filters)(inner)])
    x = layers.GlobalAveragePooling2D()(x)
    return drop(layers.LayerNormalization(epsilon=1e-6)(x), dropout)
