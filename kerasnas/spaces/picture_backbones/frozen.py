"""What a backbone that stays as it is makes of many pictures, computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasnas.clock import Deadline, Margin, seconds_of
from kerasnas.data.room import room
from kerasnas.spaces.picture_backbones.backbone import (
    PictureBackbone,
    PictureFeatures,
    coloured,
    sized,
)

_CALL = 2**20  # colours that go through a backbone at once: more only takes more memory
_FEWEST = 8


def frozen_front(
    backbone: PictureBackbone,
    form: PictureFeatures,
    channels: int,
    pixel_range: tuple[float, float],
) -> keras.Model:
    """The graph from pixels to what the frozen layers make of them.

    Args:
        backbone: The backbone.
        form: The form.
        channels: Channels of the pixels.
        pixel_range: Smallest and largest pixel.
    """
    pixels = keras.Input((form.pixels.height, form.pixels.width, channels), name="pixels")
    x = sized(coloured(pixels, pixel_range), form.height, form.width)
    lower = backbone.lower(form.height, form.width, form.tuned)
    found = lower(x, training=False)
    if form.both_ways:
        found = layers.Average()([found, lower(x[:, :, ::-1, :], training=False)])
    return keras.Model(pixels, found, name="frozen")


def upper_front(backbone: PictureBackbone, form: PictureFeatures, share: float) -> keras.Model:
    """The graph from what the first layers make to vectors, none of which is trained.

    Args:
        backbone: The backbone.
        form: The form of the vectors.
        share: Share of the layers that the graph holds.
    """
    model = backbone.upper(form.height, form.width, share)
    model.trainable = False
    return model


def rows_at_once(height: int, width: int) -> int:
    """Pictures that go through a backbone at once, without holding too much of it in memory."""
    return max(_FEWEST, _CALL // (3 * height * width))


def pace(model: keras.Model, form: PictureFeatures, given: Any) -> float:
    """Seconds that layers take for a picture, forwards.

    Args:
        model: The layers.
        form: The form with their size.
        given: Pictures as the layers take them.
    """
    made, some = _calls(model, given), min(rows_at_once(form.height, form.width), len(given))
    made(0, some)  # tracing is not what will go on
    return seconds_of(lambda: made(0, some)) / some


def _calls(model: keras.Model, given: Any) -> Callable[[int, int], np.ndarray]:
    """From the first and the last row to what a model makes of the rows between."""
    signature = tf.TensorSpec((None, *model.input_shape[1:]), "float32")
    run = tf.function(
        lambda x: model(x, training=False), input_signature=[signature], autograph=False
    )

    def made(start: int, stop: int) -> np.ndarray:
        return np.asarray(run(tf.constant(np.asarray(given[start:stop], dtype="float32"))))

    return made


def features(
    model: keras.Model, form: PictureFeatures, given: Any, deadline: Deadline
) -> np.ndarray:
    """What frozen layers make of all pictures, float32.

    Args:
        model: The layers.
        form: The form that they make.
        given: All pictures as the layers take them, in memory or in a file.
        deadline: When it has to be done.

    Raises:
        OutOfTime: If it would take longer.
    """
    made = _calls(model, given)
    rows = rows_at_once(form.height, form.width)
    what = f"to look at all pictures with the backbone '{form.backbone}' (a smaller size would do)"
    if not deadline.endless:
        some = min(rows, len(given))
        made(0, some)  # tracing is not what will go on
        deadline.require(seconds_of(lambda: made(0, some)) / some * len(given), what)
    latest = deadline.allowing(Margin.BACKBONE_LATE)
    out = room((len(given), *model.output_shape[1:]), "float32")
    for start in range(0, len(given), rows):
        out[start : start + rows] = made(start, start + rows)
        latest.require(0.0, what)
    return out
