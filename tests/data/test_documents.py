import numpy as np
import pandas as pd
import pytest

from kerasnas.data.documents import split_documents, text_folders, to_documents
from kerasnas.data.texts import TextReader, by_length, fit_text_reader
from kerasnas.errors import SchemaError

SAME = [
    ["one", "", "three"],
    ("one", None, "three"),
    pd.Series(["one", None, "three"], index=[7, 7, 9]),
    pd.Series(["one", pd.NA, "three"], dtype="string"),
    np.array(["one", "", "three"]),
    np.array([["one"], ["" * 2], ["three"]], dtype=object),
    [b"one", float("nan"), b"three"],
    pd.DataFrame({"a": ["one", np.nan, "three"]}),
    {"a": ["one", None, "three"]},
    (text for text in ["one", "", "three"]),
]


@pytest.mark.parametrize("x", SAME, ids=lambda x: type(x).__name__)
def test_all_containers_hold_the_same_texts(x):
    documents = to_documents(x)
    assert len(documents.columns) == 1
    assert next(iter(documents.columns.values())).tolist() == ["one", "", "three"]


def test_pairs_are_columns():
    for x in (
        [("a", "b"), ("c", "d")],
        np.array([["a", "b"], ["c", "d"]]),
        pd.DataFrame([["a", "b"], ["c", "d"]], columns=["x0", "x1"]),
    ):
        columns = to_documents(x).columns
        assert {n: v.tolist() for n, v in columns.items()} == {"x0": ["a", "c"], "x1": ["b", "d"]}


def test_lone_surrogates_become_the_replacement_character():
    texts = to_documents(["a\ud83d", "\ud83d\ude00", "ok"]).columns["text"]
    assert texts.tolist() == ["a\ufffd", "\U0001f600", "ok"]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (["a", 3, "b", 4.5], r"2 cells that are no texts \(3 in row 1, 4.5 in row 3\)"),
        (pd.DataFrame({"a": ["x"], "n": [1], "m": [2]}), r"`n` has 1 cells.*`m` has 1 cells"),
        ("just one", "one string.*pass a list"),
        ([], "0 sample"),
        (3, "is int"),
        ([["a"], ["b", "c"]], "one length"),
        (np.zeros((2, 2, 2)), "shape"),
    ],
)
def test_what_is_no_text_is_told(x, message):
    with pytest.raises(SchemaError, match=message):
        to_documents(x)


def test_folders_are_classes(tmp_path):
    for name, texts in {"ham": ["hi", "caf\u00e9"], "spam": ["WIN"], ".hidden": ["no"]}.items():
        (tmp_path / name).mkdir()
        for i, text in enumerate(texts):
            (tmp_path / name / f"{i}.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    documents, labels = text_folders(tmp_path)
    assert documents.columns["text"].tolist() == ["hi", "caf\u00e9", "WIN"]
    assert labels.tolist() == ["ham", "ham", "spam"]
    again, same = split_documents(str(tmp_path), None)
    assert len(again) == 3
    assert same.tolist() == labels.tolist()
    assert len(to_documents(tmp_path)) == 3  # all files below
    with pytest.raises(SchemaError, match="0 folders with text files"):
        text_folders(tmp_path / "ham")


def test_the_target_may_be_a_column():
    frame = pd.DataFrame({"text": ["a", "b"], "label": [0, 1]})
    x, y = split_documents(frame, "label")
    assert list(x.columns) == ["text"]
    assert y.tolist() == [0, 1]
    with pytest.raises(SchemaError, match="did you mean `label`"):
        split_documents(frame, "lable")


def reader(columns, longest=10):
    return fit_text_reader(to_documents(pd.DataFrame(columns)), longest)


def test_a_reader_survives_json_and_refuses_anything_else():
    made = reader({"a": ["x", "y"], "b": ["z", ""]})
    assert TextReader.from_json(made.to_json()) == made
    for broken in ({}, [], {**made.to_json(), "columns": []}, {**made.to_json(), "longest": "3"}):
        with pytest.raises(SchemaError):
            TextReader.from_json(broken)


def test_columns_are_matched_by_name():
    made = reader({"a": ["x", "y"], "b": ["z", ""]})
    with pytest.warns(UserWarning, match="longer than the 10 characters"):
        read = made.read(pd.DataFrame({"c": [1], "b": ["second"], "a": ["first" * 9]}))
    assert {n: v.tolist() for n, v in read.columns.items()} == {
        "a": ["firstfirst"],
        "b": ["second"],
    }
    with pytest.raises(SchemaError, match="lacks `b`"):
        made.read(pd.DataFrame({"a": ["x"]}))


def test_batches_answer_every_row_once():
    rng = np.random.default_rng(0)
    texts = ["x" * int(n) for n in rng.integers(0, 3000, 500)] + ["y" * 900_000]
    made = fit_text_reader(to_documents(texts), 10**6)
    seen = []
    for index, inputs in made.batches(made.read(texts)):
        assert inputs.shape == (len(index), 1)
        assert [texts[i] for i in index] == inputs[:, 0].tolist()
        seen.extend(index.tolist())
    assert sorted(seen) == list(range(501))


def test_groups_of_like_length_are_bounded():
    groups = list(by_length(np.array([10_000] * 300)))
    assert sum(map(len, groups)) == 300
    assert max(map(len, groups)) * 10_000 <= 400_000
