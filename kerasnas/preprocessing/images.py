"""From raw images to the pixels that networks see: layout, size and alignment, in a Keras graph."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from kerasnas.data.images import ImageReader
from kerasnas.data.pictures import Pictures

Fit = Literal["stretch", "pad", "crop"]

IN_MEMORY = 2**31
"""Bytes of pixels above which they are kept in a file and streamed."""

_SAMPLE = 5000  # images, for mean and variance


@dataclass(frozen=True)
class Form:
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


def front(reader: ImageReader, form: Form) -> keras.Model:
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
        x = layers.Resizing(
            form.height,
            form.width,
            interpolation="bilinear",
            antialias=True,
            crop_to_aspect_ratio=form.fit == "crop",
            pad_to_aspect_ratio=form.fit == "pad",
            data_format="channels_last",
        )(x)
        if reader.dtype == "uint8":
            x = ops.round(x)
    return keras.Model(raw, x, name="kerasnas_preprocessing")


def pixels(reader: ImageReader, form: Form, pictures: Pictures) -> np.ndarray:
    """All images as networks see them, `(rows, height, width, channels)`, uint8 or float32.

    Args:
        reader: The form of the raw images.
        form: The form wanted.
        pictures: Raw images, as `reader.read` gives them.

    Returns:
        An array in memory, or one that lies in a temporary file where it is larger than
        `IN_MEMORY`.
    """
    unchanged = (form.height, form.width) == (reader.height, reader.width)
    if unchanged and isinstance(pictures.items, np.ndarray):
        items = pictures.items
        if reader.axis == "none":
            return items[..., None]
        return np.moveaxis(items, 1, -1) if reader.axis == "first" else items
    shape = (len(pictures), form.height, form.width, reader.channels)
    out = _room(shape, reader.dtype)
    model = front(reader, form)
    signature = tf.TensorSpec((None, *reader.shape), reader.dtype)
    run = tf.function(model, input_signature=[signature], autograph=False)
    for rows, images in reader.batches(pictures):
        out[rows] = np.asarray(run(tf.constant(images)))
    return out


def statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every channel, from a sample of the images; two float32 arrays."""
    rows = np.unique(np.linspace(0, len(images) - 1, _SAMPLE).astype(int))
    some = np.asarray(images[rows], dtype="float64")
    mean, variance = some.mean(axis=(0, 1, 2)), some.var(axis=(0, 1, 2))
    # A channel that never changes says nothing; dividing by its spread would only add noise.
    return mean.astype("float32"), np.where(variance > 1e-12, variance, 1.0).astype("float32")


def assemble(
    reader: ImageReader,
    form: Form,
    network: keras.Model,
    units: Any = None,
) -> keras.Model:
    """The exported graph: raw images in, answers in the user's units out.

    Args:
        reader: The form of the raw images.
        form: The form that the network takes.
        network: From pixels to probabilities or to a standardised value.
        units: The scale of the targets, for regression: `scale`, `mean`, `low` and `high`.
    """
    pixel = keras.Input((form.height, form.width, reader.channels), name="pixels")
    # A model around the same layers, without the optimiser and the loss it was compiled with.
    answer = keras.Model(network.inputs, network.outputs[0])(pixel)
    if units is not None:
        answer = layers.Rescaling(units.scale, units.mean, name="units")(answer)
        answer = ops.clip(answer, units.low, units.high)
    answering = keras.Model(pixel, answer, name="kerasnas_network")
    raw = keras.Input(reader.shape, dtype=reader.dtype, name="image")
    return keras.Model(raw, answering(front(reader, form)(raw)), name="kerasnas")


def _room(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    folder = tempfile.mkdtemp(prefix="kerasnas-")
    array = np.memmap(Path(folder) / "pixels", dtype, "w+", shape=shape)
    weakref.finalize(array, shutil.rmtree, folder, ignore_errors=True)
    return array
