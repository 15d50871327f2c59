"""The only place that looks at how the user keeps images: arrays, lists, files, folders, frames."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from kerasnas.data.room import Spool, joined_rows
from kerasnas.errors import SchemaError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")

Axis = Literal["none", "last", "first"]

_CHANNELS = (1, 3, 4)  # grey, colour, colour with alpha
_SHOWN = 5  # names in a message
_THREADS = 8  # that decode files, at most: each holds two images in memory
_TELLS_CORES = hasattr(os, "sched_getaffinity")
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


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
            return _open(item, channels)
        if item.ndim == 2:
            item = item[:, :, None]
        elif self.axis == "first":
            item = np.moveaxis(item, 0, -1)
        return item if channels is None else _with_channels(item, channels)

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
        return _elements(x)[0]
    if isinstance(x, pd.Series):
        return _single(list(x))
    if isinstance(x, list | tuple):
        return _single(list(x))
    if hasattr(x, "__array__"):
        array = x if isinstance(x, np.ndarray) else np.asarray(x)
        return _single(list(array)) if array.dtype.kind in "OUST" else _stacked(array)
    raise SchemaError(
        f"`x` is {type(x).__name__}, expected images: an array (rows, height, width[, channels]), "
        "a list of arrays or of paths, a folder, a DataFrame with a column of paths, or a "
        "tf.data.Dataset."
    )


def is_dataset(x: Any) -> bool:
    """Whether it is a `tf.data.Dataset`; TensorFlow is not imported to find out."""
    return hasattr(x, "element_spec") and hasattr(x, "as_numpy_iterator")


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
    if isinstance(x, pd.DataFrame) and isinstance(y, str):
        if y not in x.columns:
            raise SchemaError(
                f"`y` names the column '{y}', which `x` does not have; its columns are "
                f"{list(map(str, x.columns))[:8]}."
            )
        return x[path_column(x.drop(columns=y))], x[y]
    if y is not None:
        return x, y
    if isinstance(x, str | os.PathLike):
        return class_folders(Path(x))
    if is_dataset(x):
        images, targets = _elements(x)
        if targets is not None:
            return images, _numbers(targets) if classes else targets
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


def broken(pictures: Pictures) -> Iterator[tuple[int, str]]:
    """Images that cannot be used, each with the reason: unreadable files, odd shapes, gaps."""
    for row, image in opened(pictures):
        problem = image if isinstance(image, str) else _unusable(image)
        if problem:
            yield row, problem


def opened(pictures: Pictures, channels: int | None = None) -> Iterator[tuple[int, Any]]:
    """All images in their order, files decoded a few ahead by a thread for each core.

    Args:
        pictures: The images.
        channels: As in `Pictures.one`.

    Yields:
        The row, and the image or why it cannot be read.
    """

    def one(row: int) -> np.ndarray | str:
        try:
            return pictures.one(row, channels)
        except (OSError, ValueError, SyntaxError) as error:
            return str(error) or type(error).__name__

    if pictures.stacked or isinstance(pictures.items[0], np.ndarray):
        yield from ((row, one(row)) for row in range(len(pictures)))
        return
    threads = min(len(os.sched_getaffinity(0)) if _TELLS_CORES else os.cpu_count() or 1, _THREADS)
    waiting: deque[tuple[int, Future[Any]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="kerasnas-decoder") as pool:
        for row in range(len(pictures)):
            waiting.append((row, pool.submit(one, row)))
            if len(waiting) > 2 * threads:
                first, image = waiting.popleft()
                yield first, image.result()
        yield from ((first, image.result()) for first, image in waiting)


def told(pictures: Pictures, problems: Sequence[tuple[int, str]]) -> str:
    """Names and reasons of broken images, cut after a few."""
    shown = "; ".join(f"{pictures.name(row)}: {reason}" for row, reason in problems[:_SHOWN])
    return shown + ("; ..." if len(problems) > _SHOWN else "")


def _unusable(image: np.ndarray) -> str:
    if image.ndim != 3 or 0 in image.shape:
        return f"has shape {image.shape}, expected (height, width, channels)"
    if image.dtype.kind not in "buif":
        return f"holds {image.dtype}, expected numbers"
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        return "has pixels that are NaN or infinite"
    return ""


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


def channel_axis(shape: tuple[int, ...]) -> Axis:
    """Where the channels of an image are: last unless only the first axis can be channels."""
    if len(shape) == 2:
        return "none"
    last = shape[-1] in _CHANNELS
    return "first" if shape[0] in _CHANNELS and not last and shape[-1] > 4 else "last"


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
                f"`x` has {_what(item)} in row {row}, expected an image: an array of shape "
                "(height, width[, channels]) or a path."
            )
        arrays.append(array)
    if len({(a.shape, a.dtype.str) for a in arrays}) == 1:
        return _stacked(np.stack(arrays))
    axes = {channel_axis(a.shape) for a in arrays if a.ndim == 3}
    return Pictures(arrays, "first" if axes == {"first"} else "last")


def _what(item: Any) -> str:
    if item is None or (isinstance(item, float) and np.isnan(item)):
        return "a missing value"
    shape = getattr(item, "shape", None)
    return f"{type(item).__name__}" + (f" of shape {tuple(shape)}" if shape is not None else "")


def _elements(dataset: Any) -> tuple[Pictures, np.ndarray | None]:
    """Images and targets of a dataset, read once, batches taken apart."""
    spec, known = _image_spec(dataset)
    targets: list[np.ndarray] = []
    batched: bool | None = None
    with closing(Spool()) as spool:
        for element in dataset.as_numpy_iterator():
            image, *target = element if isinstance(element, tuple) else (element,)
            if batched is None:
                batched = _is_batch(np.shape(image), *map(np.shape, target), spec=spec)
            images = np.asarray(image) if batched else np.asarray(image)[None]
            if images.dtype.kind not in "buif" or images.ndim not in (3, 4):
                raise SchemaError(
                    f"The dataset gives {_what(images if batched else images[0])}, expected images "
                    "as numbers of shape (height, width[, channels]), or batches of them."
                )
            # Sixty-four bits would only be cut to this later on.
            spool.add(images if images.dtype == np.uint8 else images.astype("float32"))
            targets += [y if batched else np.asarray(y)[None] for y in target]
            if not known and spool.crowded:
                raise SchemaError(
                    "The dataset does not say how many elements it has, and has not ended after "
                    "half of the disk for temporary files is full of them: it may never end. Add "
                    "`.take(n)`, or, if it ends, "
                    "`.apply(tf.data.experimental.assert_cardinality(n))`."
                )
        if batched is None:
            raise SchemaError("The dataset is empty, expected images.")
        items = spool.rows()
    joined = np.concatenate(targets) if targets else None
    if joined is not None and joined.ndim == 2 and joined.shape[1] == 1:
        joined = joined[:, 0]
    if isinstance(items, np.ndarray):
        return _stacked(items), joined
    axes = {channel_axis(item.shape) for item in items if item.ndim == 3}
    return Pictures(items, "first" if axes == {"first"} else "last"), joined


def _image_spec(dataset: Any) -> tuple[Any, bool]:
    """What a dataset says of the shape of its images, and whether it says how many there are.

    Raises:
        SchemaError: If it has no images, or says that it never ends.
    """
    spec = dataset.element_spec
    first, *rest = spec if isinstance(spec, tuple) else (spec,)
    if any(type(part).__name__ != "TensorSpec" for part in (first, *rest)) or len(rest) > 1:
        raise SchemaError(
            "The dataset must give images, or pairs of images and targets, all of them dense "
            f"tensors; its elements are {spec}. Add `.map(...)`, or `.unbatch()` where the sizes "
            "within a batch differ, and pass weights as `sample_weight`."
        )
    length = int(dataset.cardinality()) if hasattr(dataset, "cardinality") else -2
    if length == -1:
        raise SchemaError("The dataset never ends. Leave out `.repeat()`, or add `.take(...)`.")
    return first.shape, length >= 0


def _is_batch(image: tuple[int, ...], *target: tuple[int, ...], spec: Any) -> bool:
    """Whether the first element of a dataset holds several images; `spec` is its known shape."""
    if len(image) == 2:
        return spec.rank == 2 and spec[0] is None and spec[1] is not None  # rows of a table
    if len(image) != 3:
        return len(image) > 3
    if target and target[0][:1] != image[:1]:
        return False  # the label of one image, or its one-hot form
    if image[-1] in _CHANNELS:
        return False
    grey = spec.rank == 3 and spec[0] is None and None not in (spec[1], spec[2])
    return bool(target) or grey


def _numbers(targets: np.ndarray) -> np.ndarray:
    """Numbers of classes, where every row is one-hot; other targets as they are."""
    if targets.ndim != 2 or targets.dtype.kind not in "buif":
        return targets
    one_hot = ((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all()
    return targets.argmax(axis=1) if one_hot else targets


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


def _open(path: Path, channels: int | None) -> np.ndarray:
    """A file as uint8 pixels, turned as its camera says."""
    from PIL import Image, ImageOps

    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
        if image.mode in ("I;16", "I", "F"):
            # Sixteen bits to eight, as every viewer shows them.
            image = Image.fromarray((np.asarray(image, dtype="float64") / 257).astype("uint8"))
        if channels is None:
            channels = _channels_of(image)
        return _with_channels(np.asarray(image.convert(_MODES[channels])), channels)


def _channels_of(image: Any) -> int:
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        return 4
    return 1 if image.mode in ("1", "L") else 3


def _with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """An image with another number of channels: grey repeated, no alpha opaque."""
    image = image[:, :, None] if image.ndim == 2 else image
    have = image.shape[2]
    if have == channels:
        return image
    full = np.iinfo(image.dtype).max if image.dtype.kind in "iu" else 1.0
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
