"""WordPiece in a graph of built-in layers, against KerasHub's tokenizer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnas.preprocessing.texts.pieces import Pieces, fit_pieces, read_pieces, usual_lengths
from kerasnas.preprocessing.texts.wordpiece import WordPiece, count_pieces, fit_symbols

SEEN = [
    "The GOODS, ungood film was goodish!",
    "don't -- stop… 漢字 abc漢字def",
    "naïve façade ÉCOLE école ß STRASSE ΣΊΣΥΦΟΣ İstanbul",
    "tab\tand\nline\u200dzero\u00adsoft",
    "x" * 100 + " " + "y" * 101,
    "안녕 हिन्दी مرحبا 😀️",
]
UNSEEN = [
    "",
    "   ",
    ".",
    "ﬁne ½ № ™ Ⅷ ①",
    "Привет МИР",
    "日本語 カタカナ",
    "good" * 30,
    "a!b?c.d,e'f-g…h" * 3,
    "[CLS] [PAD] ##good #good",
    "ungoodunsgood's",
]
LETTERS = "abcdefghijklmnopqrstuvwxyzéßïçσςüİABCGINST½⁄12nohdwi"
WORDS = [
    "good",
    "##s",
    "un",
    "##good",
    "the",
    "The",
    "film",
    "was",
    "##ish",
    "[CLS]",
    "ss",
    "école",
]
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *".,!?'-#…",
    "漢",
    "안",
    "녕",
    "e\u0301",
]
VOCABULARY += [*WORDS, *dict.fromkeys(LETTERS), *(f"##{c}" for c in dict.fromkeys(LETTERS))]
VOCABULARY = list(dict.fromkeys(VOCABULARY))
LENGTH = 40


def cut(rules, seen, texts, length=LENGTH, longest=1000):
    """Pieces of texts, by a graph that has been saved and loaded."""
    x = keras.Input((1,), dtype="string")
    model = keras.Model(x, read_pieces(x, rules, fit_symbols(rules, seen), longest, length))
    call = tf.function(model, input_signature=[tf.TensorSpec((None, 1), "string")])
    found = [call(tf.constant([[text]])).numpy()[0] for text in texts]
    together = call(tf.constant(texts)[:, None]).numpy()
    assert np.array_equal(together, found)  # whatever texts are beside one
    return model, together


@pytest.mark.parametrize(
    ("lowercase", "strip_accents"), [(True, False), (True, True), (False, False)]
)
def test_pieces_are_those_of_keras_hub(keras_hub, lowercase, strip_accents):
    rules = WordPiece(tuple(VOCABULARY), lowercase, strip_accents)
    theirs = keras_hub.models.BertTokenizer(
        VOCABULARY, lowercase=lowercase, strip_accents=strip_accents
    )
    texts = [*SEEN, *UNSEEN]
    _, found = cut(rules, SEEN, texts)
    for text, row, pieces in zip(texts, found, theirs(texts), strict=True):
        expected = [2, *np.asarray(pieces)[: LENGTH - 2], 3]
        expected += [0] * (LENGTH - len(expected))
        assert row.tolist() == expected, text


def test_the_longest_piece_is_taken_and_a_word_without_pieces_is_unknown():
    rules = WordPiece(("[UNK]", "[CLS]", "[SEP]", "[PAD]", "a", "ab", "##b", "##bc", "##c", "!"))
    _, found = cut(rules, ["ab"], ["abc abbc!", "abd a", "ba", "a" + "b" * 120], length=8)
    assert found.tolist() == [
        [1, 5, 8, 5, 7, 9, 2, 3],
        [1, 0, 4, 2, 3, 3, 3, 3],
        [1, 0, 2, 3, 3, 3, 3, 3],
        [1, 0, 2, 3, 3, 3, 3, 3],
    ]
    _, short = cut(rules, ["ab"], ["a a a a a a"], length=4)
    assert short.tolist() == [[1, 4, 4, 2]]


def test_spaces_of_all_kinds_part_words():
    rules = WordPiece(("[UNK]", "[CLS]", "[SEP]", "[PAD]", "a", "b"))
    _, found = cut(rules, ["a"], ["a\u00a0b", "a\u3000b", "a\u2009\u2009b"], length=5)
    assert found.tolist() == [[1, 4, 5, 2, 3]] * 3


def test_pieces_are_counted_as_the_graph_cuts_them(tmp_path):
    rules = WordPiece(tuple(VOCABULARY))
    texts = [t for t in [*SEEN, *UNSEEN] if len(t) < 80]
    model, found = cut(rules, texts, texts, length=100)
    assert count_pieces(rules, texts) == ((found != 0).sum(axis=1) - 2).tolist()
    model.save(tmp_path / "pieces.keras")
    again = keras.models.load_model(tmp_path / "pieces.keras")
    assert np.array_equal(again(tf.constant(texts)[:, None]), found)


def test_lengths_follow_the_texts():
    rules = WordPiece(tuple(VOCABULARY))
    assert usual_lengths(rules, ["good film"] * 10, 512) == [8]
    assert usual_lengths(rules, ["good " * 200] * 10, 512) == [128, 64, 208]
    assert usual_lengths(rules, ["good " * 200] * 10, 32) == [32]


def test_a_front_reads_columns_apart():
    rules = WordPiece(tuple(VOCABULARY))
    columns = {
        n: np.array([*texts, None], dtype=object)[:-1]
        for n, texts in {"a": ["good", ""], "b": ["film", "was good"]}.items()
    }
    front = fit_pieces(Pieces(6), columns, 100, rules)
    out = front.transform(columns)
    good, film, was = (VOCABULARY.index(w) for w in ("good", "film", "was"))
    assert out["tokens"].tolist() == [
        [2, good, 3, 0, 0, 0, 2, film, 3, 0, 0, 0],
        [2, 3, 0, 0, 0, 0, 2, was, good, 3, 0, 0],
    ]
    assert out["style"].shape == (2, front.style)
