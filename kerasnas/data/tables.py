"""The only place that looks at what kind of object the user's table is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import foreign
from kerasnas.data.batches import is_batches
from kerasnas.data.cells import is_object
from kerasnas.data.dataset_parts import dataset_parts, joined_tables
from kerasnas.data.names import string_names
from kerasnas.data.odd_cells import refuse_no_values
from kerasnas.data.room import free_bytes
from kerasnas.errors import DataTypeError, SchemaError

BYTES_OF_CELL = 24
"""Of a sparse matrix: dense float64, float32 columns, and the matrices of networks and trees."""

_NO_TABLE = (
    "`x` is {}, expected a table: a DataFrame, a dict of columns, a 2-D array or a list of rows. "
    "Reshape your data."
)
_NESTED = (Collection, np.ndarray, pd.Series, pd.DataFrame)


def to_frame(x: Any) -> tuple[pd.DataFrame, bool]:
    """Return a table as a DataFrame, and whether its columns have names of their own.

    Args:
        x: a DataFrame; a dict of columns, each of shape (n,) or (n, 1); a 2-D array of numbers,
            strings or objects; a sparse matrix; a structured array; a list of rows (lists, tuples,
            dicts or Series), or of tables with the same columns; anything with `to_pandas()` or a
            stream of Arrow, such as a frame of polars or pyarrow; or rows batch by batch, such as a
            `tf.data.Dataset` or a generator.

    Returns:
        A frame of n rows that shares no memory the caller could see change, with unique string
        column names, and False if those are only positions ("x0", "x1", ...).

    Raises:
        ValueError: not two-dimensional, no rows, no columns, or complex numbers, in the words
            that scikit-learn uses. `SchemaError` for columns of different length or equal names.
        TypeError: no table at all, or cells that hold lists or dicts.
    """
    frame, named = _read(x)
    rows, columns = frame.shape
    if rows == 0:
        raise SchemaError(
            f"Found array with 0 sample(s) (shape=({rows}, {columns})) while a minimum of 1 is "
            "required."
        )
    if columns == 0:
        raise SchemaError(
            f"Found array with 0 feature(s) (shape=({rows}, {columns})) while a minimum of 1 is "
            "required."
        )
    frame = string_names(frame)
    _refuse_nested(frame)
    return frame, named


def _read(x: Any) -> tuple[pd.DataFrame, bool]:
    if isinstance(x, pd.DataFrame):
        return x, True
    if isinstance(x, pd.Series):
        raise SchemaError(
            "`x` is a Series, expected a table. Reshape your data: `x.to_frame()` if it is one "
            "column, `x.to_frame().T` if it is one row."
        )
    if foreign.is_sparse(x):
        return _from_sparse(x)
    if isinstance(x, Mapping):
        return _from_columns(x), True
    if foreign.is_table(x):
        return _read(foreign.to_pandas(x))
    if is_batches(x):
        return _read(dataset_parts(x).x)
    if isinstance(x, str | bytes) or x is None or np.isscalar(x):
        raise DataTypeError(
            f"`x` is {type(x).__name__}, expected a table: a DataFrame, a dict of columns, a 2-D "
            "array or a list of rows. Reshape your data, or read a file with `pandas.read_csv`."
        )
    rows = isinstance(x, Sequence) and len(x) > 0
    if rows and (isinstance(x[0], pd.DataFrame) or foreign.is_flat_table(x[0])):
        return joined_tables(x), True
    if rows and isinstance(x[0], pd.Series):
        x = [row.to_dict() if isinstance(row, pd.Series) else row for row in x]
    if rows and (isinstance(x[0], Mapping | list | tuple) or is_dataclass(x[0])):
        return _from_rows(x)
    return _from_array(x)


def _from_sparse(x: Any) -> tuple[pd.DataFrame, bool]:
    """Make a sparse matrix dense, where memory holds it and what a fit makes of it."""
    rows, columns = x.shape if len(x.shape) == 2 else (1, 1)
    needed, free = rows * columns * BYTES_OF_CELL, free_bytes()
    if needed > free:
        raise SchemaError(
            f"`x` is a sparse {type(x).__name__} of {rows} x {columns}: a fit needs about "
            f"{needed / 2**30:.1f} GiB for it, and {free / 2**30:.1f} GiB are free. Pass fewer "
            "columns, for example `TruncatedSVD(100).fit_transform(x)` of scikit-learn, or the "
            "texts themselves to `TextClassifier`."
        )
    return _from_array(x.toarray())


def _from_columns(columns: Mapping[Any, Any]) -> pd.DataFrame:
    """Put columns side by side by position: an index that Series bring along means nothing."""
    arrays = {name: _one_column(name, values) for name, values in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise SchemaError(
            "The columns of `x` must be of one length, got "
            + ", ".join(f"`{name}` of {length}" for name, length in lengths.items())
            + "."
        )
    return pd.DataFrame(arrays) if arrays else pd.DataFrame(index=range(1))


def _one_column(name: Any, values: Any) -> pd.Series:
    if isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return pd.Series(values).reset_index(drop=True)
    if foreign.is_table(values):
        return pd.Series(foreign.to_pandas(values)).reset_index(drop=True)
    if isinstance(values, str | bytes) or np.isscalar(values) or values is None:
        raise SchemaError(
            f"Column `{name}` of `x` is {values!r}, expected one value a row. Pass a list or an "
            "array, or `[x]` where `x` is one row."
        )
    if isinstance(values, Sequence):
        return pd.Series(list(values))
    array = np.asarray(foreign.unmasked(values))
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise SchemaError(
            f"Column `{name}` of `x` must have the shape (n,) or (n, 1), got {array.shape}."
        )
    return pd.Series(array, copy=True).infer_objects()


def _from_rows(rows: Sequence[Any]) -> tuple[pd.DataFrame, bool]:
    kind = type(rows[0])
    if is_dataclass(kind) or (issubclass(kind, tuple) and kind is not tuple):
        frame = pd.DataFrame(list(rows))  # with the names of named tuples and of data classes
        if all(isinstance(row, kind) for row in rows) and frame.columns.dtype.kind not in "iu":
            return frame, True
    kinds = {"dict" if isinstance(row, Mapping) else "list" for row in rows}
    if len(kinds) > 1:
        raise SchemaError("The rows of `x` must be all dicts or all lists, got both.")
    if kinds == {"dict"}:
        return pd.DataFrame.from_records([dict(row) for row in rows]), True
    widths = {len(row): place for place, row in reversed(list(enumerate(rows)))}
    if len(widths) > 1:
        known = ", ".join(f"{width} (row {place})" for width, place in sorted(widths.items()))
        raise SchemaError(f"The rows of `x` must be of one length, got lengths {known}.")
    if rows[0] and isinstance(rows[0][0], list | tuple | np.ndarray):
        return _from_array(np.asarray(rows))
    return _numbered(pd.DataFrame([tuple(row) for row in rows])), False


def _from_array(x: Any) -> tuple[pd.DataFrame, bool]:
    try:
        array = np.asarray(foreign.unmasked(x))
    except ValueError:  # parts of several shapes
        raise DataTypeError(_NO_TABLE.format(type(x).__name__)) from None
    if array.dtype.names is not None:
        return _from_columns({name: array[name] for name in array.dtype.names}), True
    if array.dtype.kind == "c":
        raise SchemaError(f"Complex data not supported\n{array}\n")
    if array.ndim == 0:
        raise DataTypeError(_NO_TABLE.format(type(x).__name__))
    if array.ndim == 1:
        raise SchemaError(
            f"Expected 2D array, got 1D array instead:\narray={array}.\nReshape your data either "
            "using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) "
            "if it contains a single sample."
        )
    if array.ndim > 2:
        raise SchemaError(
            f"Found array with dim {array.ndim}, while dim <= 2 is required. A table has the "
            f"shape (rows, columns), got {array.shape}."
        )
    if array.dtype.kind in "OUS":
        # Numbers may hide in objects; each column then gets the dtype of its own cells.
        return _numbered(pd.DataFrame(array.astype(object)).infer_objects()), False
    return _numbered(pd.DataFrame(array.copy())), False


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    frame.columns = pd.Index([f"x{place}" for place in range(frame.shape[1])])
    return frame


def _spread(cell: Any, name: str) -> str:
    """The line that makes columns, or texts, of cells that hold several values."""
    if isinstance(cell, Mapping):
        return (
            "Spread it over columns of its own, for example with "
            f"`x.drop(columns={name!r}).join(pandas.json_normalize(x[{name!r}]))`."
        )
    if len(cell) and isinstance(next(iter(cell)), str):
        return f"Join the words, for example with `x[{name!r}] = x[{name!r}].str.join(' ')`."
    wide = f"pandas.DataFrame(x[{name!r}].tolist(), x.index).add_prefix({name + '_'!r})"
    return f"Spread it over columns of its own: `x.drop(columns={name!r}).join({wide})`."


def _refuse_nested(frame: pd.DataFrame) -> None:
    for name, dtype in frame.dtypes.items():
        arrow = isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith(
            ("list", "large_list", "fixed_size_list", "struct", "map")
        )
        if not is_object(dtype) and not arrow:
            continue
        for row, cell in enumerate(frame[name]):
            if isinstance(cell, _NESTED) and not isinstance(cell, str | bytes):
                raise DataTypeError(
                    f"`{name}` holds a {type(cell).__name__} in row {row}, but a cell of a table "
                    "argument must be a string or a number (or a time, or missing). "
                    + _spread(cell, str(name))
                )
        refuse_no_values(frame[name], str(name))
