"""Which parts of an image its answer rests on: the answer with each patch covered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_AT_ONCE = 64  # covered images of one call


def patch_values(
    answer: Callable[[np.ndarray], np.ndarray], image: np.ndarray, patches: int
) -> np.ndarray:
    """By how much the answer to an image falls where a patch of it is covered.

    A patch is covered with the mean colour of the image (Zeiler and Fergus 2014). Patches overlap
    by half, and a pixel has the mean of the patches that cover it.

    Args:
        answer: One number for each image, `(images, height, width, channels)`.
        image: The image, `(height, width, channels)`.
        patches: Patches side by side, along the longer side.

    Returns:
        A value for each pixel, `(height, width)`.
    """
    height, width = image.shape[:2]
    side = max(1, -(-max(height, width) // patches))
    step = max(1, side // 2)
    cover = image.mean(axis=(0, 1))
    if image.dtype.kind in "iu":
        cover = np.rint(cover)
    places = [(top, left) for top in range(0, height, step) for left in range(0, width, step)]
    whole = float(answer(image[None])[0])
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(places), _AT_ONCE):
        part = places[start : start + _AT_ONCE]
        covered = np.repeat(image[None], len(part), axis=0)
        for one, (top, left) in zip(covered, part, strict=True):
            one[top : top + side, left : left + side] = cover
        for (top, left), value in zip(part, answer(covered), strict=True):
            total[top : top + side, left : left + side] += whole - value
            count[top : top + side, left : left + side] += 1
    return total / np.maximum(count, 1)
