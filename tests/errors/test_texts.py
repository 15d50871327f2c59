"""One bad argument or input of an estimator of texts, one sentence."""

import pytest

import kerasnas as kn
from kerasnas.errors import SchemaError, SearchSpaceError

QUICK = {"budget": kn.Budget(trials=1, epochs=1), "seed": 0, "verbose": 0, "ensemble": False}


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (["", " ", None, ""], [0, 1, 0, 1], "All .* training texts are empty"),
        ([1, 2, 3], [0, 1, 0], "no texts"),
        (["a", "b"], [0, 1, 1], "3"),
        ("no such folder", None, "one string"),
    ],
)
def test_bad_input_is_told_before_training(x, y, message):
    with pytest.raises(SchemaError, match=message):
        kn.TextClassifier(**QUICK).fit(x, y)


def test_unknown_families_and_missing_vectors_are_told(tmp_path):
    texts, labels = ["good film", "bad film"] * 10, ["good", "bad"] * 10
    with pytest.raises(SearchSpaceError, match="bert"):
        kn.TextClassifier(space="bert", **QUICK).fit(texts, labels)
    with pytest.raises(SchemaError, match="word_vectors"):
        kn.TextClassifier(word_vectors=tmp_path / "none", **QUICK).fit(texts, labels)
