"""Categories: one-hot where they are few, indices for a trainable embedding where they are many.

Vocabularies are learned here and handed to `StringLookup` through its constructor: an adapted
look-up with a line feed or an empty string in its vocabulary does not survive saving.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from keras import layers, ops

from kerasnas.preprocessing.features import ColumnFeatures

MAX_ONE_HOT = 32  # categories, beyond which a column is embedded
_MAX_VOCABULARY = 10_000
_GROUP = 64  # columns that share one look-up; bounds the size of the table behind it


def learn_vocabulary(values: np.ndarray) -> list[str]:
    """The categories worth a slot of their own, most frequent first.

    A value of a long-tailed column that occurs fewer than three times in the training rows shares
    the slot of unknown values, so that this slot is trained too. A missing value (the empty string)
    is a category like any other. A value that ends in a NUL character counts as unknown: NumPy's
    strings, through which `StringLookup` takes its vocabulary, drop it there.

    Args:
        values: Training rows as strings, shape `(rows,)`.
    """
    counts = Counter(values.tolist())
    least = 3 if len(counts) > 10 and len(values) >= 200 else 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    known = [(value, count) for value, count in ordered if not value.endswith("\0")]
    kept = [value for value, count in known[:_MAX_VOCABULARY] if count >= least]
    # `StringLookup` refuses an empty vocabulary.
    return kept or [value for value, _ in known[:1]] or [""]


class CategoricalColumns:
    """Fitted vocabularies of the categorical columns.

    Args:
        columns: Training rows by column name, each an array of strings of shape `(rows,)`.
    """

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self.vocabularies = {name: learn_vocabulary(values) for name, values in columns.items()}
        self.one_hot = [n for n, v in self.vocabularies.items() if len(v) <= MAX_ONE_HOT]
        self.embedded = [n for n, v in self.vocabularies.items() if len(v) > MAX_ONE_HOT]

    @property
    def cardinalities(self) -> dict[str, int]:
        """Slots of each embedded column, the unknown one (index 0) included."""
        return {name: len(self.vocabularies[name]) + 1 for name in self.embedded}

    def build(self, inputs: dict[str, Any]) -> tuple[ColumnFeatures, list[Any]]:
        """Adds the encodings to a graph.

        Args:
            inputs: Symbolic string tensors of shape `(batch, 1)` by column name.

        Returns:
            The one-hot features, and a float32 tensor of indices `(batch, 1)` per embedded column.
        """
        features = ColumnFeatures([], [], [])
        for start in range(0, len(self.one_hot), _GROUP):
            self._build_one_hot(self.one_hot[start : start + _GROUP], inputs, features)
        indices = []
        for name in self.embedded:
            lookup = layers.StringLookup(vocabulary=self.vocabularies[name])
            indices.append(ops.cast(lookup(inputs[name]), "float32"))
        return features, indices

    def _build_one_hot(self, names: list[str], inputs: dict[str, Any], out: ColumnFeatures) -> None:
        """One look-up for a group: string -> shared index -> position in the one-hot vector."""
        union = sorted({value for name in names for value in self.vocabularies[name]})
        index = {value: i + 1 for i, value in enumerate(union)}
        table = np.zeros((len(names), len(union) + 1), dtype="float32")
        width = 0
        for row, name in enumerate(names):
            table[row] = width  # the slot of unknown values
            for slot, value in enumerate(self.vocabularies[name]):
                table[row, index[value]] = width + 1 + slot
            slots = [f"= {value}" if value else "is missing" for value in self.vocabularies[name]]
            out.names.extend(f"{name} {slot}" for slot in ("is unknown", *slots))
            out.owners.extend([name] * (len(slots) + 1))
            width += len(slots) + 1
        strings = [inputs[name] for name in names]
        joined = layers.Concatenate()(strings) if len(strings) > 1 else strings[0]
        shared = ops.cast(layers.StringLookup(vocabulary=union)(joined), "int32")
        offsets = np.arange(len(names), dtype="int32")[None, :] * table.shape[1]
        positions = layers.Embedding(table.size, 1, trainable=False, embeddings_initializer="zeros")
        flat = ops.squeeze(positions(ops.add(shared, offsets)), axis=-1)
        positions.set_weights([table.reshape(-1, 1)])
        encode = layers.CategoryEncoding(num_tokens=width, output_mode="multi_hot")
        out.tensors.append(ops.cast(encode(ops.cast(flat, "int32")), "float32"))
