"""A few numbers about how a text is written, which its words do not say."""

from __future__ import annotations

from typing import Any

from keras import ops

from kerasnas.preprocessing.texts.characters import Characters, words

STYLE = ("characters", "words", "word length", "capitals", "digits", "symbols")


def style(characters: Characters) -> Any:
    """Adds the numbers named in `STYLE` to a graph: logarithms and shares, `(batch, 6)`."""
    counts = characters.counts
    seen = counts[:, :1]
    number = words(characters).number
    shares = counts[:, 1:] / ops.maximum(seen, 1.0)
    logarithms = [ops.log1p(seen), ops.log1p(number), ops.log1p(seen / ops.maximum(number, 1.0))]
    return ops.concatenate([*logarithms, shares], axis=1)
