"""Tables of any size, in files or in datasets: they are read part by part."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from kerasnas.data import foreign
from kerasnas.data.csv_files import CSV_ENDINGS, csv_parts
from kerasnas.data.folders import files_in
from kerasnas.errors import KerasNASError, MissingPackageError, SchemaError
from kerasnas.files import is_stream

PARQUET_ENDINGS = (".parquet", ".pq")

_PART = 2**16  # rows that are read together
_SLACK = 1.25  # rows that are held while a sample is drawn, for each row of the sample
_SALT = 0xF11E  # of the seed: the sample and the split are drawn apart


class TablePart(Protocol):
    """Some rows of a table, in a compact form."""

    def __len__(self) -> int:
        """Number of rows."""

    def only(self, kept: np.ndarray) -> Self:
        """The rows of a mask."""

    def joined(self, parts: Sequence[Self]) -> Self:
        """The rows of several parts as one."""

    def frame(self, texts: Sequence[str] = ()) -> pd.DataFrame:
        """The rows as a table, with the columns `texts` as strings."""

    def as_written(self) -> pd.DataFrame:
        """The rows with every cell as the file writes it."""


@dataclass(frozen=True, eq=False)
class ArrowPart:
    """Some rows of a Parquet file or of a dataset of Arrow.

    Attributes:
        table: A table of pyarrow.
    """

    table: Any

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def only(self, kept: np.ndarray) -> ArrowPart:
        """As `TablePart.only`."""
        return self if kept.all() else ArrowPart(self.table.filter(kept))

    def joined(self, parts: Sequence[ArrowPart]) -> ArrowPart:
        """As `TablePart.joined`."""
        import pyarrow as pa

        return ArrowPart(pa.concat_tables([part.table for part in parts]))

    def frame(self, texts: Sequence[str] = ()) -> pd.DataFrame:
        """As `TablePart.frame`; columns have types of their own."""
        found: pd.DataFrame = foreign.to_pandas(self.table)
        return found

    def as_written(self) -> pd.DataFrame:
        """As `TablePart.as_written`, in the types of the file."""
        found: pd.DataFrame = self.table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
        return found


@dataclass(frozen=True, eq=False)
class Drawn:
    """Rows that were drawn from a table.

    Attributes:
        frame: The rows, in the order of the files.
        places: The place of each of them among all rows.
        total: Number of all rows.
    """

    frame: pd.DataFrame
    places: np.ndarray
    total: int


@dataclass(frozen=True, eq=False)
class StoredTable:
    """A table that is read part by part.

    Attributes:
        name: How messages call it.
        read: Begins to read: gives one part after the other, of some columns or, with `None`, all.
        texts: Columns that are read as strings from files without types.
        left_out: Columns that `frames` leaves out.
    """

    name: str
    read: Callable[[Sequence[str] | None], Iterator[TablePart]]
    texts: Sequence[str] = ()
    left_out: Sequence[str] = ()

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[TablePart]:
        """The rows, part by part.

        Args:
            columns: Columns that are enough; CSV files give all.

        Raises:
            SchemaError: If the files cannot be read, or have no rows.
        """
        rows = 0
        for part in self.read(columns):
            rows += len(part)
            if len(part):
                yield part
        if not rows:
            raise SchemaError(f"{self.name} has no rows.")

    def frames(self) -> Iterator[pd.DataFrame]:
        """The rows as tables, part by part."""
        for part in self.parts():
            yield part.frame(self.texts).drop(columns=list(self.left_out))

    def first(self) -> pd.DataFrame:
        """The first rows."""
        return next(self.frames())

    def whole(self) -> pd.DataFrame:
        """All rows as one table."""
        return self.draw(lambda _: sys.maxsize, 0).frame

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Some columns, all rows of them."""
        frames = (part.frame(self.texts) for part in self.parts(names))
        return pd.concat([frame[list(names)] for frame in frames], ignore_index=True)

    def with_texts(self, texts: Sequence[str]) -> StoredTable:
        """The same with these columns read as strings."""
        return replace(self, texts=texts)

    def without(self, names: Sequence[str]) -> StoredTable:
        """The same without these columns."""
        return replace(self, left_out=names)

    def draw(
        self,
        most: Callable[[pd.DataFrame], int],
        seed: int,
        columns: Sequence[str] | None = None,
    ) -> Drawn:
        """Draws rows in one pass: every set of so many rows is equally likely.

        Every row gets a random number, and the rows with the smallest ones are kept.

        Args:
            most: From the first rows to the number of rows that there is room for.
            seed: Seed of the numbers.
            columns: As in `parts`.
        """
        rng = np.random.default_rng([seed, _SALT])
        parts: list[TablePart] = []
        keys, places = np.zeros(0), np.zeros(0, dtype="int64")
        total, limit, threshold = 0, 0, np.inf
        for part in self.parts(columns):
            limit = limit or max(1, most(part.frame(self.texts)))
            drawn = rng.random(len(part))
            kept = drawn < threshold
            parts.append(part.only(kept))
            keys = np.concatenate([keys, drawn[kept]])
            places = np.concatenate([places, total + np.flatnonzero(kept)])
            total += len(part)
            if len(keys) > _SLACK * limit:
                threshold = float(np.partition(keys, limit)[limit])
                parts = [parts[0].joined(parts).only(keys < threshold)]
                places, keys = places[keys < threshold], keys[keys < threshold]
        whole = parts[0].joined(parts)
        if len(keys) > limit:
            kept = keys < np.partition(keys, limit)[limit]
            whole, places = whole.only(kept), places[kept]
        del parts
        return Drawn(whole.frame(self.texts), places, total)


def stored_table(x: Any) -> StoredTable | None:
    """A table in files, or in a dataset of Arrow; `None` where `x` is none.

    Args:
        x: A path, a glob such as `"data/*.parquet"`, a folder, a list of paths, or a dataset of
            pyarrow or of Hugging Face.

    Raises:
        SchemaError: If there is no such file, or files of several kinds are mixed.
    """
    if isinstance(x, StoredTable):
        return x
    if foreign.is_arrow_dataset(x):
        return StoredTable("The dataset", lambda columns: _arrow_parts(x, columns))
    if foreign.is_hugging_face(x):
        tables = x.with_format("arrow")
        return StoredTable("The dataset", lambda _: map(ArrowPart, tables.iter(batch_size=_PART)))
    folder = None
    if isinstance(x, str | os.PathLike):
        name = f"'{os.fspath(x)}'"
        files, folder = _files_of(os.fspath(x))
    elif is_list_of_files(x):
        name = f"'{os.fspath(x[0])}' and {len(x) - 1} further files"
        files = [os.fspath(path) for path in x]
    else:
        return None
    if is_stream(files[0]):
        piped = cache(Path(files[0]).read_bytes)  # a pipe can be read once
        return StoredTable(name, lambda _: csv_parts(files[0], piped()))
    packed = [path.lower().endswith(PARQUET_ENDINGS) for path in files]
    if not any(packed):
        return StoredTable(name, lambda _: _joint_parts(files))
    if not all(packed):
        other = files[packed.index(False)]
        raise SchemaError(
            f"{name} holds both Parquet files and others, such as '{other}'. Name files of one "
            "kind, for example `data/*.parquet`."
        )
    return StoredTable(name, lambda columns: _arrow_parts(_parquet(files, folder), columns))


def is_list_of_files(x: Any) -> bool:
    """Whether it is a list of paths of tables: texts may be strings as well, but no such files."""
    if not isinstance(x, list | tuple) or not x:
        return False
    if any(isinstance(path, os.PathLike) for path in x):
        return all(isinstance(path, str | os.PathLike) for path in x)
    return all(isinstance(path, str) and names_table(path) for path in x)


def names_table(path: str) -> bool:
    """Whether a path, or a glob, ends as files of tables do."""
    return path.lower().endswith((*CSV_ENDINGS, *PARQUET_ENDINGS))


def table_files_in(folder: Path) -> list[str]:
    """The files of tables in a folder and in those in it, in the order of their names."""
    endings = {ending[ending.rindex(".") :] for ending in (*CSV_ENDINGS, *PARQUET_ENDINGS)}
    return [str(path) for path in files_in(folder, sorted(endings)) if names_table(path.name)]


def _files_of(path: str) -> tuple[list[str], str | None]:
    """The files that a path means, and the folder that holds them, where it is one."""
    found = Path(path)
    if found.is_dir():
        files = table_files_in(found)
        if not files:
            raise SchemaError(f"The folder '{path}' has no CSV or Parquet files.")
        return files, path
    if found.exists():
        return [path], None
    files = sorted(glob.glob(path, recursive=True))
    if not files:
        raise SchemaError(
            f"There is no file or folder '{path}'. Pass a table, or the path, folder or glob of "
            "CSV or Parquet files."
        )
    return files, None


def _joint_parts(files: Sequence[str]) -> Iterator[TablePart]:
    """The rows of CSV files, one file after the other."""
    header = ""
    for part in chain.from_iterable(csv_parts(path) for path in files):
        header = header or part.header.strip()
        if part.header.strip() != header:
            raise SchemaError(
                f"'{part.path}' names the columns {part.header.strip()}, but '{files[0]}' names "
                f"{header}. Give all files the same columns in the same order."
            )
        yield part


def _arrow_parts(dataset: Any, columns: Sequence[str] | None) -> Iterator[TablePart]:
    """The rows of a dataset of Arrow."""
    with readable():
        import pyarrow as pa

        batches = dataset.to_batches(
            columns=None if columns is None else list(columns),
            batch_size=_PART,
            batch_readahead=1,
            fragment_readahead=1,
        )
        for batch in batches:
            yield ArrowPart(pa.Table.from_batches([batch]))


def _parquet(files: Sequence[str], folder: str | None) -> Any:
    """The dataset of some Parquet files, whose columns have to be the same."""
    parted: dict[str, Any] = {}
    if folder is not None:
        parted = {"partitioning": "hive", "partition_base_dir": folder}
    with readable():
        import pyarrow as pa
        import pyarrow.dataset as arrow

        found: Any = arrow.dataset(list(files), format="parquet", **parted)
        schemas = [fragment.physical_schema for fragment in found.get_fragments()]
        for path, schema in zip(files, schemas, strict=True):
            odd = set(schema.names) ^ set(schemas[0].names)
            if odd:
                raise SchemaError(
                    f"'{path}' and '{files[0]}' have different columns: only one of them has "
                    f"`{min(odd)}`. Give all files the same columns."
                )
        # With one type for all files each of them is brought to that type as it is read.
        schema = pa.unify_schemas([found.schema, *schemas], promote_options="permissive")
        return arrow.dataset(list(files), schema, format="parquet", **parted)


@contextmanager
def readable() -> Iterator[None]:
    """Inside, what pyarrow has to say about Parquet files is said in an error of this package.

    Raises:
        MissingPackageError: If pyarrow is missing.
        SchemaError: If a file is damaged.
    """
    try:
        yield
    except (KerasNASError, FileNotFoundError):
        raise
    except ImportError as error:
        raise MissingPackageError(
            'Parquet files need pyarrow. Install it with `pip install "kerasnas[parquet]"`.'
        ) from error
    except (ValueError, OSError, TypeError) as error:  # pyarrow's errors are of these classes
        raise SchemaError(f"The Parquet file cannot be read or written: {error}") from error
