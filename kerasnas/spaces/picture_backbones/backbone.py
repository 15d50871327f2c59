"""A pretrained network of pictures: built whole, or cut in two where one tensor connects them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from kerasnas.preprocessing.images import ImageForm

TUNED = (0.0, 0.25, 0.5, 1.0)
"""Shares of the layers, the last ones, that training may change."""

USUAL_TUNED = 0.5
"""The share with which fine-tuning begins."""

SIDES = (64, 96, 128, 160, 192, 224)
"""Sides that pictures are brought to inside the graph, where a backbone takes any."""


@dataclass(frozen=True)
class PictureFeatures:
    """The form of pictures that the layers of a backbone which stay as they are make of them.

    Attributes:
        pixels: The pixels that the backbone's part of the graph begins with.
        backbone: Name of the backbone.
        height: Rows of pixels that the backbone sees.
        width: Columns of pixels that the backbone sees.
        tuned: Share of its layers, the last ones, that are left for training; 0 for vectors.
        both_ways: Whether vectors are means over a picture and its mirror image.
    """

    pixels: ImageForm
    backbone: str
    height: int
    width: int
    tuned: float = 0.0
    both_ways: bool = False


@dataclass(frozen=True, eq=False)
class PictureBackbone:
    """A backbone whose weights are at hand.

    Attributes:
        name: What it is called.
        told: Where its weights come from, with their licence, for users.
        make: From height and width to the network, from colours between 0 and 255,
            `(batch, height, width, 3)`, to maps or vectors of features.
        cost: Multiply-adds of a picture of 224 x 224, in thousand millions.
        step: Sides are multiples of it.
        fixed: The only height and width that it takes; `None` for many.
    """

    name: str
    told: str
    make: Callable[[int, int], keras.Model]
    cost: float
    step: int = 1
    fixed: tuple[int, int] | None = None

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Sizes that pictures may be brought to, smallest first; their shape is kept.

        Args:
            height: Rows of pixels of a usual picture.
            width: Columns of pixels of a usual picture.
        """
        if self.fixed is not None:
            return [self.fixed]
        least, step = min(height, width), max(self.step, 4)
        found = {
            (_rounded(height * side / least, step), _rounded(width * side / least, step))
            for side in SIDES
        }
        return sorted(found)

    def multiply_adds(self, height: int, width: int) -> float:
        """Multiply-adds of a picture of this size, roughly."""
        return self.cost * 1e9 * height * width / 224**2

    def lower(self, height: int, width: int, tuned: float) -> keras.Model:
        """The layers that stay as they are; for `tuned` of 0 with the mean over all places."""
        model = self.make(height, width)
        model.trainable = False
        if tuned == 0.0:
            pixels = keras.Input((height, width, 3), name="colours")
            return keras.Model(pixels, averaged(model(pixels, training=False)), name="backbone")
        tensor = cut(model, tuned)
        return model if tensor is None else keras.Model(model.input, tensor, name="backbone")

    def upper(self, height: int, width: int, tuned: float) -> keras.Model:
        """The layers that training changes, from what `lower` gives to vectors."""
        model = self.make(height, width)
        tensor = model.input if tuned >= 1.0 else cut(model, tuned)
        part = keras.Model(tensor, model.output) if tensor is not None else None
        given = keras.Input((model.output if tensor is None else tensor).shape[1:], name="features")
        x = given if part is None else part(given, training=False)
        return keras.Model(given, averaged(x), name="tuned_backbone")


def _rounded(side: float, step: int) -> int:
    return max(step, step * round(side / step))


def averaged(x: Any) -> Any:
    """Vectors: the mean over all places of maps; vectors as they are."""
    return layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x


def cut(model: keras.Model, tuned: float) -> Any:
    """The tensor behind which about this share of the layers with weights lie.

    Args:
        model: A functional model of one input and one output.
        tuned: The share.

    Returns:
        A tensor that alone connects the two parts; `None` where no such tensor is near the end.
    """
    operations = [o for o in model.operations if not isinstance(o, layers.InputLayer)]
    heavy = [isinstance(o, keras.Layer) and bool(o.weights) for o in operations]
    wanted = round(sum(heavy) * (1 - tuned))
    try:
        alone = _connections(operations)
    except AttributeError:  # of a layer that is called more than once
        return None
    found, before = None, 0
    for place, count in enumerate(heavy):
        before += count
        if before > wanted:
            break
        found = alone.get(place, found)
    return found


def _connections(operations: Sequence[Any]) -> dict[int, Any]:
    """By place, the tensor that alone goes from operations up to there to those behind."""
    made: dict[int, int] = {}
    last: dict[int, int] = {}
    tensors: dict[int, Any] = {}
    for place, operation in enumerate(operations):
        for tensor in keras.tree.flatten(operation.input):
            made.setdefault(id(tensor), -1)  # an input of the model
            last[id(tensor)] = place
        for tensor in keras.tree.flatten(operation.output):
            made[id(tensor)], tensors[id(tensor)] = place, tensor
    found = {}
    for place in range(len(operations) - 1):
        crossing = [key for key, end in last.items() if made[key] <= place < end]
        if len(crossing) == 1 and crossing[0] in tensors:
            found[place] = tensors[crossing[0]]
    return found


def multiply_adds_of(model: keras.Model) -> float:
    """Multiply-adds of one picture: a kernel counts once for each place of what it makes."""
    total = 0.0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds_of(layer)
        elif isinstance(layer, layers.Conv1D | layers.Conv2D | layers.DepthwiseConv2D):
            places = math.prod(n or 1 for n in layer.output.shape[1:-1])
            total += math.prod(layer.kernel.shape) * places
        else:
            total += sum(math.prod(w.shape) for w in layer.weights if len(w.shape) > 1)
    return total


def coloured(pixels: Any, pixel_range: tuple[float, float]) -> Any:
    """Colours from 0 to 255 of pixels of any range and of one, three or more channels.

    Args:
        pixels: Tensor of shape `(batch, height, width, channels)`.
        pixel_range: Smallest and largest pixel.
    """
    x, (low, high) = pixels, pixel_range
    if not (low >= 0 and 1.5 < high <= 255):
        scale = 255.0 / max(high - low, 1e-6)
        x = layers.Rescaling(scale, -low * scale)(x)
    channels = int(x.shape[-1])
    if channels == 3:
        return x
    if channels > 3:
        return x[..., :3]
    return layers.Concatenate()([x[..., :1]] * 3)


def sized(x: Any, height: int, width: int) -> Any:
    """Pictures brought to a size, by bilinear interpolation."""
    if tuple(x.shape[1:3]) == (height, width):
        return x
    return ops.image.resize(x, (height, width), antialias=True, data_format="channels_last")
