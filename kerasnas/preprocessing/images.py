"""From raw images to the pixels that networks see: layout, size and alignment, in a Keras graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasnas.data.images import ImageReader
from kerasnas.data.pictures import Pictures
from kerasnas.data.room import blocks, room
from kerasnas.data.stored import StoredRows

Fit = Literal["stretch", "pad", "crop"]

_SAMPLE = 5000  # images, for mean and variance
THUMB_SIDE = 14  # side of the pictures that linear models see


@dataclass(frozen=True)
class ImageForm:
    """The form in which networks see images.

    Attributes:
        height: Rows of pixels.
        width: Columns of pixels.
        fit: What happens to an image of another shape: its sides are scaled alone (`stretch`), it
            is scaled and filled up (`pad`), or scaled and cut (`crop`).
    """

    height: int
    width: int
    fit: Fit = "stretch"


def picture_front(reader: ImageReader, form: ImageForm) -> keras.Model:
    """The graph from raw images to pixels, float32 of shape `(batch, height, width, channels)`.

    Resized pixels of whole numbers are rounded to whole numbers: what trials train on fits into a
    byte, and the exported graph gives the very same numbers.
    """
    raw = keras.Input(reader.shape, dtype=reader.dtype, name="image")
    x = ops.cast(raw, "float32")
    if reader.axis == "none":
        x = ops.expand_dims(x, -1)
    elif reader.axis == "first":
        x = ops.transpose(x, (0, 2, 3, 1))
    if (form.height, form.width) != (reader.height, reader.width):
        # Not the layer `Resizing`: where a model is called without `training=`, it says "training"
        # to all layers after it (Keras 3.15), and batch normalisation would answer by the batch.
        x = ops.image.resize(
            x,
            (form.height, form.width),
            interpolation="bilinear",
            antialias=True,
            crop_to_aspect_ratio=form.fit == "crop",
            pad_to_aspect_ratio=form.fit == "pad",
            data_format="channels_last",
        )
        if reader.dtype == "uint8":
            x = ops.round(x)
    return keras.Model(raw, x, name="kerasnas_preprocessing")


def pixels(reader: ImageReader, form: ImageForm, pictures: Pictures) -> np.ndarray:
    """All images as networks see them, `(rows, height, width, channels)`, uint8 or float32.

    Args:
        reader: The form of the raw images.
        form: The form wanted.
        pictures: Raw images, as `reader.read` gives them.

    Returns:
        An array in memory, or one that lies in a temporary file where memory is short.
    """
    unchanged = (form.height, form.width) == (reader.height, reader.width)
    if unchanged and isinstance(pictures.items, np.ndarray):
        items = pictures.items
        if reader.axis == "none":
            return items[..., None]
        return np.moveaxis(items, 1, -1) if reader.axis == "first" else items
    shape = (len(pictures), form.height, form.width, reader.channels)
    out = room(shape, reader.dtype)
    model = picture_front(reader, form)
    signature = tf.TensorSpec((None, *reader.shape), reader.dtype)
    run = tf.function(model, input_signature=[signature], autograph=False)
    for rows, images in reader.batches(pictures):
        out[rows] = np.asarray(run(tf.constant(images)))
    return out


def statistics(images: np.ndarray | StoredRows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every channel, from a sample of the images; two float32 arrays."""
    rows = np.unique(np.linspace(0, len(images) - 1, _SAMPLE).astype(int))
    some = StoredRows(images, rows) if isinstance(images, np.ndarray) else images[rows]

    def mean_of(numbers: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        sums = [numbers(some[part].astype("float64")).sum(axis=(0, 1, 2)) for part in blocks(some)]
        return np.sum(sums, axis=0) / np.prod(some.shape[:3])

    mean = mean_of(lambda x: x)
    variance = mean_of(lambda x: (x - mean) ** 2)
    # A channel that never changes says nothing; dividing by its spread would only add noise.
    return mean.astype("float32"), np.where(variance > 1e-12, variance, 1.0).astype("float32")


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Means over squares of pixels: at most 14 x 14 of them, float32 of shape `(rows, h, w, c)`."""
    step_y, step_x = (-(-n // THUMB_SIDE) for n in images.shape[1:3])
    height, width = images.shape[1] // step_y, images.shape[2] // step_x
    out = room((len(images), height, width, images.shape[3]), "float32")
    for rows in blocks(images):
        part = images[rows, : height * step_y, : width * step_x]
        squares = part.reshape(len(part), height, step_y, width, step_x, -1)
        out[rows] = squares.mean(axis=(2, 4), dtype="float32")
    return out
