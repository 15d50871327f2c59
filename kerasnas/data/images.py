"""The reader of images: what `fit` saw of them, and new ones checked against it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from kerasnas.data.foreign import is_array, shape_of
from kerasnas.data.picture_reading import (
    Look,
    broken_names,
    check_finite,
    looks_at,
    opened,
    ranges_of,
)
from kerasnas.data.pictures import Pictures, to_pictures
from kerasnas.data.pixel_scale import PixelScale, extremes
from kerasnas.data.pixels import CHANNELS, Axis
from kerasnas.data.reader import chunks
from kerasnas.data.room import blocks, fits, room
from kerasnas.errors import SchemaError

_CHUNK_BYTES = 2**25  # of the images of one call, as float32
_WAITING_BYTES = 2**28  # likewise, of images that wait for others of their size
_PROBED = 256  # pixels a side: of photographs, more noise would take half a minute to draw
_LOOKED_AT = 256  # images, for the range of pixels and the channels of files
_ADDED = {"quiet", "signed", "whole"}  # fields that older files do not have


@dataclass(frozen=True)
class ImageReader:
    """Reads images of the form that `fit` saw.

    Attributes:
        height: Rows of pixels; `None` where sizes differed in `fit`, so that any size is taken.
        width: Columns of pixels; `None` likewise.
        channels: 1 grey, 3 colour, 4 colour with alpha; more for other arrays.
        axis: `none` for arrays without an axis of channels, `last`, or `first`: `(rows, channels,
            height, width)`.
        dtype: `uint8`, or `float32` for all other numbers.
        low: Smallest pixel seen.
        high: Largest pixel seen.
        typical: Height and width to think of; of free sizes the medians.
        quiet: As in `PixelScale`, and so are the others.
        signed: Whether every image had pixels below 0.
        whole: Whether all pixels were whole numbers.
    """

    height: int | None
    width: int | None
    channels: int
    axis: Axis
    dtype: Literal["uint8", "float32"]
    low: float
    high: float
    typical: tuple[int, int]
    quiet: float = 0.0
    signed: bool = False
    whole: bool = False

    @property
    def scale(self) -> PixelScale:
        """The scale of the pixels of `fit`."""
        return PixelScale(self.low, self.high, self.quiet, self.signed, self.whole)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of one image as the exported model takes it."""
        size = (self.height, self.width)
        if self.axis == "none":
            return size
        return (self.channels, *size) if self.axis == "first" else (*size, self.channels)

    @property
    def free(self) -> bool:
        """Whether images of any size are taken."""
        return self.height is None

    def describe(self) -> str:
        """The form in words."""
        size = "any size" if self.free else f"{self.height} x {self.width}"
        layout = {"none": "no channel axis", "last": "channels last", "first": "channels first"}
        return f"{self.dtype} images of {size}, {self.channels} channels, {layout[self.axis]}"

    def read(self, x: Any, estimator: str = "the model") -> Pictures:
        """New images, in memory as the exported model takes them where they are arrays.

        Raises:
            SchemaError: If they have another form than in `fit`, or files cannot be read: all of
                them in one message.
        """
        self._check_several(x)
        pictures = self._matched(to_pictures(x))
        if isinstance(pictures.items, np.ndarray):
            if self.dtype != "uint8" or pictures.items.dtype != np.uint8:
                check_finite(pictures.items)
                low, high = extremes(pictures.items)
                self._check_scale(pictures, low, high, pictures.items.dtype.kind in "iu")
            return Pictures(self._cast_all(pictures.items), pictures.axis)
        looks, problems = looks_at(pictures)
        fits_any = self.free and not pictures.decoded  # files are brought to the channels
        problems = problems or ([] if fits_any else list(self._misfits(looks, pictures.decoded)))
        if problems:
            raise SchemaError(
                f"{len(problems)} of the {len(pictures)} images cannot be used: "
                f"{broken_names(pictures, problems)}. Leave them out, or pass images as in fit: "
                f"{self.describe()}."
            )
        for integers in (False, True):
            part = {row: look for row, look in looks.items() if look.integers == integers}
            if part and not (integers and self.dtype == "uint8"):
                low, high = ranges_of(part)
                self._check_scale(pictures.take(np.array([*part])), low, high, integers)
        return pictures

    def read_usable(self, pictures: Pictures) -> Pictures:
        """As `read`, but files that `looked` has opened are not decoded again."""
        checked = self.free and not pictures.decoded
        return pictures if checked else self.read(pictures)

    def take(self, raw: Pictures, index: np.ndarray) -> Pictures:
        """Some of the images; files stay files."""
        return raw.take(index)

    def batches(self, raw: Pictures) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Images of one size in each call; few of them in memory at any time."""
        if isinstance(raw.items, np.ndarray):
            size = max(1, _CHUNK_BYTES // (4 * int(np.prod(raw.items.shape[1:]))))
            for index in chunks(len(raw), min(size, 4096), block=1):
                yield index, raw.items[index]
            return
        waiting: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}
        pixels = 0
        for row, image in opened(raw, self.channels):
            if isinstance(image, str):
                raise SchemaError(f"{raw.name(row)} cannot be read any more: {image}.")
            image = self.laid_out(image)
            group = waiting.setdefault(image.shape, [])
            group.append((row, image))
            pixels += image.size
            if len(group) * 4 * image.size >= _CHUNK_BYTES or len(group) == 256:
                pixels -= len(group) * image.size
                yield _together(waiting.pop(image.shape))
            elif 4 * pixels >= _WAITING_BYTES:
                # Of photos that were cut by hand, hardly two have one size.
                largest = max(waiting, key=lambda shape: len(waiting[shape]) * math.prod(shape))
                pixels -= len(waiting[largest]) * math.prod(largest)
                yield _together(waiting.pop(largest))
        for group in waiting.values():
            yield _together(group)

    def laid_out(self, image: np.ndarray) -> np.ndarray:
        """One image `(height, width, channels)` as the exported model takes it."""
        image = self._cast(image)
        if self.axis == "none":
            return image[:, :, 0]
        return np.moveaxis(image, -1, 0) if self.axis == "first" else image

    def probe(self) -> np.ndarray:
        """Noise, the two extremes, and a ramp; large images repeat a part of these."""
        height, width = self.typical
        rows, columns = min(height, _PROBED), min(width, _PROBED)
        rng = np.random.default_rng(0)
        low, high = self.low, max(self.high, self.low + 1e-3)
        noise = rng.uniform(low, high, (2, rows, columns, self.channels))
        ramp = np.linspace(low, high, rows * columns * self.channels).reshape(noise.shape[1:])
        flat = [np.full_like(ramp, low), np.full_like(ramp, high)]
        images = np.stack([*noise, *flat, ramp])
        if self.dtype == "uint8":
            images = np.rint(images)
        repeats = (1, -(-height // rows), -(-width // columns), 1)
        whole = np.tile(images.astype(self.dtype), repeats)[:, :height, :width]
        return np.stack([self.laid_out(image) for image in whole])

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return {**asdict(self), "typical": list(self.typical)}

    @classmethod
    def from_json(cls, content: Any) -> ImageReader:
        """The reader that `to_json` wrote.

        Raises:
            SchemaError: `content` is anything else.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(content, Mapping) or set(content) | _ADDED != names:
            raise SchemaError(f"The reader of images must be a dict of {sorted(names)}.")
        kept = dict(content)
        sizes = [kept["height"], kept["width"]]
        known = (
            all(s is None or _is_count(s) for s in sizes)
            and (sizes[0] is None) == (sizes[1] is None)
            and _is_count(kept["channels"])
            and kept["axis"] in ("none", "last", "first")
            and kept["dtype"] in ("uint8", "float32")
            and all(isinstance(kept[n], int | float) for n in ("low", "high"))
            and isinstance(kept.get("quiet", 0.0), int | float)
            and all(isinstance(kept.get(n, False), bool) for n in ("signed", "whole"))
            and isinstance(kept["typical"], list)
            and len(kept["typical"]) == 2
            and all(_is_count(s) for s in kept["typical"])
        )
        if not known:
            raise SchemaError(f"These do not describe images: {kept!r}.")
        return cls(**{**kept, "typical": tuple(kept["typical"])})

    def _matched(self, pictures: Pictures) -> Pictures:
        """The same images laid out as in `fit`, where nothing is lost by it.

        Raises:
            SchemaError: If they are arrays of another shape.
        """
        if not isinstance(pictures.items, np.ndarray):
            return pictures
        items = pictures.items
        got = items.shape[1:]
        if self.axis == "none" and len(got) == 3 and got[-1] == 1:
            items = items[..., 0]
        elif self.axis == "last" and self.channels == 1 and len(got) == 2:
            items = items[..., None]
        elif self.axis == "first" and self.channels == 1 and len(got) == 2:
            items = items[:, None]
        expected = self.shape
        shape = items.shape[1:]
        fits = len(shape) == len(expected) and all(
            e is None or s == e for s, e in zip(shape, expected, strict=True)
        )
        if not fits:
            raise SchemaError(
                f"`x` has images of shape {got}, expected {expected} as in fit: "
                f"{self.describe()}. Pass images of that form, or refit."
            )
        return Pictures(items, self.axis)

    def _misfits(self, looks: Mapping[int, Look], arrays: bool) -> Iterator[tuple[int, str]]:
        for row, look in looks.items():
            have = look.shape
            channels = not arrays or have[2] == self.channels
            if not channels and not (have[2] in (1, 3, 4) and self.channels in (3, 4)):
                yield row, f"has {have[2]} channels, expected {self.channels}"
            elif not self.free and have[:2] != (self.height, self.width):
                yield row, f"has the size {have[:2]}, expected {(self.height, self.width)}"

    def _check_several(self, x: Any) -> None:
        """Refuses one image in the place of many, which would be taken for many narrow ones."""
        shape = shape_of(x) if is_array(x) else None
        if shape is None or len(shape) != 3 or shape[-1] not in CHANNELS:
            return
        narrow = self.width == shape[-1] and self.height == shape[-2]
        if not narrow:
            raise SchemaError(
                f"`x` has the shape {shape} of one image, expected several. For one image pass "
                "`[x]`."
            )

    def _check_scale(
        self, pictures: Pictures, low: np.ndarray, high: np.ndarray, integers: bool
    ) -> None:
        """Refuses images whose pixels are not on the scale of `fit`."""
        strange = np.flatnonzero(self.scale.strangers(low, high, integers))
        if len(strange):
            first = pictures.name(int(strange[0]))
            raise SchemaError(self.scale.sentence(low[strange], high[strange], first))

    def _cast_all(self, images: np.ndarray) -> np.ndarray:
        """Many images in the type of `fit`, part by part where another copy would be too much."""
        if images.dtype == self.dtype or fits(8 * images.size):
            return self._cast(images)
        out = room(images.shape, self.dtype)
        for part in blocks(images):
            out[part] = self._cast(images[part])
        return out

    def _cast(self, images: np.ndarray) -> np.ndarray:
        """The numbers in the type of `fit`; scales that cannot be meant are refused."""
        if images.dtype == self.dtype:
            check_finite(images)
            return images
        if self.dtype == "uint8":
            whole = images.dtype.kind in "iub" or bool((np.rint(images) == images).all())
            if not whole or (images.size and not 0 <= images.min() <= images.max() <= 255):
                raise SchemaError(
                    f"`x` holds {images.dtype} from {images.min():g} to {images.max():g}, expected "
                    "whole numbers from 0 to 255 as in fit. Pass raw pixels, not scaled ones."
                )
            return images.astype("uint8")
        with np.errstate(over="ignore"):
            images = images.astype("float32")
        check_finite(images)
        return images


def fit_image_reader(pictures: Pictures, looks: Mapping[int, Look] | None = None) -> ImageReader:
    """Learns the form of images that have been checked with `looked`.

    Args:
        pictures: The images.
        looks: What they tell, as far as that is known already.
    """
    if looks is None or isinstance(pictures.items, np.ndarray):
        rows = np.unique(np.linspace(0, len(pictures) - 1, _LOOKED_AT).astype(int))
        if isinstance(pictures.items, np.ndarray):
            looks = {int(row): Look.at(pictures.items[row]) for row in rows}
        else:
            looks = {int(row): Look.at(pictures.one(int(row))) for row in rows}
    if isinstance(pictures.items, np.ndarray):
        shape = pictures.items.shape[1:]
        channels = 1 if pictures.axis == "none" else shape[0 if pictures.axis == "first" else -1]
        first = 1 if pictures.axis == "first" else 0
        typical = (int(shape[first]), int(shape[first + 1]))
        dtype = pictures.items.dtype
        size: tuple[int | None, int | None] = typical
    else:
        channels = max(look.shape[2] for look in looks.values())
        sizes = np.array([look.shape[:2] for look in looks.values()])
        typical = (int(np.median(sizes[:, 0])), int(np.median(sizes[:, 1])))
        dtype = np.result_type(*{look.dtype for look in looks.values()})
        size = (None, None)
    scale = PixelScale.of(*ranges_of(looks), all(look.whole for look in looks.values()))
    return ImageReader(
        height=size[0],
        width=size[1],
        channels=int(channels),
        axis=pictures.axis,
        dtype="uint8" if dtype == np.uint8 else "float32",
        typical=typical,
        **asdict(scale),
    )


def _together(group: list[tuple[int, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row for row, _ in group]), np.stack([image for _, image in group])


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
