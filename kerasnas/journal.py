"""The journal of a search on disk: one JSON line for each event, appended as things happen.

Each line ends with a checksum of what stands before it. When the file is opened again, the lines up
to the first one that is damaged count: the journal is always a true prefix of what happened. A last
line that a killed process left half written is dropped; anything else that is damaged is kept in a
file beside the journal.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kerasnas.errors import DirectoryError, ProjectMismatchError

log = logging.getLogger("kerasnas")

JOURNAL = "journal.jsonl"
"""File in the directory of a search."""

_FORMAT = 2  # lines of format 1 have no checksum
_UNSYNCED = ("reported", "rejected")  # events that a power cut may lose: the next one syncs them
_SUM = re.compile(rb', "crc32": "([0-9a-f]{8})"\}\Z')


class Journal:
    """An open journal.

    Args:
        path: The file; it is made if there is none.
        fingerprint: What identifies the search.
        apply: Takes an event of the file; an error says that there can be no such event.

    Attributes:
        earlier: The events that were in the file, oldest first, all of them sound.
        damaged: Whether lines were set aside.

    Raises:
        ProjectMismatchError: If the file belongs to another search, or is no journal.
        DirectoryError: If the file cannot be read or written.
    """

    def __init__(
        self, path: Path, fingerprint: Mapping[str, Any], apply: Callable[[dict[str, Any]], None]
    ) -> None:
        self._path = path
        self.earlier: list[dict[str, Any]] = []
        with storing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes() if path.exists() else b""
            good = self._replay(content, fingerprint, apply)
            self.damaged = good < len(content)
            self._file = path.open("ab", buffering=0)
            if self.damaged:
                _set_aside(content[good:], path)
                self._file.truncate(good)
        self._size = good
        if not good:
            self.append({"event": "search", "format": _FORMAT, "fingerprint": dict(fingerprint)})

    def append(self, event: Mapping[str, Any]) -> None:
        """Writes one event, whole or not at all.

        Raises:
            DirectoryError: If the disk is full or gone.
        """
        line = _line_of(event)
        with storing(self._path):
            try:
                written = self._file.write(line)
                if written != len(line):  # the disk was full in the middle of the line
                    self._file.write(line[written:])
                if event["event"] not in _UNSYNCED:
                    os.fsync(self._file.fileno())
            except BaseException:
                self._file.truncate(self._size)
                raise
        self._size += len(line)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _replay(
        self,
        content: bytes,
        fingerprint: Mapping[str, Any],
        apply: Callable[[dict[str, Any]], None],
    ) -> int:
        """Applies the events up to the first that is damaged; the bytes that they take."""
        first, *lines = content.splitlines(keepends=True) or [b""]
        if not first.endswith(b"\n"):
            return 0
        _check(_header(first, self._path), fingerprint, self._path)
        good, summed = len(first), _SUM.search(first.rstrip(b"\n")) is not None
        for number, line in enumerate(lines, start=2):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("it has no end")
                event, summed = _event_of(line[:-1], summed)
                apply(event)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                if b"\n" in content[good:]:
                    log.warning(
                        "Line %d of '%s' is damaged (%s). The search goes on from the lines before "
                        "it; the rest is kept beside the journal.",
                        *(number, self._path, error),
                    )
                break
            self.earlier.append(event)
            good += len(line)
        return good


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns the operating system's errors into a sentence about what a search has to write."""
    try:
        yield
    except DirectoryError:
        raise
    except OSError as error:
        raise DirectoryError(
            f"'{path}' cannot be read or written: {error.strerror or error}. What the search has "
            "found until now is kept. Make room or allow writing there, and repeat the call."
        ) from error


def begun_in(directory: str | Path | None) -> dict[str, Any]:
    """What identifies the search that has begun in a directory; empty where there is none.

    Only the first line is read: another process may be writing the last one.
    """
    path = None if directory is None else Path(directory) / JOURNAL
    if path is None or not path.is_file():
        return {}
    with storing(path), path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return {}
    return dict(_header(line, path).get("fingerprint", {}))


def _line_of(event: Mapping[str, Any]) -> bytes:
    text = json.dumps(event).encode()
    return text[:-1] + b', "crc32": "%08x"}\n' % zlib.crc32(text)


def _event_of(line: bytes, summed: bool) -> tuple[dict[str, Any], bool]:
    """The event in a line, and whether the line has a checksum.

    Args:
        line: The line, without its end.
        summed: Whether a line without a checksum is damaged.

    Raises:
        ValueError: If the line is damaged.
    """
    found = _SUM.search(line)
    if found is None and summed:
        raise ValueError("it has no checksum")
    if found is not None:
        line = line[: found.start()] + b"}"
        if zlib.crc32(line) != int(found[1], 16):
            raise ValueError("its checksum is another one")
    try:
        event = json.loads(line)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(event, dict):
        raise ValueError("it is no event")
    return event, found is not None


def _set_aside(rest: bytes, path: Path) -> None:
    """Keeps what is damaged in a file of its own, but for a last line that was half written."""
    if b"\n" not in rest:
        return
    names = (path.with_name(f"{path.stem}.damaged-{n}{path.suffix}") for n in range(1, 10_000))
    with next(p for p in names if not p.exists()).open("xb") as file:
        file.write(rest)
        file.flush()
        os.fsync(file.fileno())


def _header(line: bytes, path: Path) -> dict[str, Any]:
    try:
        header, _ = _event_of(line.rstrip(b"\n"), summed=False)
    except ValueError as error:
        raise ProjectMismatchError(
            f"`{path}` is not a journal of kerasnas, or its first line is damaged ({error}). "
            "Choose another `directory`."
        ) from error
    if header.get("event") != "search" or not isinstance(header.get("fingerprint", {}), dict):
        raise ProjectMismatchError(
            f"`{path}` is not a journal of kerasnas. Choose another `directory`."
        )
    return header


def _check(header: Mapping[str, Any], fingerprint: Mapping[str, Any], path: Path) -> None:
    number = header.get("format")
    if not isinstance(number, int):
        number = math.inf
    if number > _FORMAT:
        raise ProjectMismatchError(
            f"`{path}` was written by a newer kerasnas (format {header.get('format')}, this one "
            f"reads up to {_FORMAT}). Upgrade kerasnas or choose another `directory`."
        )
    stored = header.get("fingerprint", {})
    wanted = json.loads(json.dumps(dict(fingerprint)))
    differing = [k for k in {**stored, **wanted} if stored.get(k) != wanted.get(k)]
    if differing:
        parts = [
            f"`{k}` is {_short(wanted.get(k))}, there it is {_short(stored.get(k))}"
            for k in differing
        ]
        raise ProjectMismatchError(
            f"The directory `{path.parent}` holds another search: {'; '.join(parts)}. "
            "Choose another `directory`, or repeat the original call."
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
