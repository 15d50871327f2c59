"""Data for a `build(hp)` of the user's own: anything that `keras.Model.fit` takes, checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from kerasnas.data import check_same_length
from kerasnas.data.foreign import cardinality, is_dataset, is_table, to_pandas
from kerasnas.errors import SearchSpaceError
from kerasnas.problem.split import split

log = logging.getLogger("kerasnas")

_ENDLESS = -1  # as `tf.data` says it


def as_arrays(data: Any) -> Any:
    """The same data, with every frame, column and list of numbers as an array.

    Tuples, lists and dicts around them stay. A frame with columns of strings beside columns of
    numbers is no one array: it becomes a dict of its columns. A missing string is the empty one.
    """
    if is_table(data):
        data = to_pandas(data)
    if isinstance(data, pd.DataFrame):
        columns = {str(name): _array_of(data.iloc[:, i]) for i, name in enumerate(data.columns)}
        of_objects = [array.dtype == object for array in columns.values()]
        alike = all(of_objects) or not any(of_objects) or len(columns) < data.shape[1]
        return _array_of(data) if alike else columns
    if isinstance(data, pd.Series):
        return _array_of(data)
    if isinstance(data, np.ndarray) and data.dtype == object:
        return _settled(data)
    if isinstance(data, list | tuple) and data and _is_numbers(data):
        return np.asarray(data)
    if isinstance(data, tuple | list) and type(data) in (tuple, list):
        return type(data)(as_arrays(item) for item in data)
    if isinstance(data, dict):
        return {name: as_arrays(item) for name, item in data.items()}
    return data


def _array_of(data: pd.DataFrame | pd.Series) -> np.ndarray:
    """The cells of a frame or a column; numbers of several or nullable types as float64."""
    kinds = data.dtypes if isinstance(data, pd.DataFrame) else [data.dtype]
    array: np.ndarray = data.to_numpy()
    if array.dtype == object and all(pd.api.types.is_numeric_dtype(kind) for kind in kinds):
        return data.to_numpy(dtype="float64", na_value=np.nan)
    return _settled(array) if array.dtype == object else array


def _settled(array: np.ndarray) -> np.ndarray:
    """Objects that are all strings or all numbers, where they are not missing, as a network reads.

    Anything else stays as it is.
    """
    missing = np.asarray(pd.isna(array))
    if missing.shape != array.shape:
        return array
    kinds = {type(cell) for cell in array[~missing]}
    if kinds and all(issubclass(kind, str | bytes) for kind in kinds):
        return np.where(missing, "", array) if missing.any() else array
    if kinds and all(issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        return np.where(missing, np.nan, array).astype("float64")
    return array


def as_targets(y: Any) -> Any:
    """Targets as `as_arrays` gives them; several outputs in a tuple become a list, as in Keras."""
    y = as_arrays(y)
    return list(y) if isinstance(y, tuple) else y


def as_validation(data: Any) -> Any:
    """`validation_data` with arrays likewise: inputs, targets, and weights where there are some."""
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        return as_arrays(data)
    return (as_arrays(data[0]), as_targets(data[1]), *map(as_targets, data[2:]))


def as_tensors(data: Any) -> Any:
    """The same data, with every array of strings as a tensor, as Keras's `fit` needs it."""
    if isinstance(data, tuple | list) and type(data) in (tuple, list):
        return type(data)(as_tensors(item) for item in data)
    if isinstance(data, dict):
        return {name: as_tensors(item) for name, item in data.items()}
    return tf.constant(data.tolist()) if is_text(data) and len(data) else data


def is_text(array: Any) -> bool:
    """Whether an array or a tensor holds nothing but strings."""
    if isinstance(array, tf.Tensor):
        return bool(array.dtype == tf.string)
    if not isinstance(array, np.ndarray):
        return False
    kind = array.dtype.kind
    return kind in "US" or (kind == "O" and all(isinstance(c, str | bytes) for c in array.flat))


def is_arrays(x: Any) -> bool:
    """Whether data are an array, or a structure of arrays."""
    return all(isinstance(a, np.ndarray | tf.Tensor) for a in tf.nest.flatten(x))


def settle_weights(sample_weight: Any, x: Any, y: Any = None) -> Any:
    """Weights of rows as an array, or as one for each output in a list or a dict.

    Args:
        sample_weight: The weights as the user has them.
        x: Inputs, whose rows are counted.
        y: Targets: a list of them takes a list of weights.

    Raises:
        SchemaError: If there are not as many as rows.
    """
    if sample_weight is None:
        return None
    by_output = isinstance(y, list) and isinstance(sample_weight, list | tuple)
    weights = [*map(as_arrays, sample_weight)] if by_output else as_arrays(sample_weight)
    if not isinstance(weights, list | tuple | dict):
        weights = np.asarray(weights)
    weights = list(weights) if isinstance(weights, tuple) else weights
    weights = tf.nest.map_structure(np.asarray, weights)
    rows = tf.nest.flatten(x)[0] if is_arrays(x) else x
    for part in tf.nest.flatten(weights):
        check_same_length(rows, part, "sample_weight")
    return weights


def check_repeatable(
    x: Any, validation_data: Any, trials: int | None, fit_kwargs: Mapping[str, Any]
) -> None:
    """Whether every trial can read all data, and come to their end.

    Args:
        x: Training data.
        validation_data: Rows to validate with.
        trials: Trials of the budget; `None` is any number.
        fit_kwargs: Further arguments of `fit`, `steps_per_epoch` and `validation_steps` among them.

    Raises:
        SearchSpaceError: If a generator would be empty after the first trial, or data never end.
    """
    sources = [
        ("x", x, "steps_per_epoch"),
        ("validation_data", validation_data, "validation_steps"),
    ]
    for name, data, steps in sources:
        given = fit_kwargs.get(steps) is not None
        if is_dataset(data) and cardinality(data) == _ENDLESS and not given:
            raise SearchSpaceError(
                f"`{name}` is a dataset that never ends. Pass `{steps}=`, or leave out `.repeat()`."
            )
        once = isinstance(data, Iterator) and not isinstance(data, keras.utils.PyDataset)
        if not once or (trials == 1 and name == "x"):
            continue
        if not given:
            raise SearchSpaceError(
                f"`{name}` is a {type(data).__name__}, which can be read once, and every trial "
                "reads all of it. Pass arrays, a `keras.utils.PyDataset` or a `tf.data.Dataset`, "
                "such as `tf.data.Dataset.from_generator(make, output_signature=...)`; or pass "
                f"`{steps}=` with a generator that never ends."
            )
        log.warning(
            "`%s` is a %s: every trial goes on reading it where the last one has stopped, and "
            "fails if it ends.",
            name,
            type(data).__name__,
        )


def held_out(x: Any, y: Any, weights: Any, share: float, seed: int) -> tuple[Any, Any, Any, Any]:
    """Splits arrays into training rows and random validation rows, stratified for labels.

    Returns:
        Inputs, targets and weights to train on, and what to validate with.

    Raises:
        SearchSpaceError: If there are no targets.
        SchemaError: If targets and inputs have not as many rows.
    """
    if y is None:
        raise SearchSpaceError("`search` needs `y`, or `validation_data` with a dataset in `x`.")
    rows = len(tf.nest.flatten(x)[0])
    for part in tf.nest.flatten(y):
        check_same_length(range(rows), part)
    labels = np.asarray(y).reshape(-1) if isinstance(y, np.ndarray | tf.Tensor) else None
    if labels is not None and (labels.dtype.kind not in "iub" or len(labels) != rows):
        labels = None
    found = split(rows, seed=seed, share=share, labels=labels)
    train, valid = found.train, found.valid

    def take(data: Any, index: np.ndarray) -> Any:
        return tf.nest.map_structure(lambda a: np.asarray(a)[index], data)

    validation: tuple[Any, ...] = (take(x, valid), take(y, valid))
    if weights is not None:
        validation = (*validation, take(weights, valid))
        weights = take(weights, train)
    return take(x, train), take(y, train), weights, validation


def form_of(data: Any) -> str:
    """What a dataset says of itself: the shapes and types of its elements, and how many it has."""
    if not is_dataset(data):
        return type(data).__name__
    return f"{data.element_spec} x {cardinality(data)}"


def _is_numbers(data: Any) -> bool:
    """Whether nested lists hold nothing but numbers or strings, so that they are one array."""
    if isinstance(data, list | tuple):
        return len(data) > 0 and all(_is_numbers(item) for item in data)
    return isinstance(data, int | float | str | np.generic)
