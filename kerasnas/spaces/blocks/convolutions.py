"""What the blocks of vision share: convolution, batch normalisation and activation in a row."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

MOMENTUM = 0.9
"""Of batch statistics: Keras's 0.99 needs more steps than a short training has."""


def normalize(x: Any) -> Any:
    """Batch normalisation."""
    return layers.BatchNormalization(momentum=MOMENTUM)(x)


def convolve(
    x: Any, filters: int, kernel: int = 3, stride: int = 1, depthwise: bool = False
) -> Any:
    """A convolution without bias, to be normalised."""
    if depthwise:
        return layers.DepthwiseConv2D(
            kernel,
            strides=stride,
            padding="same",
            use_bias=False,
            depthwise_initializer="he_normal",
        )(x)
    return layers.Conv2D(
        int(filters),
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)


def squeeze(x: Any, ratio: int) -> Any:
    """Channels weighted by what the whole picture holds (Hu et al. 2018)."""
    channels = int(x.shape[-1])
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weight = layers.Conv2D(max(4, channels // ratio), 1, activation="relu")(weight)
    weight = layers.Conv2D(channels, 1, activation="sigmoid")(weight)
    return layers.Multiply()([x, weight])


def head_pool(x: Any, kind: str) -> Any:
    """The picture as one vector: the mean or the largest value of each channel, or both."""
    if kind == "max":
        return layers.GlobalMaxPooling2D()(x)
    mean = layers.GlobalAveragePooling2D()(x)
    if kind == "average":
        return mean
    return layers.Concatenate()([mean, layers.GlobalMaxPooling2D()(x)])


def drop(x: Any, share: float) -> Any:
    """Dropout, or nothing for a share of 0."""
    return layers.Dropout(share)(x) if share else x


def identity_or_project(x: Any, filters: int, stride: int) -> Any:
    """The shortcut of a residual block: the mean of each square of pixels, other channels."""
    if stride > 1:
        x = layers.AveragePooling2D(stride, padding="same")(x)
    return x if int(x.shape[-1]) == filters else convolve(x, filters, 1)


def activate(x: Any, name: str = "relu") -> Any:
    """An activation layer."""
    return keras.layers.Activation(name)(x)
