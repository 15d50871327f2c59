"""The scale of pixels: what `fit` saw, and images that cannot be of the same scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerasnas.data.room import blocks

_TOPS = (1.0, 255.0, 4095.0, 65535.0)
"""Largest pixels of the usual scales: 0 to 1, and whole numbers of 8, 12 and 16 bits."""

_APART = 4.0  # times the largest pixel of one scale is no pixel of that scale any more
_BELOW_ZERO = 0.1  # of the largest pixel; sharp edges swing a little below 0 when they are resized
_QUIETEST = 0.05  # share of images whose largest pixel may be smaller than `quiet`
_GAP = 16.0  # times: between images of 0 to 1 and images of 0 to 255 nothing lies


@dataclass(frozen=True)
class PixelScale:
    """The scale of the images of `fit`.

    Attributes:
        low: Smallest pixel.
        high: Largest pixel.
        quiet: Largest pixel, by its size, of nearly the darkest image.
        signed: Whether every image had pixels clearly below 0.
        whole: Whether all pixels were whole numbers.
    """

    low: float
    high: float
    quiet: float = 0.0
    signed: bool = False
    whole: bool = False

    @classmethod
    def of(cls, low: np.ndarray, high: np.ndarray, whole: bool) -> PixelScale:
        """The scale of images, by the smallest and the largest pixel of each."""
        peak = _peaks(low, high)
        signed = bool((low < -_BELOW_ZERO * np.maximum(peak, 1e-12)).all())
        quiet = float(np.quantile(peak, _QUIETEST))
        return cls(float(low.min()), float(high.max()), quiet, signed, whole)

    def strangers(self, low: np.ndarray, high: np.ndarray, integers: bool) -> np.ndarray:
        """Which images cannot be of this scale, bool of shape `(images,)`.

        Args:
            low: Smallest pixel of each image.
            high: Largest pixel of each image.
            integers: Whether the pixels are of an integer type: 0 and 1 are dark pixels then, while
                floats up to 1 are of another scale.
        """
        peak, largest = _peaks(low, high), max(abs(self.low), abs(self.high))
        above = peak > max(self._top(largest), _APART * largest)
        negative = (low < -_BELOW_ZERO * largest) & (self.low >= 0)
        below = np.zeros(len(peak), bool)
        for top in _TOPS[1:] if integers else _TOPS:
            if _APART * top <= largest:
                below |= (peak <= top) & (_APART * peak < self.quiet) & (peak > 0)
        unsigned = self.signed & (low >= 0).all() & (peak > 0)
        strangers: np.ndarray = above | negative | below | unsigned
        return strangers

    def sentence(self, low: np.ndarray, high: np.ndarray, first: str) -> str:
        """What to tell of images that are not of this scale.

        Args:
            low: Smallest pixel of each of these images.
            high: Largest pixel of each.
            first: What the first of them is called.
        """
        least, most = float(low.min()), float(high.max())
        return (
            f"`x` has {len(low)} images of another scale than in fit: their pixels are from "
            f"{least:g} to {most:g}, fit saw {self.low:g} to {self.high:g} (first: {first}). "
            f"{self._hint(least, most)}"
        )

    def _top(self, largest: float) -> float:
        """Largest pixel that an image of the same scale may have."""
        top = next((t for t in _TOPS if largest <= t), largest)
        return top if self.whole or 2 * largest > top else largest

    def _hint(self, least: float, most: float) -> str:
        largest = max(abs(self.low), abs(self.high))
        if 1.0 < largest <= _TOPS[1] and max(abs(least), abs(most)) <= 1.0:
            return "Pass raw pixels, not scaled ones, such as `255 * x`."
        if largest <= 1.0 and self.low >= 0 and 1.0 < most <= _TOPS[1]:
            return "Scale them as in fit, such as `x / 255`."
        return "Scale them as in fit."


def two_scales(low: np.ndarray, high: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Which images are of a smaller scale than the others: bool, all false where all agree.

    Args:
        low: Smallest pixel of each image.
        high: Largest pixel of each image.
        bits: Bits of the pixels of each image where they are integers; 0 of other types.
    """
    peak = _peaks(low, high)
    bytes_only, deep = bits == 8, (bits > 8) & (peak > _APART * _TOPS[1])
    if bytes_only.any() and deep.any():
        return bytes_only
    scaled, large = (bits == 0) & (peak > 0) & (peak <= 1.0), peak > 1.0
    between = large & (peak < _APART)
    apart = scaled.any() and large.any() and not between.any()
    if apart and float(np.median(peak[large])) >= _GAP:
        return scaled
    return np.zeros(len(peak), bool)


def extremes(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest pixel of each image."""
    axes = tuple(range(1, images.ndim))
    parts = [images[part] for part in blocks(images)]
    low = np.concatenate([part.min(axis=axes) for part in parts])
    high = np.concatenate([part.max(axis=axes) for part in parts])
    return low.astype("float64"), high.astype("float64")


def _peaks(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(low), np.abs(high))
