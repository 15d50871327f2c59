"""The forms in which networks see texts: weighted terms, or tokens in their order."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from kerasnas.data.texts import by_length, character_counts
from kerasnas.data.word_vectors import WordVectors
from kerasnas.preprocessing.texts.alphabet import Alphabet, fit_alphabet
from kerasnas.preprocessing.texts.characters import Characters, read_characters, words
from kerasnas.preprocessing.texts.style import STYLE, style
from kerasnas.preprocessing.texts.terms import Kinds, character_keys, terms, word_keys
from kerasnas.preprocessing.texts.weighing import (
    Vocabulary,
    fit_vocabulary,
    key_counts,
    merged,
    similarity,
    weigh,
)

Columns = Mapping[str, np.ndarray]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # safe as the name of an input, in a SavedModel too
_FIT_CHARACTERS = 40_000_000  # of texts that a vocabulary is learnt from; a sample of longer ones
_BYTES = 2**28  # of the weighted terms of all rows
_LEAST_TERMS = 256
_MOST_PAIRS = 6  # of columns to be compared
_SMALL = 500  # texts below which every term counts


@dataclass(frozen=True)
class Terms:
    """Texts as weighted terms.

    Attributes:
        fold_case: Whether capital and small letters are the same.
        words: Longest run of neighbouring words; 0 for none.
        characters: Lengths of runs of characters.
        vocabulary: Most terms.
    """

    fold_case: bool = True
    words: int = 2
    characters: tuple[int, ...] = (3, 4, 5)
    vocabulary: int = 100_000


@dataclass(frozen=True)
class Tokens:
    """Texts as sequences of tokens.

    Attributes:
        fold_case: Whether capital and small letters are the same.
        level: What a token is.
        vocabulary: Most tokens to know.
        share: Share of the training texts that are kept whole.
    """

    fold_case: bool = True
    level: Literal["words", "characters"] = "words"
    vocabulary: int = 20_000
    share: float = 0.95


@dataclass(frozen=True, eq=False)
class Front:
    """A fitted graph from raw texts to what networks take.

    Attributes:
        model: Takes strings `(batch, 1)`, or a dict of them by column. Gives a dict: `style`,
            float32 `(batch, style)`; and `terms`, int32, with `weights`, float32, both `(batch,
            any)`; or `tokens`, int32 `(batch, columns * length)`.
        size: Numbers that an index can have, 0 (nothing) and all columns' own included.
        columns: Columns of text.
        style: Width of `style`.
        length: Tokens of one text; 0 for terms.
        keys: The vocabulary, int64; index `i` of a column means `keys[i - first]`.
        first: Index of the first entry of the vocabulary.
        vectors: Pretrained embeddings `(size, width)`, or `None`.
    """

    model: keras.Model
    size: int
    columns: int
    style: int
    length: int
    keys: np.ndarray
    first: int
    vectors: np.ndarray | None = None

    def transform(self, columns: Columns) -> dict[str, np.ndarray]:
        """Runs the graph over raw texts; weighted terms are cut where all rows have none."""
        names = list(columns)
        rows = len(columns[names[0]])
        parts: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []
        for index, out in run_graph(self.model, columns):
            if "terms" in out:
                width = max(1, int((out["terms"] != 0).any(axis=0).nonzero()[0].max(initial=0)) + 1)
                out = {n: v if n == "style" else v[:, :width] for n, v in out.items()}
            parts.append((index, out))
        whole: dict[str, np.ndarray] = {}
        for name in parts[0][1]:
            width = max(out[name].shape[1] for _, out in parts)
            whole[name] = np.zeros((rows, width), parts[0][1][name].dtype)
            for index, out in parts:
                whole[name][index, : out[name].shape[1]] = out[name]
        return whole


def fit_terms(form: Terms, columns: Columns, longest: int, rows: int | None = None) -> Front:
    """Learns a vocabulary and puts the graph together.

    Args:
        form: What to look for.
        columns: Training texts by column.
        longest: Characters of a text to look at.
        rows: Rows that will be transformed, which bounds the number of terms kept of each.
    """
    alphabet = fit_alphabet(_all(columns), fold_case=form.fold_case)
    kinds = Kinds(form.words, form.characters)

    def looked_at(x: Any) -> dict[str, Any]:
        characters = read_characters(x, alphabet, longest)
        parts = zip(("words", "characters"), terms(characters, kinds), strict=True)
        return {name: _side_by_side(some) for name, some in parts if some}

    looking = _single_model(looked_at)
    texts = _sampled(columns)
    none = np.zeros((1, 0), np.int64)
    vocabulary = fit_vocabulary(
        (
            (out.get("words", none), out.get("characters", none))
            for _, out in run_graph(looking, {"x": texts})
        ),
        most=form.vocabulary,
        least=1 if len(texts) < _SMALL else 2,
    )
    size = len(vocabulary)
    total = max(1, rows or len(texts))
    most = max(_LEAST_TERMS, _BYTES // (8 * total * len(columns)))

    def build(inputs: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        found = [read_characters(x, alphabet, longest) for x in inputs]
        weighed = []
        for characters in found:
            keys = _side_by_side([part for some in terms(characters, kinds) for part in some])
            weighed.append(weigh(keys, vocabulary, most))
        pairs = list(combinations(weighed, 2))[:_MOST_PAIRS]
        further = [similarity(a, b, size) for a, b in pairs]
        # Every column has indices of its own.
        moved = [ops.where(i > 0, i + n * size, 0) for n, (i, _) in enumerate(weighed)]
        parts = {"terms": _side_by_side(moved), "weights": _side_by_side([w for _, w in weighed])}
        return parts, [*(style(c) for c in found), *further]

    model, width = finished(build, columns, texts_of=sampled_rows(columns))
    return Front(model, size * len(columns) + 1, len(columns), width, 0, vocabulary.keys, 1)


def fit_tokens(
    form: Tokens, columns: Columns, longest: int, vectors: WordVectors | None = None
) -> Front:
    """Learns a vocabulary and a length, and puts the graph together.

    Args:
        form: What a token is.
        columns: Training texts by column.
        longest: Characters of a text to look at.
        vectors: Pretrained vectors of words, which become known besides those of the texts.
    """
    further = vectors.words if vectors is not None and form.level == "words" else []
    alphabet = fit_alphabet([*_all(columns), *further], fold_case=form.fold_case)
    looking = _single_model(lambda x: {"keys": _token_keys(form, x, alphabet, longest)})
    texts = _sampled(columns)
    store, numbers = [], []
    for _, out in run_graph(looking, {"x": texts}):
        store.append(key_counts(out["keys"]))
        numbers.append((out["keys"] != 0).sum(axis=1))
    some, times = merged(store)
    least = 1 if len(texts) < _SMALL else 2
    enough = times >= (least if (times >= least).sum() >= 10 else 1)
    keys = some[enough][np.lexsort((some[enough], -times[enough]))][: form.vocabulary]
    keys = keys if len(keys) else np.ones(1, np.int64)
    matrix = None
    if vectors is not None and further:
        keys, matrix = _with_vectors(keys, single_words(looking, further), vectors.matrix)
    length = int(np.clip(np.quantile(np.concatenate(numbers), form.share), 4, _most_tokens(form)))

    def build(inputs: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        parts, shapes = [], []
        for x in inputs:
            found = _token_keys(form, x, alphabet, longest)
            look_up = layers.IntegerLookup(vocabulary=keys, mask_token=None)
            # 0 where there is no token, 1 for an unknown one.
            index = ops.where(ops.equal(found, 0), 0, look_up(found) + 1)
            index = ops.pad(ops.cast(index, "int32"), [[0, 0], [0, length]])[:, :length]
            parts.append(ops.reshape(index, (-1, length)))
            shapes.append(style(read_characters(x, alphabet, longest)))
        return {"tokens": _side_by_side(parts)}, shapes

    model, width = finished(build, columns, texts_of=sampled_rows(columns))
    return Front(model, len(keys) + 2, len(columns), width, length, keys, 2, matrix)


def single_words(looking: keras.Model, names: list[str]) -> dict[int, int]:
    """Key by place of the strings that are exactly one word to the graph."""
    found = {}
    texts = np.array([*names, None], dtype=object)[:-1]
    for index, out in run_graph(looking, {"x": texts}):
        for row, keys in zip(index, out["keys"], strict=True):
            if (keys != 0).sum() == 1:
                found[int(row)] = int(keys[0])
    return dict(sorted(found.items()))


def _with_vectors(
    keys: np.ndarray, known: dict[int, int], matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The vocabulary with all words that have a vector, and the embeddings to begin with.

    Variants of one word share the vector of the most frequent one, which comes first in a file.
    """
    place: dict[int, int] = {}
    for row, key in known.items():
        place.setdefault(key, row)
    keys = np.array(list(dict.fromkeys([*keys.tolist(), *place])), dtype=np.int64)
    rng = np.random.default_rng(0)
    # Words without a vector begin near the middle; padding is and stays zero in sums by mask.
    start = rng.normal(0.0, 0.3 * float(matrix.std()), (len(keys) + 2, matrix.shape[1]))
    start[0] = 0.0
    for i, key in enumerate(keys.tolist()):
        if key in place:
            start[i + 2] = matrix[place[key]]
    return keys, start.astype("float32")


def run_graph(
    model: keras.Model, columns: Columns
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Answers of a graph to texts, in groups of like length: rows, and arrays by name."""
    names = list(columns)
    single = not isinstance(model.input, dict)
    signature = keras.tree.map_structure(lambda t: tf.TensorSpec((None, 1), "string"), model.input)
    call = tf.function(model, input_signature=[signature], autograph=False)
    for index in by_length(np.max([character_counts(columns[name]) for name in names], axis=0)):
        tensors = {name: tf.constant(columns[name][index, None]) for name in names}
        out = call(tensors[names[0]] if single else tensors)
        yield index, {name: value.numpy() for name, value in out.items()}


def _token_keys(form: Tokens, x: Any, alphabet: Alphabet, longest: int) -> Any:
    characters: Characters = read_characters(x, alphabet, longest)
    return word_keys(words(characters)) if form.level == "words" else character_keys(characters)


def _most_tokens(form: Tokens) -> int:
    return 400 if form.level == "words" else 1200


def finished(
    build: Callable[[list[Any]], tuple[dict[str, Any], list[Any]]],
    columns: Columns,
    texts_of: Columns,
) -> tuple[keras.Model, int]:
    """The whole graph, its numbers of style centred and scaled as training texts want it.

    Args:
        build: From the raw columns to what networks take, and to numbers of style.
        columns: Training texts by column.
        texts_of: Some of them, from which the scale is learnt.

    Returns:
        The graph, and how many numbers of style there are.
    """
    named = len(columns) > 1
    inputs = {
        name: keras.Input((1,), dtype="string", name=name if _NAME.fullmatch(name) else f"text_{i}")
        for i, name in enumerate(columns)
    }
    parts, shapes = build(list(inputs.values()))
    numbers = _side_by_side(shapes)
    entry = inputs if named else next(iter(inputs.values()))
    raw = _model(entry, {"style": numbers})
    values = np.concatenate([out["style"] for _, out in run_graph(raw, texts_of)], axis=0)
    variance = values.var(axis=0)
    scale = layers.Normalization(
        mean=values.mean(axis=0).tolist(), variance=np.where(variance > 1e-8, variance, 1).tolist()
    )
    parts["style"] = ops.clip(scale(numbers), -4.0, 4.0)
    return _model(entry, parts), int(numbers.shape[-1])


def _model(inputs: Any, outputs: dict[str, Any]) -> keras.Model:
    with warnings.catch_warnings():
        # A column whose name is no name for a layer: the dict is matched by its keys.
        warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")
        return keras.Model(inputs, outputs, name="kerasnas_preprocessing")


def _single_model(build: Callable[[Any], dict[str, Any]]) -> keras.Model:
    x = keras.Input((1,), dtype="string", name="text")
    return _model(x, build(x))


def _side_by_side(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=1)


def _all(columns: Columns) -> Iterator[str]:
    return (text for texts in columns.values() for text in texts)


def _sampled(columns: Columns) -> np.ndarray:
    """Texts of all columns, thinned out where they are very many."""
    texts = np.concatenate(list(columns.values()))
    step = 1 + int(character_counts(texts).sum()) // _FIT_CHARACTERS
    return texts[::step]


def sampled_rows(columns: Columns, most: int = 2000) -> Columns:
    """Some rows, spread over all of them."""
    rows = len(next(iter(columns.values())))
    index = np.unique(np.linspace(0, rows - 1, most).astype(int))
    return {name: texts[index] for name, texts in columns.items()}


__all__ = [
    "STYLE",
    "Front",
    "Terms",
    "Tokens",
    "Vocabulary",
    "fit_terms",
    "fit_tokens",
    "run_graph",
]
