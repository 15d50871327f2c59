"""The data of trials where other processes find them: in files, or wherever arrays are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from kerasnas.data.stored import StoredRows
from kerasnas.errors import SearchSpaceError
from kerasnas.problem.view import View, as_it_is, no_latency
from kerasnas.trial.executors.packed_strings import is_strings, packed, unpacked
from kerasnas.trial.executors.spawning import check_sendable

_SMALL = 2**14  # bytes up to which an array travels with the message about it


class KeptArray(Protocol):
    """An array that other processes can open."""

    def open(self) -> np.ndarray:
        """The array."""


class Shelf(Protocol):
    """Keeps arrays for other processes."""

    def keep(self, array: np.ndarray) -> KeptArray:
        """Puts an array there."""

    def forget(self) -> None:
        """Removes all arrays."""


@dataclass(frozen=True)
class ArrayFile:
    """An array in a file.

    Attributes:
        path: The file, as NumPy writes one.
        epoch: For stored rows the number of them in an epoch.
    """

    path: Path

    def open(self) -> np.ndarray:
        """The array; its rows stay in the file until they are looked at."""
        # Memory that is written to is a copy of this process alone.
        array: np.ndarray = np.load(self.path, mmap_mode="c", allow_pickle=False)
        return array


class ArrayFiles:
    """Keeps arrays in files.

    Args:
        folder: The folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self.forget()  # what a process has left that was killed
        folder.mkdir(parents=True)

    def keep(self, array: np.ndarray) -> ArrayFile:
        """Writes an array."""
        path = self._folder / f"{self._count:04d}.npy"
        self._count += 1
        np.save(path, array, allow_pickle=False)
        return ArrayFile(path)

    def forget(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class StoredArray:
    """What a view holds in the place of an array.

    Attributes:
        kept: Where the array is.
        kind: What it was: an array, a tensor, or stored rows.
        rows: For stored rows, where their places in the array are.
        epoch: For stored rows, the number of them in an epoch.
    """

    kept: KeptArray
    kind: str = "array"
    rows: KeptArray | None = None
    epoch: int | None = None

    def open(self) -> Any:
        """What it was."""
        array = self.kept.open()
        if self.kind == "rows":
            assert self.rows is not None, "stored rows know their places"
            return StoredRows(array, np.asarray(self.rows.open()), self.epoch)
        # A map would be taken for rows that are never to be in memory together.
        plain = np.asarray(array)
        return tf.convert_to_tensor(plain) if self.kind == "tensor" else plain


@dataclass(frozen=True)
class StoredStrings:
    """What a view holds in the place of an array or a tensor of strings of any length.

    Attributes:
        joined: Where the bytes of all strings are.
        ends: Where the place of the end of each string is.
        kind: What it was: `"texts"` or `"bytes"` as objects, or a `"tensor"`.
    """

    joined: KeptArray
    ends: KeptArray
    kind: str

    def open(self) -> Any:
        """What it was."""
        joined, ends = self.joined.open(), np.asarray(self.ends.open())
        strings = unpacked(joined, ends, texts=self.kind == "texts")
        return tf.constant(strings, tf.string) if self.kind == "tensor" else strings


class ViewStore:
    """Puts the arrays of views onto a shelf, each once.

    Args:
        shelf: The shelf.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known: dict[int, tuple[np.ndarray, KeptArray]] = {}
        self._strings: dict[int, tuple[Any, StoredStrings]] = {}

    def stored(self, view: View) -> View:
        """A view without its large arrays, which are on the shelf, and without what is exported.

        Objects that are no strings stay in the view, and travel with the message about it.

        Raises:
            SearchSpaceError: If it holds something else than arrays, or objects that cannot travel.
        """

        def kept(name: str, data: Any) -> Any:
            return _mapped(partial(self._kept, name), data)

        return replace(
            view,
            x=kept("x", view.x),
            y=kept("y", view.y),
            weights=kept("sample_weight", view.weights),
            validation=kept("validation_data", view.validation),
            folds=kept("folds", view.folds),
            assemble=as_it_is,
            extra_latency=no_latency,
        )

    def forget(self) -> None:
        """Removes all arrays."""
        self._known, self._strings = {}, {}
        self._shelf.forget()

    def _kept(self, name: str, part: Any) -> Any:
        if part is None or isinstance(part, bool | int | float | str | bytes):
            return part
        if isinstance(part, StoredRows):
            rows = self._put(part.rows)
            return StoredArray(self._put(part.array), "rows", rows, part.epoch)
        if isinstance(part, tf.Tensor):
            if part.dtype == tf.string:
                return self._put_strings(part, np.asarray(part.numpy(), object), "tensor")
            return StoredArray(self._put(part.numpy()), "tensor")
        if not isinstance(part, np.ndarray | np.generic):
            raise SearchSpaceError(
                f"`executor` runs trials in other processes, which need arrays, received `{name}` "
                f"with {type(part).__name__}. Pass arrays, or `executor='inline'`."
            )
        array = np.asarray(part)
        if array.dtype != object:
            return array if array.nbytes <= _SMALL else StoredArray(self._put(array))
        if is_strings(array):
            texts = isinstance(array.flat[0], str)
            return self._put_strings(part, array, "texts" if texts else "bytes")
        check_sendable({name: array})
        return array

    def _put_strings(self, part: Any, array: np.ndarray, kind: str) -> StoredStrings:
        if id(part) not in self._strings:
            joined, ends = map(self._shelf.keep, packed(array))
            self._strings[id(part)] = part, StoredStrings(joined, ends, kind)
        return self._strings[id(part)][1]

    def _put(self, array: np.ndarray) -> KeptArray:
        # The array is held, so that no other one comes to have its number.
        if id(array) not in self._known:
            self._known[id(array)] = array, self._shelf.keep(array)
        return self._known[id(array)][1]


def opened(view: View) -> View:
    """A stored view with its arrays again."""
    parts = {
        name: _mapped(_open, value)
        for name, value in {
            "x": view.x,
            "y": view.y,
            "weights": view.weights,
            "validation": view.validation,
            "folds": view.folds,
        }.items()
    }
    return replace(view, **parts)


def _mapped(change: Callable[[Any], Any], data: Any) -> Any:
    return tf.nest.map_structure(change, data)


def _open(part: Any) -> Any:
    return part.open() if isinstance(part, StoredArray | StoredStrings) else part
