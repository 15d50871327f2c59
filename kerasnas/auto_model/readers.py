"""The reader of several inputs, each with its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.assembly import flat
from kerasnas.data import Reader, TableReader, chunks
from kerasnas.data.batches import is_batches
from kerasnas.data.dataset_parts import dataset_parts
from kerasnas.data.foreign import column_names, is_table, to_pandas
from kerasnas.data.names import did_you_mean, quoted
from kerasnas.errors import SchemaError

# Name in a file -> the module that holds the class; a file never names a module itself.
HOLDERS = {
    "ArrayReader": "kerasnas.data.arrays",
    "GapReader": "kerasnas.data.gaps",
    "ImageReader": "kerasnas.data.images",
    "SoundReader": "kerasnas.data.sound_reader",
    "TableReader": "kerasnas.data",
    "TextReader": "kerasnas.data.texts",
}

MOST_ROWS = 4096
"""Rows of one call, where the graph makes little of each."""

_BLOCK = 64  # what their number is rounded up to
_MOST = "most rows"  # in a file; no input can have a name with a space


@dataclass(frozen=True)
class InputsReader:
    """Reads a dict of inputs.

    Attributes:
        readers: Reader of each input, by name.
        most_rows: Most rows of one call: few where the graph makes much of each.
    """

    readers: Mapping[str, Reader]
    most_rows: int = MOST_ROWS

    def read(self, x: Any, estimator: str = "the model") -> dict[str, Any]:
        """Raw data by input.

        Raises:
            SchemaError: If an input is missing or unknown, numbers of rows differ, or an input's
                own reader refuses its data.
        """
        given = by_name(x, list(self.readers), estimator)
        raw = {}
        for name, reader in self.readers.items():
            try:
                raw[name] = reader.read(given[name], estimator)
            except SchemaError as error:
                raise SchemaError(f"Input `{name}`: {error}") from error
        return raw

    def whole(self) -> InputsReader:
        """The same, whose tables also give the numbers in which float32 loses digits."""
        readers = {
            name: replace(reader, whole=True) if isinstance(reader, TableReader) else reader
            for name, reader in self.readers.items()
        }
        return replace(self, readers=readers)

    def take(self, raw: Mapping[str, Any], index: np.ndarray) -> dict[str, Any]:
        """Some rows of all inputs."""
        return {name: reader.take(raw[name], index) for name, reader in self.readers.items()}

    def batches(self, raw: Mapping[str, Any]) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
        """Inputs of the exported model: one flat dict."""
        columns: dict[str, Any] = {}
        for name, reader in self.readers.items():
            columns.update(_columns(name, list(reader.batches(raw[name]))))
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"`{name}` {rows}" for name, rows in lengths.items())
            raise SchemaError(f"The inputs have different numbers of rows: {shown}.")
        for rows in _alike(columns):
            for index in chunks(len(rows), self.most_rows, min(_BLOCK, self.most_rows)):
                taken = rows[index]
                yield (
                    rows[np.unique(index)],
                    {name: _stacked(values, taken) for name, values in columns.items()},
                )

    def probe(self) -> dict[str, Any]:
        """A few rows of every input, as many as the shortest has."""
        probes = flat({name: reader.probe() for name, reader in self.readers.items()})
        rows = min(len(values) for values in probes.values())
        return {name: values[:rows] for name, values in probes.items()}

    def to_json(self) -> dict[str, Any]:
        """Class and content of every reader, by input; then the most rows, where they are few."""
        readers: dict[str, Any] = {
            name: {"reader": type(reader).__name__, "content": reader.to_json()}
            for name, reader in self.readers.items()
        }
        return {**readers, _MOST: self.most_rows} if self.most_rows < MOST_ROWS else readers

    @classmethod
    def from_json(cls, content: Any) -> InputsReader:
        """The reader that `to_json` wrote, or `SchemaError`."""
        if not isinstance(content, Mapping) or not content:
            raise SchemaError("The reader of several inputs must be a dict of readers by name.")
        readers: dict[str, Reader] = {}
        most = content.get(_MOST, MOST_ROWS)
        if not isinstance(most, int) or not 0 < most <= MOST_ROWS:
            raise SchemaError(f"The reader of several inputs answers {most!r} rows at once.")
        for name, part in content.items():
            if name == _MOST:
                continue
            kind = part.get("reader") if isinstance(part, Mapping) else None
            if kind not in HOLDERS:
                raise SchemaError(f"Input `{name}` has a reader {kind!r}, unknown here.")
            readers[name] = getattr(import_module(HOLDERS[kind]), kind).from_json(part["content"])
        return cls(readers, most)


def _columns(name: str, parts: list[tuple[np.ndarray, Any]]) -> dict[str, Any]:
    """What one reader calls the model with, by flat name, all rows in their order.

    Rows of one shape are one array; rows of several shapes (images of any size) are a list.
    """
    order = np.argsort(np.concatenate([index for index, _ in parts]), kind="stable")
    named = [(len(index), flat({name: inputs})) for index, inputs in parts]
    columns: dict[str, Any] = {}
    for key in named[0][1]:
        arrays = [part[key][:rows] for rows, part in named]
        if len({array.shape[1:] for array in arrays}) == 1:
            columns[key] = np.concatenate(arrays)[order]
        else:
            rows_of = [row for array in arrays for row in array]
            columns[key] = [rows_of[i] for i in order]
    return columns


def _alike(columns: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """Rows that can stand in one batch: those whose parts have the same shapes."""
    total = len(next(iter(columns.values())))
    ragged = [values for values in columns.values() if isinstance(values, list)]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in range(total):
        groups.setdefault(tuple(values[row].shape for values in ragged), []).append(row)
    yield from (np.array(rows) for rows in groups.values())


def _stacked(values: Any, rows: np.ndarray) -> np.ndarray:
    return np.stack([values[i] for i in rows]) if isinstance(values, list) else values[rows]


def _gathered(x: Any, names: list[str]) -> Any:
    """Nests a flat dict: the keys `facts.age` and `facts.city` become one dict under `facts`."""
    if not isinstance(x, Mapping):
        return x
    parts: dict[str, Any] = {name: x[name] for name in x if name not in names}
    found: dict[str, Any] = {name: x[name] for name in names if name in x}
    for name in names:
        own = [key for key in parts if isinstance(key, str) and key.startswith(f"{name}.")]
        if own and name not in found:
            found[name] = {key.removeprefix(f"{name}."): parts.pop(key) for key in own}
    return {**found, **parts} if found else x


def by_name(x: Any, names: list[str], estimator: str, what: str = "input") -> dict[str, Any]:
    """What the user gives for several inputs or outputs, by name.

    Args:
        x: A dict by name, perhaps flat; a frame with a column for each name, or a tuple or list in
            their order, where there are several; the data itself where there is one; or data that
            come batch by batch.
        names: The names.
        estimator: The name to use in errors.
        what: What they are names of.

    Raises:
        SchemaError: If one is missing, or none of the model's.
    """
    x = _gathered(dataset_parts(x).x if is_batches(x) else x, names)
    frame = isinstance(x, pd.DataFrame) or is_table(x)
    if frame and len(names) > 1 and set(names) <= set(column_names(x) or ()):
        x = dict(to_pandas(x).items())
    if isinstance(x, Mapping) and (len(names) > 1 or set(x) == set(names)):
        missing = [name for name in names if name not in x or x[name] is None]
        if missing:
            unknown = [str(name) for name in x if name not in names]
            hint = did_you_mean(missing[0], unknown)
            raise SchemaError(
                f"The {what} `{missing[0]}` is missing{hint}. {estimator} needs every {what} that "
                f"it was fitted with: {', '.join(names)}. Where a row has none, pass an empty or "
                "missing value in that row."
            )
        spare = [str(name) for name in x if name not in names]
        if spare:
            warnings.warn(
                f"{estimator} has no {what} {quoted(spare)}: it is ignored. Its {what}s are "
                f"{quoted(names)}.",
                UserWarning,
                stacklevel=3,
            )
        return {name: x[name] for name in names}
    if len(names) == 1:
        return {names[0]: x}
    if isinstance(x, tuple | list) and len(x) == len(names):
        return dict(zip(names, x, strict=True))
    raise SchemaError(
        f"{estimator} has {len(names)} {what}s ({', '.join(names)}): pass a dict by name, received "
        f"{type(x).__name__}."
    )
