import unicodedata

import pytest

from kerasnas.preprocessing.texts.alphabet import (
    JOINER,
    LETTER,
    MARK,
    SINGLE,
    SPACE,
    SYMBOL,
    components,
    fit_alphabet,
    kind_of,
)
from kerasnas.preprocessing.texts.script import usual_runs


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("É", "é"),
        ("Ａ", "a"),
        ("Σ", "ς"),
        ("ﻣ", "م"),
        ("’", "'"),
        ("Ⅷ", "ⅷ"),
        ("𝓐", "A"),
    ],
)
def test_variants_consist_of_the_same(first, second):
    parts = [part for char in second for part in components(char)]
    assert list(components(first)) == parts


def test_case_can_be_kept():
    assert components("É", fold_case=False) != components("é", fold_case=False)
    assert components("Ａ", fold_case=False) == ("A",)


@pytest.mark.parametrize(
    ("char", "kind"),
    [
        ("a", LETTER),
        ("ж", LETTER),
        ("7", LETTER),
        ("_", LETTER),
        ("한", LETTER),
        ("你", SINGLE),
        ("か", SINGLE),
        ("ก", SINGLE),
        (" ", SPACE),
        ("\n", SPACE),
        ("\x00", SPACE),
        ("\u3000", SPACE),
        ("!", SYMBOL),
        ("。", SYMBOL),
        ("😀", SYMBOL),
        ("'", JOINER),
        ("’", JOINER),
        ("\u0301", MARK),
        ("\u094d", MARK),
        ("\ufe0f", MARK),
        ("\u200d", MARK),
        ("\u0640", MARK),
    ],
)
def test_kinds(char, kind):
    assert kind_of(char) == kind


def test_variants_of_what_was_seen_are_known():
    alphabet = fit_alphabet(["résumé"])
    assert {"É", "é", "e", "E", "\u0301", "Ｓ", "R"} <= set(alphabet.characters)
    assert "ж" not in alphabet.characters
    place = {char: i + 2 for i, char in enumerate(alphabet.characters)}
    table = alphabet.table
    assert (table[place["É"]][:2] == table[place["é"]][:2]).all()
    assert (table[place["É"]][:2] != table[place["e"]][:2]).any()
    assert alphabet.marks


def test_an_accent_never_seen_counts_for_nothing():
    alphabet = fit_alphabet(["resume"])
    place = {char: i + 2 for i, char in enumerate(alphabet.characters)}
    assert (alphabet.table[place["é"]][:2] == alphabet.table[place["e"]][:2]).all()
    assert not alphabet.marks


def test_composed_and_decomposed_text_have_the_same_parts():
    text = "Ångström ção 한국어 ñandú"
    for char in text:
        apart = unicodedata.normalize("NFD", char)
        assert sorted(components(char)) == sorted(p for c in apart for p in components(c))


def test_runs_of_characters_follow_the_script():
    assert usual_runs(["an ordinary sentence of English words"] * 3) == "3-5"
    assert usual_runs(["今天天气很好，我们去公园散步吧。"] * 3) == "1-4"
    assert usual_runs(["나는 학교에 간다 오늘 날씨"] * 3) == "1-4"
    assert usual_runs(["", "123"]) == "3-5" or usual_runs(["", "!!"]) == "3-5"
