"""What kind of object the user has passed, where its class is not one that this package imports.

The only module that asks an object for its attributes to find out what it is. A table may come from
polars or pyarrow, a matrix from SciPy, an array from torch or JAX, a dataset from TensorFlow: they
are recognised by what they offer, so that none of these libraries has to be installed or imported.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sized
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from kerasnas.errors import MissingPackageError


@runtime_checkable
class _ToPandas(Protocol):
    def to_pandas(self) -> Any: ...


@runtime_checkable
class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


@runtime_checkable
class _ToArray(Protocol):
    def toarray(self) -> Any: ...


@runtime_checkable
class _Sparse(_ToArray, Protocol):
    @property
    def nnz(self) -> Any: ...


@runtime_checkable
class _Array(Protocol):
    def __array__(self) -> Any: ...


@runtime_checkable
class _Shaped(Protocol):
    @property
    def shape(self) -> Any: ...


@runtime_checkable
class _Positional(Protocol):
    @property
    def iloc(self) -> Any: ...


@runtime_checkable
class _Columns(Protocol):
    @property
    def columns(self) -> Any: ...


@runtime_checkable
class _ColumnNames(Protocol):
    @property
    def column_names(self) -> Any: ...


@runtime_checkable
class _Dataset(Protocol):
    @property
    def element_spec(self) -> Any: ...

    def as_numpy_iterator(self) -> Any: ...


@runtime_checkable
class _Indexed(Protocol):
    def __getitem__(self, index: int) -> Any: ...

    def on_epoch_end(self) -> Any: ...


@runtime_checkable
class _Loader(Protocol):
    @property
    def dataset(self) -> Any: ...

    @property
    def batch_size(self) -> Any: ...

    def __iter__(self) -> Any: ...


@runtime_checkable
class _ArrowDataset(Protocol):
    def get_fragments(self) -> Any: ...

    def to_batches(self) -> Any: ...


@runtime_checkable
class _HuggingFace(Protocol):
    def with_format(self, type: str) -> Any: ...

    def iter(self, batch_size: int) -> Any: ...


@runtime_checkable
class _Splitter(Protocol):
    def split(self, X: Any, y: Any = None, groups: Any = None) -> Any: ...

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> Any: ...


@runtime_checkable
class _Counted(Protocol):
    def cardinality(self) -> Any: ...


@runtime_checkable
class _Nullable(Protocol):
    @property
    def numpy_dtype(self) -> Any: ...


@runtime_checkable
class _Pillow(Protocol):
    @property
    def mode(self) -> Any: ...

    def getbands(self) -> Any: ...

    def convert(self, mode: Any) -> Any: ...


@runtime_checkable
class _Animated(Protocol):
    @property
    def is_animated(self) -> Any: ...


@runtime_checkable
class _Lazy(Protocol):
    def collect(self) -> Any: ...

    def collect_schema(self) -> Any: ...


_AXES_OF_TABLE = 2
_LARGEST_WHOLE = 2.0**53  # up to which float64 holds every whole number

UNKNOWN_CARDINALITY = -2
"""What `tf.data` says of a dataset that does not know how many elements it has."""


def is_table(x: Any) -> bool:
    """Whether it turns itself into a pandas object, as polars and pyarrow tables and columns do.

    A lazy frame of polars or narwhals does so after it has been collected, a reader of pyarrow or a
    relation of DuckDB by way of pyarrow.
    """
    return isinstance(x, _ToPandas | _Lazy) or is_arrow_stream(x)


def is_arrow_stream(x: Any) -> bool:
    """Whether it hands out its rows as a stream of Arrow, perhaps once, and has no `to_pandas`."""
    own = isinstance(x, _ToPandas | pd.DataFrame | pd.Series | pd.Index)
    return isinstance(x, _ArrowStream) and not own


def is_flat_table(x: Any) -> bool:
    """Whether it is a table or a column, and no array of more axes that pandas cannot hold."""
    return is_table(x) and len(shape_of(x) or ()) <= _AXES_OF_TABLE


def is_pillow(x: Any) -> bool:
    """Whether it is an image of Pillow, opened or made."""
    return isinstance(x, _Pillow)


def is_animated(x: Any) -> bool:
    """Whether it is an image of Pillow with several frames or pages."""
    return isinstance(x, _Animated) and bool(x.is_animated)


def unwrapped(x: Any) -> Any:
    """The bytes of a file that are held in memory in another way; anything else as it is."""
    if isinstance(x, bytearray) or (isinstance(x, memoryview) and x.ndim == 1):
        return bytes(x)
    return x.getvalue() if isinstance(x, io.BytesIO) else x


def unmasked(x: Any) -> Any:
    """A masked array of NumPy with a missing value in every masked place; else as it is."""
    if not isinstance(x, np.ma.MaskedArray) or x.dtype.names is not None:
        return x
    if not np.ma.getmaskarray(x).any():
        return np.asarray(x)
    if x.dtype.kind == "f":
        return x.filled(np.nan)
    values = np.asarray(x).astype(object)
    values[np.ma.getmaskarray(x)] = None
    return values


def is_sparse(x: Any) -> bool:
    """Whether it is a sparse matrix, such as SciPy's."""
    return isinstance(x, _Sparse)


def is_densified(y: Any) -> bool:
    """Whether it turns itself into a dense array, as sparse matrices and vectors do."""
    return isinstance(y, _ToArray)


def is_array(x: Any) -> bool:
    """Whether it is an array, or turns itself into one, as tensors of torch and JAX do."""
    return isinstance(x, np.ndarray | _Array)


def is_dataset(x: Any) -> bool:
    """Whether it is a `tf.data.Dataset`; TensorFlow is not imported to find out."""
    return isinstance(x, _Dataset)


def is_arrow_dataset(x: Any) -> bool:
    """Whether it is a dataset of pyarrow, which is read batch by batch."""
    return isinstance(x, _ArrowDataset)


def is_hugging_face(x: Any) -> bool:
    """Whether it is a dataset of Hugging Face's `datasets`, which may lie on disk."""
    return isinstance(x, _HuggingFace)


def is_indexed(x: Any) -> bool:
    """Whether it gives batches by number, as a `keras.utils.PyDataset` does."""
    return isinstance(x, _Indexed)


def is_splitter(x: Any) -> bool:
    """Whether it splits rows as the splitters of scikit-learn do."""
    return isinstance(x, _Splitter) and not isinstance(x, type)


def number_of_batches(x: Any) -> int | None:
    """Batches of a `keras.utils.PyDataset`; `None` where they never end."""
    count = x.num_batches
    return None if count is None else int(count)


def is_loader(x: Any) -> bool:
    """Whether it gives batches of a data set, as torch's `DataLoader` does."""
    return isinstance(x, _Loader) and not is_array(x) and not is_table(x)


def cardinality(dataset: Any) -> int:
    """Elements of a dataset: -1 where it never ends, -2 where it does not know."""
    return int(dataset.cardinality()) if isinstance(dataset, _Counted) else UNKNOWN_CARDINALITY


def shape_of(item: Any) -> tuple[int, ...] | None:
    """The shape of an array or a tensor; `None` of what has none."""
    return tuple(item.shape) if isinstance(item, _Shaped) else None


def length_of(value: Any) -> int:
    """Rows of any array, table or list."""
    if not isinstance(value, _Shaped | Sized):
        value = np.asarray(value)  # an array-like that only offers `__array__`
    return int(value.shape[0] if isinstance(value, _Shaped) else len(value))


def is_one_value(value: Any) -> bool:
    """Whether it is a number or the like: nothing with a length."""
    return np.ndim(value) == 0 and not isinstance(value, Sized)


def has_positions(values: Any) -> bool:
    """Whether rows are taken by position with `iloc`, as in pandas."""
    return isinstance(values, _Positional)


def column_names(x: Any) -> Iterable[Any] | None:
    """Names of the columns of a frame or a dict of columns; `None` of what has none."""
    if isinstance(x, pd.DataFrame):
        return list(x.columns)
    if isinstance(x, Mapping):
        return list(x)
    if isinstance(x, _Lazy):
        return list(x.collect_schema().names())
    # The `columns` of a table of pyarrow are the columns themselves.
    names = x.column_names if isinstance(x, _ColumnNames) else None
    if isinstance(names, list):
        return list(names)
    return list(x.columns) if isinstance(x, _Columns) else None


def to_pandas(x: Any) -> Any:
    """A table or a column of another library as one of pandas; a pandas object as it is.

    Whole numbers of 64 bits stay whole beside missing values: as floats, large ones would merge.
    """
    if isinstance(x, pd.DataFrame | pd.Series | pd.Index):
        return x
    if isinstance(x, _Lazy):
        x = x.collect()
    if is_arrow_stream(x):
        x = _arrow_table(x)
    found = x.to_pandas()
    several = isinstance(found, pd.DataFrame)
    columns = [column for _, column in found.items()] if several else [found]
    if not any(_merged(column) for column in columns):
        return found
    try:
        return x.to_pandas(types_mapper=_whole_numbers)
    except TypeError:  # not every library hands arguments on to pyarrow
        return found


def _arrow_table(x: Any) -> Any:
    """All rows of a stream of Arrow."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingPackageError(
            f"Reading a {type(x).__name__} needs pyarrow. Install it with `pip install pyarrow`."
        ) from error
    return pyarrow.table(x)


def _merged(column: Any) -> bool:
    """Whether it may have been a column of large whole numbers with gaps."""
    if not isinstance(column, pd.Series) or column.dtype != np.float64:
        return False
    return bool(column.isna().any() and (column.abs() >= _LARGEST_WHOLE).any())


def _whole_numbers(kind: Any) -> Any:
    """The dtype of pandas for a type of pyarrow; `None` for the usual one."""
    return {"int64": pd.Int64Dtype(), "uint64": pd.UInt64Dtype()}.get(str(kind))


def numpy_dtype_of(series: pd.Series) -> Any:
    """The dtype of the values alone: pandas' nullable and pyarrow dtypes hold one of NumPy."""
    dtype = series.dtype
    return dtype.numpy_dtype if isinstance(dtype, _Nullable) else dtype
