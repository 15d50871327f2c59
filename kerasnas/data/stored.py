"""Rows that stay in a file and are read as they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from kerasnas.data.room import fits, give_back

_FEW = 16
_SEEN = 2**15  # rows of a file that are read before the memory of their pages is given back
_AHEAD = 3  # batches that are read before they are asked for


class StoredRows:
    """Some rows of an array that is too large for memory.

    A slice or a few rows by their indices give an array in memory; many rows are such rows again.

    Args:
        array: Usually a `numpy.memmap`.
        rows: Which of its rows, in which order; `None` for all.
        epoch: How many of these rows an epoch of training goes through, the next ones in the next
            epoch; `None` for all.
    """

    def __init__(
        self, array: np.ndarray, rows: np.ndarray | None = None, epoch: int | None = None
    ) -> None:
        self.array = array
        self.rows = np.arange(len(array)) if rows is None else rows
        self.epoch = len(self.rows) if epoch is None else epoch
        self._seen = 0  # rows that were read since their pages were given back

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return (len(self.rows), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """As of an array."""
        return self.array.dtype

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self.read(np.arange(len(self))[key])
        if np.size(key) <= _FEW:
            return self.read(key)
        rows = self.rows[key]
        return StoredRows(self.array, rows, -(-self.epoch * len(rows) // max(1, len(self))))

    def read(self, index: np.ndarray) -> np.ndarray:
        """Rows in memory; they are read in the order in which they lie in the file."""
        wanted = self.rows[index]
        order = np.argsort(wanted, kind="stable")
        out = np.empty((len(wanted), *self.array.shape[1:]), self.array.dtype)
        out[order] = self.array[wanted[order]]
        self._seen += len(wanted)
        if self._seen >= _SEEN:
            give_back(self.array)
            self._seen = 0
        return out


class Ahead:
    """Stored rows, of which a thread reads the next batches while one is trained on.

    Args:
        stored: The rows.
    """

    def __init__(self, stored: StoredRows) -> None:
        self.stored = stored
        self._coming: Iterator[np.ndarray] = iter(())
        self._waiting: deque[tuple[np.ndarray, Future[np.ndarray]]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype:
        """As of an array."""
        return self.stored.dtype

    def __getitem__(self, key: Any) -> Any:
        return self.stored[key]

    def start(self, order: np.ndarray, batch: int) -> None:
        """Begins to read the batches of an epoch, whose rows come in this order."""
        self._drop()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="kerasnas-reader")
        self._coming = (order[i : i + batch] for i in range(0, len(order), batch))
        for _ in range(_AHEAD):
            self._ask()

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The rows of a batch, which has been read already if it is the next one of the epoch."""
        if self._waiting and np.array_equal(self._waiting[0][0], rows):
            _, batch = self._waiting.popleft()
            self._ask()
            return batch.result()
        return self.stored.read(rows)

    def stop(self) -> None:
        """Ends the thread; what it has read and nobody has asked for is forgotten."""
        self._drop()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _ask(self) -> None:
        rows = next(self._coming, None)
        if rows is not None and self._thread is not None:
            self._waiting.append((rows, self._thread.submit(self.stored.read, rows)))

    def _drop(self) -> None:
        self._coming = iter(())
        for _, batch in self._waiting:
            batch.cancel()
        self._waiting.clear()


def held(array: np.ndarray) -> np.ndarray | StoredRows:
    """An array as trials keep it: one in a file, or a large one, is never copied as a whole."""
    stays = isinstance(array, np.memmap) or not fits(array.nbytes)
    return StoredRows(array) if stays else array
