"""What the writing of some texts suggests about the runs of characters to look for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasnas.preprocessing.texts.alphabet import LETTER, SINGLE, SPACE, kind_of

_TEXTS = 300
_CHARACTERS = 300
_SHORT = 3.6  # letters of a word, below which a run of three is a whole word


def usual_runs(texts: Sequence[str] | np.ndarray) -> str:
    """Shorter runs of characters where single characters are words, or words are short.

    Args:
        texts: Training texts.
    """
    rows = np.unique(np.linspace(0, len(texts) - 1, _TEXTS).astype(int))
    letters = alone = words = 0
    for row in rows:
        before = SPACE
        for char in texts[row][:_CHARACTERS]:
            kind = kind_of(char)
            letters += kind in (LETTER, SINGLE)
            alone += kind == SINGLE
            words += kind == SINGLE or (kind == LETTER and before != LETTER)
            before = kind
    if not letters:
        return "3-5"
    return "1-4" if alone > 0.3 * letters or letters < _SHORT * words else "3-5"
