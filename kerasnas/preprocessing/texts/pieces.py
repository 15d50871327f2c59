"""From raw strings to the numbers of pieces of words, in a graph of built-in Keras layers.

WordPiece takes, again and again, the longest piece that a word goes on with. In a graph without
loops: all runs of symbols are looked up at once, each place learns where its longest piece ends,
and following these leaps by doubling gives the n-th piece of a text for all n together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers, ops

from kerasnas.preprocessing.texts import wordpiece
from kerasnas.preprocessing.texts.alphabet import fit_alphabet
from kerasnas.preprocessing.texts.characters import constant_table, read_characters, shift
from kerasnas.preprocessing.texts.forms import Columns, Front, finished, sampled_rows
from kerasnas.preprocessing.texts.style import style
from kerasnas.preprocessing.texts.wordpiece import Symbols, WordPiece, count_pieces, fit_symbols

_LENGTHS = (64, 128, 256, 512)
_BEGIN = 128  # pieces at most in the first trial
_SAMPLED = 500  # texts that are counted
_LOOKED_AT = 8  # symbols for each piece of a text: more than any language needs
_ROUNDS = 7  # of doubling, after which a word of so many bytes as may be known is followed
_INVERSE = pow(wordpiece.BASE, -1, 2**64)


@dataclass(frozen=True)
class Pieces:
    """Texts as sequences of pieces of words.

    Attributes:
        length: Most pieces of a text, with those in front of it and behind it.
    """

    length: int


@dataclass(frozen=True)
class Pooled:
    """Texts as one vector each, made of their pieces by a network that stays as it is.

    Attributes:
        length: As in `Pieces`.
        pooling: `mean` over the pieces, or `first`; `layers` for means of several layers.
    """

    length: int
    pooling: str

    @property
    def pieces(self) -> Pieces:
        """The pieces that the vectors are made of."""
        return Pieces(self.length)


@dataclass(frozen=True, eq=False)
class _Runs:
    """Symbolic tensors about the symbols of texts, `(batch, places)`.

    Attributes:
        begin: Whether a word begins.
        starts: Places at which words begin, one after the other, then `final`.
        ends: The place after each of these words.
        word: How many words begin up to here.
        final: The last place of all, a space.
        leap: Symbols of the longest piece that goes on from here; 0 for none.
        piece: Its number.
        weight: Bytes up to here.
    """

    begin: Any
    starts: Any
    ends: Any
    word: Any
    final: Any
    leap: Any
    piece: Any
    weight: Any


def fit_pieces(form: Pieces, columns: Columns, longest: int, rules: WordPiece) -> Front:
    """Puts the graph together that cuts texts into the pieces of a given vocabulary.

    Args:
        form: How many of them.
        columns: Training texts by column.
        longest: Characters of a text to look at.
        rules: The vocabulary and its form.
    """
    texts = [text for column in columns.values() for text in column]
    symbols, alphabet = fit_symbols(rules, texts), fit_alphabet(texts)

    def build(inputs: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        parts = [read_pieces(x, rules, symbols, longest, form.length) for x in inputs]
        shapes = [style(read_characters(x, alphabet, longest)) for x in inputs]
        return {"tokens": parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=1)}, shapes

    model, width = finished(build, columns, texts_of=sampled_rows(columns))
    keys = np.zeros(0, np.int64)
    return Front(model, len(rules.vocabulary), len(columns), width, form.length, keys, 0)


def usual_lengths(rules: WordPiece, texts: Sequence[str] | np.ndarray, most: int) -> list[int]:
    """Most pieces of a text that are worth a try, the first of them to begin with.

    Args:
        rules: The vocabulary and its form.
        texts: Training texts.
        most: What a network can take.
    """
    rows = np.unique(np.linspace(0, len(texts) - 1, _SAMPLED).astype(int))
    counts = count_pieces(rules, [texts[r][: 8 * most] for r in rows])
    needed = int(np.quantile(counts, 0.98)) + 2
    needed = min(most, max(8, 8 * -(-needed // 8)))
    found = sorted({min(needed, length) for length in _LENGTHS})
    begin = max(n for n in found if n <= _BEGIN)
    return [begin, *(n for n in found if n != begin)]


def read_pieces(x: Any, rules: WordPiece, symbols: Symbols, longest: int, length: int) -> Any:
    """Adds the cutting into pieces to a graph.

    Args:
        x: Symbolic string tensor of shape `(batch, 1)`.
        rules: The vocabulary and its form.
        symbols: Tables of `fit_symbols`.
        longest: Characters of a text to look at.
        length: Most pieces, with the one in front and the one behind.

    Returns:
        int32 `(batch, length)`, filled up with the number of `rules.pad`.
    """
    most = max(1, length - 2)
    runs = _runs(
        _symbols(x, symbols, min(longest, _LOOKED_AT * most + rules.longest)), rules, symbols
    )
    pieces, real = _followed(runs, rules, most)
    pieces = ops.where(real, pieces, rules.number(rules.pad))
    ends = ops.ones_like(pieces[:, :1])
    start, pad, end = (rules.number(p) for p in (rules.start, rules.pad, rules.end))
    row = ops.concatenate([ends * start, pieces, ends * pad], axis=1)
    count = ops.sum(ops.cast(real, "int32"), axis=1, keepdims=True)
    place = ops.cumsum(ops.ones_like(row), axis=1) - 1
    row = ops.where(ops.equal(place, count + 1), end, row)
    return ops.reshape(row, (-1, most + 2))[:, :length]


def _symbols(x: Any, symbols: Symbols, longest: int) -> Any:
    """Numbers of symbols, int32, spaces at both ends."""
    vectorize = layers.TextVectorization(
        standardize=None, split="character", vocabulary=symbols.characters
    )
    index = vectorize(ops.reshape(x, (-1,)))[:, :longest]
    most = symbols.turned.shape[1]
    # Spaces behind every text: as far as a piece can reach.
    after = max(wordpiece.GROWTH, symbols.widest) + 1
    index = ops.pad(ops.cast(index, "int32"), [[0, 0], [1, after]])
    turned = ops.cast(constant_table(symbols.turned)(index), "int32")
    if most == 1:
        return turned[..., 0]
    # Symbols that are there move to the front; places of none become spaces at the end.
    place = ops.cumsum(ops.ones_like(index), axis=1) * most
    slots = [turned[..., i] for i in range(most)]
    none = ops.max(place) + most
    order = [
        ops.where(ops.equal(slot, wordpiece.NOTHING), none, place + i)
        for i, slot in enumerate(slots)
    ]
    order = ops.argsort(ops.concatenate(order, axis=1), axis=1)
    if not symbols.grows:
        order = ops.take_along_axis(order, ops.cumsum(ops.ones_like(index), axis=1) - 1, axis=1)
    moved = ops.take_along_axis(ops.concatenate(slots, axis=1), order, axis=1)
    return ops.where(ops.equal(moved, wordpiece.NOTHING), wordpiece.BLANK, moved)


def _runs(found: Any, rules: WordPiece, symbols: Symbols) -> _Runs:
    row = constant_table(symbols.table)(found)
    high, low = (ops.cast(row[..., i], "int64") for i in range(2))
    code, kind = high * 2**wordpiece.CODE_BITS + low, row[..., 2]
    inside = ops.equal(kind, wordpiece.INSIDE)
    alone, further = ops.equal(kind, wordpiece.ALONE), ops.equal(kind, wordpiece.FURTHER)
    member = ops.logical_or(inside, ops.logical_or(alone, further))
    begin = ops.logical_or(alone, ops.logical_and(inside, ops.logical_not(shift(inside, 1))))
    ending = ops.logical_or(ops.logical_not(shift(member, -1)), shift(begin, -1))
    ending = ops.logical_and(member, ending)
    ones = ops.ones_like(found)
    place = ops.cumsum(ones, axis=1) - 1
    final = ops.max(place, axis=1, keepdims=True)
    starts = ops.sort(ops.where(begin, place, final), axis=1)
    ends = ops.sort(ops.where(ending, place, final), axis=1) + 1
    word = ops.cumsum(ops.cast(begin, "int32"), axis=1)
    after = ops.take_along_axis(ends, ops.maximum(word - 1, 0), axis=1)
    leap, piece = _longest_pieces(code, begin, ops.where(member, after - place, 0), symbols)
    weight = ops.cumsum(ops.cast(row[..., 3], "int32"), axis=1)
    return _Runs(begin, starts, ends, word, final, leap, piece, weight)


def _longest_pieces(code: Any, begin: Any, room: Any, symbols: Symbols) -> tuple[Any, Any]:
    """Length and number of the longest piece that begins at each place; 0 for none."""
    ones = ops.ones_like(code)
    power = ops.cumprod(ones * _signed(wordpiece.BASE), axis=1)
    # With the place of the first symbol divided out, a run is a difference of two sums.
    power = ops.pad(power[:, :-1], [[0, 0], [1, 0]], constant_values=1)
    undo = ops.cumprod(ones * _signed(_INVERSE), axis=1)
    undo = ops.pad(undo[:, :-1], [[0, 0], [1, 0]], constant_values=1)
    weighed = code * power
    look_up = layers.IntegerLookup(vocabulary=symbols.keys, mask_token=None)
    # Numbers of pieces by entry of the look-up, of which 0 is none.
    number = constant_table(np.concatenate([[0], symbols.pieces])[:, None])
    first = ops.cast(begin, "int64")
    total, keys = None, []
    for size in range(1, symbols.widest + 1):
        more = shift(weighed, 1 - size)
        total = more if total is None else total + more
        mixed = (total * undo + wordpiece.salt(size, False) + first) * wordpiece.KEY
        keys.append(ops.right_shift(mixed, ops.full_like(mixed, wordpiece.DROPPED)))
    index = look_up(ops.stack(keys, axis=2))
    sizes = np.arange(1, symbols.widest + 1, dtype="int32")
    fits = ops.logical_and(ops.greater(index, 0), ops.expand_dims(room, 2) >= sizes)
    leap = ops.max(ops.where(fits, sizes, 0), axis=2)
    chosen = ops.logical_and(fits, ops.equal(ops.expand_dims(leap, 2), sizes))
    entry = ops.cast(ops.sum(ops.where(chosen, ops.cast(index, "int32"), 0), axis=2), "int32")
    return leap, ops.cast(number(entry)[..., 0], "int32")


def _followed(runs: _Runs, rules: WordPiece, most: int) -> tuple[Any, Any]:
    """The first pieces of every text, int32 `(batch, most)`, and which of them are there."""
    place = ops.cumsum(ops.ones_like(runs.leap), axis=1) - 1
    target = ops.minimum(place + runs.leap, runs.final)
    end = ops.take_along_axis(runs.ends, ops.maximum(runs.word - 1, 0), axis=1)
    end = ops.minimum(end, runs.final)
    # Words of which some place has no piece, however it is come to.
    stuck = ops.equal(runs.leap, 0)
    leap = ops.where(ops.logical_or(stuck, target >= end), place, target)
    for _ in range(_ROUNDS):
        stuck = ops.logical_or(stuck, _at(stuck, leap))
        leap = _at(leap, leap)
    behind = ops.take_along_axis(runs.weight, ops.maximum(end - 1, 0), axis=1)
    before = ops.take_along_axis(runs.weight, ops.maximum(place - 1, 0), axis=1)
    long = (behind - before) > rules.longest
    unknown = ops.logical_and(runs.begin, ops.logical_or(stuck, long))
    piece = ops.where(unknown, rules.number(rules.unknown), runs.piece)
    following = ops.take_along_axis(runs.starts, ops.minimum(runs.word, runs.final), axis=1)
    leap = ops.where(ops.logical_or(unknown, target >= end), following, target)
    leap = ops.where(place >= runs.final, runs.final, leap)
    at = ops.repeat(runs.starts[:, :1], most, axis=1)
    number = np.arange(most)
    for bit in range(max(1, math.ceil(math.log2(max(2, most))))):
        wanted = (number >> bit) % 2 == 1
        at = ops.where(wanted[None, :], _at(leap, at), at)
        leap = _at(leap, leap)
    return _at(piece, at), at < runs.final


def _at(values: Any, places: Any) -> Any:
    if values.dtype == "bool":
        return ops.cast(ops.take_along_axis(ops.cast(values, "int32"), places, axis=1), "bool")
    return ops.take_along_axis(values, places, axis=1)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
