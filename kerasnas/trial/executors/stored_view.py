"""The data of trials in files, which other processes read as they need them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnas.data.stored import StoredRows
from kerasnas.errors import SearchSpaceError
from kerasnas.problem.view import View, as_it_is, no_latency

_SMALL = 2**14  # bytes up to which an array travels with the message about it


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes:
        path: The file, as NumPy writes one.
        kind: What it was: an array, an array of strings of any length, a tensor, or stored rows.
        rows: For stored rows the file of their places in the array.
        epoch: For stored rows the number of them in an epoch.
    """

    path: Path
    kind: str = "array"
    rows: Path | None = None
    epoch: int | None = None

    def open(self) -> Any:
        """What it was. Its rows stay in the file until they are looked at."""
        # Memory that is written to is a copy of this process alone.
        array = np.load(self.path, mmap_mode="c", allow_pickle=False)
        if self.kind == "rows":
            assert self.rows is not None, "stored rows know their places"
            return StoredRows(array, np.load(self.rows, allow_pickle=False), self.epoch)
        if self.kind == "strings":
            return array.astype(object)
        # A map would be taken for rows that are never to be in memory together.
        plain = np.asarray(array)
        return tf.convert_to_tensor(plain) if self.kind == "tensor" else plain


class ViewStore:
    """Writes views into files, each array once.

    Args:
        folder: The folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[int, tuple[np.ndarray, Path]] = {}
        self._count = 0
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        folder.mkdir(parents=True)

    def stored(self, view: View) -> View:
        """A view with files in the place of its large arrays, and without what is exported.

        Raises:
            SearchSpaceError: If it holds something that no file can hold.
        """
        keep = self._kept
        return replace(
            view,
            x=_mapped(keep, view.x),
            y=_mapped(keep, view.y),
            weights=_mapped(keep, view.weights),
            validation=_mapped(keep, view.validation),
            folds=_mapped(keep, view.folds),
            assemble=as_it_is,
            extra_latency=no_latency,
        )

    def forget(self) -> None:
        """Removes all files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kept(self, part: Any) -> Any:
        if part is None or isinstance(part, bool | int | float | str):
            return part
        if isinstance(part, StoredRows):
            rows = self._file(part.rows)
            return StoredArray(self._file(part.array), "rows", rows, part.epoch)
        if isinstance(part, tf.Tensor):
            return StoredArray(self._file(part.numpy()), "tensor")
        if not isinstance(part, np.ndarray | np.generic):
            raise SearchSpaceError(
                f"`executor` runs trials in other processes, which need arrays, received "
                f"{type(part).__name__}. Pass arrays, or `executor='inline'`."
            )
        array = np.asarray(part)
        if array.dtype == object:
            if not all(isinstance(cell, str) for cell in array.flat):
                raise SearchSpaceError(
                    "`executor` runs trials in other processes, which need arrays of numbers or "
                    "strings, received an array of objects. Pass such an array, or "
                    "`executor='inline'`."
                )
            return StoredArray(self._file(array.astype(str)), "strings")
        return array if array.nbytes <= _SMALL else StoredArray(self._file(array))

    def _file(self, array: np.ndarray) -> Path:
        # The array is kept, so that no other one comes to have its number.
        if id(array) not in self._known:
            path = self._folder / f"{self._count:04d}.npy"
            self._count += 1
            np.save(path, array, allow_pickle=False)
            self._known[id(array)] = array, path
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
    return part.open() if isinstance(part, StoredArray) else part
