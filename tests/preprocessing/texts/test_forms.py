import warnings
from collections import Counter
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.data.word_vectors import WordVectors
from kerasnas.preprocessing.texts.alphabet import fit_alphabet
from kerasnas.preprocessing.texts.characters import read_characters, words
from kerasnas.preprocessing.texts.forms import Terms, Tokens, fit_terms, fit_tokens

TEXTS = [
    "Don't say ÉCOLE, say école!",
    "the cat sat on the mat",
    "the dog sat on the log",
    "今天天气很好",
    "今天我们去公园",
    "مُرَحَّبا بالعالم",
    "مرحبا بكم",
    "😀 emoji 👩‍👩‍👧 here",
    "",
    "   ",
    "tabs\tand\nlines\x00and nul",
    "a" * 3000,
]


def column(texts):
    return {"text": np.array([*texts, None], dtype=object)[:-1]}


@cache
def everything():
    """A front with all that a graph of terms can have; to fit one takes seconds."""
    return fit_terms(Terms(), column(TEXTS), 3000)


def found_words(texts, longest=1000):
    """Keys of the words of each text, as the graph finds them."""
    x = keras.Input((1,), dtype="string")
    found = words(read_characters(x, fit_alphabet(texts), longest))
    model = keras.Model(x, {"code": found.code, "real": found.real})
    out = model(tf.constant(texts)[:, None])
    pairs = zip(out["code"].numpy(), out["real"].numpy(), strict=True)
    return [code[real].tolist() for code, real in pairs]


def test_words_of_all_scripts():
    numbers = dict(zip(TEXTS, map(len, found_words(TEXTS)), strict=True))
    assert numbers["Don't say ÉCOLE, say école!"] == 7  # the comma and the mark are two
    assert numbers["the cat sat on the mat"] == 6
    assert numbers["今天天气很好"] == 6  # one a character
    assert numbers["مرحبا بكم"] == 2
    assert numbers["😀 emoji 👩‍👩‍👧 here"] == 6  # three of the family
    assert numbers[""] == numbers["   "] == 0
    assert numbers["a" * 3000] == 1


def test_variants_are_one_word():
    a, b, c, d = found_words(["école", "ÉCOLE", "e\u0301cole", "ＥＣＯＬＥ"])
    assert a == b == c
    assert d != a  # without its accent it is another word
    assert found_words(["don’t", "Don't"])[0] == found_words(["don’t", "Don't"])[1]
    assert found_words(["مُرَحَّبا", "مرحبا"])[0] == found_words(["مُرَحَّبا", "مرحبا"])[1]


def test_the_place_of_a_word_does_not_matter():
    found = found_words(["cat sat", "the cat sat on a cat", "x" * 90 + " cat"])
    assert found[0][0] == found[1][1] == found[1][5] == found[2][1]
    assert found[0][1] == found[1][2]
    assert len(set(found[1])) == 5


def expected_terms(text, runs):
    """Runs of characters as scikit-learn's `char_wb` has them, for runs of three and more."""
    counts = Counter()
    for word in text.split():
        padded = f" {word} "
        for n in runs:
            counts.update(padded[i : i + n] for i in range(len(padded) - n + 1))
    return counts


def test_runs_of_characters_are_those_of_scikit_learn():
    texts = ["the cat sat on the mat", "a cat, a rat", "the end"] * 4
    front = fit_terms(Terms(words=0, characters=(3, 4)), column(texts), 100)
    out = front.transform(column(texts))
    for row in range(3):
        assert (out["terms"][row] != 0).sum() == len(expected_terms(texts[row], (3, 4)))


def test_weights_are_those_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["the cat sat on the mat", "a cat a rat the the", "the end of the rat cat", "cat"] * 3
    tfidf = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+").fit(texts)
    front = fit_terms(Terms(words=1, characters=()), column(texts), 100)
    out = front.transform(column(texts))
    for row, theirs in zip(out["weights"], tfidf.transform(texts), strict=True):
        ours = np.sort(row[row > 0])
        assert np.allclose(ours, np.sort(theirs.data), atol=1e-5)


def test_words_and_runs_have_unit_length_apart():
    out = everything().transform(column(TEXTS))
    squares = (out["weights"] ** 2).sum(axis=1)
    assert np.allclose(squares[[0, 1, 2]], 2.0, atol=1e-4)
    assert squares[8] == 0
    assert np.isfinite(out["style"]).all()


def test_the_begin_of_a_text_counts():
    texts = ["who is there", "is there who"] * 5
    front = fit_terms(Terms(words=2, characters=()), column(texts), 100)
    out = front.transform(column(texts))["terms"]
    first, second = set(out[0]) - {0}, set(out[1]) - {0}
    assert first - second
    assert second - first


FORMS = [
    Terms(fold_case=False, words=3, characters=(1, 2, 6)),
    Tokens(),
    Tokens(level="characters"),
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_saved_graph_answers_as_in_training(form, tmp_path):
    fit = fit_terms if isinstance(form, Terms) else fit_tokens
    front = fit(form, column(TEXTS), 500)
    trained = front.transform(column(TEXTS))
    front.model.save(tmp_path / "front.keras")
    again = keras.models.load_model(tmp_path / "front.keras")
    out = again(tf.constant(column(TEXTS)["text"][:, None]))
    for name, values in trained.items():
        width = min(values.shape[1], out[name].shape[1])
        assert np.allclose(out[name][:, :width], values[:, :width], atol=1e-5), name
        assert (values[:, width:] == 0).all()
    index = trained["terms" if isinstance(form, Terms) else "tokens"]
    assert 0 <= index.min() <= index.max() < front.size
    assert index.shape[1] == front.length or not front.length


def test_tokens_tell_unknown_words_from_padding():
    front = fit_tokens(Tokens(), column(["a b c d", "a b c d e f"] * 3), 100)
    out = front.transform(column(["a zzz b", ""]))["tokens"]
    assert out.shape == (2, 6) == (2, front.length)
    assert (out[0] > 0).tolist() == [True] * 3 + [False] * 3
    assert out[0, 1] == 1
    assert (out[1] == 0).all()


def test_columns_are_apart_and_compared():
    columns = {"a/b": column(TEXTS)["text"], "": column(TEXTS[::-1])["text"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        front = fit_terms(Terms(), columns, 500)
    out = front.transform({"a/b": column(["the cat"])["text"], "": column(["the cat"])["text"]})
    half = (front.size - 1) // 2
    terms = out["terms"][0]
    first, second = terms[(terms > 0) & (terms <= half)], terms[terms > half]
    assert (first == second - half).all()
    other = front.transform({"a/b": column(["the cat"])["text"], "": column(["今天"])["text"]})
    assert out["style"][0, -1] > other["style"][0, -1]  # likeness of the two
    tokens = fit_tokens(Tokens(), columns, 500)
    assert tokens.transform(columns)["tokens"].shape == (len(TEXTS), 2 * tokens.length)


def test_vectors_reach_the_words_they_belong_to():
    vectors = WordVectors(["Cat", "école", "unseen", "two words"], np.eye(4, 3, dtype="float32"))
    front = fit_tokens(Tokens(), column(["a cat ÉCOLE", "a cat", "école"] * 4), 100, vectors)
    assert front.vectors.shape == (front.size, 3)
    out = front.transform(column(["CAT e\u0301cole unseen"]))["tokens"][0]
    assert np.allclose(front.vectors[out[:3]], np.eye(3))


def test_long_texts_are_cut_alike_before_and_in_the_graph():
    front = fit_terms(Terms(), column(["word " * 50, "other " * 50]), 20)
    long, cut = front.transform(column(["word " * 50])), front.transform(column(["word " * 4]))
    assert np.array_equal(long["terms"], cut["terms"])


@settings(max_examples=4, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=60))
def test_any_text_goes_through(texts):
    texts = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    out = everything().transform(column(texts))
    assert np.isfinite(out["weights"]).all()
    assert np.isfinite(out["style"]).all()
