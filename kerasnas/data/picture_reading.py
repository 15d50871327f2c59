"""Images one after the other, files decoded ahead; and what is wrong with broken ones."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from kerasnas.data.pictures import Pictures

_SHOWN = 5  # names in a message
_THREADS = 8  # that decode files, at most: each holds two images in memory


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
