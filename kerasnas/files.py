"""The one way to write to a path that a user named.

A path is checked before anything slow happens. The content is then written beside it, under a
temporary name, and takes the path's place by a rename once it is whole: whatever fails before,
nothing at the path has changed and nothing is left beside it. What a killed process leaves beside
it goes when the next one writes there.

A file is replaced by a file of the same ending. A folder is replaced only where it is empty or
holds nothing but files that kerasnas wrote: `MARKER` inside it names them, with their digests.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from kerasnas.errors import ArtifactError
from kerasnas.leftovers import neighbour

log = logging.getLogger("kerasnas")

MARKER = "kerasnas_files.json"
"""File in a folder that kerasnas wrote: by name, the digest of each file of it."""

_FOLDER = "folder"  # what the marker says in the place of the digest of a folder
_FORMAT = 1  # of the marker
_SHOWN = 3  # names of foreign files in an error


def check_file(path: Any, endings: Sequence[str] = (), argument: str = "`path`") -> Path:
    """Whether a file can be written to a path, found out before anything slow.

    Args:
        path: Where the file will go.
        endings: Endings that the name may have; empty for any.
        argument: How the user calls the path.

    Returns:
        The path; where it is a link to a file, that of the file.

    Raises:
        ArtifactError: If the ending is another one, the folder is missing or cannot be written to,
            or something else than a file is there.
    """
    path = _as_path(path, argument)
    if endings and not path.name.endswith(tuple(endings)):
        known = " or ".join(f"'{ending}'" for ending in endings)
        raise ArtifactError(
            f"{argument} must end in {known}, received '{path}'. Write "
            f"'{_with_ending(path, endings[0])}'."
        )
    with _one_error(path):
        path = _behind_link(path)
        if path.is_dir():
            raise ArtifactError(
                f"'{path}' is a folder, {argument} must name a file. Write "
                f"'{_free(path, endings[0] if endings else '')}'."
            )
        if path.exists() and not path.is_file():
            raise ArtifactError(f"'{path}' is no ordinary file. Choose another name.")
        if path.exists() and not os.access(path, os.W_OK):
            raise ArtifactError(f"'{path}' is write-protected. Choose another name.")
        _check_parent(path)
    return path


def check_folder(path: Any, argument: str = "`path`") -> Path:
    """Whether a folder can be written to a path, found out before anything slow.

    Args:
        path: Where the folder will go.
        argument: How the user calls the path.

    Returns:
        The path.

    Raises:
        ArtifactError: If the parent is missing or cannot be written to, or if something is there
            that is neither an empty folder nor one that kerasnas wrote.
    """
    path = _as_path(path, argument)
    with _one_error(path):
        if path.is_symlink():
            raise ArtifactError(
                f"'{path}' is a link, and a link is not replaced. Write the folder that it leads "
                f"to, '{path.resolve()}', or '{_free(path)}'."
            )
        if path.exists() and not path.is_dir():
            raise ArtifactError(
                f"'{path}' is a file, {argument} must name a folder. Write '{_free(path)}'."
            )
        if path.is_dir():
            _check_not_in_use(path)
            _check_ours(path, path)
        _check_parent(path)
    return path


def check_directory(path: Any, argument: str = "`directory`") -> Path:
    """Whether files can be kept in a folder that is there or is to be made.

    Args:
        path: The folder.
        argument: How the user calls it.

    Returns:
        The path.

    Raises:
        ArtifactError: If something else than a folder is there, or nothing can be written.
    """
    path = _as_path(path, argument)
    with _one_error(path):
        if path.exists() and not path.is_dir():
            raise ArtifactError(
                f"'{path}' is a file, {argument} must name a folder. Write '{_free(path)}'."
            )
        there = next(p for p in (path, *path.absolute().parents) if os.path.lexists(p))
        _check_parent(there / "any")
    return path


@contextlib.contextmanager
def fresh_file(path: Any, endings: Sequence[str] = (), argument: str = "`path`") -> Iterator[Path]:
    """A file to write to, which takes the place of `path` when the block ends well.

    Args:
        path: As in `check_file`, which is called first.
        endings: As in `check_file`.
        argument: As in `check_file`.

    Yields:
        The path of a new, empty file with the endings of `path`, on the same disk.

    Raises:
        ArtifactError: As `check_file` does, or if the file cannot be written.
    """
    path = check_file(path, endings, argument)
    with _one_error(path), neighbour(path.parent) as holder:
        fresh = holder / f"new{''.join(path.suffixes[-2:])}"
        fresh.touch(exist_ok=False)
        yield fresh
        if path.exists():
            shutil.copymode(path, fresh)
        _sync(fresh)
        fresh.replace(path)
        _sync(path.parent)


@contextlib.contextmanager
def fresh_folder(path: Any, argument: str = "`path`") -> Iterator[Path]:
    """A folder to make, which takes the place of `path` when the block ends well.

    Args:
        path: As in `check_folder`, which is called first.
        argument: As in `check_folder`.

    Yields:
        A path where nothing is yet, on the same disk.

    Raises:
        ArtifactError: As `check_folder` does, or if the folder cannot be written.
    """
    path = check_folder(path, argument)
    with _one_error(path), neighbour(path.parent) as holder:
        fresh, before = holder / "new", holder / "before"
        try:
            yield fresh
            _mark(fresh)
            for part in [*fresh.rglob("*"), fresh]:
                _sync(part)
            _swap(fresh, path, before)
            _sync(path.parent)
        finally:
            if before.exists():
                log.warning("Part of what was in '%s' is in '%s'.", path, before)


def is_stream(path: str | Path) -> bool:
    """Whether a path is a pipe or a device, such as `/dev/stdout`: it is written to as it is."""
    path = Path(path)
    return path.exists() and not path.is_file() and not path.is_dir()


def _as_path(path: Any, argument: str) -> Path:
    try:
        found = Path(path)
    except TypeError:
        raise ArtifactError(
            f"{argument} must be a string or a `pathlib.Path`, received {path!r}."
        ) from None
    if "\0" in str(found):
        raise ArtifactError(f"{argument} holds a null character: {str(found)!r}.")
    return found


@contextlib.contextmanager
def _one_error(path: Path) -> Iterator[None]:
    """Turns the operating system's errors into a sentence about the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArtifactError(
            f"'{path}' cannot be written: {reason}. Nothing was changed. Choose another folder, or "
            "make room and allow writing there."
        ) from error


def _behind_link(path: Path) -> Path:
    try:
        return path.resolve() if path.is_symlink() else path
    except RuntimeError as error:  # Python before 3.13, about links in a circle
        raise ArtifactError(f"'{path}' is a link that leads nowhere.") from error


def _check_parent(path: Path) -> None:
    """A trial write: permissions, quotas and read-only disks are known to the system alone."""
    parent = path.parent
    if not parent.exists():
        raise ArtifactError(
            f"The folder '{parent}' does not exist. Create it first: mkdir -p '{parent}'"
        )
    if not parent.is_dir():
        raise ArtifactError(f"'{parent}' is no folder: '{path}' cannot be in it.")
    with tempfile.TemporaryFile(dir=parent, prefix=".kerasnas-") as file:
        file.write(b"kerasnas")


def _check_not_in_use(path: Path) -> None:
    """Folders that are never replaced, whatever is in them."""
    real, here = path.resolve(), Path.cwd().resolve()
    home = Path(os.path.expanduser("~")).resolve()
    if real in (here, *here.parents):
        what = "the folder that you are in, or one above it"
    elif real in (home, *home.parents):
        what = "your home folder, or one above it"
    elif os.path.ismount(real):
        what = "where a disk is mounted"
    else:
        return
    raise ArtifactError(
        f"'{path}' is {what}, and is not replaced. Name a new folder: '{_free(path / 'model')}'."
    )


def _check_ours(folder: Path, shown: Path) -> None:
    foreign = _foreign(folder)
    if foreign:
        names = ", ".join(f"`{name}`" for name in foreign[:_SHOWN])
        more = " and others" if len(foreign) > _SHOWN else ""
        raise ArtifactError(
            f"'{shown}' holds what kerasnas did not write: {names}{more}. Nothing was changed. "
            f"Write '{_free(shown)}', or remove '{shown}' yourself first."
        )


def _foreign(folder: Path) -> list[str]:
    """Names of what kerasnas did not write, or not as it is now; one more than are shown."""
    listed = _listed(folder)

    def strange() -> Iterator[str]:
        if not listed:
            yield from sorted(entry.name for entry in islice(os.scandir(folder), 1000))
            return
        for place in sorted(folder.rglob("*")):
            name = place.relative_to(folder).as_posix()
            if name != MARKER and listed.get(name) != _digest(place):
                yield name

    return list(islice(strange(), _SHOWN + 1))


def _listed(folder: Path) -> dict[str, str]:
    """What the marker of a folder says; nothing where there is none."""
    try:
        files = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return dict(files) if isinstance(files, dict) else {}


def _digest(place: Path) -> str:
    if place.is_symlink():
        return "link"
    if place.is_dir():
        return _FOLDER
    if not place.is_file():
        return "no file"
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mark(folder: Path) -> None:
    files = {p.relative_to(folder).as_posix(): _digest(p) for p in sorted(folder.rglob("*"))}
    content = {
        "format": _FORMAT,
        "about": "The files that kerasnas wrote here. It replaces this folder only while it holds "
        "these and no others.",
        "files": files,
    }
    (folder / MARKER).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _swap(fresh: Path, path: Path, before: Path) -> None:
    """Puts a folder in its place, and removes what was there, file by file."""
    if not os.path.lexists(path):
        fresh.rename(path)
        return
    path.rename(before)
    try:
        _check_ours(before, path)  # again: somebody may have put a file into it meanwhile
        fresh.rename(path)
    except BaseException:
        before.rename(path)
        raise
    # What is there has just been compared with the marker. A name in the marker may lead elsewhere.
    listed = {MARKER, *_listed(before)}
    for place in sorted(before.rglob("*"), reverse=True):  # what is in a folder before the folder
        if place.relative_to(before).as_posix() in listed:
            with contextlib.suppress(OSError):
                place.rmdir() if _digest(place) == _FOLDER else place.unlink()
    with contextlib.suppress(OSError):
        before.rmdir()


def _sync(path: Path) -> None:
    """Has the system write a file, or the entries of a folder, to the disk now."""
    if path.is_dir():
        with contextlib.suppress(OSError):  # Windows and some shared disks cannot
            _sync_handle(os.open(path, os.O_RDONLY))
    else:
        _sync_handle(os.open(path, os.O_RDWR))


def _sync_handle(handle: int) -> None:
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _with_ending(path: Path, ending: str) -> Path:
    return path.with_suffix(ending) if path.name not in ("", "..") else path / f"model{ending}"


def _free(path: Path, ending: str = "") -> Path:
    """A name near a path that is not taken."""
    if path.name in ("", ".."):
        path = path / "model"
    stem = path.name.removesuffix(ending)
    names = (f"{stem}{addition}{ending}" for addition in ("", "_new", *map(str, range(2, 1000))))
    return next((p for p in map(path.with_name, names) if not os.path.lexists(p)), path)
