"""What the model learns to answer: labels or numbers, and back again in the user's own type."""

import re
import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.column_guess import guess_column
from kerasnas.data.foreign import numpy_dtype_of, shape_of
from kerasnas.data.one_hot import class_labels
from kerasnas.data.target_input import (
    check_same_length,
    count,
    listed_rows,
    read_target,
    refuse_missing,
    split_target,
)
from kerasnas.data.written import (
    WrittenDates,
    WrittenNumbers,
    written_from_json,
    written_to_json,
)
from kerasnas.errors import SchemaError

__all__ = [
    "ClassTarget",
    "RegressionTarget",
    "check_same_length",
    "fit_class_target",
    "fit_regression_target",
    "split_target",
]

LARGEST_TARGET = 1e150
"""Largest target of a regression: float64 holds its square."""

_LABEL_DTYPE = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|object|<U\d+")
_LABEL_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}


@dataclass(frozen=True, eq=False)
class ClassTarget:
    """The labels of a classifier.

    Attributes:
        classes_: the distinct labels of shape (k,), sorted, in the dtype of the user's labels
            (nullable and category dtypes become NumPy's; strings become object).
    """

    classes_: np.ndarray

    def __post_init__(self) -> None:
        classes = np.array(self.classes_)
        classes.setflags(write=False)
        object.__setattr__(self, "classes_", classes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassTarget):
            return NotImplemented
        same = self.classes_.dtype == other.classes_.dtype
        return same and self.classes_.tolist() == other.classes_.tolist()

    def __hash__(self) -> int:
        return hash((str(self.classes_.dtype), *self.classes_.tolist()))

    def encode(self, y: Any) -> np.ndarray:
        """Return the place of every label in `classes_`, int32 of shape (n,).

        Raises:
            SchemaError: missing labels, or labels that `fit` did not see.
        """
        labels = _labels(y)
        index = pd.Index(self.classes_.astype(object), dtype=object)
        places = index.get_indexer(pd.Index(labels.astype(object), dtype=object))
        unknown = np.flatnonzero(places < 0)
        if len(unknown):
            distinct = list(dict.fromkeys(labels[unknown].tolist()))
            amount = "1 label" if len(distinct) == 1 else f"{len(distinct)} labels"
            known = ", ".join(repr(label) for label in self.classes_[:8].tolist())
            more = ", ..." if len(self.classes_) > 8 else ""
            raise SchemaError(
                f"`y` has {amount} not seen in fit (first: {distinct[0]!r} in row {unknown[0]}); "
                f"expected one of {known}{more}. Pass labels as in fit, or refit."
            )
        return places.astype(np.int32)

    def decode(self, indices: Any) -> np.ndarray:
        """Return the labels at `indices`, any shape, in the user's own label type."""
        return self.classes_[np.asarray(indices)]

    def to_json(self) -> dict[str, Any]:
        """Return the labels, each with its type, as plain dicts, lists and scalars."""
        labels = [[type(label).__name__, label] for label in self.classes_.tolist()]
        return {"dtype": str(self.classes_.dtype), "labels": labels}

    @classmethod
    def from_json(cls, content: Any) -> "ClassTarget":
        """Return the target that `to_json` wrote.

        Raises:
            SchemaError: `content` is anything else.
        """
        if not isinstance(content, Mapping) or set(content) != {"dtype", "labels"}:
            raise SchemaError(
                f"A class target must be a dict of dtype and labels, got {content!r}."
            )
        dtype, pairs = content["dtype"], content["labels"]
        if not isinstance(dtype, str) or not _LABEL_DTYPE.fullmatch(dtype):
            raise SchemaError(f"Unknown dtype of class labels: {dtype!r}.")
        if not isinstance(pairs, list) or len(pairs) < 2:
            raise SchemaError(f"A class target needs a list of two labels or more, got {pairs!r}.")
        labels = np.empty(len(pairs), dtype=object)
        for place, pair in enumerate(pairs):
            labels[place] = _typed_label(pair)
        try:
            restored = cls(labels.astype(dtype))
        except (ValueError, OverflowError) as error:
            raise SchemaError(f"The class labels {pairs!r} are not of dtype {dtype}.") from error
        if restored.classes_.tolist() != labels.tolist() or len(set(labels.tolist())) < len(pairs):
            raise SchemaError(f"The class labels {pairs!r} are not distinct labels of {dtype}.")
        return restored


@dataclass(frozen=True)
class RegressionTarget:
    """The numbers that a regressor answers with.

    Attributes:
        written: How numbers in texts are written; `None` for numbers and for what Python reads.
    """

    written: WrittenNumbers | None = field(default=None, kw_only=True)

    def encode(self, y: Any) -> np.ndarray:
        """Return the target as a fresh float64 array of shape (n,).

        Raises:
            SchemaError: missing, infinite or not numeric values.
        """
        shape = shape_of(y)
        if shape is not None and len(shape) > 1 and shape[1] > 1:
            raise SchemaError(
                f"`y` has the shape {shape}, expected one number a row, shape (n,): y should be a "
                "1d array here. Several numbers a row are for `TabularRegressor`, or for an "
                "`AutoModel` with one `RegressionHead` for each."
            )
        series = read_target(y)
        refuse_missing(series)
        kind = cells.family(series)
        if kind == "complex":
            raise SchemaError("Complex data not supported: `y` must hold real numbers.")
        if kind in ("datetimes", "timedeltas"):
            since = "y" if kind == "timedeltas" else "(y - y.min())"
            raise SchemaError(
                f"`y` is {series.dtype}, expected numbers. Convert it, for example with "
                f"`{since}.dt.total_seconds()`."
            )
        values, bad = cells.to_numbers(series, self.written)
        rows = np.flatnonzero(bad)
        if len(rows):
            raise SchemaError(
                f"`y` has {len(rows)} values that are not numbers (first: "
                f"{series.iloc[int(rows[0])]!r} in row {rows[0]}), expected numbers. Convert them, "
                "or use a classifier for labels."
            )
        rows = np.flatnonzero(~np.isfinite(values))
        if len(rows):
            raise SchemaError(
                f"`y` has {count(len(rows), 'value')} not finite ({listed_rows(rows)}): Input y "
                "contains infinity or NaN. Drop or correct those rows."
            )
        rows = np.flatnonzero(np.abs(values) > LARGEST_TARGET)
        if len(rows):
            raise SchemaError(
                f"`y` has {count(len(rows), 'value')} beyond {LARGEST_TARGET:g} "
                f"({listed_rows(rows)}), whose squares are infinite. Divide `y` by a "
                "constant, or take logarithms."
            )
        return values

    def to_json(self) -> dict[str, Any]:
        """Return how texts are written, an empty dict for numbers."""
        return {} if self.written is None else {"written": written_to_json(self.written)}

    @classmethod
    def from_json(cls, content: Any) -> "RegressionTarget":
        """Return the target that `to_json` wrote, or raise `SchemaError`."""
        if not isinstance(content, Mapping) or set(content) - {"written"}:
            raise SchemaError(f"A regression target must be a dict of `written`, got {content!r}.")
        written = written_from_json(content.get("written"))
        if isinstance(written, WrittenDates):
            raise SchemaError(f"A regression target must be numbers, got {content!r}.")
        return cls(written=written)


def fit_regression_target(y: Any) -> RegressionTarget:
    """Learn how the targets of a regressor are written, where they are texts.

    Args:
        y: numbers of shape (n,), or texts such as "$1,200" or "3,5 %".
    """
    if y is None or (isinstance(y, np.ndarray) and y.dtype.kind in "biuf"):
        return RegressionTarget()
    shape = shape_of(y)
    if shape is not None and len(shape) > 1 and shape[1] > 1:
        return RegressionTarget()  # which `encode` refuses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `encode` warns of the same
        series = read_target(y)
    if cells.family(series) not in ("strings", "mixed") or not cells.to_numbers(series)[1].any():
        return RegressionTarget()
    column = guess_column(series, "y", str(series.dtype), "numeric")
    if not isinstance(column.written, WrittenNumbers):
        return RegressionTarget()
    if column.note is not None and not column.written.lenient and not column.written.gaps:
        note = column.note.split(". Correct")[0]
        warnings.warn(f"`y` {note}. Pass numbers if that is wrong.", UserWarning, stacklevel=2)
    return RegressionTarget(written=replace(column.written, lenient=False, gaps=()))


def fit_class_target(y: Any) -> ClassTarget:
    """Learn the labels of a classifier.

    Args:
        y: labels of shape (n,): whole numbers, truths or strings, in any array, list or Series.

    Raises:
        SchemaError: missing labels, one class only, continuous numbers, or labels of mixed types.
    """
    labels = _labels(y)
    if labels.dtype == object:
        types = sorted({type(label).__name__ for label in labels})
        odd = [row for row, label in enumerate(labels) if not isinstance(label, Hashable)]
        if odd:
            raise SchemaError(
                f"Unknown label type: `y` holds a {types[0]} in row {odd[0]}, expected one whole "
                "number, truth or string a row. Pass one label a row; `TabularClassifier` takes "
                "lists of labels."
            )
        if not set(types) <= set(_LABEL_TYPES):
            strange = [name for name in types if name not in _LABEL_TYPES]
            raise SchemaError(
                f"Unknown label type: `y` holds labels of the type {strange[0]}, which no file can "
                "hold, expected whole numbers, truths or strings. Convert them, for example with "
                "`[str(label) for label in y]`."
            )
        if len(types) > 1:
            raise SchemaError(
                f"Unknown label type: `y` mixes labels of the types {', '.join(types)}, expected "
                "one type. Convert them, for example with `y.astype(str)`."
            )
        classes = np.empty(len(distinct := sorted(set(labels.tolist()))), dtype=object)
        classes[:] = distinct
    else:
        classes = np.unique(labels)
    _warn_of_alike(classes)
    if len(classes) < 2:
        shown = "no labels" if not len(classes) else f"only {classes.tolist()[0]!r}"
        raise SchemaError(
            f"`y` must hold at least two classes, got one class: {shown} in {len(labels)} rows. A "
            "classifier cannot learn from that; check how `y` was selected."
        )
    _tell_texts(y, labels)
    return ClassTarget(classes)


def _tell_texts(y: Any, labels: np.ndarray) -> None:
    """Warn of labels that become texts, so that answers are not equal to them."""
    rows = y.to_numpy() if isinstance(y, pd.Series) else y
    known = (list, tuple, np.ndarray, pd.api.extensions.ExtensionArray)
    if not isinstance(rows, known) or not len(labels):
        return
    if isinstance(rows[0], bytes | pd.Interval):
        warnings.warn(
            f"`y` holds {type(rows[0]).__name__}, and the answers are texts: {labels[0]!r} for the "
            f"{rows[0]!r} in the first row. Pass texts to compare answers with them.",
            UserWarning,
            stacklevel=3,
        )


def _warn_of_alike(classes: np.ndarray) -> None:
    """Warn of labels that are most likely meant to be one."""
    groups: dict[str, list[str]] = {}
    for label in classes.tolist():
        if isinstance(label, str):
            groups.setdefault(" ".join(label.split()).casefold(), []).append(label)
    alike = [labels for labels in groups.values() if len(labels) > 1]
    if alike:
        shown = ", ".join(map(repr, alike[0][:3]))
        warnings.warn(
            f"`y` has labels that differ in blanks or capitals alone ({shown}): they are classes "
            "of their own. If they are one, pass `y.str.strip().str.lower()` as `y`.",
            UserWarning,
            stacklevel=3,
        )


def _labels(y: Any) -> np.ndarray:
    """Return checked labels of shape (n,) in their NumPy dtype; strings as given, else object."""
    y = class_labels(y)
    series = read_target(y)
    refuse_missing(series)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = cells.plain(series.astype(series.cat.categories.dtype))
    kind = cells.family(series)
    if kind == "complex":
        raise SchemaError("Complex data not supported: `y` must hold labels.")
    if kind in ("datetimes", "timedeltas"):
        raise SchemaError(
            f"Unknown label type: `y` is {series.dtype}, expected whole numbers, truths or "
            f"strings. "
            "Convert it, for example with `y.astype(str)`."
        )
    if kind == "numbers":
        values, _ = cells.to_numbers(series)
        broken = np.flatnonzero(~np.isfinite(values) | (values != np.rint(values)))
        if len(broken):
            row = int(broken[0])
            raise SchemaError(
                f"Unknown label type: continuous. `y` has {len(broken)} values that are no whole "
                f"numbers (first: {float(values[row])!r} in row {row}), expected class labels. Use "
                "a regressor for numbers, or bin them with `pandas.cut`."
            )
        if cells.is_object(series.dtype) and any(isinstance(v, Decimal) for v in series):
            return values.astype(np.int64)  # as databases give whole numbers
    if isinstance(y, np.ndarray) and y.dtype.kind == "U":
        return y.ravel().copy()
    if kind == "strings":
        return cells.to_strings(series)
    array = np.array(series.to_numpy(dtype=numpy_dtype_of(series)))
    return array.astype(array.dtype.newbyteorder("=")) if array.dtype != object else _unboxed(array)


def _unboxed(array: np.ndarray) -> np.ndarray:
    """Return objects with NumPy's scalars as Python's, which JSON and `repr` know."""
    result = np.empty(len(array), dtype=object)
    result[:] = [cell.item() if isinstance(cell, np.generic) else cell for cell in array]
    return result


def _typed_label(pair: Any) -> Any:
    """Return the label of a [type name, value] pair, checked."""
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise SchemaError(f"A class label must be a [type, value] pair, got {pair!r}.")
    expected = _LABEL_TYPES.get(pair[0])
    if expected is None or type(pair[1]) is not expected:
        raise SchemaError(f"The class label {pair[1]!r} is not of the type {pair[0]!r}.")
    return pair[1]
