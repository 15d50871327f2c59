"""Read the target that the user gives, whatever holds it, or take it out of the table."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import cells, foreign
from kerasnas.data.named_columns import take_columns
from kerasnas.data.odd_cells import refuse_no_values
from kerasnas.errors import DataTypeError, KerasNASError, SchemaError


def split_target(x: Any, y: Any) -> tuple[Any, Any]:
    """Take the target out of `x` if `y` is the name of one of its columns, of any type.

    Returns:
        `x` without the column and the column, or both arguments as they came.

    Raises:
        SchemaError: there is no such column.
    """
    taken = take_columns(x, y)
    return taken.x, taken.y


def check_same_length(x: Any, y: Any, name: str = "y") -> None:
    """Raise `SchemaError` unless `x` and `y` (called `name`) have as many rows."""
    rows, targets = (foreign.length_of(value) for value in (x, y))
    if rows != targets:
        raise SchemaError(
            f"`x` has {rows} rows and `{name}` has {targets}, expected one value a row. Found "
            f"input variables with inconsistent numbers of samples: [{rows}, {targets}]"
        )


def read_target(y: Any) -> pd.Series:
    """Return any target of shape (n,) or (n, 1) as a plain series with rows counted from 0."""
    try:
        found = _series_of(y)
    except KerasNASError:
        raise
    except (TypeError, ValueError) as error:  # such as a text with half a character
        raise SchemaError(
            f"`y` cannot be read as one value a row ({error}). Pass a list, an array or a Series "
            "of labels or numbers."
        ) from error
    refuse_no_values(found, "y")
    return found


def _series_of(y: Any) -> pd.Series:
    if y is None:
        raise SchemaError(
            "This estimator requires y to be passed, but the target y is None. Pass the target, "
            "or the name of its column in `x`, as `y`."
        )
    if foreign.is_densified(y):
        raise DataTypeError("`y` is sparse, expected a dense vector. Pass `y.toarray().ravel()`.")
    if foreign.is_table(y):
        y = foreign.to_pandas(y)
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        _warn_column_vector()
        y = y.iloc[:, 0]
    if isinstance(y, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return cells.plain(pd.Series(y).reset_index(drop=True))
    if isinstance(y, list | tuple):
        y = list(y)
        if not any(isinstance(label, list | tuple | np.ndarray) for label in y):
            return cells.plain(pd.Series(y, dtype=object).infer_objects())
    array = np.asarray(foreign.unmasked(y))
    if array.ndim == 0:
        raise SchemaError(
            f"y should be a 1d array, got an array of shape () instead: `y` is a "
            f"{type(y).__name__}, expected one label or number a row. Pass `list(y)`, or a column."
        )
    if array.ndim == 2 and array.shape[1] == 1:
        _warn_column_vector()
        array = array[:, 0]
    if array.ndim != 1:
        raise SchemaError(
            f"y should be a 1d array, got an array of shape {array.shape} instead. For one-hot "
            "labels pass `y.argmax(axis=1)`."
        )
    if array.dtype.kind in "US":
        array = np.array(array.astype(str), dtype=object)
    return (
        pd.Series(array, copy=True).infer_objects() if array.dtype != object else pd.Series(array)
    )


def _warn_column_vector() -> None:
    from sklearn.exceptions import DataConversionWarning  # slow to import, seldom needed

    warnings.warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y "
        "to (n_samples,), for example using ravel().",
        DataConversionWarning,
        stacklevel=5,
    )


def refuse_missing(series: pd.Series) -> None:
    """Raise `SchemaError` naming the rows of `y` that are missing, if any are."""
    rows = np.flatnonzero(series.isna())
    if len(rows):
        raise SchemaError(
            f"`y` has {count(len(rows), 'missing value')} ({listed_rows(rows)}): Input y contains "
            "NaN. Drop those rows from `x` and `y`, for example with `keep = y.notna()`."
        )


def count(amount: int, noun: str) -> str:
    """Write "1 value" or "3 values"."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def listed_rows(rows: np.ndarray, limit: int = 5) -> str:
    """Write "row 4" or "rows 4, 9, 17", cut after `limit` of them."""
    shown = ", ".join(str(row) for row in rows[:limit])
    return f"row{'' if len(rows) == 1 else 's'} {shown}{', ...' if len(rows) > limit else ''}"
