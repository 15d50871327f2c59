"""Terms of a text as numbers: words, neighbouring words, and short runs of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from kerasnas.preprocessing.texts.characters import Characters, Words, shift, words

_FACTOR = 0x2545F4914F6CDD1D  # odd; int64 arithmetic wraps around
_DROPPED = 20  # low bits of a product, which depend on few bits of the code
_WORD = 0x1000  # tells words from runs of characters
_CHARACTER = 0x2000
_BEGIN, _END = 0x3001, 0x3002


@dataclass(frozen=True)
class Kinds:
    """Which terms to look for.

    Attributes:
        words: Longest run of neighbouring words; 0 for none.
        characters: Lengths of runs of characters inside a word and its two borders.
    """

    words: int = 2
    characters: tuple[int, ...] = (3, 4, 5)


def word_keys(found: Words) -> Any:
    """A number for every word, int64 `(batch, characters)`; 0 where there is none."""
    return _keys(found.code, found.real, _WORD + 1)


def word_terms(found: Words, longest: int) -> list[Any]:
    """A number for every run of up to `longest` neighbouring words; 0 where there is none.

    For runs of two and more the begin and the end of a text count as words: what a text begins with
    often tells most.
    """
    if longest < 1:
        return []
    keys = word_keys(found)
    parts = [keys]
    if longest == 1:
        return parts
    place = ops.cast(ops.cumsum(ops.ones_like(keys), axis=1) - 1, "float32")
    marked = ops.where(ops.equal(place, found.number), _END, keys)
    # Words are fewer than characters with the spaces at both ends, so there is room for both marks.
    marked = ops.pad(marked[:, :-1], [[0, 0], [1, 0]], constant_values=_BEGIN)
    code = marked
    for n in range(2, longest + 1):
        code = code * _FACTOR + shift(marked, 1 - n)
        real = ops.less_equal(place + float(n - 2), found.number)
        real = ops.logical_and(real, found.number > 0.5)
        parts.append(_keys(code, real, _WORD + n))
    return parts


def character_terms(characters: Characters, lengths: Sequence[int]) -> list[Any]:
    """A number for every run of characters that has a space nowhere but at its ends."""
    parts = []
    visible = characters.visible
    code, inside, some = characters.code, None, visible
    for n in range(1, max(lengths, default=0) + 1):
        if n > 1:
            code = code * _FACTOR + shift(characters.code, 1 - n)
            some = ops.logical_or(some, shift(visible, 1 - n))
        if n > 2:
            middle = shift(visible, 2 - n)
            inside = middle if inside is None else ops.logical_and(inside, middle)
        real = some if inside is None else ops.logical_and(some, inside)
        if n in lengths:
            parts.append(_keys(code, real, n))
    return parts


def character_keys(characters: Characters) -> Any:
    """A number for every character up to the last visible one, spaces too; 0 for none."""
    code, visible = characters.code[:, 1:], characters.visible[:, 1:]
    place = ops.cumsum(ops.ones_like(code), axis=1)
    last = ops.max(ops.where(visible, place, 0), axis=1, keepdims=True)
    return _keys(code, ops.less_equal(place, last), _CHARACTER)


def terms(characters: Characters, kinds: Kinds) -> tuple[list[Any], list[Any]]:
    """Terms of words, and of characters: lists of int64 tensors, 0 where there is no term."""
    of_words = word_terms(words(characters), kinds.words) if kinds.words else []
    return of_words, character_terms(characters, kinds.characters)


def _keys(code: Any, real: Any, salt: int) -> Any:
    """Well-mixed numbers of 44 bits: the high part of a product depends on all bits of a code."""
    mixed = (code + salt) * _FACTOR
    return ops.where(real, ops.right_shift(mixed, ops.full_like(mixed, _DROPPED)), 0)
