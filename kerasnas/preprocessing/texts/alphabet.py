"""Characters as numbers: which ones are variants of one another, and what each is in a text.

Keras lower-cases ASCII only and knows nothing of Unicode's forms. Here every character that may
come has an entry of its own in a frozen vocabulary, and a frozen table gives variants the same
number: capital and small letters, full-width forms, composed letters and their parts.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

SPACE, LETTER, SINGLE, SYMBOL, JOINER, MARK = range(6)
"""Kinds of characters: between words; of a word; a word of its own in scripts without spaces;
punctuation, emoji and the like; part of a word only between letters; belongs to the one before."""

CODE_BITS = 20  # of each of the two numbers that stand for a character: exact in float32
COLUMNS = ("high", "low", "kind", "capital", "digit", "symbol")
"""Columns of the table of an alphabet."""

_MOST = 30_000  # characters of a vocabulary
_UNKNOWN = "unknown"
_QUOTES = str.maketrans("‘’‛ʼ＇“”„‟«»–—―‐‑−", '\'\'\'\'\'""""""------')
_JOINERS = frozenset("'·")
# Letters of scripts that put no spaces between words.
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Japanese syllables
    (0x3400, 0x9FFF),  # Chinese characters
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
# Written for the looks of it, or left out by most writers: variation selectors, the vowel points of
# Hebrew and Arabic, Arabic lengthening and the like.
_IGNORED_SPANS = (
    (0xFE00, 0xFE0F),
    (0xE0100, 0xE01EF),
    (0x0591, 0x05BD),
    (0x05BF, 0x05C7),
    (0x064B, 0x0652),
    (0x0670, 0x0670),
)
_IGNORED = frozenset("\u0640\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


@dataclass(frozen=True, eq=False)
class Alphabet:
    """The characters that a graph knows, and what it knows of them.

    Attributes:
        characters: One string a character, for `keras.layers.TextVectorization`.
        table: float32 matrix `(characters + 2, len(COLUMNS))`; row 0 is padding, row 1 any other
            character.
        marks: Whether any of the characters belongs to the one before it.
    """

    characters: list[str]
    table: np.ndarray
    marks: bool


def fit_alphabet(texts: Iterable[str], *, fold_case: bool = True) -> Alphabet:
    """The characters of some texts and all their variants.

    Args:
        texts: Training texts.
        fold_case: Whether capital and small letters are the same.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    # NumPy's strings, through which Keras takes a vocabulary, drop NUL characters.
    counts.pop("\0", None)
    seen = [char for char, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    parts = {part for char in seen for part in components(char, fold_case)}
    # What each character counts as; a letter with an accent never seen counts without it.
    known = {char: components(char, fold_case) for char in [*seen, *sorted(parts)]}
    for char in _variable():
        found = components(char, fold_case)
        kept = tuple(c for c in found if c in parts or kind_of(c) != MARK)
        if kept and parts.issuperset(kept):
            known.setdefault(char, kept)
    characters = list(known)[:_MOST]
    rows = [_row(char, known[char]) for char in characters]
    kinds = Counter(row[2] for row, char in zip(rows, characters, strict=True) if char in counts)
    unknown = SINGLE if kinds[SINGLE] > kinds[LETTER] else LETTER
    table = [[0.0] * len(COLUMNS), [*_code((_UNKNOWN,)), float(unknown), 0.0, 0.0, 0.0], *rows]
    return Alphabet(
        characters=characters or [" "],
        table=np.array(table if characters else [*table, _row(" ", ())], dtype="float32"),
        marks=any(row[2] == MARK for row in rows),
    )


@lru_cache(maxsize=200_000)
def components(char: str, fold_case: bool = True) -> tuple[str, ...]:
    """What a character consists of, the same for all its variants; nothing for ignored ones."""
    form = unicodedata.normalize("NFKC", char).translate(_QUOTES)
    if fold_case:
        form = form.casefold()
    form = unicodedata.normalize("NFKD", form)
    return tuple(c for c in form if not _is_ignored(c) and not c.isspace())


@lru_cache(maxsize=200_000)
def kind_of(char: str) -> int:
    """The kind of a character."""
    if _is_ignored(char):
        return MARK
    if char.isspace() or unicodedata.category(char) in ("Cc", "Zs", "Zl", "Zp"):
        return SPACE
    if unicodedata.category(char)[0] == "M" or 0x1160 <= ord(char) <= 0x11FF:
        return MARK
    found = components(char)
    first = found[0] if found else char
    if first in _JOINERS:
        return JOINER
    category = unicodedata.category(first)
    if category[0] in "LN" or first == "_":
        point = ord(first)
        alone = any(low <= point <= high for low, high in _WITHOUT_SPACES)
        return SINGLE if alone and category[0] == "L" else LETTER
    return SYMBOL


def _is_ignored(char: str) -> bool:
    point = ord(char)
    if any(low <= point <= high for low, high in _IGNORED_SPANS):
        return True
    return char in _IGNORED or unicodedata.category(char) == "Cf"


def _code(parts: tuple[str, ...]) -> tuple[float, float]:
    """Two whole numbers for a set of parts: sums, so that order and composition do not matter."""
    total = 0
    for part in parts:
        total += int.from_bytes(blake2b(part.encode(), digest_size=5).digest(), "big")
    return float(total >> CODE_BITS), float(total % 2**CODE_BITS)


def _row(char: str, parts: tuple[str, ...]) -> list[float]:
    kind = kind_of(char)
    high, low = (0.0, 0.0) if kind == SPACE else _code(parts)
    flags = [char.isupper(), char.isdigit(), kind in (SYMBOL, JOINER)]
    return [high, low, float(kind), *map(float, flags)]


@lru_cache(maxsize=1)
def _variable() -> tuple[str, ...]:
    """All characters that are a form of another one, but for syllables that are many."""
    spans = [(0x20, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000), (0x10400, 0x10450)]
    spans.append((0x1D400, 0x1D800))  # letters in fancy type
    chars = (chr(p) for low, high in spans for p in range(low, min(high, sys.maxunicode)))
    return tuple(c for c in chars if c.isprintable() and components(c) != (c,))
