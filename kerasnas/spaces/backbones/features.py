"""Vectors of many texts from a backbone that stays as it is, computed once."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasnas.preprocessing.texts.forms import Front
from kerasnas.spaces.backbones.encoder import pooled
from kerasnas.spaces.backbones.family import POOLINGS, compared, rows_at_once
from kerasnas.spaces.backbones.preset import Backbone

_STEP = 8  # pieces: texts of like length are cut to a multiple of it


def pooled_front(front: Front, backbone: Backbone, network: keras.Model, pooling: str) -> Front:
    """A graph from raw texts to their vectors, as the exported file holds it.

    Args:
        front: From raw texts to pieces.
        backbone: The backbone.
        network: Its `encoder`.
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


def vectors_of(
    backbone: Backbone,
    network: keras.Model,
    tokens: np.ndarray,
    seconds_left: Callable[[], float],
) -> dict[str, np.ndarray]:
    """What a backbone makes of texts, by pooling: float32 `(rows, width)`.

    Args:
        backbone: The backbone.
        network: Its `encoder`.
        tokens: Pieces of texts, int32 `(rows, length)`.
        seconds_left: How many seconds this may take.

    Raises:
        TimeoutError: If it would take longer.
    """
    pad = backbone.rules.number(backbone.rules.pad)
    counts = np.maximum((tokens != pad).sum(axis=1), 1)
    cut = np.minimum(tokens.shape[1], _STEP * -(-counts // _STEP))
    order = np.argsort(cut, kind="stable")
    found = {name: np.zeros((len(tokens), backbone.width), "float32") for name in POOLINGS}

    @tf.function(
        input_signature=[tf.TensorSpec((None, None), "int32")], autograph=False, jit_compile=False
    )
    def run(pieces: tf.Tensor) -> dict[str, tf.Tensor]:
        vectors = network(pieces, training=False)
        return {name: pooled(backbone, pieces, vectors, name) for name in POOLINGS}

    run(tokens[order[:2], : cut[order[0]]])  # tracing is not what will go on
    begin, done, total = time.perf_counter(), 0, int(cut.sum())
    start = 0
    while start < len(order):
        # The longest text of a batch, its last one, bounds the rows of it.
        stop = min(len(order), start + rows_at_once(backbone, int(cut[order[start]])))
        stop = min(stop, start + rows_at_once(backbone, int(cut[order[stop - 1]])))
        index = order[start:stop]
        out = run(tokens[index, : cut[index[-1]]])
        for name, values in found.items():
            values[index] = out[name].numpy()
        start, done = stop, done + int(cut[index].sum())
        needed = (time.perf_counter() - begin) / done * (total - done)
        if needed > seconds_left():
            raise TimeoutError(
                f"no time to read all texts with the backbone '{backbone.name}' ({needed:.0f} s "
                "more); a smaller one, a longer budget or fewer texts would do"
            )
    return found
