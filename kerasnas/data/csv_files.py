"""CSV files, read a part at a time; every line has to have as many values as the first."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.errors import SchemaError

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")

_ELSE_PACKED = (".zst", ".tar")  # pandas reads these too, with packages that may be missing
_LONGEST_CELL = 2**27  # characters; Python's own limit of 131,072 is less than long texts have
_PART = 2**23  # characters that are read together


@dataclass(frozen=True, eq=False)
class CsvPart:
    """Some rows of a CSV file, as the file writes them.

    Attributes:
        path: The file, for messages.
        header: The line of names, as it is written.
        lines: The text of each row; a row with line breaks in a value has several lines.
    """

    path: str
    header: str
    lines: Sequence[str]

    def __len__(self) -> int:
        return len(self.lines)

    def only(self, kept: np.ndarray) -> CsvPart:
        """The rows of a mask."""
        return CsvPart(self.path, self.header, list(compress(self.lines, kept)))

    def joined(self, parts: Sequence[CsvPart]) -> CsvPart:
        """The rows of several parts as one."""
        return CsvPart(self.path, self.header, [line for part in parts for line in part.lines])

    def frame(self, texts: Sequence[str] = ()) -> pd.DataFrame:
        """The rows as a table, with the columns `texts` as strings."""
        with _as_csv(self.path):
            dtype = dict.fromkeys(texts, "str")
            return pd.read_csv(self._text(), dtype=dtype, low_memory=False)

    def as_written(self) -> pd.DataFrame:
        """The rows with every cell as the file writes it."""
        with _as_csv(self.path):
            return pd.read_csv(self._text(), dtype="str", keep_default_na=False)

    def _text(self) -> io.StringIO:
        return io.StringIO(self.header + "".join(self.lines))


def csv_parts(path: str, content: bytes | None = None) -> Iterator[CsvPart]:
    """The rows of a CSV file, some megabytes at a time; one part without rows where it has none.

    Args:
        path: The file, perhaps packed.
        content: What the file holds, where that has been read: a pipe is read once.

    Raises:
        SchemaError: If the file cannot be read as CSV, or has a line with more or fewer values than
            columns.
    """
    with _as_csv(path), io.TextIOWrapper(_unpacked(path, content), "utf-8-sig", newline="") as file:
        header, lines, size = "", list[str](), 0
        for line in _checked_rows(path, file):
            if not header:
                header = line
                continue
            lines.append(line)
            size += len(line)
            if size >= _PART:
                yield CsvPart(path, header, lines)
                lines, size = [], 0
        if not header:
            raise SchemaError(f"'{path}' cannot be read as CSV: the file is empty.")
        yield CsvPart(path, header, lines)


def _checked_rows(path: str, file: Any) -> Iterator[str]:
    """The text of each row, the names first. pandas would shift or fill rows of other lengths."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    limit = csv.field_size_limit(_LONGEST_CELL)
    rows, columns, begun = csv.reader(lines()), 0, 1
    try:
        for row in rows:
            text = "".join(taken)
            taken.clear()
            if row and not columns:
                columns = len(row)
            elif row and len(row) != columns:
                values = "value" if len(row) == 1 else "values"
                raise SchemaError(
                    f"'{path}' cannot be read as CSV: line {begun} has {len(row)} {values}, the "
                    f"first line names {columns} columns. Mend line {begun}; a value that holds a "
                    "comma stands in double quotes."
                )
            begun = rows.line_num + 1
            if row:
                yield text if text.endswith(("\n", "\r")) else f"{text}\n"
    finally:
        csv.field_size_limit(limit)


def _unpacked(path: str, content: bytes | None) -> Any:
    ending = Path(path).suffix
    if content is not None:
        return io.BytesIO(content)
    if ending in _ELSE_PACKED:
        raise SchemaError(f"'{path}' is packed as '{ending}'. Unpack it first.")
    return _UNPACKING[ending](path) if ending in _UNPACKING else Path(path).open("rb")


def _only_member(path: str) -> Any:
    """The table in a zip of one file."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise SchemaError(f"'{path}' holds {len(names)} files. Name a zip of one table.")
        return archive.open(names[0])


_UNPACKING: dict[str, Callable[[str], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _only_member,
}


@contextmanager
def _as_csv(path: str) -> Iterator[None]:
    try:
        yield
    except SchemaError:
        raise
    except (csv.Error, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
        raise SchemaError(f"'{path}' cannot be read as CSV: {error}.") from error
    except ValueError as error:  # pandas's parser errors, and bytes that are not UTF-8
        raise SchemaError(f"'{path}' cannot be read as CSV: {error}") from error
