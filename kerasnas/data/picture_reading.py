"""Images one after the other, files decoded ahead; and images that `fit` cannot use."""

from __future__ import annotations

import os
import sys
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.data.pictures import Pictures
from kerasnas.data.pixel_scale import extremes, two_scales
from kerasnas.data.room import blocks, fits
from kerasnas.errors import SchemaError

_SHOWN = 5  # names in a message
_THREADS = 8  # that decode files, at most: each holds two images in memory


@dataclass(frozen=True)
class Look:
    """What one image tells: its pixels need not stay in memory.

    Attributes:
        shape: Height, width and channels.
        dtype: Type of its pixels.
        low: Smallest pixel.
        high: Largest pixel.
        whole: Whether all pixels are whole numbers.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    low: float
    high: float
    whole: bool

    @classmethod
    def at(cls, image: np.ndarray) -> Look:
        """What an image tells."""
        whole = image.dtype.kind in "iub" or bool((np.rint(image) == image).all())
        return cls(image.shape, image.dtype, float(image.min()), float(image.max()), whole)

    @property
    def integers(self) -> bool:
        """Whether its pixels are of an integer type."""
        return self.dtype.kind in "iu"


def looks_at(
    pictures: Pictures, kept: dict[int, np.ndarray] | None = None
) -> tuple[dict[int, Look], list[tuple[int, str]]]:
    """Opens every image once.

    Args:
        pictures: The images.
        kept: Takes the images of files by row, as long as memory has room for all of them; it is
            empty in the end otherwise.

    Returns:
        What each image tells, by its row; and the rows of those that cannot be used, each with the
        reason: unreadable files, odd shapes, gaps.
    """
    looks, problems, size = {}, [], 0
    keeps = kept is not None and not pictures.decoded
    for row, image in opened(pictures):
        problem = image if isinstance(image, str) else _unusable(image)
        if problem:
            problems.append((row, problem))
            continue
        looks[row] = Look.at(image)
        if keeps and kept is not None:
            size += image.nbytes
            keeps = fits(size)
            if keeps:
                kept[row] = image
            else:
                kept.clear()
    frames = [] if pictures.decoded else [row for row in looks if pictures.holds_frames(row)]
    if frames:
        warnings.warn(
            f"{len(frames)} of the {len(pictures)} images have several frames or pages, and the "
            f"first one alone is seen (first: {pictures.name(frames[0])}). To use the others, save "
            "each as a file of its own and name these in `x`.",
            UserWarning,
            stacklevel=2,
        )
    return looks, problems


def looked(
    pictures: Pictures, instead: str = "They are left out."
) -> tuple[np.ndarray, dict[int, Look], Pictures | None]:
    """Opens every image once, and names those that `fit` cannot use in one warning.

    Args:
        pictures: The images.
        instead: What happens to the others, for the warning.

    Returns:
        Rows of the images that it can use; what these tell, counted from 0, nothing of one array;
        and the images of files where all of them find room in memory, so that none is decoded
        again.

    Raises:
        SchemaError: If an array has pixels that are NaN or infinite, at most half of the images can
            be used, or some are of another scale than the others.
    """
    if isinstance(pictures.items, np.ndarray):
        if pictures.items.dtype.kind == "f":
            check_finite(pictures.items)
            low, high = extremes(pictures.items)
            _check_one_scale(pictures, low, high, np.zeros(len(low), int))
        return np.arange(len(pictures)), {}, None
    kept: dict[int, np.ndarray] = {}
    looks, problems = looks_at(pictures, kept)
    if problems:
        message = f"{len(problems)} of the {len(pictures)} images cannot be used: "
        message += broken_names(pictures, problems)
        if 2 * len(problems) >= len(pictures):
            raise SchemaError(f"{message}. Check the paths and the format of the files.")
        warnings.warn(f"{message}. {instead}", UserWarning, stacklevel=2)
    good = np.array([*looks])
    bits = np.array([8 * look.dtype.itemsize * look.integers for look in looks.values()])
    _check_one_scale(pictures.take(good), *ranges_of(looks), bits)
    decoded = Pictures([*kept.values()], pictures.axis) if kept else None
    return good, dict(enumerate(looks.values())), decoded


def _check_one_scale(
    pictures: Pictures, low: np.ndarray, high: np.ndarray, bits: np.ndarray
) -> None:
    scaled = two_scales(low, high, bits)
    if scaled.any():
        rows, rest = np.flatnonzero(scaled), np.flatnonzero(~scaled)
        raise SchemaError(
            f"`x` mixes two scales: {len(rows)} images have pixels from {low[rows].min():g} to "
            f"{high[rows].max():g} (first: {pictures.name(int(rows[0]))}), {len(rest)} from "
            f"{low[rest].min():g} to {high[rest].max():g} (first: {pictures.name(int(rest[0]))}). "
            "Bring all to one scale."
        )


def ranges_of(looks: Mapping[int, Look]) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest pixel of each image."""
    found = looks.values()
    return np.array([look.low for look in found]), np.array([look.high for look in found])


def check_finite(images: np.ndarray) -> None:
    """Raises `SchemaError` about images of one array with pixels that are NaN or infinite."""
    if images.dtype.kind != "f":
        return
    axes = tuple(range(1, images.ndim))
    good = [np.isfinite(images[part]).all(axis=axes) for part in blocks(images)]
    bad = np.flatnonzero(~np.concatenate([np.ones(0, bool), *good]))
    if len(bad):
        raise SchemaError(
            f"`x` has {len(bad)} images with pixels that are NaN or infinite (first: row "
            f"{bad[0]}). Correct or drop them."
        )


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

    if pictures.decoded:
        yield from ((row, one(row)) for row in range(len(pictures)))
        return
    linux = sys.platform == "linux"
    threads = min(len(os.sched_getaffinity(0)) if linux else os.cpu_count() or 1, _THREADS)
    waiting: deque[tuple[int, Future[Any]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="kerasnas-decoder") as pool:
        for row in range(len(pictures)):
            waiting.append((row, pool.submit(one, row)))
            if len(waiting) > 2 * threads:
                first, image = waiting.popleft()
                yield first, image.result()
        yield from ((first, image.result()) for first, image in waiting)


def broken_names(pictures: Pictures, problems: Sequence[tuple[int, str]]) -> str:
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
