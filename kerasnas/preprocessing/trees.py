"""The form in which trees see a table: numbers as they are, categories as codes.

Trees need no scaling, and a one-hot column hides from them what a code shows. What is missing or
was never seen is NaN, which every library of trees has its own way with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasnas.data import MISSING_DATETIME, MISSING_INTEGER, Schema
from kerasnas.preprocessing.blocks import ColumnBlocks
from kerasnas.preprocessing.categorical import learn_vocabulary
from kerasnas.preprocessing.graph import Preprocessing
from kerasnas.preprocessing.moments import calendar, concatenated, pairs_of
from kerasnas.preprocessing.numeric import from_centre, whole_centres
from kerasnas.preprocessing.text import TextColumn

MAX_CODES = 250  # scikit-learn's boosting has 255 bins
_GROUP = 64  # columns that share one look-up
_LIMIT = 3e38  # infinities become this: forests refuse them
_NAN = np.full((1, 1), np.nan, dtype="float32")
_DAY = 86_400.0


def fit_tree_preprocessing(
    raw: Mapping[str, np.ndarray], schema: Schema, probe: Mapping[str, list[Any]] | None = None
) -> Preprocessing:
    """Fits the graph.

    Args:
        raw: Training rows, as `data.ingest` gives them for `schema`.
        schema: The columns; dropped ones do not enter the graph.
        probe: As in `Preprocessing`.

    Returns:
        A graph whose last columns are codes from 0 on, as many as `embedded` names; they may be
        NaN, as every other column may.
    """
    columns = schema.used
    blocks = ColumnBlocks.of(columns)
    inputs = blocks.inputs()
    by_name = {name: inputs[(name,)] for name in blocks.strings}
    tensors: list[Any] = []
    names: list[str] = []
    owners: list[str] = []
    if blocks.numbers:
        tensors.append(ops.clip(inputs[blocks.numbers], -_LIMIT, _LIMIT))
    if blocks.whole:
        centre = whole_centres(np.stack([raw[name] for name in blocks.whole], axis=1))
        x = inputs[blocks.whole]
        gone = ops.equal(x, MISSING_INTEGER)
        tensors.append(ops.where(gone, _NAN, from_centre(x, centre)))
    names += [*blocks.numbers, *blocks.whole]
    owners += [*blocks.numbers, *blocks.whole]
    if blocks.moments:
        _add_moments(list(blocks.moments), raw, inputs[blocks.moments], tensors, names, owners)
    for name in (c.name for c in columns if c.kind == "text"):
        features = TextColumn(name, raw[name]).build(by_name[name])
        tensors += features.tensors
        names += features.names
        owners += features.owners
    codes = [c.name for c in columns if c.kind == "categorical"]
    vocabularies = [_vocabulary(raw[name]) for name in codes]
    for start in range(0, len(codes), _GROUP):
        group = slice(start, start + _GROUP)
        tensors.append(_codes([by_name[name] for name in codes[group]], vocabularies[group]))
    return Preprocessing(
        model=keras.Model(list(inputs.values()), concatenated(tensors), name="preprocessing"),
        columns=columns,
        names=tuple(names + codes),
        owners=tuple(owners + codes),
        embedded={name: len(known) for name, known in zip(codes, vocabularies, strict=True)},
        probe=dict(probe or {}),
    )


def _vocabulary(values: np.ndarray) -> list[str]:
    """The most frequent categories; a missing value (the empty string) has no code."""
    known = [value for value in learn_vocabulary(values) if value]
    return known[:MAX_CODES] or ["\ufffd"]


def _codes(strings: list[Any], vocabularies: list[list[str]]) -> Any:
    """One look-up for a group of columns: string -> shared index -> code of its own column."""
    union = sorted({value for known in vocabularies for value in known})
    index = {value: i + 1 for i, value in enumerate(union)}
    table = np.full((len(vocabularies), len(union) + 1), -1.0, dtype="float32")
    for row, known in enumerate(vocabularies):
        for code, value in enumerate(known):
            table[row, index[value]] = code
    shared = ops.cast(layers.StringLookup(vocabulary=union)(concatenated(strings)), "int32")
    offsets = np.arange(len(vocabularies), dtype="int32")[None, :] * table.shape[1]
    look = layers.Embedding(table.size, 1, trainable=False, embeddings_initializer="zeros")
    code = ops.squeeze(look(ops.add(shared, offsets)), axis=-1)
    look.set_weights([table.reshape(-1, 1)])
    return ops.where(code < 0.0, _NAN, code)


def _add_moments(
    columns: list[str],
    raw: Mapping[str, np.ndarray],
    x: Any,
    tensors: list[Any],
    names: list[str],
    owners: list[str],
) -> None:
    """Days since a typical day, calendar parts, and days between columns."""
    values = np.stack([raw[name] for name in columns], axis=1)
    known = [v[v != MISSING_DATETIME] for v in values.T]
    middle = np.array([[int(np.median(v)) if v.size else 0 for v in known]], dtype="int64")
    missing = ops.equal(x, MISSING_DATETIME)
    filled = ops.where(missing, middle, x)

    def add(value: Any, labels: list[str], owned: list[str], gone: Any) -> None:
        tensors.append(ops.where(gone, _NAN, ops.cast(value, "float32")))
        names.extend(labels)
        owners.extend(owned)

    days = ops.cast(filled - middle, "float32") / _DAY
    add(days, [f"{name} in days" for name in columns], columns, missing)
    for part, (value, _) in sorted(calendar(filled).items()):
        add(value, [f"{name} {part}" for name in columns], columns, missing)
    pairs = pairs_of(len(columns))
    if pairs:
        first = np.array([a for a, _ in pairs], dtype="int32")
        second = np.array([b for _, b in pairs], dtype="int32")
        gap = ops.take(filled, first, axis=1) - ops.take(filled, second, axis=1)
        gone = ops.logical_or(ops.take(missing, first, axis=1), ops.take(missing, second, axis=1))
        labels = [f"{columns[a]} minus {columns[b]} in days" for a, b in pairs]
        add(ops.cast(gap, "float32") / _DAY, labels, [columns[a] for a, _ in pairs], gone)
