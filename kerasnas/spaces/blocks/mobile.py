"""Inverted bottlenecks: the space of the MobileNet and EfficientNet families.

Sandler et al. 2018, "MobileNetV2"; Tan and Le 2019, "EfficientNet".
"""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers

from kerasnas.spaces.blocks.convolutions import activate, convolve, drop, normalize, squeeze
from kerasnas.spaces.blocks.image_sizes import stages_for, stem_stride

KERNELS = (3, 5)
EXPANSIONS = (2, 3, 4, 6)


def mobile(hp: keras_tuner.HyperParameters, x: Any, width: int = 16) -> Any:
    """Stages of inverted bottlenecks; kernel, expansion and depth are chosen stage by stage.

    Args:
        hp: Declares `mobile_width`, `mobile_squeeze`, `mobile_dropout` and, for each stage,
            `mobile_kernel_i`, `mobile_expansion_i`, `mobile_depth_i`.
        x: Tensor of shape `(batch, height, width, channels)`.
        width: Default filters of the first stage.

    Returns:
        Tensor of shape `(batch, features)`.
    """
    width = int(hp.Choice("mobile_width", [8, 12, 16, 24, 32, 48], default=width))
    ratio = int(hp.Choice("mobile_squeeze", [0, 4], default=4))
    dropout = hp.Float("mobile_dropout", 0.0, 0.4, step=0.1, default=0.1)
    stages = stages_for(x.shape[1], x.shape[2])
    x = activate(normalize(convolve(x, width, stride=stem_stride(x.shape[1], x.shape[2]))))
    for stage in range(stages):
        kernel = int(hp.Choice(f"mobile_kernel_{stage}", list(KERNELS), default=3))
        expansion = int(hp.Choice(f"mobile_expansion_{stage}", list(EXPANSIONS), default=3))
        depth = int(hp.Int(f"mobile_depth_{stage}", 1, 3, default=1 if stage == 0 else 2))
        # Filters grow by half a stage: bottlenecks carry little, the expansion carries much.
        filters = _eights(width * 1.6**stage)
        for block in range(depth):
            x = _bottleneck(x, filters, kernel, expansion, 1 if block else 2, ratio)
    x = activate(normalize(convolve(x, 4 * int(x.shape[-1]), 1)), "silu")
    return drop(layers.GlobalAveragePooling2D()(x), dropout)


def _bottleneck(x: Any, filters: int, kernel: int, expansion: int, stride: int, ratio: int) -> Any:
    inner = activate(normalize(convolve(x, expansion * int(x.shape[-1]), 1)), "silu")
    inner = activate(normalize(convolve(inner, 0, kernel, stride, depthwise=True)), "silu")
    if ratio:
        inner = squeeze(inner, ratio * expansion)
    inner = normalize(convolve(inner, filters, 1))
    if stride == 1 and int(x.shape[-1]) == filters:
        return layers.Add()([x, inner])
    return inner


def _eights(width: float) -> int:
    """A multiple of 4, which vector units like."""
    return int(max(4, round(width / 4) * 4))
