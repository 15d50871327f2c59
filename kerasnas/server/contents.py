"""Rows that are pictures or sounds: files in base64, or numbers in lists."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerasnas.data.images import ImageReader
from kerasnas.data.sound_reader import SoundReader
from kerasnas.data.waveforms import read_bytes
from kerasnas.server.limits import Limits
from kerasnas.server.parsing import json_name
from kerasnas.server.refusal import Refusal
from kerasnas.server.rows import ReadRows, with_remarks

# Formats that hold pixels and nothing else. Pillow reads PostScript too, by running a program.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM", "TIFF")
_SLOWEST, _FASTEST = 100, 384_000  # samples a second of a sound that somebody recorded
_WAV = (b"RIFF", b"RIFX", b"RF64")


@dataclass(frozen=True)
class _ContentRows:
    """Reads rows that are files in base64 or lists of numbers.

    Attributes:
        reader: The reader of the estimator.
        limits: How many numbers one request may have.
    """

    reader: Any
    limits: Limits

    noun: ClassVar[str]
    unit: ClassVar[str]

    def read(self, rows: Sequence[Any]) -> ReadRows:
        """Rows as the reader of the estimator gives them.

        Raises:
            Refusal: If a row cannot be read, or the rows have too many numbers together.
        """
        left = _Left(self.limits, self.unit)
        items = [_told(place, row, self._item, left) for place, row in enumerate(rows)]
        return ReadRows(*with_remarks(lambda: self.reader.read(items, "the model")))

    def columns(self) -> list[tuple[str, str, str]]:
        """The field of the form: a file."""
        return [(self.noun, "file", "")]

    def row_of(self, values: Mapping[str, str]) -> Any:
        """The file that somebody chose in a form, in base64."""
        return values.get(self.noun, "")

    def _item(self, row: Any, left: _Left) -> Any:
        """One row for the reader; its numbers are taken from what is left."""
        raise NotImplementedError


class PictureRows(_ContentRows):
    """Reads rows of pictures: a file in base64, or lists of numbers as arrays are in `fit`."""

    reader: ImageReader
    noun, unit = "image", "pixels"

    def read(self, rows: Sequence[Any]) -> ReadRows:
        """As for all contents; files and lists are not mixed."""
        _check_one_kind(rows)
        return super().read(rows)

    def row_schema(self) -> dict[str, Any]:
        """A file in base64, or nested lists."""
        numbers: dict[str, Any] = {"type": "number"}
        for size in reversed(self.reader.shape):
            bounds = {} if size is None else {"minItems": size, "maxItems": size}
            numbers = {"type": "array", "items": numbers, **bounds}
        return {"oneOf": [_file(f"An image file: {', '.join(_FORMATS)}"), numbers]}

    def _item(self, row: Any, left: _Left) -> Any:
        if isinstance(row, str):
            content = _content(row)
            left.take(_pixels(content))
            return content
        array = _numbers(row)
        left.take(array.size)
        return array


class SoundRows(_ContentRows):
    """Reads rows of sounds: a file in base64, a list of samples, or samples with their rate."""

    reader: SoundReader
    noun, unit = "sound", "samples"

    def row_schema(self) -> dict[str, Any]:
        """A file in base64, samples, or samples with their rate."""
        samples = {"type": "array", "items": {"type": "number"}, "minItems": 1}
        rate = {"type": "integer", "minimum": _SLOWEST, "maximum": _FASTEST}
        pair = {
            "type": "object",
            "required": ["samples", "rate"],
            "properties": {"samples": samples, "rate": rate},
        }
        alone = {**samples, "description": f"Samples in [-1, 1] at {self.reader.sample_rate} Hz"}
        return {"oneOf": [_file("A sound file, such as WAV"), alone, pair]}

    def _item(self, row: Any, left: _Left) -> Any:
        if isinstance(row, str):
            content = _content(row)
            left.take(_samples(content))
            samples, rate = read_bytes(content)
        elif isinstance(row, Mapping):
            if set(row) != {"samples", "rate"}:
                raise ValueError("is an object, expected the keys `samples` and `rate`")
            samples, rate = _numbers(row["samples"]), row["rate"]
            if isinstance(rate, bool) or not isinstance(rate, int):
                raise ValueError(f"has {json_name(rate)} as `rate`, expected a whole number")
        else:
            samples, rate = _numbers(row), self.reader.sample_rate
        if not _SLOWEST <= rate <= _FASTEST:
            raise ValueError(f"has {rate} samples a second, expected {_SLOWEST} to {_FASTEST}")
        # As many as they become at the sample rate of the model.
        left.take(max(samples.size, len(samples) * self.reader.sample_rate // rate))
        return samples, rate


class _Left:
    """How many numbers the rows of a request may still have."""

    def __init__(self, limits: Limits, what: str) -> None:
        self._most = self._left = int(limits.millions * 1_000_000)
        self._what = what

    def take(self, count: int) -> None:
        """Counts some numbers; `Refusal` where they are too many."""
        self._left -= count
        if self._left < 0:
            raise Refusal(
                413,
                f"The rows have more than {self._most:,} {self._what}, which is the most that "
                "this server takes in one request. Send fewer or smaller ones.",
            )


def _told(place: int, row: Any, read: Callable[[Any, _Left], Any], left: _Left) -> Any:
    """What is read of one row; `Refusal` where it cannot be used."""
    try:
        return read(row, left)
    except (OSError, ValueError, SyntaxError, RuntimeError, OverflowError) as error:
        raise Refusal(422, f"Row {place} {error}.") from None


def _check_one_kind(rows: Sequence[Any]) -> None:
    files = [isinstance(row, str) for row in rows]
    if any(files) and not all(files):
        raise Refusal(
            422,
            f"Row {files.index(True)} is a file and row {files.index(False)} is "
            f"{json_name(rows[files.index(False)])}. Send files and lists in requests of their "
            "own.",
        )


def _content(text: str) -> bytes:
    """The bytes of a file; also of a `data:` address, as browsers make them."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(
            "is a text that is not base64; send the bytes of a file in base64"
        ) from None
    if not content:
        raise ValueError("is an empty file")
    return content


def _pixels(content: bytes) -> int:
    """The pixels of an image file, read from its head.

    Raises:
        ValueError: If the file is no image of a format that is taken.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            return int(np.prod(image.size))
    except Image.DecompressionBombError:
        raise ValueError("has more pixels than are opened") from None
    except Image.UnidentifiedImageError:
        raise ValueError(f"is no image file, expected one of {', '.join(_FORMATS)}") from None


def _samples(content: bytes) -> int:
    """The samples of a sound file, read from its head; 0 where the file itself bounds them."""
    if content[:4] in _WAV:
        return 0
    try:
        import soundfile
    except (ImportError, OSError):
        return 0  # only WAV files are read then
    told = soundfile.info(io.BytesIO(content))
    return int(told.frames) * int(told.channels)


def _numbers(row: Any) -> np.ndarray:
    """Nested lists as an array of numbers.

    Raises:
        ValueError: If they are none, or not of one length.
    """
    if not isinstance(row, list):
        raise ValueError(f"is {json_name(row)}, expected a file in base64 or lists of numbers")
    try:
        array = np.asarray(row)
    except ValueError:
        raise ValueError("has lists of several lengths, expected those of one length") from None
    if not array.size or array.dtype.kind not in "iuf":
        raise ValueError("holds values that are no numbers, or none at all")
    return array


def _file(what: str) -> dict[str, Any]:
    return {"type": "string", "contentEncoding": "base64", "description": f"{what}, in base64"}
