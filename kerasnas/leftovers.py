"""Temporary folders that one process writes to, and that go when that process is gone.

A process holds a lock on each temporary folder of its own. The system frees the lock when the
process ends, however it ends: who can take the lock may remove the folder.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

HELD = "in_use.lock"
"""File in a temporary folder; the process that writes there holds a lock on it."""

_NEIGHBOUR = ".kerasnas-"  # begins the name of a folder beside what is being written
_DIGITS = 12  # of the name
_NAME = re.compile(rf"{re.escape(_NEIGHBOUR)}[0-9a-f]{{{_DIGITS}}}")
_NEW = "new"  # begins the names of kerasnas's own files; files of other names are never removed


def locked(file: Path) -> filelock.BaseFileLock | None:
    """A lock that this process holds from now on; `None` where another one holds it.

    Args:
        file: The file of the lock, which is made.

    Raises:
        NotImplementedError: If the disk knows no locks.
    """
    lock = filelock.FileLock(file, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        return None
    return lock


def is_own(folder: Path) -> bool:
    """Whether a folder is one that this user has made, and no link."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return sys.platform == "win32" or folder.stat().st_uid == os.getuid()


def abandoned(folder: Path, name: str = HELD) -> filelock.BaseFileLock | None:
    """The lock of a temporary folder whose process is gone; `None` where that is not certain.

    Args:
        folder: The folder.
        name: Of the file of the lock. A folder without this file is just being made, or is not of
            this version.
    """
    with suppress(OSError, NotImplementedError):
        if is_own(folder) and (folder / name).is_file():
            return locked(folder / name)
    return None


@contextmanager
def neighbour(folder: Path) -> Iterator[Path]:
    """A new folder inside `folder`, for what takes its place there by a rename.

    Those of killed processes are removed first. What is written into the new folder must have a
    name that begins with `new`.

    Args:
        folder: The folder of the file or folder that is being written.

    Yields:
        The new folder. It is gone after the block, unless something of another name is in it.
    """
    sweep(folder)
    holder, lock = _made(folder)
    try:
        yield holder
    finally:
        _clear(holder, lock)


def sweep(folder: Path) -> None:
    """Removes what killed processes were writing in a folder, and nothing else.

    Args:
        folder: The folder; it need not be there.
    """
    with suppress(OSError):
        for place in [p for p in folder.iterdir() if _NAME.fullmatch(p.name)]:
            lock = abandoned(place)
            if lock is not None:
                _clear(place, lock)


def _made(folder: Path) -> tuple[Path, filelock.BaseFileLock | None]:
    while True:
        holder = folder / f"{_NEIGHBOUR}{secrets.token_hex(_DIGITS // 2)}"
        holder.mkdir()
        try:
            lock = locked(holder / HELD)
        except NotImplementedError:
            return holder, None
        except FileNotFoundError:
            continue  # a sweep of another process was quicker
        if lock is not None:
            return holder, lock


def _clear(holder: Path, lock: filelock.BaseFileLock | None) -> None:
    """Removes kerasnas's files in a temporary folder, and the folder if it is empty then."""
    with suppress(OSError):
        for place in [p for p in holder.iterdir() if p.name.startswith(_NEW)]:
            shutil.rmtree(place) if is_own(place) else place.unlink()
    if lock is not None:
        lock.release()
    with suppress(OSError):
        (holder / HELD).unlink(missing_ok=True)
        holder.rmdir()
