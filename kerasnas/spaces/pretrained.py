"""Backbones of `keras.applications`, their weights from a file that is already there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from keras import layers, ops

from kerasnas.errors import SearchSpaceError

# Name in `keras.applications` -> name of its file in Keras's cache, and the scale its pixels have:
# "own" rescales inside, "signed" wants -1 to 1.
_BACKBONES = {
    "MobileNetV2": (
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        "signed",
    ),
    "EfficientNetB0": ("efficientnetb0_notop.h5", "own"),
    "EfficientNetV2B0": ("efficientnetv2-b0_notop.h5", "own"),
    "ResNet50V2": ("resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "signed"),
    "DenseNet121": ("densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5", "imagenet"),
}
_LEAST_SIDE = 64  # smaller pictures are enlarged to it


@dataclass(frozen=True)
class Pretrained:
    """A backbone whose weights are at hand.

    Attributes:
        name: Its name in `keras.applications`.
        path: The file with its weights, without the classification layer.
    """

    name: str
    path: str


def find_pretrained(given: Mapping[str, Any] | None = None) -> list[Pretrained]:
    """Backbones with weights in local files; nothing is downloaded.

    Args:
        given: File by name of the backbone; without it, Keras's cache is looked into.

    Raises:
        SearchSpaceError: If a name is unknown or a file is not there.
    """
    if given is not None:
        problems = [
            f"'{name}' is not known; known are {', '.join(_BACKBONES)}"
            for name in given
            if name not in _BACKBONES
        ]
        problems += [
            f"there is no file '{path}' for {name}"
            for name, path in given.items()
            if not Path(path).is_file()
        ]
        if problems:
            raise SearchSpaceError(f"`weights` cannot be used: {'; '.join(problems)}.")
        return [Pretrained(name, str(path)) for name, path in given.items()]
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    return [
        Pretrained(name, str(home / file))
        for name, (file, _) in _BACKBONES.items()
        if (home / file).is_file()
    ]


def pretrained(
    hp: keras_tuner.HyperParameters,
    pixels: Any,
    weights: Sequence[Pretrained],
    pixel_range: tuple[float, float],
) -> Any:
    """Features of a pretrained backbone, frozen or with its last layers fine-tuned.

    Args:
        hp: Declares `backbone`, `pretrained_tuned` and `pretrained_dropout`.
        pixels: Raw pixels of shape `(batch, height, width, channels)`.
        weights: Backbones to choose from.
        pixel_range: Smallest and largest pixel.

    Returns:
        Tensor of shape `(batch, features)`.

    Raises:
        SearchSpaceError: If the weights do not fit.
    """
    names = [w.name for w in weights]
    chosen = weights[names.index(hp.Choice("backbone", names, default=names[0]))]
    tuned = hp.Choice("pretrained_tuned", [0.0, 0.25, 1.0], default=0.0)
    dropout = hp.Float("pretrained_dropout", 0.0, 0.5, step=0.1, default=0.2)
    x = _colors(_scaled(pixels, pixel_range))
    height, width = (max(_LEAST_SIDE, int(n)) for n in pixels.shape[1:3])
    if (height, width) != tuple(pixels.shape[1:3]):
        x = ops.image.resize(x, (height, width), data_format="channels_last")
    scale = _BACKBONES[chosen.name][1]
    if scale == "signed":
        x = layers.Rescaling(1 / 127.5, -1.0)(x)
    elif scale == "imagenet":
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        pairs = list(zip(mean, deviation, strict=True))
        x = layers.Rescaling([1 / (255 * d) for _, d in pairs], [-m / d for m, d in pairs])(x)
    try:
        backbone = getattr(keras.applications, chosen.name)(
            include_top=False, weights=chosen.path, input_shape=(height, width, 3)
        )
    except (ValueError, OSError) as error:
        raise SearchSpaceError(
            f"The weights of {chosen.name} in '{chosen.path}' cannot be loaded: {error}"
        ) from error
    first = round(len(backbone.layers) * (1 - tuned))
    for place, layer in enumerate(backbone.layers):
        # Statistics of batch normalisation stay those of the pictures the backbone has learnt from.
        layer.trainable = place >= first and not isinstance(layer, layers.BatchNormalization)
    x = layers.GlobalAveragePooling2D()(backbone(x, training=False))
    return layers.Dropout(dropout)(x) if dropout else x


def _scaled(pixels: Any, pixel_range: tuple[float, float]) -> Any:
    """Pixels from 0 to 255."""
    low, high = pixel_range
    if low >= 0 and 1.5 < high <= 255:
        return pixels
    scale = 255.0 / max(high - low, 1e-6)
    return layers.Rescaling(scale, -low * scale)(pixels)


def _colors(x: Any) -> Any:
    """Three channels: grey repeated, alpha left out."""
    channels = int(x.shape[-1])
    if channels == 3:
        return x
    if channels >= 4:
        return x[..., :3]
    grey = x[..., :1]
    return layers.Concatenate()([grey, grey, grey])
