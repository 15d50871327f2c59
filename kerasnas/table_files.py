"""Tables that the command line writes: whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasnas.files import check_file, fresh_file, is_stream

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = (".parquet", ".pq")
_PACKING: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ENDINGS = (".csv", *_PARQUET, ".txt", *(f".csv{ending}" for ending in _PACKING))


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


def write_tables(frames: Iterable[pd.DataFrame], path: str, argument: str) -> int:
    """Writes tables of the same columns, one after the other, as one table.

    An older file is replaced only by a whole new one.

    Args:
        frames: The tables.
        path: Where to, also where they are read from.
        argument: How the user calls the path.

    Returns:
        Number of rows.

    Raises:
        ArtifactError: As `check_table_path` does, or if the file cannot be written.
    """
    if is_stream(path):
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            return write_csv(frames, file)
    with fresh_file(path, _ENDINGS, argument) as fresh:
        if Path(path).suffix in _PARQUET:
            return _write_parquet(frames, fresh)
        opened = _PACKING.get(Path(path).suffix, open)
        with opened(fresh, "wt", encoding="utf-8", newline="") as file:
            return write_csv(frames, file)


def write_csv(frames: Iterable[pd.DataFrame], file: Any) -> int:
    """As `write_tables`, as CSV into an open file."""
    rows = 0
    for frame in frames:
        frame.to_csv(file, index=False, header=not rows)
        rows += len(frame)
    return rows


def _write_parquet(frames: Iterable[pd.DataFrame], path: Path) -> int:
    from kerasnas.data.stored_tables import readable

    with readable():
        import pyarrow as pa
        from pyarrow import parquet

        rows, writer = 0, None
        try:
            for frame in frames:
                if writer is None:
                    schema = pa.Schema.from_pandas(frame, preserve_index=False)
                    writer = parquet.ParquetWriter(path, schema)
                writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
                rows += len(frame)
        finally:
            if writer is not None:
                writer.close()
        return rows
