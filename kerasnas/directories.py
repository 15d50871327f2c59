"""The directory of a search: one process at a time, no leftovers, no disk that is full unseen."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from kerasnas.errors import DirectoryError
from kerasnas.files import check_directory
from kerasnas.journal import storing
from kerasnas.leftovers import abandoned, locked, sweep

log = logging.getLogger("kerasnas")

LOCK = "search.lock"
"""File in the directory of a search; the process that works there holds a lock on it."""

_SCRATCH = "kerasnas-search-"  # temporary folders of searches without a directory
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
_TRIED_BYTES = 2**16  # a trial write of so many: a full disk takes a few bytes more


@contextmanager
def holding(directory: Any) -> Iterator[None]:
    """Inside, no other process can search in a directory, which is free of leftovers.

    Args:
        directory: The `directory` of a search; `None` needs nothing.

    Raises:
        ArtifactError: If no files can be kept there.
        DirectoryError: If another process, or another call, searches there.
    """
    if directory is None:
        yield
        return
    path = check_directory(directory)
    with storing(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
    if lock is None:
        raise DirectoryError(
            f"Another process is searching in `directory` '{path}', and two would destroy each "
            "other's files. Wait until it has ended, or choose another `directory`."
        )
    try:
        for folder in (path, path / "trials"):
            sweep(folder)
        yield
    finally:
        lock.release()


class Scratch:
    """A temporary folder that goes when nothing refers to it any more, without a warning.

    Those of processes that were killed go when the next one is made.
    """

    def __init__(self) -> None:
        _sweep_scratch(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_SCRATCH))
        lock = _locked(self.path)
        weakref.finalize(self, _remove, self.path, lock)


def is_full(error: BaseException, folder: Path) -> bool:
    """Whether an error came because nothing more can be written to a folder.

    Args:
        error: The error; its causes count too.
        folder: Where was written to. It is written to once more: libraries hide the reason.
    """
    system = False
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            system = True
            if cause.errno in _NO_ROOM:
                return True
        cause = cause.__cause__ or cause.__context__
    return system and not _takes_bytes(folder)


def is_whole_zip(path: Path) -> bool:
    """Whether there is a file of which every member has its checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return False


def _takes_bytes(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".kerasnas-") as file:
            file.write(b"\0" * _TRIED_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def _locked(folder: Path) -> filelock.BaseFileLock | None:
    """A lock on a folder that this process holds from now on; `None` where another one does."""
    try:
        return locked(folder / LOCK)
    except NotImplementedError:  # some shared disks know no locks
        log.warning("'%s' is on a disk without locks: see that no other search uses it.", folder)
        return filelock.FileLock(folder / LOCK)


def _sweep_scratch(root: Path) -> None:
    """Removes the temporary folders of killed processes: nobody holds the lock of them."""
    for folder in root.glob(f"{_SCRATCH}*"):
        lock = abandoned(folder, LOCK)
        if lock is not None:
            _remove(folder, lock)


def _remove(folder: Path, lock: filelock.BaseFileLock | None) -> None:
    if lock is not None:
        lock.release()
    shutil.rmtree(folder, ignore_errors=True)
