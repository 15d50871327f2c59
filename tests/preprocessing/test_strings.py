"""Categories and texts: any string there is, known, rare, unseen and missing."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas import artifact, assembly
from kerasnas.data import Column, Schema
from kerasnas.preprocessing import fit_preprocessing
from kerasnas.preprocessing.categorical import MAX_ONE_HOT, learn_vocabulary
from kerasnas.preprocessing.text import TextColumn, word_pairs

ODD = [
    "",
    "\n",
    "\r",
    "\r\n",
    "a\nb",
    "\x00",
    "a\x00b",
    "\x1c",
    "\x85",
    "\u2028",
    "\ufeff",
    " ",
    "  ",
    "[UNK]",
    "unknown",
    "missing",
    "é",
    "e\u0301",
    "\U0001f600",
]


def strings(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def fitted(kind, *columns):
    raw = {f"x{i}": values for i, values in enumerate(columns)}
    columns = tuple(Column(name, kind, "object", "given") for name in raw)
    return fit_preprocessing(raw, Schema(columns))


def slots(front, values, name="x0"):
    """The slot of each value: a position in the one-hot part, or an index."""
    matrix = front.transform({name: values})
    if front.embedded:
        return matrix[:, 0].astype(int)
    assert (matrix.sum(axis=1) == 1).all()
    return matrix.argmax(axis=1)


def saved_and_loaded(front, tmp_path):
    matrix = keras.Input((front.width,))
    identity = keras.Model(matrix, keras.layers.Rescaling(1.0)(matrix))
    path = tmp_path / "strings.keras"
    artifact.write(assembly.join(front.front, identity), path)
    return artifact.load_model(path)


def test_vocabulary_is_ordered_by_frequency_then_name():
    assert learn_vocabulary(strings("b", "c", "b", "a", "")) == ["b", "", "a", "c"]


def test_rare_values_share_the_unknown_slot():
    values = [f"often{i}" for i in range(12)] * 20 + ["rare", "rare"]
    vocabulary = learn_vocabulary(strings(*values))
    assert len(vocabulary) == 12
    assert "rare" not in vocabulary
    front = fitted("categorical", strings(*values))
    rare, unseen = slots(front, strings("rare", "never seen"))
    assert rare == unseen == 0


def test_vocabulary_is_never_empty():
    assert learn_vocabulary(strings(*[f"id{i}" for i in range(300)])) == ["id0"]
    assert learn_vocabulary(strings("\x00", "a\x00")) == [""]


def test_one_hot_slots():
    front = fitted("categorical", strings("b", "a", "b", ""))
    assert front.names == ("x0 is unknown", "x0 = b", "x0 is missing", "x0 = a")
    assert slots(front, strings("b", "a", "", "c")).tolist() == [1, 3, 2, 0]


@pytest.mark.parametrize("filler", [0, 40])
def test_odd_strings_keep_their_slots(filler, tmp_path):
    values = strings(*ODD, *(f"v{i}" for i in range(filler)))
    front = fitted("categorical", values)
    assert bool(front.embedded) == (len(values) > MAX_ONE_HOT)
    found = slots(front, values)
    unknown = [value for value, slot in zip(values, found, strict=True) if slot == 0]
    assert unknown == ["\x00"]
    assert len(set(found)) == len(values)
    loaded = saved_and_loaded(front, tmp_path)
    again = np.asarray(loaded(artifact.as_inputs({"x0": values}, {"x0": "string"})))
    assert np.array_equal(again, front.transform({"x0": values}))


def test_embedded_indices_follow_the_vocabulary():
    rng = np.random.default_rng(0)
    values = strings(*(f"v{i}" for i in rng.zipf(1.5, 1000) if i < 500))
    small = strings(*(["a", "b"] * len(values))[: len(values)])
    raw = {"x0": values, "x1": small, "x2": values[::-1].copy()}
    front = fitted("categorical", *raw.values())
    assert list(front.embedded) == ["x0", "x2"]
    assert front.names[-2:] == ("x0", "x2")
    matrix = front.transform(raw)
    for place, name in ((-2, "x0"), (-1, "x2")):
        vocabulary = learn_vocabulary(raw[name])
        index = {value: i + 1 for i, value in enumerate(vocabulary)}
        assert front.embedded[name] == len(vocabulary) + 1
        assert matrix[:, place].tolist() == [index.get(value, 0) for value in raw[name]]


anything = st.text(max_size=6)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(anything, min_size=1, max_size=60),
    st.lists(anything, min_size=1, max_size=5),
)
def test_any_category(train, new):
    front = fitted("categorical", strings(*train))
    vocabulary = learn_vocabulary(strings(*train))
    values = [*train, *new]
    expected = [vocabulary.index(v) + 1 if v in vocabulary else 0 for v in values]
    assert slots(front, strings(*values)).tolist() == expected


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.text(max_size=20), min_size=1, max_size=20),
    st.lists(st.text(max_size=20), min_size=1, max_size=5),
)
def test_any_text(train, new):
    front = fitted("text", strings(*train, *train))
    matrix = front.transform({"x0": strings(*train, *new)})
    assert matrix.shape[1] == front.width
    assert np.isfinite(matrix).all()


@settings(max_examples=6, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=20))
def test_any_string_after_saving(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("strings")
    raw = {"x0": strings(*values), "x1": strings(*values)}
    columns = (Column("x0", "categorical", "str", "."), Column("x1", "text", "str", "."))
    front = fit_preprocessing(raw, Schema(columns))
    loaded = saved_and_loaded(front, folder)
    again = loaded(artifact.as_inputs(raw, {"x0": "string", "x1": "string"}))
    assert np.allclose(again, front.transform(raw), atol=1e-5)


def test_terms_are_words_and_pairs_without_case_and_punctuation():
    assert word_pairs(strings("The cat, THE!", "")) == [
        [b"the", b"cat", b"the", b"the cat", b"cat the"],
        [],
    ]


def test_text_features_are_tf_idf_of_length_three():
    texts = strings("red fox", "red hen", "blue fox", "blue blue hen", "zebra")
    front = fitted("text", texts)
    column = TextColumn("x0", texts)
    assert column.vocabulary == ["blue", "fox", "hen", "red"]
    counts = np.array([[text.split().count(t) for t in column.vocabulary] for text in texts])
    weighted = counts * np.array(column.weights)
    length = np.sqrt((weighted**2).sum(axis=1, keepdims=True))
    expected = weighted / np.maximum(length, 1e-6) * 3
    assert np.allclose(front.transform({"x0": texts}), expected, atol=1e-5)
    assert front.names[0] == "x0 has 'blue'"


def test_a_text_without_common_words_says_whether_it_is_there():
    front = fitted("text", strings("alpha beta", "", "gamma"))
    assert front.names == ("x0 is missing",)
    assert front.transform({"x0": strings("other", "")}).tolist() == [[0], [1]]
