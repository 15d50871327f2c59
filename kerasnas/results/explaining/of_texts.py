"""Which words of a text its answer rests on: the answer without each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

# Scripts without spaces have a word for each character, as the readers of texts have it.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]"
)
_MOST_RUNS = 500  # of one text; a longer text has several neighbouring words in a run


def word_values(
    answer: Callable[[Sequence[str]], np.ndarray], text: str
) -> list[tuple[str, int, float]]:
    """By how much the answer to a text falls without each of its words.

    Args:
        answer: One number for each text.
        text: The text.

    Returns:
        The word, its place in the text, and the value; in the order of the text.
    """
    runs = _runs(text)
    if not runs:
        return []
    texts = [text, *(text[:start] + " " + text[end:] for start, end in runs)]
    answers = answer(texts)
    falls = answers[0] - answers[1:]
    return [
        (text[start:end], start, float(fall))
        for (start, end), fall in zip(runs, falls, strict=True)
    ]


def _runs(text: str) -> list[tuple[int, int]]:
    """Words of a text; of a very long one several neighbouring words are one run."""
    words = [found.span() for found in _WORD.finditer(text)]
    several = -(-len(words) // _MOST_RUNS) or 1
    firsts = range(0, len(words), several)
    return [(words[i][0], words[min(i + several, len(words)) - 1][1]) for i in firsts]
