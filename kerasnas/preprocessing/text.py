"""Text columns inside a table: TF-IDF of the most frequent words and word pairs."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers, ops

from kerasnas.preprocessing.features import ColumnFeatures

_MAX_TERMS = 256
_NGRAMS = (1, 2)
# What `TextVectorization` does to a text before it splits it, so that fitting sees the same words.
_PUNCTUATION = r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']'


def word_pairs(texts: np.ndarray) -> list[list[bytes]]:
    """Words and word pairs of each text, cut as `keras.layers.TextVectorization` cuts them."""
    cleaned = tf.strings.regex_replace(
        tf.strings.lower(tf.constant(texts.astype(object))), _PUNCTUATION, ""
    )
    words = tf.strings.split(cleaned)
    found: list[list[bytes]] = tf.strings.ngrams(words, _NGRAMS, separator=" ").to_list()
    return found


class TextColumn:
    """Fitted vocabulary and weights of one text column.

    Args:
        name: Column name.
        values: Training rows, array of strings of shape `(rows,)`, missing = "".
    """

    def __init__(self, name: str, values: np.ndarray) -> None:
        self.name = name
        documents = Counter(term for found in word_pairs(values) for term in set(found))
        least = 2 if len(values) < 1000 else 5
        ordered = sorted(documents.items(), key=lambda item: (-item[1], item[0]))
        # NumPy's strings, through which Keras takes a vocabulary, drop NUL characters at the end.
        known = [(term, count) for term, count in ordered if not term.endswith(b"\0")]
        kept = [(term, count) for term, count in known[:_MAX_TERMS] if count >= least]
        self.vocabulary = [term.decode("utf-8", "replace") for term, _ in kept]
        self.weights = [1.0 + math.log((1 + len(values)) / (1 + count)) for _, count in kept]

    def build(self, x: Any) -> ColumnFeatures:
        """Adds the features to a graph.

        Args:
            x: Symbolic string tensor of shape `(batch, 1)`.
        """
        if not self.vocabulary:
            # No word occurs twice: all there is to know is whether there is a text.
            empty = layers.StringLookup(vocabulary=[""])(x)
            return ColumnFeatures(
                [ops.cast(empty, "float32")], [f"{self.name} is missing"], [self.name]
            )
        vectorize = layers.TextVectorization(
            ngrams=_NGRAMS,
            output_mode="tf_idf",
            vocabulary=self.vocabulary,
            idf_weights=self.weights,
        )
        # A flat vector of texts: of a matrix with one column, Keras infers a wrong symbolic shape.
        counts = vectorize(ops.reshape(x, (-1,)))[:, 1:]  # without the unknown words
        length = ops.sqrt(ops.sum(ops.square(counts), axis=1, keepdims=True))
        # Unit length times the root of a typical number of known terms: entries of order one.
        scaled = counts / ops.maximum(length, 1e-6) * 3.0
        names = [f"{self.name} has '{term}'" for term in self.vocabulary]
        return ColumnFeatures([scaled], names, [self.name] * len(names))
