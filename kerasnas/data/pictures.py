"""The only place that looks at how the user keeps images: arrays, lists, files, folders, frames."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.batches import is_batches
from kerasnas.data.folders import files_by_class, named_files, path_column
from kerasnas.data.foreign import is_array, is_flat_table, is_pillow, to_pandas, unwrapped
from kerasnas.data.named_columns import Taken, take_columns
from kerasnas.data.one_hot import class_labels
from kerasnas.data.picture_datasets import elements
from kerasnas.data.pixels import (
    Axis,
    channel_axis,
    holds_frames,
    open_image,
    pixels_of,
    what,
    with_channels,
)
from kerasnas.data.room import joined_rows
from kerasnas.errors import SchemaError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
_LONGEST_NAME = 200  # characters; a longer string is not taken for the name of a file


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images, in memory or not: one array, or arrays and files one by one.

    Attributes:
        items: An array of shape `(rows, height, width[, channels])` or `(rows, channels, height,
            width)` as the user gave it, or for each image an array, a path, the bytes of a file, or
            `None` where there is no path.
        axis: Where the channels of a single image are.
    """

    items: np.ndarray | list[Any]
    axis: Axis

    def __len__(self) -> int:
        return len(self.items)

    @property
    def stacked(self) -> bool:
        """Whether all images are one array."""
        return isinstance(self.items, np.ndarray)

    @property
    def decoded(self) -> bool:
        """Whether all images are arrays, and none is a file."""
        return self.stacked or all(isinstance(item, np.ndarray) for item in self.items)

    def one(self, row: int, channels: int | None = None) -> np.ndarray:
        """One image of shape `(height, width, channels)`, its numbers as they are.

        Args:
            row: Which one.
            channels: Number of channels to bring it to; `None` leaves them.

        Raises:
            OSError: If a file cannot be read as an image.
            ValueError: If there is no path.
        """
        item = self.items[row]
        if item is None:
            raise ValueError("has no path")
        if not isinstance(item, np.ndarray):
            return open_image(item, channels)
        if item.ndim == 2:
            item = item[:, :, None]
        elif self.axis == "first":
            item = np.moveaxis(item, 0, -1)
        return item if channels is None else with_channels(item, channels)

    def holds_frames(self, row: int) -> bool:
        """Whether an image is the first of several in its file."""
        item = self.items[row]
        return isinstance(item, Path | bytes) and holds_frames(item)

    def name(self, row: int) -> str:
        """What to call an image in a message."""
        item = self.items[row]
        if not isinstance(item, Path):
            return f"row {row}"
        name = str(item)
        return f"'{name}'" if len(name) <= _LONGEST_NAME else f"row {row} ('{name[:30]}...')"

    def take(self, rows: np.ndarray) -> Pictures:
        """Some of the images."""
        if isinstance(self.items, np.ndarray):
            return Pictures(self.items[rows], self.axis)
        return Pictures([self.items[int(i)] for i in rows], self.axis)


def to_pictures(x: Any) -> Pictures:
    """Images of any kind as one object.

    Args:
        x: An array of shape `(rows, height, width)`, `(rows, height, width, channels)` or `(rows,
            channels, height, width)`; a list or Series of arrays or of paths, of any sizes; a
            folder, whose image files are taken in the order of their names; a DataFrame with one
            column of paths or of images; images batch by batch in a `tf.data.Dataset`, a
            `keras.utils.PyDataset`, a loader or a generator.

    Raises:
        SchemaError: If it is none of these.
    """
    if isinstance(x, Pictures):
        return x
    if isinstance(x, str | os.PathLike):
        path = Path(x)
        return Pictures([path] if path.is_file() else named_files(path, SUFFIXES, "images"), "last")
    if isinstance(x, pd.DataFrame):
        return to_pictures(x[picture_column(x)])
    if is_batches(x):
        return unpack_pictures(x).x
    if isinstance(x, pd.Series):
        return _single(list(x))
    if is_flat_table(x):
        return to_pictures(to_pandas(x))
    if isinstance(x, list | tuple):
        return _single(list(x))
    if is_array(x):
        array = x if isinstance(x, np.ndarray) else np.asarray(x)
        return _single(list(array)) if array.dtype.kind in "OUST" else _stacked(array)
    raise SchemaError(
        f"`x` is {type(x).__name__}, expected images: an array (rows, height, width[, channels]), "
        "a list of arrays or of paths, a folder, a DataFrame with a column of paths, or a "
        "tf.data.Dataset. For one image pass `[x]`."
    )


def holds_targets(x: Any) -> bool:
    """Whether `x` can hold images and targets at once: a dataset, or a folder of classes."""
    return is_batches(x) or isinstance(x, str | os.PathLike)


def split_pictures(x: Any, y: Any, classes: bool = False) -> tuple[Any, Any]:
    """Images and targets, where `x` holds both.

    Args:
        x: As in `to_pictures`. A folder holds one folder of images a class; a DataFrame may hold
            the column of targets; a dataset may hold pairs.
        y: Targets, the name of the column of targets, or `None` where `x` holds them.
        classes: Whether one-hot targets of a dataset are the numbers of classes, as those of
            `keras.utils.image_dataset_from_directory(label_mode="categorical")` are.

    Raises:
        SchemaError: If there are no targets.
    """
    taken = take_columns(x, y)
    x, y = taken.x, taken.y
    if y is not None:
        return x, y
    if isinstance(x, str | os.PathLike):
        return picture_folders(Path(x))
    if is_batches(x):
        unpacked = unpack_pictures(x)
        x, targets = unpacked.x, unpacked.y
        if targets is not None:
            return x, class_labels(targets) if classes else targets
    raise SchemaError(
        "`y` is missing. Pass labels or values as `y`, the name of a column of a DataFrame, a "
        "folder with one folder of images a class, or a tf.data.Dataset of pairs."
    )


def unpack_pictures(x: Any) -> Taken:
    """Images, targets and weights of data that come batch by batch; each of them is read once.

    Raises:
        SchemaError: If they hold no images.
    """
    items, targets, weights = elements(x)
    images = _stacked(items) if isinstance(items, np.ndarray) else _one_by_one(items)
    return Taken(images, targets, weights)


def joined_pictures(first: Pictures, second: Pictures) -> Pictures:
    """The images of two, one after the other.

    Raises:
        SchemaError: If their channels are in different places.
    """
    if isinstance(first.items, np.ndarray) and isinstance(second.items, np.ndarray):
        return Pictures(joined_rows(first.items, second.items), first.axis)
    if first.axis != second.axis and not (first.stacked or second.stacked):
        raise SchemaError("`validation_data` keeps its channels elsewhere than `x`.")
    return Pictures([*first.items, *second.items], first.axis)


def picture_folders(folder: Path) -> tuple[Pictures, np.ndarray]:
    """Images and labels of a folder that holds one folder of images a class.

    Returns:
        The images in the order of their names, and the name of its folder for each.

    Raises:
        SchemaError: If there are no two folders with images.
    """
    paths, labels = files_by_class(folder, SUFFIXES, "images", "cats/1.jpg and dogs/2.jpg")
    return Pictures(paths, "last"), labels


def picture_column(frame: pd.DataFrame) -> Any:
    """The column of a table that holds paths of images, or images.

    Raises:
        SchemaError: If there is none, or more than one.
    """
    return path_column(frame, _is_pictures, "paths of images")


def _stacked(array: np.ndarray) -> Pictures:
    """One array of images, its axis of channels found."""
    shape = array.shape
    if array.dtype.kind not in "buif":
        raise SchemaError(f"`x` holds {array.dtype}, expected numbers.")
    if array.ndim not in (3, 4):
        raise SchemaError(_not_images(shape))
    if 0 in shape:
        raise SchemaError(f"`x` has shape {shape}: there is no image, or no pixel, in it.")
    if array.ndim == 3:
        return Pictures(array, "none")
    return Pictures(array, channel_axis(shape[1:]))


def _not_images(shape: tuple[int, ...]) -> str:
    side = round(shape[1] ** 0.5) if len(shape) == 2 else 0
    hint = (
        f" If every row is a square image, pass `x.reshape(-1, {side}, {side})`."
        if side * side == (shape[1] if len(shape) == 2 else -1)
        else ""
    )
    return (
        f"`x` has shape {shape}, expected images: (rows, height, width), (rows, height, width, "
        f"channels) or (rows, channels, height, width).{hint} For a table use TabularClassifier "
        "or TabularRegressor."
    )


def _single(items: Sequence[Any]) -> Pictures:
    """Images one by one; those of one size become one array."""
    if not len(items):
        raise SchemaError("`x` is empty, expected images.")
    items = [_file_of(item) for item in items]
    if any(isinstance(item, Path | bytes) for item in items):
        strangers = [row for row, v in enumerate(items) if not isinstance(v, Path | bytes | None)]
        if strangers:
            raise SchemaError(
                "`x` mixes arrays and paths, expected only one of them "
                f"({what(items[strangers[0]])} in row {strangers[0]})."
            )
        return Pictures(items, "last")
    arrays = []
    for row, item in enumerate(items):
        try:
            array = np.asarray(item)
        except ValueError:
            array = np.empty(0, object)
        if array.ndim not in (2, 3) or array.dtype.kind not in "buif":
            raise SchemaError(
                f"`x` has {what(item)} in row {row}, expected an image: an array of shape "
                "(height, width[, channels]) or a path."
            )
        arrays.append(array)
    if len({(a.shape, a.dtype.str) for a in arrays}) == 1:
        return _stacked(np.stack(arrays))
    return _one_by_one(arrays)


def _file_of(item: Any) -> Any:
    """A path or the bytes of a file, `None` for a gap; anything else as it is.

    Rows of Hugging Face hold `{"bytes": ..., "path": ...}`.
    """
    if isinstance(item, Mapping) and {"bytes", "path"} & set(item):
        item = item["bytes"] if item.get("bytes") is not None else item.get("path")
    if isinstance(item, str | os.PathLike):
        return Path(item)
    item = unwrapped(item)
    if is_pillow(item):
        return pixels_of(item)
    missing = item is None or item is pd.NA or (isinstance(item, float) and item != item)
    return None if missing else item


def _one_by_one(arrays: list[np.ndarray]) -> Pictures:
    axes = {channel_axis(a.shape) for a in arrays if a.ndim == 3}
    return Pictures(arrays, "first" if axes == {"first"} else "last")


def _is_pictures(column: pd.Series) -> bool:
    """Whether the values of a column are paths of images, or images."""
    head = [v for v in map(_file_of, column.dropna().iloc[:50]) if v is not None]
    if not head:
        return False
    if all(isinstance(v, Path) for v in head):
        return all(v.suffix.lower() in SUFFIXES for v in head)
    return all(isinstance(v, bytes) or np.ndim(v) in (2, 3) for v in head)
