"""Residual network of pre-activation blocks with squeeze and excitation.

He et al. 2016, "Identity Mappings in Deep Residual Networks"; Hu et al. 2018.
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers

from kerasnas.spaces.blocks.convolutions import (
    activate,
    convolve,
    drop,
    identity_or_project,
    normalize,
    squeeze,
)
from kerasnas.spaces.blocks.image_sizes import stages_for, stem_stride, widths_for


def image_resnet(hp: keras_tuner.HyperParameters, x: Any, width: int = 16) -> Any:
    """Stages of pre-activation blocks, halved and doubled from one to the next.

    Args:
        hp: Declares `resnet_width`, `resnet_blocks`, `resnet_squeeze`, `resnet_dropout`.
        x: Tensor of shape `(batch, height, width, channels)`.
        width: Default filters of the first stage.

    Returns:
        Tensor of shape `(batch, features)`.
    """
    width = int(hp.Choice("resnet_width", [8, 12, 16, 24, 32, 48, 64], default=width))
    blocks = int(hp.Int("resnet_blocks", 1, 3, default=1))
    ratio = int(hp.Choice("resnet_squeeze", [0, 4, 8], default=0))
    dropout = hp.Float("resnet_dropout", 0.0, 0.4, step=0.1, default=0.1)
    stages = stages_for(x.shape[1], x.shape[2])
    x = convolve(x, width, stride=stem_stride(x.shape[1], x.shape[2]))
    for stage, filters in enumerate(widths_for(width, stages)):
        for block in range(blocks):
            x = _block(x, filters, 2 if stage and not block else 1, ratio)
    return drop(layers.GlobalAveragePooling2D()(activate(normalize(x))), dropout)


def _block(x: Any, filters: int, stride: int, ratio: int) -> Any:
    inner = activate(normalize(x))
    short = x
    if stride > 1 or int(x.shape[-1]) != filters:
        short = identity_or_project(inner, filters, stride)
    inner = convolve(inner, filters, stride=stride)
    inner = convolve(activate(normalize(inner)), filters)
    if ratio:
        inner = squeeze(inner, ratio)
    return layers.Add()([short, inner])
