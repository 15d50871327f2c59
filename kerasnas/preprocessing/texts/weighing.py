"""A text as its terms and their weights: what a sparse row of a TF-IDF matrix holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers, ops

from kerasnas.preprocessing.texts.characters import constant_table

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Terms worth a number of their own. Numbers start at 1; 0 stands for all others.

    Attributes:
        keys: int64 `(terms,)`, what the graph makes of a term.
        idf: float32 `(terms,)`, smoothed inverse document frequency.
        characters: bool `(terms,)`, whether a term is a run of characters.
    """

    keys: np.ndarray
    idf: np.ndarray
    characters: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)


def fit_vocabulary(
    documents: Iterable[tuple[np.ndarray, np.ndarray]], most: int, least: int
) -> Vocabulary:
    """The most frequent terms of some texts.

    Args:
        documents: Batches of texts: keys of their word terms, and of their character terms, each
            int64 `(batch, any)` with 0 for no term.
        most: Terms of a vocabulary; words and characters share it by how many there are of them.
        least: Texts that a term must occur in.
    """
    found: tuple[list[Any], list[Any]] = ([], [])
    rows = 0
    for batch in documents:
        rows += max(len(some) for some in batch)
        for store, some in zip(found, batch, strict=True):
            store.append(key_counts(some))
    keys, counts, kinds, ranks = [], [], [], []
    for kind, store in enumerate(found):
        different, times = merged(store)
        # All terms where texts are so few that none comes twice.
        enough = times >= (least if (times >= least).sum() >= 10 else 1)
        different, times = different[enough], times[enough]
        order = np.lexsort((different, -times))
        keys.append(different[order])
        counts.append(times[order])
        kinds.append(np.full(len(different), bool(kind)))
        ranks.append(np.arange(len(different)))
    all_keys, all_counts = np.concatenate(keys), np.concatenate(counts)
    all_kinds, rank = np.concatenate(kinds), np.concatenate(ranks)
    # A key that a word and a run of characters share (about never) keeps its first meaning.
    _, place = np.unique(all_keys, return_index=True)
    # By rank among their kind: neither words nor characters crowd the other out.
    place = place[np.lexsort((all_kinds[place], rank[place]))][:most]
    kept = place[np.lexsort((all_keys[place], -all_counts[place]))]
    if not len(kept):
        return Vocabulary(np.ones(1, np.int64), np.ones(1, "float32"), np.zeros(1, bool))
    idf = 1.0 + np.log((1 + rows) / (1 + all_counts[kept]))
    return Vocabulary(all_keys[kept], idf.astype("float32"), all_kinds[kept])


def weigh(keys: Any, vocabulary: Vocabulary, most: int) -> tuple[Any, Any]:
    """Adds the weighing of terms to a graph: logarithm of the count, times idf, to unit length.

    Words and runs of characters are scaled to unit length apart: characters are so many more that
    words would count for nothing beside them.

    Args:
        keys: Symbolic int64 tensor `(batch, any)`, 0 for no term.
        vocabulary: The terms to know.
        most: Different terms of a text to keep.

    Returns:
        Indices, int32 `(batch, any)`, each term once, 0 for none; and their float32 weights.
    """
    size = len(vocabulary)
    look_up = layers.IntegerLookup(vocabulary=vocabulary.keys, mask_token=None)
    index = ops.cast(look_up(keys), "int32")
    # Equal terms side by side, unknown ones at the end: a term counts as long as its run is.
    index = ops.sort(ops.where(ops.equal(index, 0), size + 1, index), axis=1)
    ones = ops.ones_like(index)
    place = ops.cumsum(ones, axis=1) - 1
    known = ops.less(index, size + 1)
    number = ops.sum(ops.cast(known, "int32"), axis=1, keepdims=True)
    before = ops.pad(index[:, :-1], [[0, 0], [1, 0]])
    fresh = ops.logical_and(known, ops.not_equal(index, before))
    begin = ops.minimum(ops.sort(ops.where(fresh, place, 2**30), axis=1), number)
    stop = ops.minimum(ops.pad(begin[:, 1:], [[0, 0], [0, 1]], constant_values=2**30), number)
    count = ops.cast(stop - begin, "float32")[:, :most]
    index = ops.take_along_axis(ops.pad(index, [[0, 0], [0, 1]]), begin, axis=1)[:, :most]
    index = ops.where(count > 0, index, 0)
    table = np.zeros((size + 1, 2), dtype="float32")
    table[1:, 0], table[1:, 1] = vocabulary.idf, vocabulary.characters
    row = constant_table(table)(index)
    weight = (1.0 + ops.log(ops.maximum(count, 1.0))) * row[..., 0]
    squares, kind = ops.square(weight), row[..., 1]
    of_characters = ops.sum(squares * kind, axis=1, keepdims=True)
    of_words = ops.sum(squares, axis=1, keepdims=True) - of_characters
    length = ops.where(kind > 0.5, of_characters, of_words)
    return index, weight / ops.sqrt(ops.maximum(length, _TINY))


def similarity(first: tuple[Any, Any], second: tuple[Any, Any], size: int) -> Any:
    """Adds the likeness of two texts to a graph: the product of their weights, `(batch, 1)`.

    Args:
        first: Indices and weights of one text, as `weigh` gives them.
        second: The same of the other text.
        size: Terms of the vocabulary.
    """
    index = ops.concatenate([first[0], second[0]], axis=1)
    weight = ops.concatenate([first[1], second[1]], axis=1)
    index = ops.where(ops.equal(index, 0), size + 1, index)
    order = ops.argsort(index, axis=1)
    index = ops.take_along_axis(index, order, axis=1)
    weight = ops.take_along_axis(weight, order, axis=1)
    # Within one text every term is once: equal neighbours are of different texts.
    same = ops.logical_and(ops.equal(index[:, 1:], index[:, :-1]), index[:, 1:] <= size)
    product = weight[:, 1:] * weight[:, :-1] * ops.cast(same, "float32")
    return ops.sum(product, axis=1, keepdims=True)


def key_counts(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different keys of a batch, and the number of rows that each occurs in."""
    ordered = np.sort(keys, axis=1)
    fresh = ordered != 0
    fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    some, times = np.unique(ordered[fresh], return_counts=True)
    return some, times


def merged(store: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Different keys of several batches, and the number of rows that each occurs in."""
    if not store:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    keys = np.concatenate([some for some, _ in store])
    some, place = np.unique(keys, return_inverse=True)
    times = np.bincount(place, weights=np.concatenate([times for _, times in store]))
    return some, times.astype(np.int64)
