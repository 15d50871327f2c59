"""Data that come batch by batch in any structure, as arrays: inputs, targets, weights, all rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.batches import decoded, holds_several, raw_elements_of, refuse_endless
from kerasnas.data.foreign import is_dataset, is_flat_table, to_pandas
from kerasnas.data.named_columns import Taken
from kerasnas.data.names import quoted
from kerasnas.errors import SchemaError


def dataset_parts(x: Any) -> Taken:
    """Reads data to their end, batches taken apart.

    Args:
        x: Its elements are inputs, `(inputs, targets)` or `(inputs, targets, weights)`, each of
            them a tensor, a dict of tensors by name, or a tuple of tensors in the order of the
            names, in batches or one by one.

    Returns:
        Inputs, targets and weights: an array each, a list of arrays where rows have several shapes,
        or a dict or a tuple of these; `None` for what there is not.

    Raises:
        SchemaError: If they never end, are empty, or hold anything but dense tensors.
    """
    spec = x.element_spec if is_dataset(x) else None
    if spec is not None and any(type(leaf).__name__ != "TensorSpec" for leaf in _leaves(spec)):
        raise SchemaError(
            f"The dataset must give dense tensors, its elements are {spec}. Add `.map(...)`."
        )
    rows, size = list[tuple[Any, ...]](), 0
    for element in raw_elements_of(x):
        parts = tuple(element) if isinstance(element, tuple | list) else (element,)
        if not 1 <= len(parts) <= 3:
            raise SchemaError(
                f"The dataset must give inputs, `(inputs, targets)` or `(inputs, targets, "
                f"weights)`, received {len(parts)} parts. Add `.map(...)`."
            )
        try:
            size += sum(np.asarray(leaf).nbytes for leaf in _leaves(parts))
        except ValueError as error:
            raise SchemaError(
                "The dataset gives lists whose parts have several shapes. Give several inputs or "
                "targets as a dict by name, or as a tuple."
            ) from error
        refuse_endless(size)
        rows.append(parts)
    if not rows:
        raise SchemaError("The dataset is empty, expected rows.")
    batched = _is_batched(spec, rows[0])
    whole = [_joined([row[i] for row in rows], batched) for i in range(len(rows[0]))]
    inputs, y, weights = [*whole, None, None][:3]
    return Taken(inputs, _flat(y), _flat(weights))


def joined_tables(parts: Sequence[Any]) -> Any:
    """The parts of a table, of any library, as one of pandas; columns of one library likewise.

    Raises:
        SchemaError: If they have not all the columns of the first.
    """
    frames = [to_pandas(part) for part in parts]
    columns = [list(part.columns) if isinstance(part, pd.DataFrame) else [] for part in frames]
    for place, names in enumerate(columns):
        if sorted(map(str, names)) != sorted(map(str, columns[0])):
            raise SchemaError(
                f"The parts of a table must have the columns of the first, {quoted(columns[0])}: "
                f"part {place} has {quoted(names) or 'none'}. Rename them, or pass one table."
            )
    return pd.concat(frames, ignore_index=True)


def _leaves(data: Any) -> Iterator[Any]:
    if isinstance(data, Mapping):
        for part in data.values():
            yield from _leaves(part)
    elif isinstance(data, tuple):
        for part in data:
            yield from _leaves(part)
    elif data is not None:
        yield data


def _is_batched(spec: Any, first: tuple[Any, ...]) -> bool:
    """Whether an element holds several rows: all tensors have a first axis of the same length.

    Lengths that a dataset knows beforehand, and that agree by chance, belong to single rows, unless
    there are targets among the tensors. A single tensor of unknown length is a batch.
    """
    leaves = [np.asarray(leaf) for leaf in _leaves(first)]
    if any(leaf.ndim == 0 for leaf in leaves) or len({len(leaf) for leaf in leaves}) > 1:
        return False
    if spec is None:
        return holds_several(leaves[0], leaves[-1] if len(first) > 1 else None)
    known = {leaf.shape[0] if leaf.shape.rank else None for leaf in _leaves(spec)}
    return known == {None} or (len(known) == 1 and isinstance(spec, tuple))


def _joined(parts: list[Any], batched: bool) -> Any:
    """All rows of one part of the elements, in its structure."""
    if isinstance(parts[0], Mapping):
        return {str(n): _joined([part[n] for part in parts], batched) for n in parts[0]}
    if isinstance(parts[0], tuple):
        several = tuple(_joined(list(column), batched) for column in zip(*parts, strict=True))
        return several if len(several) > 1 else several[0]
    if isinstance(parts[0], pd.DataFrame) or is_flat_table(parts[0]):
        return joined_tables(parts)
    arrays = [np.asarray(part) for part in parts]
    rows = [row for part in arrays for row in part] if batched else arrays
    if len({np.shape(row) for row in rows}) > 1:
        return [decoded(np.asarray(row)) for row in rows]
    return decoded(np.concatenate(arrays) if batched else np.stack(arrays))


def _flat(values: Any) -> Any:
    """`(rows, 1)` as `(rows,)`, also in a dict or a tuple."""
    if isinstance(values, Mapping):
        return {name: _flat(part) for name, part in values.items()}
    if isinstance(values, tuple):
        return tuple(_flat(part) for part in values)
    narrow = isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1] == 1
    return values[:, 0] if narrow else values
