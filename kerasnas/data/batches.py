"""Data that come batch by batch: `tf.data`, Keras's `PyDataset`, loaders, generators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerasnas.data import foreign
from kerasnas.data.room import fits
from kerasnas.errors import SchemaError

_TARGETS = ("label", "labels", "target", "targets", "y", "class", "classes")
_WEIGHTS = ("sample_weight", "sample_weights", "weight", "weights", "w")

Parts = tuple[Any, Any, Any]
"""Inputs, targets and weights of one element; `None` for what it does not have."""


def is_batches(x: Any) -> bool:
    """Whether data come batch by batch, perhaps with targets and weights."""
    return (
        foreign.is_dataset(x)
        or foreign.is_indexed(x)
        or foreign.is_loader(x)
        or (isinstance(x, Iterator) and not foreign.is_arrow_stream(x))
    )


def elements_of(x: Any) -> Iterator[Parts]:
    """The elements of data that come batch by batch, in order, each read once.

    An element is inputs, `(inputs, targets)`, `(inputs, targets, weights)`, or a dict with keys
    such as `image` and `label`.

    Raises:
        SchemaError: If the data say that they never end, or an element is none of these.
    """
    for element in raw_elements_of(x):
        yield parts_of(element)


def raw_elements_of(x: Any) -> Iterator[Any]:
    """As `elements_of`, the elements as they are.

    Raises:
        SchemaError: If the data say that they never end.
    """
    if foreign.is_dataset(x):
        if foreign.cardinality(x) == -1:
            raise SchemaError("The dataset never ends. Leave out `.repeat()`, or add `.take(...)`.")
        elements: Iterator[Any] = x.as_numpy_iterator()
    elif foreign.is_indexed(x):
        count = foreign.number_of_batches(x)
        if count is None:
            raise SchemaError(
                f"`x` is a {type(x).__name__} that never ends. Give it a number of batches."
            )
        elements = (x[number] for number in range(count))
    else:
        elements = iter(x)
    yield from elements


def parts_of(element: Any) -> Parts:
    """Inputs, targets and weights of one element.

    Raises:
        SchemaError: If it is no such thing.
    """
    if isinstance(element, Mapping):
        return _of_dict(element)
    if not isinstance(element, tuple | list):
        return element, None, None
    if not 1 <= len(element) <= 3:
        raise SchemaError(
            f"The dataset gives tuples of {len(element)} parts, expected (inputs, targets) or "
            "(inputs, targets, sample_weight)."
        )
    first, *rest = element
    if isinstance(first, Mapping):
        # Beside its targets, a column `class` or `weight` is an input like all others.
        found = (first, None, None) if rest else _of_dict(first)
        first = _alone(found[0])
        rest = rest or list(found[1:])
    y, weights = [*rest, None, None][:2]
    return first, y, weights


def joined_parts(parts: list[Any]) -> np.ndarray | None:
    """Targets or weights of all elements as one array; `None` where they have none.

    Raises:
        SchemaError: If only some elements have them.
    """
    known = [np.atleast_1d(np.asarray(part)) for part in parts if part is not None]
    if not known:
        return None
    if len(known) < len(parts):
        raise SchemaError(
            f"Only {len(known)} of the {len(parts)} elements of the dataset have targets or "
            "weights, expected all or none."
        )
    joined = np.concatenate(known)
    if joined.ndim == 2 and joined.shape[1] == 1:
        joined = joined[:, 0]
    return decoded(joined)


def decoded(array: np.ndarray) -> np.ndarray:
    """The array with bytes decoded to strings: `tf.data` gives every string as bytes."""
    if array.dtype.kind not in "OS":
        return array
    flat = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in array.ravel()]
    return np.array([*flat, None], dtype=object)[:-1].reshape(array.shape)


def one_input(inputs: Any) -> Any:
    """The inputs of an element, which must be no dict.

    Raises:
        SchemaError: If they are one.
    """
    if isinstance(inputs, Mapping):
        raise SchemaError(
            f"The dataset gives dicts with the keys {[str(key) for key in inputs]} for inputs, "
            'expected one. Add `.map(lambda row: (row["image"], row["label"]))` with your own keys.'
        )
    return inputs


def unpacked_rows(x: Any) -> tuple[list[Any], np.ndarray | None, np.ndarray | None]:
    """The rows of data that come batch by batch and fit into memory, batches taken apart.

    Returns:
        The inputs of each element as a list of arrays with a leading axis of rows, or of dicts of
        such; targets and weights, `None` where there are none.

    Raises:
        SchemaError: If there are none, or too many.
    """
    inputs, targets, weights, size = list[Any](), list[Any](), list[Any](), 0
    batched: bool | None = None
    for given, target, weight in elements_of(x):
        first = next(iter(given.values())) if isinstance(given, Mapping) else given
        if batched is None:
            batched = holds_several(np.asarray(first), target)
        rows = _arrays(given, batched)
        size += sum(part.nbytes for part in (rows.values() if isinstance(rows, dict) else [rows]))
        refuse_endless(size)
        inputs.append(rows)
        for kept, part in ((targets, target), (weights, weight)):
            array = None if part is None else np.asarray(part)
            kept.append(array if batched or array is None else array[None])
    if not inputs:
        raise SchemaError("The dataset is empty.")
    return inputs, joined_parts(targets), joined_parts(weights)


def refuse_endless(size: int) -> None:
    """Raises `SchemaError` where memory has no room for what was read of a dataset so far.

    Args:
        size: Bytes that were read.
    """
    if not fits(size):
        raise SchemaError(
            "The dataset has not ended after an eighth of the free memory is full of it: it may "
            "never end. Add `.take(n)`, or pass fewer rows."
        )


def _arrays(given: Any, batched: bool) -> Any:
    if isinstance(given, Mapping):
        return {str(name): _arrays(part, batched) for name, part in given.items()}
    array = np.asarray(given)
    return array if batched else array[None]


def holds_several(first: np.ndarray, target: Any) -> bool:
    """Whether an element is a batch of rows."""
    if first.ndim == 0:
        return False
    if target is not None:
        return np.shape(target)[:1] == first.shape[:1]
    return first.dtype.kind in "OSU" or first.ndim > 1


def _of_dict(element: Mapping[Any, Any]) -> Parts:
    targets = [key for key in element if str(key).lower() in _TARGETS]
    weights = [key for key in element if str(key).lower() in _WEIGHTS]
    inputs = {key: part for key, part in element.items() if key not in (*targets, *weights)}
    if not inputs or len(targets) > 1 or len(weights) > 1:
        raise SchemaError(
            f"The dataset gives dicts with the keys {[str(key) for key in element]}, expected some "
            "inputs and at most one of `label` and of `sample_weight`."
        )
    y = element[targets[0]] if targets else None
    return _alone(inputs), y, element[weights[0]] if weights else None


def _alone(inputs: Any) -> Any:
    """The only input of a dict of one; anything else as it is."""
    one = isinstance(inputs, Mapping) and len(inputs) == 1
    return next(iter(inputs.values())) if one else inputs
