"""Texts become numbers of characters and come back."""

import numpy as np
import pandas as pd
import pytest

from kerasnas.data.transcripts import Transcripts, fit_transcripts, read_texts
from kerasnas.errors import SchemaError


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
