"""The only place that looks at how the user keeps texts: lists, Series, arrays, frames, folders."""

from __future__ import annotations

import decimal
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import foreign
from kerasnas.data.batches import is_batches, unpacked_rows
from kerasnas.data.cell_texts import decoded
from kerasnas.data.folders import files_by_class, files_in, named_files
from kerasnas.data.named_columns import Taken, take_columns
from kerasnas.data.names import quoted, string_names
from kerasnas.data.stored_tables import (
    StoredTable,
    is_list_of_files,
    names_table,
    stored_table,
    table_files_in,
)
from kerasnas.errors import SchemaError

SUFFIXES = (".txt", ".md", ".text")

_LONGEST_PATH = 4096  # characters; a longer string is a text
_SHOWN = 3  # problems of one column in a message
_EXPECTED = (
    "texts: a list, a Series or an array of strings, a DataFrame with one or several text columns, "
    "or a folder of text files"
)


@dataclass(frozen=True, eq=False)
class Documents:
    """Texts, column by column.

    Attributes:
        columns: Array of Python strings of shape `(rows,)` by name; missing texts are empty.
        named: Whether the names are the user's, of a table; one nameless column otherwise.
    """

    columns: Mapping[str, np.ndarray]
    named: bool

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, rows: np.ndarray) -> Documents:
        """Some of the texts."""
        return Documents({name: texts[rows] for name, texts in self.columns.items()}, self.named)


def to_documents(x: Any) -> Documents:
    """Texts of any kind as one object.

    Args:
        x: A list, Series, Index or 1-D array of strings; an array of shape `(rows, 1)`; a DataFrame
            or dict of text columns; an array `(rows, several)`, whose columns become `x0`, `x1` and
            so on; a folder, whose text files are read in the order of their names.

    Raises:
        SchemaError: If it is none of these, or cells are no texts: all problems in one message.
    """
    if isinstance(x, Documents):
        return x
    if isinstance(x, os.PathLike) or (isinstance(x, str) and _is_folder(x)):
        return _single(_read_files(text_files(Path(x))))
    if isinstance(x, str | bytes):
        raise SchemaError(
            f"`x` is one string, expected {_EXPECTED}. For one text pass a list: x=[text]; for a "
            "folder pass a `pathlib.Path`."
        )
    if isinstance(x, pd.DataFrame):
        return _table(x)
    if isinstance(x, Mapping):
        return _table(pd.DataFrame({str(k): _flat(v, str(k)) for k, v in x.items()}))
    if foreign.is_table(x):
        return to_documents(foreign.to_pandas(x))
    if isinstance(x, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return _single(list(x))
    if foreign.is_array(x):
        return _array(np.asarray(x))
    if is_batches(x) and not isinstance(x, Iterator):
        return unpack_documents(x).x
    if isinstance(x, Iterable) and not isinstance(x, Set):  # a set has no order
        items = list(x)
        if items and isinstance(items[0], Mapping):
            return _table(pd.DataFrame.from_records(items))
        if items and isinstance(items[0], list | tuple | np.ndarray):
            widths = {
                len(row) if isinstance(row, list | tuple | np.ndarray) else -1 for row in items
            }
            if len(widths) > 1:
                raise SchemaError(
                    "The rows of `x` must be all of one length, such as pairs of texts, received "
                    f"lengths {sorted(widths)} (-1: no list). For lists of words pass "
                    "`[' '.join(words) for words in x]`."
                )
            return _array(np.array([list(row) for row in items], dtype=object))
        return _single(items)
    raise SchemaError(f"`x` is {type(x).__name__}, expected {_EXPECTED}.")


def split_documents(x: Any, y: Any) -> tuple[Any, Any]:
    """Texts and targets, where `x` holds both.

    Args:
        x: As in `to_documents`. A dataset may hold pairs; a folder may hold one folder of text
            files a class; a DataFrame may hold the column of targets.
        y: Targets, the name of the column of targets, or `None` where a folder holds them.

    Raises:
        SchemaError: If there are no targets.
    """
    taken = take_columns(x, y)
    x, y = taken.x, taken.y
    if y is None and is_batches(x):
        unpacked = unpack_documents(x)
        return unpacked.x, unpacked.y
    if y is None and (isinstance(x, os.PathLike) or (isinstance(x, str) and _is_folder(x))):
        return text_folders(Path(x))
    return x, y


def stored_texts(x: Any) -> StoredTable | None:
    """Texts in the columns of CSV or Parquet files, or of a dataset; `None` where `x` is none.

    A folder with text files is none, and strings are paths only where these are files of tables.

    Args:
        x: As in `stored_table`.
    """
    if isinstance(x, str | os.PathLike):
        path = os.fspath(x)
        if _is_folder(path):
            here = not files_in(Path(path), SUFFIXES) and bool(table_files_in(Path(path)))
        else:
            here = names_table(path) and len(path) <= _LONGEST_PATH
        return stored_table(x) if here else None
    if is_list_of_files(x) and not all(names_table(p) and Path(p).is_file() for p in map(str, x)):
        return None
    return stored_table(x)


def unpack_documents(x: Any) -> Taken:
    """Texts, targets and weights of data that come batch by batch.

    `keras.utils.text_dataset_from_directory` gives such data.

    Raises:
        SchemaError: If they hold no texts.
    """
    parts, targets, weights = unpacked_rows(x)
    if isinstance(parts[0], dict):
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Taken(to_documents(columns), targets, weights)
    return Taken(_array(np.concatenate(parts)), targets, weights)


def text_folders(folder: Path) -> tuple[Documents, np.ndarray]:
    """Texts and labels of a folder that holds one folder of text files a class.

    Raises:
        SchemaError: If there are no two folders with text files.
    """
    paths, labels = files_by_class(folder, SUFFIXES, "text files", "ham/1.txt and spam/2.txt")
    return _single(_read_files(paths)), labels


def text_files(path: Path) -> list[Path]:
    """The text files of a folder and of those in it, in the order of their names; or the file.

    Raises:
        SchemaError: If there is nothing to read.
    """
    if path.is_file():
        return [path]
    return named_files(path, SUFFIXES, "text files")


def encodable(text: str) -> str:
    """The text with lone surrogates, which no UTF-8 can hold, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # too long, or with characters that no path can have
        return False


def warn_of_paths(documents: Documents) -> None:
    """Warns of texts that are the names of files, in whose place the files are meant."""
    for name, texts in documents.columns.items():
        some = [text for text in texts if text][:_SHOWN]
        if some and all(len(text) <= _LONGEST_PATH and _is_file(text) for text in some):
            warnings.warn(
                f"`{name}` holds the names of files (first: {some[0]!r}), and the model reads the "
                "names alone. To read the files pass `[Path(name).read_text() for name in x]` as "
                "`x`, or their folder.",
                UserWarning,
                stacklevel=3,
            )


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # with characters that no path can have
        return False


def _read_files(paths: Sequence[Path]) -> list[str]:
    found = []
    for path in paths:
        try:
            found.append(decoded(path.read_bytes()))
        except OSError as error:
            raise SchemaError(f"The file '{path}' cannot be read: {error}.") from error
    odd = [path for path, (_, strange) in zip(paths, found, strict=True) if strange]
    _warn_of_letters(len(odd), f"'{odd[0]}'" if odd else "")
    return [text for text, _ in found]


def _warn_of_letters(count: int, first: str) -> None:
    if count:
        warnings.warn(
            f"{count} texts of `x` are no UTF-8 (first: {first}) and were read as Windows-1252. If "
            "that is wrong, pass strings, for example `[text.decode('shift-jis') for text in x]`.",
            UserWarning,
            stacklevel=4,
        )


def _flat(values: Any, name: str) -> list[Any]:
    array = values if isinstance(values, list | tuple | pd.Series) else np.asarray(values)
    if isinstance(array, np.ndarray):
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise SchemaError(
                f"Column `{name}` of `x` must have the shape (n,) or (n, 1), got {array.shape}."
            )
    return list(array)


def _single(items: list[Any]) -> Documents:
    return _checked({"text": items}, named=False)


def _array(array: np.ndarray) -> Documents:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1:
        return _single(list(array))
    if array.ndim != 2 or array.shape[1] == 0:
        raise SchemaError(
            f"`x` has shape {array.shape}, expected (rows,), (rows, 1) or (rows, columns) of "
            "strings. Reshape your data."
        )
    return _checked({f"x{i}": list(array[:, i]) for i in range(array.shape[1])}, named=True)


def _table(frame: pd.DataFrame) -> Documents:
    frame = string_names(frame)
    if not frame.shape[1]:
        raise SchemaError("`x` has no columns, expected at least one text column.")
    columns = {str(name): list(frame[name]) for name in frame.columns}
    return _checked(columns, named=True)


def _checked(columns: dict[str, list[Any]], *, named: bool) -> Documents:
    """Cells as strings; what is no text is told for all columns at once."""
    lengths = {len(items) for items in columns.values()}
    if len(lengths) > 1:
        raise SchemaError(f"The columns of `x` must be of one length, got {sorted(lengths)}.")
    if lengths == {0}:
        raise SchemaError(
            "Found array with 0 sample(s): `x` holds no text, while a minimum of 1 is required."
        )
    texts, problems, hint, listed, paths = {}, [], "", False, False
    for name, items in columns.items():
        cells, bad = _strings(items)
        texts[name] = cells
        listed |= any(isinstance(items[row], list | tuple | np.ndarray) for row in bad[:_SHOWN])
        paths |= any(isinstance(items[row], os.PathLike) for row in bad[:_SHOWN])
        if bad:
            where = f"column `{name}` has" if named else "`x` has"
            shown = ", ".join(f"{items[i]!r} in row {i}" for i in bad[:_SHOWN])
            problems.append(f"{where} {len(bad)} cells that are no texts ({shown})")
            good = [n for n in columns if n not in {name}]
            hint = f" Leave such columns out, as in x[[{quoted(good)}]]," if named and good else ""
    if problems:
        if listed:
            hint = " For lists of words pass `[' '.join(words) for words in x]`,"
        if paths:
            hint = " For files pass `[path.read_text() for path in x]`,"
        raise SchemaError(
            f"{'; '.join(problems)}.{hint or ' Convert them with `str`,'} or use a tabular "
            "estimator for tables of numbers."
        )
    return Documents(texts, named)


def _strings(items: list[Any]) -> tuple[np.ndarray, list[int]]:
    """Strings, and the rows whose cells are none. Missing cells become empty texts."""
    out = np.empty(len(items), dtype=object)
    bad, strange = [], []
    for row, item in enumerate(items):
        if isinstance(item, str):
            out[row] = encodable(str(item))
        elif isinstance(item, bytes):
            out[row], odd = decoded(item)
            if odd:
                strange.append(row)
        elif _is_missing(item):
            out[row] = ""
        else:
            out[row] = ""
            bad.append(row)
    _warn_of_letters(len(strange), f"row {strange[0]}" if strange else "")
    return out, bad


def _is_missing(item: Any) -> bool:
    if isinstance(item, decimal.Decimal):  # a signalling NaN cannot be compared with anything
        return item.is_qnan()
    return pd.api.types.is_scalar(item) and bool(pd.isna(item))
