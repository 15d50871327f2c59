"""The only place that looks at how the user keeps sounds: arrays, lists, files, folders, frames."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.batches import is_batches, one_input, unpacked_rows
from kerasnas.data.folders import files_by_class, named_files, path_column
from kerasnas.data.foreign import is_array, is_flat_table, to_pandas, unwrapped
from kerasnas.data.named_columns import Taken, take_columns
from kerasnas.data.waveforms import read_bytes, read_file, waveform
from kerasnas.errors import SchemaError

SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")
SPEAKERS = (
    "speaker",
    "speaker_id",
    "spk",
    "spk_id",
    "client_id",
    "subject",
    "subject_id",
    "singer",
)
"""Names of columns that tell who is to be heard."""

_SHOWN = 5  # names in a message


@dataclass(frozen=True, eq=False)
class Clip:
    """One sound as it was read.

    Attributes:
        samples: Mono, float32, shape `(samples,)`.
        rate: Samples a second; `None` for an array that came without.
    """

    samples: np.ndarray
    rate: int | None


@dataclass(frozen=True, eq=False)
class Sounds:
    """Sounds as the user gave them, not yet read.

    Attributes:
        items: An array, a pair `(array, sample rate)`, a path, the bytes of a file, or a dict as
            Hugging Face has it, for each sound.
    """

    items: Sequence[Any]

    def __len__(self) -> int:
        return len(self.items)

    def one(self, row: int) -> Clip:
        """One sound, read, mixed down to one channel and scaled to [-1, 1].

        Raises:
            ValueError: If it cannot be used, with the reason.
            OSError: If a file cannot be read.
        """
        item = _plain_item(self.items[row])
        if isinstance(item, str | os.PathLike):
            samples, rate = read_file(Path(item))
        elif isinstance(item, bytes):
            samples, rate = read_bytes(item)
        elif _is_pair(item):
            samples, rate = np.asarray(item[0]), int(item[1])
        else:
            samples, rate = np.asarray(item), None
        if rate is not None and rate < 1:
            raise ValueError(f"has a sample rate of {rate}")
        return Clip(waveform(samples), rate)

    def name(self, row: int) -> str:
        """What to call a sound in a message."""
        item = self.items[row]
        return f"'{item}'" if isinstance(item, str | os.PathLike) else f"row {row}"

    def load(self) -> tuple[list[Clip | None], list[tuple[int, str]]]:
        """All sounds, `None` for those that cannot be used, and the reasons by row."""
        clips: list[Clip | None] = []
        problems = []
        for row in range(len(self)):
            try:
                clips.append(self.one(row))
            except (OSError, ValueError, RuntimeError) as error:
                clips.append(None)
                problems.append((row, str(error) or type(error).__name__))
        return clips, problems

    def told(self, problems: Sequence[tuple[int, str]]) -> str:
        """Names and reasons of sounds that cannot be used, cut after a few."""
        shown = "; ".join(f"{self.name(row)}: {reason}" for row, reason in problems[:_SHOWN])
        return shown + ("; ..." if len(problems) > _SHOWN else "")


def to_sounds(x: Any) -> Sounds:
    """Sounds of any kind as one object.

    Args:
        x: An array `(rows, samples)`, `(rows, samples, channels)` or `(rows, channels, samples)`; a
            list or Series of arrays of any lengths, of pairs `(array, sample rate)` in either
            order, of dicts `{"array", "sampling_rate"}`, of the bytes of files or of paths; a
            folder, whose sound files are taken in the order of their names; a DataFrame with one
            column of these; sounds batch by batch in a `tf.data.Dataset`, a loader or a generator.

    Raises:
        SchemaError: If it is none of these.
    """
    if isinstance(x, Sounds):
        return x
    if isinstance(x, str | os.PathLike):
        path = Path(x)
        return Sounds([path] if path.is_file() else named_files(path, SUFFIXES, "sounds"))
    if isinstance(x, pd.DataFrame):
        return to_sounds(x[sound_column(x)])
    if is_batches(x):
        return unpack_sounds(x).x
    if is_flat_table(x) and not isinstance(x, pd.Series):
        return to_sounds(to_pandas(x))
    if isinstance(x, pd.Series):
        x = list(x)
    if is_array(x) and not isinstance(x, list | tuple):
        x = np.asarray(x)
        if x.dtype != object and x.dtype.kind not in "US":
            _check_stack(x)
        x = list(x)
    if not isinstance(x, list | tuple):
        raise SchemaError(
            f"`x` is {type(x).__name__}, expected sounds: an array (rows, samples), a list of "
            "arrays or of paths, a folder, or a DataFrame with a column of paths. For one sound, "
            "pass `[x]`."
        )
    if not len(x):
        raise SchemaError("`x` is empty, expected sounds.")
    if _is_pair(x):
        raise SchemaError(
            "`x` is one sound and a sample rate, expected several sounds. For one, pass `[x]`."
        )
    if all(isinstance(v, int | float | np.number) for v in x[:_SHOWN]):
        raise SchemaError(
            "`x` is one row of numbers, expected several sounds. For one, pass `[x]`."
        )
    missing = [row for row, v in enumerate(x) if v is None or (isinstance(v, float) and v != v)]
    if missing:
        raise SchemaError(
            f"`x` has {len(missing)} missing sounds (first: row {missing[0]}). Drop those rows."
        )
    return Sounds(list(x))


def split_sounds(x: Any, y: Any) -> tuple[Any, Any]:
    """Sounds and targets, where `x` holds both.

    Args:
        x: As in `to_sounds`. A folder may hold one folder of sounds a class; a DataFrame may hold
            the column of targets.
        y: Targets, the name of the column of targets, or `None` where `x` holds them.

    Raises:
        SchemaError: If there are no targets.
    """
    taken = take_columns(x, y)
    x, y = taken.x, taken.y
    if y is not None:
        return x, y
    if isinstance(x, str | os.PathLike):
        return sound_folders(Path(x))
    if is_batches(x):
        unpacked = unpack_sounds(x)
        if unpacked.y is not None:
            return unpacked.x, unpacked.y
    raise SchemaError(
        "`y` is missing. Pass labels or values as `y`, the name of a column of a DataFrame, or a "
        "folder with one folder of sounds a class."
    )


def unpack_sounds(x: Any) -> Taken:
    """Sounds, targets and weights of data that come batch by batch.

    `keras.utils.audio_dataset_from_directory` gives such data.

    Raises:
        SchemaError: If they hold no sounds.
    """
    parts, targets, weights = unpacked_rows(x)
    return Taken(Sounds([row for part in parts for row in one_input(part)]), targets, weights)


def speaker_column(x: Any) -> str | None:
    """The column of a DataFrame that says who is to be heard, where voices recur."""
    if not isinstance(x, pd.DataFrame):
        return None
    for name in x.columns:
        if str(name).strip().lower() in SPEAKERS and 1 < x[name].nunique() < len(x):
            return str(name)
    return None


def sound_folders(folder: Path) -> tuple[Sounds, np.ndarray]:
    """Sounds and labels of a folder that holds one folder of sounds a class.

    Raises:
        SchemaError: If there are no two folders with sounds.
    """
    paths, labels = files_by_class(folder, SUFFIXES, "sounds", "dog/1.wav and cat/2.wav")
    return Sounds(paths), labels


def sound_column(frame: pd.DataFrame) -> Any:
    """The column of a table that holds the sounds: paths, arrays or pairs.

    Raises:
        SchemaError: If there is none, or more than one.
    """
    return path_column(frame, _is_sounds, "sounds or paths of sounds")


def _check_stack(x: np.ndarray) -> None:
    if x.ndim not in (2, 3) or 0 in x.shape:
        raise SchemaError(
            f"`x` has shape {x.shape}, expected sounds: (rows, samples), or a list of arrays of "
            "any lengths." + (" For one sound, pass `[x]`." if x.ndim == 1 and x.size else "")
        )


def _plain_item(item: Any) -> Any:
    """A dict as Hugging Face has it, and `(rate, array)` as SciPy reads it, as what they hold."""
    if isinstance(item, Mapping):
        if item.get("array") is not None:
            rate = item.get("sampling_rate", item.get("sample_rate"))
            return np.asarray(item["array"]) if rate is None else (item["array"], _rate(rate))
        return item.get("bytes") or item.get("path")
    item = unwrapped(item)
    if isinstance(item, tuple) and len(item) == 2 and item[1] is None:
        return item[0]
    if isinstance(item, tuple) and len(item) == 2 and not isinstance(item[0], str | os.PathLike):
        first, second = item
        if np.ndim(first) == 0 and np.ndim(second) >= 1 and _is_rate(first):
            return second, _rate(first)
        if np.ndim(first) >= 1 and np.ndim(second) == 0 and _is_rate(second):
            return first, _rate(second)
    return item


def _is_rate(value: Any) -> bool:
    """Whether a number can be a sample rate: whole, of any type."""
    number = isinstance(value, int | float | np.number | np.ndarray) and not isinstance(value, bool)
    return number and float(value) == round(float(value))


def _rate(value: Any) -> int:
    return round(float(value))


def _is_pair(item: Any) -> bool:
    item = _plain_item(item)
    return (
        isinstance(item, tuple)
        and len(item) == 2
        and np.ndim(item[1]) == 0
        and isinstance(item[1], int | np.integer)
        and not isinstance(item[0], str | os.PathLike)
    )


def _is_sounds(column: pd.Series) -> bool:
    values = column.dropna()
    if not len(values):
        return False
    head = list(values.iloc[:50])
    if all(isinstance(v, str | os.PathLike) for v in head):
        return all(Path(v).suffix.lower() in SUFFIXES for v in head)
    return all(
        _is_pair(v)
        or isinstance(v, bytes | Mapping)
        or (isinstance(v, np.ndarray | list) and np.ndim(v) >= 1)
        for v in head
    )
