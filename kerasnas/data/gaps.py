"""Rows without their picture or their sound.

Such a row is a picture of zeros, or a sound without samples, from the reader on: a graph can tell
it from all others without a further input, and a file without kerasnas takes it like this too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import pictures as picture_kinds
from kerasnas.data import sounds as sound_kinds
from kerasnas.data.foreign import is_flat_table, to_pandas
from kerasnas.data.images import ImageReader
from kerasnas.data.picture_reading import Look, looked
from kerasnas.data.pictures import Pictures, to_pictures
from kerasnas.data.sound_reader import SoundReader, usable
from kerasnas.data.sounds import Clip, to_sounds
from kerasnas.errors import SchemaError

_AS_GAPS = "Those rows count as rows without one."


@dataclass(frozen=True)
class GapReader:
    """Reads pictures or sounds of which some rows have none.

    Attributes:
        inner: Reads those that are there.
        known: Whether `fit` saw rows without one.
    """

    inner: ImageReader | SoundReader
    known: bool

    def read(self, x: Any, estimator: str = "the model") -> Any:
        """As the inner reader; a row may hold `None`, NaN, or the path of no file.

        Raises:
            SchemaError: If what is there does not fit, or at least half of the files that are named
                cannot be read.
        """
        if isinstance(self.inner, ImageReader):
            found = pictures_there(x)
            there, pictures = found.there, found.pictures
            read = self.inner.read(pictures, estimator) if pictures is not None else None
            raw: Any = filled_pictures(self.inner, read, there)
        else:
            clips, there = clips_there(x)
            self.inner.warn_of_length(clips)
            raw = filled_waves(self.inner.waveforms(clips), there)
        if not self.known and not there.all():
            warnings.warn(
                f"{int((~there).sum())} rows have no "
                f"{'picture' if isinstance(self.inner, ImageReader) else 'sound'} (first: row "
                f"{int(np.flatnonzero(~there)[0])}), and every row of `fit` had one: what "
                f"{estimator} answers for them is a guess.",
                UserWarning,
                stacklevel=2,
            )
        return raw

    def take(self, raw: Any, index: np.ndarray) -> Any:
        """Some rows."""
        return self.inner.take(raw, index)

    def batches(self, raw: Any) -> Iterator[tuple[np.ndarray, Any]]:
        """As the inner reader."""
        return self.inner.batches(raw)

    def probe(self) -> Any:
        """That of the inner reader, its last row without anything in it."""
        probe = self.inner.probe()
        return np.concatenate([probe[:-1], np.zeros_like(probe[:1])])

    def to_json(self) -> dict[str, Any]:
        """Class and content of the inner reader."""
        return {
            "reader": type(self.inner).__name__,
            "content": self.inner.to_json(),
            "known": self.known,
        }

    @classmethod
    def from_json(cls, content: Any) -> GapReader:
        """The reader that `to_json` wrote, or `SchemaError`."""
        readers: dict[str, Any] = {c.__name__: c for c in (ImageReader, SoundReader)}
        good = isinstance(content, Mapping) and content.get("reader") in readers
        if not good or not isinstance(content.get("known"), bool):
            raise SchemaError(
                "The reader of pictures or sounds with gaps must be a dict of reader, content and "
                "known."
            )
        inner = readers[content["reader"]].from_json(content.get("content"))
        return cls(inner, content["known"])


@dataclass(frozen=True, eq=False)
class FoundPictures:
    """The pictures that are there and can be used.

    Attributes:
        there: For every row whether it has one.
        pictures: The pictures; `None` where no row has one.
        looks: As `looked` gives them.
        decoded: As `looked` gives them.
    """

    there: np.ndarray
    pictures: Pictures | None = None
    looks: Mapping[int, Look] = field(default_factory=dict)
    decoded: Pictures | None = None


def pictures_there(x: Any) -> FoundPictures:
    """The pictures that are there and can be used, and which rows have one.

    Args:
        x: As in `to_pictures`; a row may hold `None`, NaN, or the path of no file.

    Raises:
        SchemaError: As `to_pictures` and `looked`.
    """
    given, there = _there(x, picture_kinds.picture_column)
    if there is not None and not there.any():
        return FoundPictures(there)
    pictures = to_pictures(given)
    good, looks, decoded = looked(pictures, _AS_GAPS)
    there = _narrowed(there, len(pictures), good)
    pictures = pictures if len(good) == len(pictures) else pictures.take(good)
    return FoundPictures(there, pictures, looks, decoded)


def clips_there(x: Any) -> tuple[list[Clip], np.ndarray]:
    """The sounds that are there and can be used, and which rows have one; as `pictures_there`."""
    given, there = _there(x, sound_kinds.sound_column)
    if there is not None and not there.any():
        return [], there
    sounds = to_sounds(given)
    good, clips = usable(sounds, _AS_GAPS)
    return clips, _narrowed(there, len(sounds), good)


def filled_pictures(reader: ImageReader, pictures: Pictures | None, there: np.ndarray) -> Pictures:
    """Pictures of all rows, of zeros where a row has none.

    Args:
        reader: The form of the pictures.
        pictures: Those that are there.
        there: Which rows have one.
    """
    if pictures is not None and there.all():
        return pictures
    if pictures is None:
        like = reader.probe()
        return Pictures(np.zeros((len(there), *like.shape[1:]), like.dtype), reader.axis)
    if isinstance(pictures.items, np.ndarray):
        out = np.zeros((len(there), *pictures.items.shape[1:]), pictures.items.dtype)
        out[there] = pictures.items
        return Pictures(out, pictures.axis)
    blank = np.zeros((*reader.typical, reader.channels), reader.dtype)
    blank = np.moveaxis(blank, -1, 0) if pictures.axis == "first" else blank
    found = iter(pictures.items)
    return Pictures([next(found) if one else blank for one in there], pictures.axis)


def filled_waves(waves: Sequence[np.ndarray], there: np.ndarray) -> list[np.ndarray]:
    """Waveforms of all rows, without samples where a row has none."""
    found = iter(waves)
    return [next(found) if one else np.zeros(0, "float32") for one in there]


def _there(x: Any, path_column: Callable[[Any], Any]) -> tuple[Any, np.ndarray | None]:
    """The rows that hold something, and which ones they are; `None` where all kinds of rows do."""
    x = to_pandas(x) if is_flat_table(x) else x
    if isinstance(x, pd.DataFrame):
        x = x[path_column(x)]
    if isinstance(x, np.ndarray) and x.dtype != object:
        if x.dtype.kind != "f" or x.ndim < 2:
            return x, None
        filled = np.asarray(~np.isnan(x.reshape(len(x), -1)).all(axis=1))
        return (x, None) if filled.all() else (x[filled], filled)
    if not isinstance(x, list | tuple | np.ndarray | pd.Series):
        return x, None
    rows = list(x)
    there = np.array([not _is_gap(row) for row in rows], dtype=bool)
    if there.all():
        return x, None
    return [row for row, one in zip(rows, there, strict=True) if one], there


def _is_gap(row: Any) -> bool:
    if isinstance(row, tuple) and len(row) == 2 and any(part is None for part in row):
        return True  # a sample rate without a sound
    if isinstance(row, Mapping):
        return all(row.get(key) is None for key in ("bytes", "path", "array"))
    if isinstance(row, np.ndarray):
        nothing = row.size == 0 or (row.dtype.kind == "f" and bool(np.isnan(row).all()))
        return nothing or (row.ndim == 0 and row.dtype == object and _is_gap(row.item()))
    if isinstance(row, str):
        return not row.strip()
    if row is None or row is pd.NA or row is pd.NaT:
        return True
    return isinstance(row, float | np.floating) and bool(np.isnan(row))


def _narrowed(there: np.ndarray | None, rows: int, good: np.ndarray) -> np.ndarray:
    """Which rows have one that can be used.

    Args:
        there: Which rows hold something; `None` for all.
        rows: How many do.
        good: Places among these of what can be used.
    """
    whole = np.ones(rows, dtype=bool) if there is None else there
    found = np.zeros(len(whole), dtype=bool)
    found[np.flatnonzero(whole)[good]] = True
    return found
