"""Texts become numbers of characters and come back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.data.transcripts import Transcripts, fit_transcripts, read_texts
from kerasnas.errors import SchemaError


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20), min_size=1))
def test_encode_and_decode_are_inverse(texts):
    texts = [*texts, "x"]
    target = fit_transcripts(texts)
    codes = target.encode(texts)
    assert [target.decode(row) for row in codes] == read_texts(texts)
    assert Transcripts.from_json(target.to_json()) == target


def test_forms_of_one_character_are_one():
    assert read_texts(["  Cafe\u0301   au lait "]) == ["Café au lait"]


def test_words_come_most_frequent_first_and_not_by_the_thousand():
    target = fit_transcripts(["b a", "a"]).with_words(["b a", "a"])
    assert target.words == ("a", "b")
    assert target.with_words(str(i) for i in range(9_000)).words == ()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "one text for every sound"),
        ("abc", "one text for every sound"),
        (["a", 3], "row 1"),
        (pd.Series(["a", None]), "row 1"),
        (["", " "], "only empty"),
    ],
)
def test_bad_texts_are_refused(y, message):
    with pytest.raises(SchemaError, match=message):
        fit_transcripts(y)


def test_unseen_characters_are_named():
    with pytest.raises(SchemaError, match="'z'"):
        fit_transcripts(["ab"]).encode(np.array(["az"]))


@pytest.mark.parametrize("change", [{"words": [1]}, {"decoder": "magic"}, {"characters": []}])
def test_other_json_is_refused(change):
    content = {"characters": ["a"], "words": [], "decoder": "beam", **change}
    with pytest.raises(SchemaError):
        Transcripts.from_json(content)
