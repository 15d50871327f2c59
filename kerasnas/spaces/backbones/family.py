"""The family of networks on a pretrained backbone: first a head on it, then all of it trained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.clock import Deadline, Purpose
from kerasnas.preprocessing.texts.pieces import Pieces, Pooled
from kerasnas.spaces.backbones.encoder import by_depth, encoder, pooled
from kerasnas.spaces.backbones.preset import Backbone
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.grouped_adam import graded_adam
from kerasnas.spaces.vector_head import declared_strength, solve_scaled

FROZEN = "none"
TUNED = {FROZEN: 0.0, "half": 0.5, "all": 1.0}
POOLINGS = ("mean", "layers", "first")
_LENGTHS = (1, 2, 3, 4, 6, 8, 12)
_RATE = 0.03  # over the width: what suits wide networks is too little for narrow ones
_HEAD = 30.0  # times the rate of the backbone, at which its head learns: it begins with nothing
_DECAY = 0.01  # decoupled weight decay, times the rate
_STYLE = 0.1  # scale of the numbers of style beside those of unit variance
_CALL = 2**28  # bytes of what a layer makes of the rows that are predicted at once
_MOST_PAIRS = 6  # of columns to be compared


def backbone_form(hp: keras_tuner.HyperParameters, lengths: Sequence[int]) -> Pieces | Pooled:
    """The form of texts for the backbone: pieces where it is trained, vectors where it is not.

    Args:
        hp: Declares `backbone_tuned`, `backbone_pooling` and, where there is a choice,
            `backbone_length`.
        lengths: Most pieces of a text, to choose from; the first one is the default.
    """
    tuned = hp.Choice("backbone_tuned", list(TUNED), default=FROZEN)
    pooling = str(hp.Choice("backbone_pooling", list(POOLINGS), default="mean"))
    length = int(lengths[0])
    if len(lengths) > 1:
        length = int(hp.Choice("backbone_length", sorted(map(int, lengths)), default=length))
    return Pooled(length, pooling) if tuned == FROZEN else Pieces(length)


def frozen_head(
    hp: keras_tuner.HyperParameters, width: int, style: int, classes: int | None, multilabel: bool
) -> keras.Model:
    """A compiled linear model over the vectors of texts.

    Args:
        hp: Declares `backbone_strength`.
        width: Width of the vectors.
        style: Width of the numbers of style.
        classes: Number of classes or labels; `None` for regression.
        multilabel: Whether a text may have any number of labels.
    """
    declared_strength(hp, "backbone_strength")
    inputs = {
        "vectors": keras.Input((width,), name="vectors"),
        "style": keras.Input((style,), name="style"),
    }
    outputs = int(classes or 1)
    x = layers.Dense(outputs, name="of_vectors")(inputs["vectors"])
    x = x + layers.Dense(outputs, use_bias=False, name="of_style")(inputs["style"])
    return _compiled(inputs, x, classes, multilabel, keras.optimizers.Adam(0.003))


def solve_head(
    hp: keras_tuner.HyperParameters,
    model: keras.Model,
    view: Any,
    classes: int | None,
    deadline: Deadline,
) -> bool:
    """Solves for the weights of `frozen_head`.

    Args:
        hp: Its hyperparameters.
        model: What `frozen_head` has built.
        view: A `problem.View` with `vectors` and `style`.
        classes: Number of classes or labels; `None` for regression.
        deadline: When it has to be done.

    Returns:
        Whether there was time for it.
    """
    vectors = view.x["vectors"].astype("float64")
    mean, spread = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), 1e-6)

    def scaled(x: Any) -> np.ndarray:
        parts = [(x["vectors"] - mean) / spread, x["style"] * _STYLE]
        return np.concatenate(parts, axis=1).astype("float32")

    found = solve_scaled(scaled, view, classes, float(hp.get("backbone_strength")), deadline)
    if found is None:
        return False
    kernel, bias = found
    width = vectors.shape[1]
    of_vectors = kernel[:width] / spread[:, None]
    model.get_layer("of_vectors").set_weights([of_vectors, bias - mean @ of_vectors])
    model.get_layer("of_style").set_weights([kernel[width:] * _STYLE])
    return True


def fine_tuned(
    hp: keras_tuner.HyperParameters,
    backbone: Backbone,
    columns: int,
    length: int,
    style: int,
    classes: int | None,
    multilabel: bool,
) -> keras.Model:
    """A compiled network that ends in a head and begins with the backbone, to be trained gently.

    Args:
        hp: Declares `backbone_dropout`, `backbone_learning_rate` and `backbone_first_rate`.
        backbone: Sizes and weights.
        columns: Columns of text, read apart and compared.
        length: Pieces of each.
        style: Width of the numbers of style; 0 for none.
        classes: Number of classes or labels; `None` for regression.
        multilabel: Whether a text may have any number of labels.
    """
    dropout = float(hp.Choice("backbone_dropout", [0.0, 0.1, 0.2], default=0.1))
    rate = min(3e-4, max(2e-5, _RATE / backbone.width))
    rate = hp.Float("backbone_learning_rate", 5e-6, 1e-3, sampling="log", default=rate)
    tuned = TUNED[str(hp.get("backbone_tuned"))]
    inputs = {"tokens": keras.Input((columns * length,), dtype="int32", name="tokens")}
    if style:
        inputs["style"] = keras.Input((style,), name="style")
    pieces = keras.Input((length,), dtype="int32")
    network = encoder(backbone, length, dropout=dropout, tuned=tuned)
    vectors = by_depth(network, backbone)(pieces)
    pooling = str(hp.get("backbone_pooling"))
    encode = keras.Model(pieces, pooled(backbone, pieces, vectors, pooling), name="encoder")
    parts = [encode(inputs["tokens"][:, i * length : (i + 1) * length]) for i in range(columns)]
    x = compared(parts)
    x = layers.Dropout(dropout)(x) if dropout else x
    if style:
        x = layers.Concatenate()([x, inputs["style"]])
    x = layers.Dense(int(classes or 1), kernel_initializer="zeros", name="head")(x)
    given = inputs if style else inputs["tokens"]
    optimizer = graded_adam(
        keras.Model(given, x),
        network,
        rate,
        first=float(hp.Choice("backbone_first_rate", [1.0, 0.3, 0.1], default=0.3)),
        head=_HEAD,
        decay=_DECAY,
    )
    return _compiled(given, x, classes, multilabel, optimizer)


def backbone_recipe(hp: keras_tuner.HyperParameters, rows: int | None) -> Recipe:
    """How to train a network of this family; a head that is solved needs none of it.

    Args:
        hp: Declares `backbone_batch_size` where the backbone is trained.
        rows: Training rows, which set the default batch size.
    """
    if hp.get("backbone_tuned") == FROZEN:
        return Recipe(batch_size=64, schedule="cosine", patience=4, lengths=(8, 16, 32))
    default = 16 if rows is None or rows < 5_000 else 32
    size = int(hp.Choice("backbone_batch_size", [8, 16, 32, 64], default=default))
    return Recipe(
        batch_size=size,
        schedule="cosine",
        patience=3,
        lengths=_LENGTHS,
        purposes=(Purpose.FINE_TUNING,),
    )


def compared(parts: Sequence[Any]) -> Any:
    """Vectors of several columns side by side, with what they differ in and have in common."""
    if len(parts) == 1:
        return parts[0]
    pairs = list(combinations(parts, 2))[:_MOST_PAIRS]
    both = [t for a, b in pairs for t in (ops.abs(a - b), a * b)]
    return ops.concatenate([*parts, *both], axis=1)


def rows_at_once(backbone: Backbone, length: int) -> int:
    """Texts that can be answered at once without holding too much of a layer in memory."""
    row = 4 * length * (backbone.wide + 4 * backbone.width + 2 * backbone.heads * length)
    return int(min(4096, max(4, _CALL // row)))


def front_sizes(backbone: Backbone, columns: int, length: int) -> dict[str, float]:
    """What a backbone adds to a head on it: counts of `trial.measure`, by its rules."""
    width, wide = backbone.width, backbone.wide
    adds = backbone.layers * length * (4 * width * width + 2 * width * wide)
    held = length * (wide + 4 * width + 2 * backbone.heads * length)
    return {
        "params": float(backbone.params),
        "flops": float(2 * columns * adds),
        "peak_memory_bytes": 4.0 * (backbone.params + held),
    }


def _compiled(
    inputs: Any, logits: Any, classes: int | None, multilabel: bool, optimizer: Any
) -> keras.Model:
    losses = keras.losses
    answer, loss = logits, losses.MeanSquaredError()
    if classes is not None:
        answer = layers.Activation("sigmoid" if multilabel else "softmax")(logits)
        loss = losses.BinaryCrossentropy() if multilabel else losses.SparseCategoricalCrossentropy()
    model = keras.Model(inputs, answer)
    metrics = ["accuracy"] if classes is not None else []
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    return model
