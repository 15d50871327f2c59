"""EfficientNet-Lite out of built-in layers, with the weights of a state dict of PyTorch.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"; the
Lite variants have neither squeeze-and-excitation nor swish. Batch normalisation keeps the
statistics of the pictures that the network has learnt from, so that it is part of the kernels here:
the same function in a third of the operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from kerasnas.errors import SearchSpaceError

STEP = 32
"""Sides are multiples of it: then PyTorch and TensorFlow pad alike."""

_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage
_EPSILON = 1e-3


@dataclass(frozen=True, eq=False)
class Convolution:
    """One convolution, with its batch normalisation in kernel and bias.

    Attributes:
        name: Name of its layer.
        kernel: As Keras's layers take it.
        bias: As Keras's layers take it.
        stride: Pixels from one place to the next.
        by_channel: Whether each channel is filtered by itself.
        clipped: Whether ReLU6 follows.
        joined: Whether the input of its block is added to its answer.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    stride: int = 1
    by_channel: bool = False
    clipped: bool = True
    joined: bool = False


def read_efficientnet_lite(tensors: Mapping[str, np.ndarray], name: str) -> list[list[Convolution]]:
    """The blocks of an EfficientNet-Lite of any size, without the layer of classes.

    Args:
        tensors: A state dict of the package `efficientnet_lite_pytorch`.
        name: What the file is called in errors.

    Raises:
        SearchSpaceError: If it is the state of another network.
    """
    try:
        return _blocks(tensors)
    except (KeyError, ValueError, IndexError) as error:
        raise SearchSpaceError(
            f"'{name}' holds tensors of another network than an EfficientNet-Lite of the package "
            f"`efficientnet_lite_pytorch` ({error})."
        ) from error


def _blocks(tensors: Mapping[str, np.ndarray]) -> list[list[Convolution]]:
    stem = _folded(tensors, "_conv_stem", "_bn0", "stem", stride=2)
    blocks, into, stage = [[stem]], len(stem.bias), -1
    number = 0
    while f"_blocks.{number}._depthwise_conv.weight" in tensors:
        of = f"_blocks.{number}."
        out = len(tensors[f"{of}_project_conv.weight"])
        first = out != into or number == 0
        stage += first
        block = []
        if f"{of}_expand_conv.weight" in tensors:
            block.append(_folded(tensors, f"{of}_expand_conv", f"{of}_bn0", f"{number}_expand"))
        by_channel = {"stride": _STRIDES[stage] if first else 1, "by_channel": True}
        depthwise, project = f"{number}_depthwise", f"{number}_project"
        block.append(_folded(tensors, f"{of}_depthwise_conv", f"{of}_bn1", depthwise, **by_channel))
        ending = {"clipped": False, "joined": not first}
        block.append(_folded(tensors, f"{of}_project_conv", f"{of}_bn2", project, **ending))
        blocks.append(block)
        into, number = out, number + 1
    if stage + 1 != len(_STRIDES):
        raise ValueError(f"{stage + 1} stages instead of {len(_STRIDES)}")
    return [*blocks, [_folded(tensors, "_conv_head", "_bn1", "head")]]


def _folded(
    tensors: Mapping[str, np.ndarray], conv: str, norm: str, name: str, **facts: Any
) -> Convolution:
    kernel = tensors[f"{conv}.weight"].astype("float64")
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
    kernel = kernel * scale.reshape(-1, 1, 1, 1)
    axes = (2, 3, 0, 1) if facts.get("by_channel") else (2, 3, 1, 0)
    kernel = np.ascontiguousarray(kernel.transpose(axes), dtype="float32")
    return Convolution(name, kernel, bias.astype("float32"), **facts)


def efficientnet_lite(
    blocks: Sequence[Sequence[Convolution]], height: int, width: int
) -> keras.Model:
    """From colours between 0 and 255 to maps of features.

    Args:
        blocks: As `read_efficientnet_lite` gives them.
        height: Rows of pixels, a multiple of `STEP`.
        width: Columns of pixels, a multiple of `STEP`.
    """
    pixels = keras.Input((height, width, 3), name="colours")
    x: Any = layers.Rescaling(1 / 128, -127 / 128, name="scaled")(pixels)
    made = []
    for block in blocks:
        start = x
        for one in block:
            layer = _layer(one)
            made.append((layer, [one.kernel, one.bias]))
            x = layer(x)
            if one.clipped:
                x = layers.ReLU(6.0, name=f"{one.name}_clipped")(x)
            if one.joined:
                x = layers.Add(name=f"{one.name}_joined")([start, x])
    model = keras.Model(pixels, x, name="efficientnet_lite")
    for layer, weights in made:
        layer.set_weights(weights)
    return model


def _layer(one: Convolution) -> keras.layers.Layer:
    size = one.kernel.shape[:2]
    if one.by_channel:
        return layers.DepthwiseConv2D(size, one.stride, padding="same", name=one.name)
    filters = one.kernel.shape[3]
    return layers.Conv2D(filters, size, one.stride, padding="same", name=one.name)


def multiply_adds(blocks: Sequence[Sequence[Convolution]], side: int) -> float:
    """Multiply-adds of a picture.

    Args:
        blocks: As `read_efficientnet_lite` gives them.
        side: Rows and columns of pixels.
    """
    total, now = 0.0, float(side)
    for one in (one for block in blocks for one in block):
        now /= one.stride
        total += now**2 * one.kernel.size
    return total
