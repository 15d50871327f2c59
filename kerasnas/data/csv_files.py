"""CSV files, read a part at a time; every line has to have as many values as the first.

The line of names tells whether commas, semicolons, tabs or bars stand between values.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.errors import SchemaError

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip", ".tsv", ".tsv.gz")

_ELSE_PACKED = (".zst", ".tar")  # pandas reads these too, with packages that may be missing
_LONGEST_CELL = 2**27  # characters; Python's own limit of 131,072 is less than long texts have
_SEPARATORS = ",;\t|"  # in the order in which they are preferred
_OTHER_READERS = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "read_excel(path)"),
    **dict.fromkeys((".jsonl", ".ndjson"), "read_json(path, lines=True)"),
    **{".json": "read_json(path)", ".feather": "read_feather(path)", ".dta": "read_stata(path)"},
    **{".sas7bdat": "read_sas(path)", ".sav": "read_spss(path)", ".html": "read_html(path)[0]"},
}
_PART = 2**23  # characters that are read together


@dataclass(frozen=True, eq=False)
class CsvPart:
    """Some rows of a CSV file, as the file writes them.

    Attributes:
        path: The file, for messages.
        header: The line of names, as it is written.
        lines: The text of each row; a row with line breaks in a value has several lines.
        separator: What stands between two values.
    """

    path: str
    header: str
    lines: Sequence[str]
    separator: str = ","

    def __len__(self) -> int:
        return len(self.lines)

    def only(self, kept: np.ndarray) -> CsvPart:
        """The rows of a mask."""
        return replace(self, lines=list(compress(self.lines, kept)))

    def joined(self, parts: Sequence[CsvPart]) -> CsvPart:
        """The rows of several parts as one."""
        return replace(self, lines=[line for part in parts for line in part.lines])

    def frame(self, texts: Sequence[str] = ()) -> pd.DataFrame:
        """The rows as a table, with the columns `texts` and codes such as 01234 as strings."""
        with _as_csv(self.path):
            dtype = dict.fromkeys((*texts, *self._codes()), "str")
            return pd.read_csv(self._text(), dtype=dtype, sep=self.separator, low_memory=False)

    def as_written(self) -> pd.DataFrame:
        """The rows with every cell as the file writes it."""
        with _as_csv(self.path):
            return pd.read_csv(self._text(), dtype="str", sep=self.separator, keep_default_na=False)

    def _codes(self) -> list[str]:
        """Columns of digits of which some begin with 0: as numbers they would lose it."""
        before = rf'(?:^|{re.escape(self.separator)})"?0\d+"?(?:{re.escape(self.separator)}|\s*$)'
        leading = re.compile(before)
        if not any(leading.search(line) for line in self.lines):
            return []
        cells = self.as_written()
        digits = {name: cells[name].str.fullmatch(r"\d*") for name in cells}
        zeros = {name: cells[name].str.fullmatch(r"0\d+") for name in cells}
        return [str(name) for name in cells if digits[name].all() and zeros[name].any()]

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
        separator, first = _separator(file.readline(), file)
        header, lines, size = "", list[str](), 0
        for line in _checked_rows(path, chain([first], file), separator):
            if not header:
                header = line
                continue
            lines.append(line)
            size += len(line)
            if size >= _PART:
                yield CsvPart(path, header, lines, separator)
                lines, size = [], 0
        if not header:
            raise SchemaError(f"'{path}' cannot be read as CSV: the file is empty.")
        yield CsvPart(path, header, lines, separator)


def _separator(first: str, file: Any) -> tuple[str, str]:
    """What stands between values, and the line of names: Excel may say the former in a line."""
    said = re.fullmatch(r"sep=(.)\s*", first)
    if said:
        return said[1], file.readline()
    bare = re.sub(r'"[^"]*"', "", first)
    return max(_SEPARATORS, key=bare.count), first


def _checked_rows(path: str, file: Iterable[str], separator: str) -> Iterator[str]:
    """The text of each row, the names first. pandas would shift or fill rows of other lengths."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    limit = csv.field_size_limit(_LONGEST_CELL)
    rows, columns, begun = csv.reader(lines(), delimiter=separator), 0, 1
    try:
        for row in rows:
            text = "".join(taken)
            taken.clear()
            if row and not columns:
                columns = len(row)
                twice = [name for place, name in enumerate(row) if name and name in row[:place]]
                if twice:
                    raise SchemaError(
                        f"'{path}' names the column `{twice[0]}` twice. Give each its name."
                    )
            elif row and len(row) != columns:
                values = "value" if len(row) == 1 else "values"
                raise SchemaError(
                    f"'{path}' cannot be read as CSV: line {begun} has {len(row)} {values}, the "
                    f"first line names {columns} columns. Mend line {begun}; a value that holds "
                    f"{separator!r} stands in double quotes."
                )
            begun = rows.line_num + 1
            if row:
                yield text if text.endswith(("\n", "\r")) else f"{text}\n"
    finally:
        csv.field_size_limit(limit)


def _unpacked(path: str, content: bytes | None) -> Any:
    ending = Path(path).suffix.lower()
    if ending in _OTHER_READERS:
        raise SchemaError(
            f"'{path}' is no CSV or Parquet file. Read it with `pandas.{_OTHER_READERS[ending]}`, "
            "and pass the table or save it with `to_csv`."
        )
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
    except UnicodeDecodeError as error:
        raise SchemaError(
            f"'{path}' cannot be read as CSV: it is not in UTF-8 ({error.reason} at byte "
            f"{error.start}). Save it in UTF-8, for example with `iconv -f cp1252 -t utf-8`; files "
            "of Excel are in `cp1252` or `utf-16` mostly."
        ) from error
    except ValueError as error:  # pandas's parser errors
        raise SchemaError(f"'{path}' cannot be read as CSV: {error}") from error
