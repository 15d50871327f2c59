"""The only place that looks at how the user keeps images: arrays, lists, files, folders, frames."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.foreign import is_array, is_dataset
from kerasnas.data.named_columns import take_columns
from kerasnas.data.picture_datasets import class_numbers, elements
from kerasnas.data.pixels import Axis, channel_axis, open_image, what, with_channels
from kerasnas.data.room import joined_rows
from kerasnas.errors import SchemaError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images, in memory or not: one array, or arrays and files one by one.

    Attributes:
        items: An array of shape `(rows, height, width[, channels])` or `(rows, channels, height,
            width)` as the user gave it, or one array or path an image.
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

    def one(self, row: int, channels: int | None = None) -> np.ndarray:
        """One image of shape `(height, width, channels)`, its numbers as they are.

        Args:
            row: Which one.
            channels: Number of channels to bring it to; `None` leaves them.

        Raises:
            OSError: If a file cannot be read as an image.
        """
        item = self.items[row]
        if not isinstance(item, np.ndarray):
            return open_image(item, channels)
        if item.ndim == 2:
            item = item[:, :, None]
        elif self.axis == "first":
            item = np.moveaxis(item, 0, -1)
        return item if channels is None else with_channels(item, channels)

    def name(self, row: int) -> str:
        """What to call an image in a message."""
        item = self.items[row]
        return f"row {row}" if isinstance(item, np.ndarray) else f"'{item}'"

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
            column of paths; a `tf.data.Dataset` of images, batched or not.

    Raises:
        SchemaError: If it is none of these.
    """
    if isinstance(x, Pictures):
        return x
    if isinstance(x, str | os.PathLike):
        path = Path(x)
        return Pictures([path] if path.is_file() else image_files(path), "last")
    if isinstance(x, pd.DataFrame):
        return to_pictures(x[path_column(x)])
    if is_dataset(x):
        return _of_dataset(x)[0]
    if isinstance(x, pd.Series):
        return _single(list(x))
    if isinstance(x, list | tuple):
        return _single(list(x))
    if is_array(x):
        array = x if isinstance(x, np.ndarray) else np.asarray(x)
        return _single(list(array)) if array.dtype.kind in "OUST" else _stacked(array)
    raise SchemaError(
        f"`x` is {type(x).__name__}, expected images: an array (rows, height, width[, channels]), "
        "a list of arrays or of paths, a folder, a DataFrame with a column of paths, or a "
        "tf.data.Dataset."
    )


def holds_targets(x: Any) -> bool:
    """Whether `x` can hold images and targets at once: a dataset, or a folder of classes."""
    return is_dataset(x) or isinstance(x, str | os.PathLike)


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
        return class_folders(Path(x))
    if is_dataset(x):
        images, targets = _of_dataset(x)
        if targets is not None:
            return images, class_numbers(targets) if classes else targets
    raise SchemaError(
        "`y` is missing. Pass labels or values as `y`, the name of a column of a DataFrame, a "
        "folder with one folder of images a class, or a tf.data.Dataset of pairs."
    )


def joined(first: Pictures, second: Pictures) -> Pictures:
    """The images of two, one after the other.

    Raises:
        SchemaError: If their channels are in different places.
    """
    if isinstance(first.items, np.ndarray) and isinstance(second.items, np.ndarray):
        return Pictures(joined_rows(first.items, second.items), first.axis)
    if first.axis != second.axis and not (first.stacked or second.stacked):
        raise SchemaError("`validation_data` keeps its channels elsewhere than `x`.")
    return Pictures([*first.items, *second.items], first.axis)


def class_folders(folder: Path) -> tuple[Pictures, np.ndarray]:
    """Images and labels of a folder that holds one folder of images a class.

    Returns:
        The images in the order of their names, and the name of its folder for each.

    Raises:
        SchemaError: If there are no two folders with images.
    """
    if not folder.is_dir():
        raise SchemaError(f"There is no folder '{folder}'.")
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    files = {name: _files(folder / name) for name in names}
    files = {name: found for name, found in files.items() if found}
    if len(files) < 2:
        raise SchemaError(
            f"'{folder}' has {len(files)} folders with images, expected one folder for each of at "
            "least two classes, such as cats/1.jpg and dogs/2.jpg. For other targets pass `y`."
        )
    labels = [name for name, found in files.items() for _ in found]
    paths = [path for found in files.values() for path in found]
    return Pictures(paths, "last"), np.array(labels, dtype=object)


def image_files(folder: Path) -> list[Path]:
    """The image files of a folder and of those in it, in the order of their names.

    Raises:
        SchemaError: If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise SchemaError(f"There is no file or folder '{folder}'.")
    found = _files(folder)
    if not found:
        raise SchemaError(
            f"'{folder}' has no images; looked for files that end in {', '.join(SUFFIXES)}."
        )
    return found


def path_column(frame: pd.DataFrame) -> str:
    """The column of a table that holds paths of images.

    Raises:
        SchemaError: If there is none, or more than one.
    """
    found = [name for name in frame.columns if _is_paths(frame[name])]
    if len(found) == 1:
        return str(found[0]) if isinstance(found[0], str) else found[0]
    raise SchemaError(
        f"`x` has {len(found)} columns that hold paths of images"
        + (f": {found}" if found else "")
        + f', expected one. Pass the column itself, such as x["{(found or ["path"])[0]}"].'
    )


def _of_dataset(dataset: Any) -> tuple[Pictures, np.ndarray | None]:
    items, targets = elements(dataset)
    return (_stacked(items) if isinstance(items, np.ndarray) else _one_by_one(items)), targets


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
    if all(isinstance(item, str | os.PathLike) for item in items):
        return Pictures([Path(item) for item in items], "last")
    arrays = []
    for row, item in enumerate(items):
        if isinstance(item, str | os.PathLike):
            raise SchemaError("`x` mixes arrays and paths, expected only one of them.")
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


def _one_by_one(arrays: list[np.ndarray]) -> Pictures:
    axes = {channel_axis(a.shape) for a in arrays if a.ndim == 3}
    return Pictures(arrays, "first" if axes == {"first"} else "last")


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())


def _is_paths(column: pd.Series) -> bool:
    values = column.dropna()
    if not len(values) or not isinstance(values.iloc[0], str | os.PathLike):
        return False
    head = values.iloc[:50]
    return all(
        isinstance(v, str | os.PathLike) and Path(v).suffix.lower() in SUFFIXES for v in head
    )
