"""The journal of a search on disk: one JSON line for each event, appended as things happen.

A line that a killed process left half written is dropped when the file is opened again, so the
journal is always a true prefix of what happened.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasnas.errors import ProjectMismatchError

JOURNAL = "journal.jsonl"
"""File in the directory of a search."""

_FORMAT = 1
_UNSYNCED = ("reported", "rejected")  # events that a power cut may lose: the next one syncs them


class Journal:
    """An open journal.

    Args:
        path: The file; it is made if there is none.
        fingerprint: What identifies the search.

    Attributes:
        earlier: The events that were in the file, oldest first.

    Raises:
        ProjectMismatchError: If the file belongs to another search, or is no journal.
    """

    def __init__(self, path: Path, fingerprint: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = _whole_lines(path)
        if lines:
            _check(lines[0], fingerprint, path)
        self.earlier: list[dict[str, Any]] = lines[1:]
        self._file = path.open("a", encoding="utf-8")
        if not lines:
            self.append({"event": "search", "format": _FORMAT, "fingerprint": dict(fingerprint)})

    def append(self, event: Mapping[str, Any]) -> None:
        """Writes one event."""
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
        if event["event"] not in _UNSYNCED:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def begun_in(directory: str | Path | None) -> dict[str, Any]:
    """What identifies the search that has begun in a directory; empty where there is none.

    Only the first line is read: another process may be writing the last one.
    """
    path = None if directory is None else Path(directory) / JOURNAL
    if path is None or not path.is_file():
        return {}
    with path.open("rb") as file:
        line = file.readline()
    header = _parsed([line], path)[0] if line.endswith(b"\n") else {}
    return dict(header.get("fingerprint", {})) if isinstance(header, dict) else {}


def _whole_lines(path: Path) -> list[Any]:
    """Reads the events and cuts a half-written last line off the file."""
    if not path.exists():
        return []
    text = path.read_bytes()
    good = text.rfind(b"\n") + 1
    if good < len(text):
        with path.open("r+b") as file:
            file.truncate(good)
    return _parsed(text[:good].splitlines(), path)


def _parsed(lines: Sequence[bytes], path: Path) -> list[Any]:
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise ProjectMismatchError(
            f"`{path}` is not a journal of kerasnas ({error}). Choose another `directory`."
        ) from error


def _check(header: Any, fingerprint: Mapping[str, Any], path: Path) -> None:
    if not isinstance(header, dict) or header.get("event") != "search":
        raise ProjectMismatchError(
            f"`{path}` is not a journal of kerasnas. Choose another `directory`."
        )
    if header.get("format", math.inf) > _FORMAT:
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
