"""From one form of texts to one vector a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.spaces.backbones.family import compared
from kerasnas.spaces.blocks.term_bag import averaged, deep_average
from kerasnas.spaces.blocks.text_conv import text_conv
from kerasnas.spaces.blocks.text_recurrent import text_recurrent
from kerasnas.spaces.blocks.text_transformer import text_transformer
from kerasnas.spaces.text_linear import term_inputs

BAGS = {"average": averaged, "deep": deep_average}
"""Families over weighted terms."""

READERS = {"conv": text_conv, "recurrent": text_recurrent, "transformer": text_transformer}
"""Families over tokens in their order."""


@dataclass(frozen=True, eq=False)
class TextShape:
    """What a network has to know of the form of texts that it takes.

    Attributes:
        size: Numbers that a term or token can have; of texts as vectors, their width.
        style: Width of the numbers of style; without any, the input is the tokens alone.
        columns: Columns of text, read apart and then compared.
        length: Tokens of one text; 0 for terms.
        vectors: Embeddings to begin with, `(size, width)`, or `None`.
    """

    size: int
    style: int = 0
    columns: int = 1
    length: int = 0
    vectors: np.ndarray | None = None


@dataclass(frozen=True)
class OneShape:
    """The same shape, whatever the form is.

    Attributes:
        shape: The shape.
    """

    shape: TextShape

    def __call__(self, form: Any) -> TextShape:
        """The shape."""
        return self.shape


def bag(
    hp: keras_tuner.HyperParameters, family: str, shape: TextShape
) -> tuple[dict[str, Any], Any]:
    """The inputs of a family over terms, and one vector for each text."""
    inputs = term_inputs(shape.style)
    with hp.conditional_scope("family", [family]):
        return inputs, BAGS[family](hp, inputs["terms"], inputs["weights"], shape.size)


def read(
    hp: keras_tuner.HyperParameters,
    family: str,
    shape: TextShape,
    readers: Sequence[str],
    vectors: bool,
) -> tuple[dict[str, Any], Any]:
    """The inputs of a family over tokens, and one vector for all columns of a text.

    Args:
        hp: Hyperparameters.
        family: One of `readers`.
        shape: The form of the texts.
        readers: The families of the space that share the hyperparameters of the embedding.
        vectors: Whether embeddings begin with pretrained vectors.
    """
    columns, length = shape.columns, shape.length
    inputs = {"tokens": keras.Input((columns * length,), dtype="int32", name="tokens")}
    if shape.style:
        inputs["style"] = keras.Input((shape.style,), name="style")
    tokens = keras.Input((length,), dtype="int32")
    with hp.conditional_scope("family", readers):
        x = _embedded(hp, tokens, shape, vectors)
    real = ops.cast(ops.not_equal(tokens, 0), "float32")
    with hp.conditional_scope("family", [family]):
        encode = keras.Model(tokens, READERS[family](hp, x, real), name="encoder")
    parts = [encode(inputs["tokens"][:, i * length : (i + 1) * length]) for i in range(columns)]
    return inputs, compared(parts)


def _embedded(hp: keras_tuner.HyperParameters, tokens: Any, shape: TextShape, vectors: bool) -> Any:
    width = hp.Choice("token_width", [32, 64, 128, 200], default=64)
    dropout = hp.Float("token_dropout", 0.0, 0.6, step=0.1, default=0.3)
    tuned = hp.Boolean("tune_vectors", default=False) if vectors else True
    if shape.vectors is None:
        x = layers.Embedding(shape.size, int(width))(tokens)
    else:
        table = layers.Embedding(*map(int, shape.vectors.shape), trainable=tuned)
        x = table(tokens)
        table.set_weights([shape.vectors])
    return layers.SpatialDropout1D(dropout)(x) if dropout else x
