"""Tables in files, for the command line: read whole or refused, written whole or not at all."""

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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasnas.errors import ArtifactError, SchemaError
from kerasnas.files import check_file, fresh_file, is_stream

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = (".parquet", ".pq")
_PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}
_ELSE_PACKED = (".zst", ".tar")  # pandas reads these too, with packages that may be missing
_ENDINGS = (".csv", *_PARQUET, ".txt", *(f".csv{ending}" for ending in _PACKED))
_LONGEST_CELL = 2**27  # characters; Python's own limit of 131,072 is less than long texts have


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


class TableFile:
    """A CSV or Parquet file that a user named, or a pipe of CSV.

    Args:
        path: Where it is. A pipe such as `/dev/stdin` is read once, at the first reading.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.parquet = Path(path).suffix in _PARQUET
        self._piped: bytes | None = None

    def read(self, texts: Sequence[str] = ()) -> pd.DataFrame:
        """The table, of a CSV file with the columns `texts` as strings.

        Raises:
            SchemaError: If the file cannot be read, has no rows, or has a line with more or fewer
                values than columns.
        """
        import pandas as pd

        if self.parquet:
            with _parquet():
                frame = pd.read_parquet(self.path)
        else:
            with self._csv():
                self._check_lines()
                frame = pd.read_csv(
                    self._source(), dtype=dict.fromkeys(texts, "str"), low_memory=False
                )
        if frame.empty:
            raise SchemaError(f"'{self.path}' has no rows.")
        return frame

    def read_as_written(self) -> pd.DataFrame:
        """The table with every cell of a CSV file as the file writes it.

        A number that was read and is written again may look different.
        """
        import pandas as pd

        if self.parquet:
            return self.read()
        with self._csv():
            return pd.read_csv(self._source(), dtype="str", keep_default_na=False)

    def _source(self) -> Any:
        if self._piped is None and is_stream(self.path):
            self._piped = Path(self.path).read_bytes()
        return self.path if self._piped is None else io.BytesIO(self._piped)

    def _check_lines(self) -> None:
        """Whether all lines have as many values as the first: pandas would shift or fill others."""
        limit = csv.field_size_limit(_LONGEST_CELL)
        try:
            with io.TextIOWrapper(self._unpacked(), "utf-8-sig", newline="") as lines:
                self._check_rows(csv.reader(lines))
        except (csv.Error, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
            raise SchemaError(f"'{self.path}' cannot be read as CSV: {error}.") from error
        finally:
            csv.field_size_limit(limit)

    def _unpacked(self) -> Any:
        source, ending = self._source(), Path(self.path).suffix
        if self._piped is not None:
            return source
        if ending in _ELSE_PACKED:
            raise SchemaError(f"'{self.path}' is packed as '{ending}'. Unpack it first.")
        return _UNPACKING[ending](source) if ending in _UNPACKING else Path(source).open("rb")

    def _check_rows(self, rows: Any) -> None:
        columns, line = 0, 1
        for row in rows:
            if row and not columns:
                columns = len(row)
            elif row and len(row) != columns:
                values = "value" if len(row) == 1 else "values"
                raise SchemaError(
                    f"'{self.path}' cannot be read as CSV: line {line} has {len(row)} {values}, "
                    f"the first line names {columns} columns. Mend line {line}; a value that holds "
                    "a comma stands in double quotes."
                )
            line = rows.line_num + 1

    @contextmanager
    def _csv(self) -> Iterator[None]:
        try:
            yield
        except SchemaError:
            raise
        except ValueError as error:  # pandas's parser errors, and bytes that are not UTF-8
            raise SchemaError(f"'{self.path}' cannot be read as CSV: {error}") from error


def check_table_path(path: str, argument: str) -> None:
    """Whether a table can be written to a path, found out before anything slow.

    Args:
        path: Where the table will go.
        argument: How the user calls the path.

    Raises:
        ArtifactError: If the name ends otherwise than tables do, or nothing can be written there.
    """
    if not is_stream(path):
        check_file(path, _ENDINGS, argument)


def write_table(frame: pd.DataFrame, path: str, argument: str) -> None:
    """Writes a table; an older file is replaced only by a whole new one.

    Args:
        frame: The table.
        path: Where to, also where it was read from.
        argument: How the user calls the path.

    Raises:
        ArtifactError: As `check_table_path` does, or if the file cannot be written.
    """
    if is_stream(path):
        frame.to_csv(path, index=False)
        return
    with fresh_file(path, _ENDINGS, argument) as fresh:
        if Path(path).suffix in _PARQUET:
            with _parquet():
                frame.to_parquet(fresh, index=False)
        else:
            packed: Any = _PACKED.get(Path(path).suffix)
            frame.to_csv(fresh, index=False, compression=packed)


@contextmanager
def _parquet() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise SchemaError(
            'Parquet files need pyarrow. Install it with `pip install "kerasnas[parquet]"`.'
        ) from error
    except ArtifactError:
        raise
    except ValueError as error:  # pyarrow's errors about damaged files are ValueErrors
        raise SchemaError(f"The Parquet file cannot be read or written: {error}") from error
