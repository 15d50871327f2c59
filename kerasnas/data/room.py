"""Room for large arrays: in memory while there is enough of it, else in a file on disk."""

from __future__ import annotations

import errno
import mmap
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from kerasnas.errors import BudgetError, SchemaError, shown

_SHARE = 0.125
"""Of the free memory, that one array may take.

A search in memory was seen to take five times its images: rows are split, become tensors, and those
of the last trial go only when garbage is collected.
"""

_OF_FREE = 0.75  # of the free memory, that a fit may take where nobody says how much
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([KMGT]I?B)", re.IGNORECASE)
_UNITS = {
    f"{letter}{binary}B": base**power
    for binary, base in (("", 1000), ("I", 1024))
    for power, letter in enumerate("KMGT", 1)
}
_GUESS = 2**33  # bytes of free memory, where the system does not tell
_BLOCK = 2**22  # bytes that are looked at or copied together
_GIB = 2**30


def fits(size: int) -> bool:
    """Whether so many bytes may be kept in memory, as it is at this moment."""
    return size <= _SHARE * free_bytes()


def free_bytes() -> int:
    """Memory that this process may still take, within the limits of its container."""
    found = [n for n in (_free_of_machine(), _free_of_container()) if n is not None]
    return min(found, default=_GUESS)


def resident_bytes() -> int:
    """Memory that this process holds at the moment; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        return 0


def most_bytes(memory: Any) -> int:
    """The memory that this process may take altogether.

    Args:
        memory: A size such as `"4GB"`, a number of bytes, or `None` for what it has and most of
            what is free.

    Raises:
        BudgetError: If it is none of these.
    """
    if memory is None:
        return resident_bytes() + int(_OF_FREE * free_bytes())
    found = _SIZE.fullmatch(memory.strip()) if isinstance(memory, str) else None
    if found:
        return int(float(found[1]) * _UNITS[found[2].upper()])
    if isinstance(memory, int | float) and not isinstance(memory, bool) and memory >= 1:
        return int(min(memory, 2**62))
    raise BudgetError(
        f'`memory` cannot be read from {shown(memory)}. Write "4GB", "500MB", or a number of bytes.'
    )


def room(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array to be filled: in memory, or a `numpy.memmap` of a nameless temporary file.

    The file has no name, so that nothing is left of it once the array is gone, however the
    process ends.

    Raises:
        SchemaError: If there is no room on disk either.
    """
    size = int(np.prod(shape, dtype="int64")) * np.dtype(dtype).itemsize
    return np.empty(shape, dtype) if fits(size) else on_disk(shape, dtype)


def on_disk(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array to be filled, as `room` gives a large one.

    Raises:
        SchemaError: If there is no room on disk.
    """
    size = int(np.prod(shape, dtype="int64")) * np.dtype(dtype).itemsize
    with _file(size) as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def give_back(array: np.ndarray) -> None:
    """Lets go of the pages of a file that this process has in memory; the file keeps them."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and sys.platform == "linux":
        owner.madvise(mmap.MADV_DONTNEED)


def joined_rows(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The rows of two arrays, one after the other, copied part by part."""
    out = room(
        (len(first) + len(second), *first.shape[1:]), np.result_type(first.dtype, second.dtype)
    )
    for start, array in ((0, first), (len(first), second)):
        for part in blocks(array):
            out[start + part.start : start + part.stop] = array[part]
    return out


def blocks(array: Any) -> Iterator[slice]:
    """Slices of rows of about 4 MB."""
    row = int(np.prod(array.shape[1:], dtype="int64")) * array.dtype.itemsize
    step = max(1, _BLOCK // max(1, row))
    for start in range(0, len(array), step):
        yield slice(start, min(start + step, len(array)))


class Spool:
    """Takes up rows as they come: in memory while they are few, in a file from then on."""

    def __init__(self) -> None:
        self._limit = _SHARE * free_bytes()
        self._size = 0
        self._parts: list[np.ndarray] = []
        self._forms: list[tuple[tuple[int, ...], np.dtype]] = []
        self._file: IO[bytes] | None = None

    @property
    def crowded(self) -> bool:
        """Whether the file has taken more than half of the disk that there was for it."""
        if self._file is None:
            return False
        return self._size > shutil.disk_usage(tempfile.gettempdir()).free

    def add(self, rows: np.ndarray) -> None:
        """Takes up an array with a leading axis of rows.

        Raises:
            SchemaError: If the disk is full.
        """
        self._forms.append((rows.shape, rows.dtype))
        self._size += rows.nbytes
        if self._file is None and self._size > self._limit:
            self._file = _file(0)
            for part in self._parts:
                self._write(part)
            self._parts = []
        if self._file is None:
            self._parts.append(rows)
        else:
            self._write(rows)

    def rows(self) -> np.ndarray | list[np.ndarray]:
        """All rows: one array if they are of one shape and type, else an array each."""
        alike = len({(shape[1:], dtype) for shape, dtype in self._forms}) == 1
        if self._file is None:
            if alike:
                return np.concatenate(self._parts)
            return [row for part in self._parts for row in part]
        if alike:
            shape, dtype = self._forms[0]
            return np.memmap(self._file, dtype, "r").reshape(-1, *shape[1:])
        return [row for part in self._stored(self._file) for row in part]

    def close(self) -> None:
        """Lets go of the file; rows that have been handed out stay readable."""
        if self._file is not None:
            self._file.close()

    def _stored(self, file: IO[bytes]) -> Iterator[np.ndarray]:
        everything, start = np.asarray(np.memmap(file, "uint8", "r")), 0
        for shape, dtype in self._forms:
            size = int(np.prod(shape, dtype="int64")) * dtype.itemsize
            yield everything[start : start + size].view(dtype).reshape(shape)
            start += size

    def _write(self, rows: np.ndarray) -> None:
        assert self._file is not None
        try:
            self._file.write(np.ascontiguousarray(rows).data)
            self._file.flush()
        except OSError as error:
            raise SchemaError(_full(self._size)) from error


def _file(size: int) -> IO[bytes]:
    """A temporary file with so many bytes reserved: a hole in a map ends the process when full."""
    file = tempfile.TemporaryFile(prefix="kerasnas-")  # noqa: SIM115, the caller closes it
    if size and not _reserved(file, size):
        file.close()
        raise SchemaError(_full(size))
    return file


def _reserved(file: IO[bytes], size: int) -> bool:
    """Whether the disk has room; where the system can do so, it is set aside."""
    if sys.platform == "linux":
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return True
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                return False
    return size <= shutil.disk_usage(tempfile.gettempdir()).free


def _full(size: int) -> str:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    return (
        f"The rows take {size / _GIB:.3g} GiB, too much for memory ({free_bytes() / _GIB:.3g} "
        f"GiB free) and for the temporary folder '{folder}' ({free / _GIB:.3g} GiB free). Set the "
        "environment variable TMPDIR to a folder on a larger disk, or pass fewer or smaller rows."
    )


def _free_of_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        # Other systems tell what there is; half of it may be in use.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (OSError, ValueError, AttributeError):
        return None


def _free_of_container() -> int | None:
    """What the control groups of Linux leave to this process; `None` without a limit."""
    try:
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names = Path("/sys/fs/cgroup"), ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            root = Path("/sys/fs/cgroup/memory")
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        group = root / path.strip("/")
        # Inside a container the path may be that of the host: what is there is the root.
        for folder in [group, *group.parents]:
            if folder == root or root in folder.parents:
                found.append(_left(folder, *names))
    return min((n for n in found if n is not None), default=None)


def _left(folder: Path, most: str, used: str) -> int | None:
    try:
        limit, taken = (folder / most).read_text("ascii"), (folder / used).read_text("ascii")
        stat = (folder / "memory.stat").read_text("ascii").splitlines()
        facts = dict(line.split()[:2] for line in stat)
        # Pages of files that nobody has looked at lately are given back when they are needed.
        cached = int(facts.get("total_inactive_file", facts.get("inactive_file", 0)))
        return max(0, int(limit) - int(taken) + cached) if limit.strip() != "max" else None
    except (OSError, ValueError):
        return None
