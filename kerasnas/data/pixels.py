"""A single image: where its channels are, what a file of one holds, its number of channels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kerasnas.data.foreign import is_animated, shape_of

CHANNELS = (1, 3, 4)  # grey, colour, colour with alpha

Axis = Literal["none", "last", "first"]

_OF_FRAMES = (".gif", ".png", ".tif", ".tiff", ".webp")
_HEAD = 2**13  # bytes of a PNG, before which it says that it is an animation
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def channel_axis(shape: tuple[int, ...]) -> Axis:
    """Where the channels of an image are: last unless only the first axis can be channels."""
    if len(shape) == 2:
        return "none"
    last = shape[-1] in CHANNELS
    return "first" if shape[0] in CHANNELS and not last and shape[-1] > 4 else "last"


def what(item: Any) -> str:
    """What an item is, for a message."""
    if item is None or (isinstance(item, float) and np.isnan(item)):
        return "a missing value"
    shape = shape_of(item)
    return f"{type(item).__name__}" + (f" of shape {shape}" if shape is not None else "")


def open_image(source: Path | bytes, channels: int | None) -> np.ndarray:
    """A file, or the bytes of one, as pixels, turned as its camera says.

    Pixels of more than eight bits keep their numbers.

    Raises:
        OSError: If the file is no image, as Pillow says.
        ValueError: If it has so many pixels that it could fill the memory.
    """
    from PIL import Image

    try:
        return _opened(source, channels)
    except Image.DecompressionBombError as error:
        raise ValueError(f"has more pixels than are opened ({error})") from error


def _opened(source: Path | bytes, channels: int | None) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
        image = ImageOps.exif_transpose(file)
        if image.mode == "F" or image.mode.startswith("I"):
            pixels = np.asarray(image)
            pixels = pixels.astype(pixels.dtype.newbyteorder("="))
            return with_channels(pixels, channels or 1)
        if channels is None:
            channels = _channels_of(image)
        return with_channels(np.asarray(image.convert(_MODES[channels])), channels)


def holds_frames(source: Path | bytes) -> bool:
    """Whether a file has several frames or pages. `open_image` gives the first one only.

    The further pictures of a photo, such as its depth, are none.
    """
    from PIL import Image

    if isinstance(source, bytes):
        head = source[:_HEAD]
    elif source.suffix.lower() in _OF_FRAMES:
        with source.open("rb") as opened:
            head = opened.read(_HEAD)
    else:
        return False
    if head.startswith(b"\x89PNG"):
        return b"acTL" in head  # to open it costs half of what it costs to decode it
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
        return file.format != "MPO" and is_animated(file)


def pixels_of(image: Any) -> np.ndarray:
    """An image of Pillow as pixels, as those of its file: colours for places in a palette.

    Images of one channel have the shape `(height, width)`.
    """
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I") or image.mode in ("L", "RGB", "RGBA"):
        return np.asarray(image)
    pixels = np.asarray(image.convert(_MODES[_channels_of(image)]))
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """An image with another number of channels: grey repeated, no alpha opaque."""
    image = image[:, :, None] if image.ndim == 2 else image
    have = image.shape[2]
    if have == channels:
        return image
    full = {1: 255, 2: 65535}.get(image.dtype.itemsize, 1) if image.dtype.kind in "iu" else 1.0
    if have == 1 and channels in (3, 4):
        image = np.repeat(image, 3, axis=2)
    if have == 4 and channels == 3:
        return image[:, :, :3]
    if have in (3, 4) and channels == 1:
        grey = image[:, :, :3] @ np.array([0.299, 0.587, 0.114])
        return (np.rint(grey) if image.dtype.kind in "iu" else grey).astype(image.dtype)[..., None]
    if channels == 4:
        alpha = np.full((*image.shape[:2], 1), full, image.dtype)
        return np.concatenate([image, alpha], axis=2)
    if image.shape[2] != channels:
        raise ValueError(f"has {have} channels, expected {channels}")
    return image


def _channels_of(image: Any) -> int:
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        return 4
    return 1 if image.mode in ("1", "L") else 3
