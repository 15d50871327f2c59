"""Vectors of many texts from a backbone that stays as it is, computed once."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasnas.clock import Deadline, Margin, amount, seconds_of
from kerasnas.preprocessing.texts.forms import Front
from kerasnas.spaces.backbones.encoder import by_depth, encoder, pooled
from kerasnas.spaces.backbones.family import POOLINGS, compared, rows_at_once
from kerasnas.spaces.backbones.preset import Backbone

_STEP = 8  # pieces: texts of like length are cut to a multiple of it
_TIMED = 16  # texts of middling length whose reading is timed


def pooled_front(front: Front, backbone: Backbone, network: keras.Model, pooling: str) -> Front:
    """A graph from raw texts to their vectors, as the exported file holds it.

    Args:
        front: From raw texts to pieces.
        backbone: The backbone.
        network: Its `encoder`, as `by_depth` gives it.
        pooling: As in `pooled`.
    """
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), front.model.input
    )
    with warnings.catch_warnings():
        # A column whose name is no name for a layer: the dict is matched by its keys.
        warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")
        # The graph as one layer: names given before a trial would come again among new ones.
        found, parts = front.model(inputs), []
        for i in range(front.columns):
            pieces = found["tokens"][:, i * front.length : (i + 1) * front.length]
            parts.append(pooled(backbone, pieces, network(pieces), pooling))
        outputs = {"vectors": compared(parts), "style": found["style"]}
        model = keras.Model(inputs, outputs, name="kerasnas_preprocessing")
    return replace(front, model=model, size=int(outputs["vectors"].shape[-1]), length=0)


def side_by_side(vectors: np.ndarray, columns: int) -> np.ndarray:
    """Vectors of the texts of several columns, row by row, as `pooled_front` gives them.

    Args:
        vectors: `(rows * columns, width)`, those of one row next to each other.
        columns: Columns of text.
    """
    parts = [vectors[i::columns] for i in range(columns)]
    return parts[0] if columns == 1 else ops.convert_to_numpy(compared(parts))


class Frozen:
    """A backbone that stays as it is: what it makes of texts, and how long it takes.

    Args:
        backbone: Sizes and weights.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.network = by_depth(encoder(backbone), backbone)
        self._pad = backbone.rules.number(backbone.rules.pad)
        self._pace: float | None = None
        # Keras's own `predict` traces anew for every width.
        self._run = tf.function(
            self._vectors, input_signature=[tf.TensorSpec((None, None), "int32")], autograph=False
        )

    def vectors(self, tokens: np.ndarray, deadline: Deadline) -> dict[str, np.ndarray]:
        """Vectors of texts, by pooling: float32 `(rows, width or more)`.

        Args:
            tokens: Pieces of texts, int32 `(rows, length)`.
            deadline: When it has to be done.

        Raises:
            OutOfTime: If it would take longer.
        """
        cut = self._cut(tokens)
        self._check(int(cut.sum()), tokens, deadline, "to read all texts")
        latest = deadline.allowing(Margin.BACKBONE_LATE)
        order = np.argsort(cut, kind="stable")
        found: dict[str, np.ndarray] = {}
        start = 0
        while start < len(order):
            # The longest text of a batch, its last one, bounds the rows of it.
            stop = min(len(order), start + rows_at_once(self.backbone, int(cut[order[start]])))
            stop = min(stop, start + rows_at_once(self.backbone, int(cut[order[stop - 1]])))
            index = order[start:stop]
            out = self._run(tokens[index, : cut[index[-1]]])
            for name, values in out.items():
                if name not in found:
                    found[name] = np.zeros((len(tokens), values.shape[1]), "float32")
                found[name][index] = values.numpy()
            start = stop
            if start < len(order):
                latest.require(0.0, f"to read all texts with '{self.backbone.name}'")
        return found

    def check_training(self, tokens: np.ndarray, deadline: Deadline) -> None:
        """Whether there is time for one epoch of training and for answers to some texts.

        Args:
            tokens: Pieces of all texts, int32 `(rows, length)`.
            deadline: When it has to be done.

        Raises:
            OutOfTime: If there is not.
        """
        pieces = amount(Margin.BACKBONE_EPOCH) * tokens.size
        self._check(pieces, tokens, deadline, "to train on all texts")

    def _check(self, pieces: float, tokens: np.ndarray, deadline: Deadline, what: str) -> None:
        """Compares the pieces to read with the time there is."""
        if deadline.endless:
            return
        if self._pace is None:
            some = tokens[np.argsort(self._cut(tokens), kind="stable")[len(tokens) // 2 :][:_TIMED]]
            some = some[:, : int(self._cut(some).max())]
            self._run(some[:1])  # tracing is not what will go on
            self._pace = seconds_of(lambda: self._run(some)) / some.size
        with_it = f"{what} with the backbone '{self.backbone.name}'"
        deadline.require(
            self._pace * pieces, f"{with_it} (a smaller one, or fewer texts, would do)"
        )

    def _cut(self, tokens: np.ndarray) -> np.ndarray:
        """Pieces of each text, rounded up."""
        counts = np.maximum((tokens != self._pad).sum(axis=1), 1)
        return np.minimum(tokens.shape[1], _STEP * -(-counts // _STEP))

    def _vectors(self, pieces: Any) -> dict[str, Any]:
        found = self.network(pieces, training=False)
        return {name: pooled(self.backbone, pieces, found, name) for name in POOLINGS}
