"""The zip around a model, judged from its directory before anything in it is unpacked.

A `.keras` file is a zip of three members that Keras writes and one that kerasnas adds. Nothing else
is opened: no other names, no links, no member twice, no two members over the same bytes, and no
members that unpack to too much: weights to far more than their packed size, words and JSON to more
than a fixed number of bytes.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from kerasnas.artifact.member import CONFIG, MEMBER, METADATA, WEIGHTS
from kerasnas.artifact.unfit import Unfit

_MOST_JSON_BYTES = 16 * 2**20
"""Of `config.json` and of `kerasnas.json`: a table of 2,000 columns needs 2 to 3 MB."""

_MOST_METADATA_BYTES = 64 * 2**10  # Keras writes 64 bytes
_MOST_WORDS_BYTES = 64 * 2**20  # of all vocabulary files together: about 5 million words
_MOST_MEMBERS = 64  # four, and one for each vocabulary that Keras itself keeps outside the config
_MOST_DIRECTORY_BYTES = 128 * 2**10  # zipfile reads 64 KiB to find the directory's place

# Keras stores weights as they are. A zip tool may have packed them: trained weights shrink to 80 or
# 90 % of their size, and small files are let through, whatever is in them.
_MOST_UNPACKED_SHARE = 4
_SMALL_WEIGHTS_BYTES = 16 * 2**20

_VOCABULARY = re.compile(r"assets/(?:\w+/){0,32}vocabulary\.txt", re.ASCII)
_LOCAL_HEADER_BYTES = 30  # in front of each member, without its name
_ENCRYPTED = 0x1  # of the flags of a member

# What the reading of a damaged or crafted archive can raise.
_DAMAGE = (
    ValueError,
    KeyError,
    OSError,
    EOFError,
    OverflowError,
    RuntimeError,  # also its subclasses NotImplementedError and RecursionError
    zipfile.BadZipFile,
    zlib.error,
)


def most_unpacked(packed_bytes: int) -> int:
    """Bytes that so many packed bytes of weights may unpack to."""
    return max(_SMALL_WEIGHTS_BYTES, _MOST_UNPACKED_SHARE * packed_bytes)


def read_members(path: str | Path) -> dict[str, bytes]:
    """The members of a file by name, each one checked against its checksum.

    Raises:
        Unfit: If this is no `.keras` file, or if it is damaged or crafted.
    """
    with Path(path).open("rb") as file, _directory(file) as archive:
        entries = archive.infolist()
        _check_directory(entries, archive.start_dir)
        return {entry.filename: _unpacked(archive, entry) for entry in entries}


class _Frugal:
    """A file that refuses to read more at once than a directory takes, until `free` is set."""

    def __init__(self, file: BinaryIO) -> None:
        self.free = False
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Reads, within the limit."""
        if self.free:
            return self._file.read(size)
        data = self._file.read(_MOST_DIRECTORY_BYTES + 1 if size < 0 else size)
        if len(data) > _MOST_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its directory is too large")
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        """As of any file."""
        return self._file.seek(place, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """As of any file."""
        return True

    def close(self) -> None:
        """Leaves the file open: it belongs to the caller."""


def _directory(file: BinaryIO) -> zipfile.ZipFile:
    frugal = _Frugal(file)
    try:
        archive = zipfile.ZipFile(frugal)
    except _DAMAGE as error:
        raise Unfit(f"is not a `.keras` file, or is damaged ({error}).") from error
    frugal.free = True
    return archive


def _check_directory(entries: list[zipfile.ZipInfo], end: int) -> None:
    """Names, sizes and places of the members, as the directory declares them."""
    if len(entries) > _MOST_MEMBERS:
        raise Unfit(f"is not a `.keras` file: it holds {len(entries)} members.")
    names = [entry.filename for entry in entries]
    for name in names:
        if name not in (CONFIG, MEMBER, METADATA, WEIGHTS) and not _VOCABULARY.fullmatch(name):
            raise Unfit(f"is not a `.keras` file: it holds a member {name[:100]!r}.")
    if len(set(names)) < len(names):
        raise Unfit("is damaged: it holds two members of one name.")
    if sum(e.file_size for e in entries if _VOCABULARY.fullmatch(e.filename)) > _MOST_WORDS_BYTES:
        raise Unfit("is damaged: its vocabularies are too large.")
    place = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.header_offset < place or (place == 0 and entry.header_offset != 0):
            raise Unfit("is damaged: its members overlap, or something stands before them.")
        place = entry.header_offset + _LOCAL_HEADER_BYTES + len(entry.filename)
        place += entry.compress_size
        _check_entry(entry)
    if place > end:
        raise Unfit("is damaged: its members overlap its directory.")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    if entry.flag_bits & _ENCRYPTED:
        raise Unfit(f"is not a `.keras` file: '{name}' is encrypted.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Unfit(f"is not a `.keras` file: '{name}' is a link.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unfit(f"is not a `.keras` file: '{name}' is packed in a way that Keras has not.")
    if entry.compress_type == zipfile.ZIP_STORED and entry.file_size != entry.compress_size:
        raise Unfit(f"is damaged: '{name}' has two sizes.")
    most = {
        METADATA: _MOST_METADATA_BYTES,
        CONFIG: _MOST_JSON_BYTES,
        MEMBER: _MOST_JSON_BYTES,
        WEIGHTS: most_unpacked(entry.compress_size),
    }.get(name, _MOST_WORDS_BYTES)
    if entry.file_size > most:
        raise Unfit(f"is damaged: its member '{name}' is too large.")


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as stream:
            # With a size, no more than this is unpacked; without one, all that there is. The
            # checksum is compared where the declared end is reached.
            data = stream.read(entry.file_size + 1)
    except _DAMAGE as error:
        raise Unfit(f"is damaged ({error}).") from error
    if len(data) != entry.file_size:
        raise Unfit(f"is damaged: its part '{entry.filename}' ends too early.")
    return data
