"""From raw strings to numbered characters, in a graph of built-in Keras layers.

All arrays are `(batch, characters)` with at least one space at either end. A character here is what
a reader takes for one: a letter together with its accents or vowel signs, whether it was written as
one code point or several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers, ops

from kerasnas.preprocessing.texts.alphabet import (
    CODE_BITS,
    COLUMNS,
    JOINER,
    LETTER,
    MARK,
    SINGLE,
    SPACE,
    SYMBOL,
    Alphabet,
)


@dataclass(frozen=True, eq=False)
class Characters:
    """Symbolic tensors.

    Attributes:
        code: int64, a number for each character, the same for all variants; 0 for a space.
        kind: float32, its kind.
        counts: float32 `(batch, 4)`: raw characters that are no space, and how many of them are
            capitals, digits and symbols.
    """

    code: Any
    kind: Any
    counts: Any

    @property
    def visible(self) -> Any:
        """Whether a character is no space."""
        return ops.not_equal(self.kind, float(SPACE))


@dataclass(frozen=True, eq=False)
class Words:
    """Symbolic tensors of shape `(batch, characters)`; words first, the rest is to be ignored.

    Attributes:
        code: int64, a number for each word.
        real: Whether there is a word.
        number: float32 `(batch, 1)`, how many words there are.
    """

    code: Any
    real: Any
    number: Any


_AFTER = 8  # spaces behind every text: the farthest that `shift` may look ahead is within them
# Odd, so that multiplying by it can be undone; int64 arithmetic wraps around.
_BASE = 0x1E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64) - (2**64 if pow(_BASE, -1, 2**64) >= 2**63 else 0)


def read_characters(x: Any, alphabet: Alphabet, longest: int) -> Characters:
    """Adds the reading of characters to a graph.

    Args:
        x: Symbolic string tensor of shape `(batch, 1)`.
        alphabet: The characters to know.
        longest: Characters of a text to look at.
    """
    vectorize = layers.TextVectorization(
        standardize=None, split="character", vocabulary=alphabet.characters
    )
    index = vectorize(ops.reshape(x, (-1,)))[:, :longest]
    index = ops.pad(index, [[0, 0], [1, _AFTER]])
    row = constant_table(alphabet.table)(index)
    columns = {name: row[..., i] for i, name in enumerate(COLUMNS)}
    code = _whole(columns["high"]) * 2**CODE_BITS + _whole(columns["low"])
    kind = columns["kind"]
    seen = ops.cast(
        ops.logical_and(ops.not_equal(kind, SPACE), ops.not_equal(kind, MARK)), "float32"
    )
    counted = [seen, *(columns[name] for name in ("capital", "digit", "symbol"))]
    counts = ops.stack([ops.sum(c, axis=1) for c in counted], axis=1)
    if alphabet.marks:
        code, kind = _joined(code, kind)
    return Characters(code, kind, counts)


def words(characters: Characters) -> Words:
    """Adds the cutting into words: runs of letters, and every symbol and unspaced letter alone."""
    kind = characters.kind
    letter = ops.equal(kind, LETTER)
    joins = ops.logical_and(
        ops.equal(kind, JOINER), ops.logical_and(shift(letter, 1), shift(letter, -1))
    )
    inside = ops.logical_or(letter, joins)
    alone = ops.logical_or(ops.equal(kind, SINGLE), ops.equal(kind, SYMBOL))
    alone = ops.logical_or(alone, ops.logical_and(ops.equal(kind, JOINER), ops.logical_not(joins)))
    first = ops.logical_or(alone, ops.logical_and(inside, ops.logical_not(shift(inside, 1))))
    last = ops.logical_or(alone, ops.logical_and(inside, ops.logical_not(shift(inside, -1))))
    # Sums of the codes, weighted by place, up to each character: a word is a difference of two,
    # with the place of its first character divided out.
    ones = ops.ones_like(characters.code)
    place = ops.cumsum(ones, axis=1) - 1
    total = ops.cumsum(characters.code * ops.cumprod(ones * _BASE, axis=1), axis=1)
    total = ops.pad(total, [[0, 0], [1, 0]])
    undo = ops.cumprod(ones * _INVERSE, axis=1)
    # The final space stands for a word that is not there.
    end = ops.max(place, axis=1, keepdims=True)
    begin = ops.sort(ops.where(first, place, end), axis=1)
    stop = ops.sort(ops.where(last, place, end), axis=1)
    code = ops.take_along_axis(total, stop + 1, axis=1) - ops.take_along_axis(total, begin, axis=1)
    number = ops.sum(ops.cast(first, "float32"), axis=1, keepdims=True)
    return Words(
        code=code * ops.take_along_axis(undo, begin, axis=1),
        real=ops.cast(place, "float32") < number,
        number=number,
    )


def shift(x: Any, places: int) -> Any:
    """The array moved along its second axis, zeros moving in: by 1 each sees the one before it."""
    if places == 0:
        return x
    if places > 0:
        moved = ops.pad(ops.cast(x[:, :-places], _paddable(x)), [[0, 0], [places, 0]])
    else:
        moved = ops.pad(ops.cast(x[:, -places:], _paddable(x)), [[0, 0], [0, -places]])
    return ops.cast(moved, x.dtype)


def constant_table(values: np.ndarray) -> layers.Embedding:
    """A look-up from integers to the rows of a matrix, which training leaves alone."""
    table = layers.Embedding(
        len(values), values.shape[1], trainable=False, embeddings_initializer="zeros"
    )
    table.build()
    table.set_weights([values.astype("float32")])
    return table


def _whole(x: Any) -> Any:
    return ops.cast(x, "int64")


def _paddable(x: Any) -> str:
    return "int32" if x.dtype == "bool" else x.dtype


def _joined(code: Any, kind: Any) -> tuple[Any, Any]:
    """Marks become part of the character before them: codes are added up, places close up."""
    ones = ops.ones_like(code)
    place = ops.cumsum(ones, axis=1) - 1
    size = ops.max(place, axis=1, keepdims=True) + 1
    begin = ops.sort(ops.where(ops.not_equal(kind, MARK), place, size), axis=1)
    following = ops.concatenate([begin[:, 1:], size], axis=1)
    total = ops.pad(ops.cumsum(code, axis=1), [[0, 0], [1, 0]])
    joined = ops.take_along_axis(total, following, axis=1)
    joined = joined - ops.take_along_axis(total, begin, axis=1)
    closed = ops.take_along_axis(ops.pad(kind, [[0, 0], [0, 1]]), begin, axis=1)
    return ops.where(ops.equal(closed, SPACE), 0, joined), closed
