"""Targets with any number of labels a row."""

import numpy as np
import pandas as pd
import pytest

from kerasnas.data import MultiLabelTarget, fit_multilabel_target, is_multilabel
from kerasnas.errors import SchemaError

LISTS = [["cat", "dog"], [], ["bird"], ["dog"]]


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.eye(3), False),
        (np.ones((3, 3)), True),
        ([[3], [5]], False),
        (pd.DataFrame({"a": [0, 1], "b": [1, 1]}), True),
        ([[0, 1], [1, 1]], True),
        (LISTS, True),
        (pd.Series(LISTS), True),
        (np.array([0, 1, 2]), False),
        (np.array([[0], [1]]), False),
        (["a", "b"], False),
        ([0, 1], False),
    ],
)
def test_what_counts_as_several_labels(y, expected):
    assert is_multilabel(y) is expected


def test_lists_come_back_as_lists():
    target = fit_multilabel_target(LISTS)
    assert target.labels == ("bird", "cat", "dog")
    encoded = target.encode(LISTS)
    assert encoded.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert target.decode(encoded) == LISTS


@pytest.mark.parametrize("y", [np.eye(3), [[1, 0, 0], [0, 1, 0], [0, 0, 1]]])
def test_a_matrix_comes_back_as_a_matrix(y):
    target = fit_multilabel_target(y)
    np.testing.assert_array_equal(target.decode(target.encode(y)), np.eye(3))


def test_a_frame_names_the_labels():
    target = fit_multilabel_target(pd.DataFrame({"rain": [0, 1], "wind": [1, 1]}))
    assert target.classes_.tolist() == ["rain", "wind"]


@pytest.mark.parametrize("y", [np.eye(3), LISTS])
def test_json_round_trip(y):
    target = fit_multilabel_target(y)
    assert MultiLabelTarget.from_json(target.to_json()) == target


@pytest.mark.parametrize(
    "content", [{}, {"labels": 3, "matrix": True}, {"labels": [], "matrix": 1}]
)
def test_other_json_is_refused(content):
    with pytest.raises(SchemaError):
        MultiLabelTarget.from_json(content)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ([["owl"], [], [], []], "'owl' in row 0, which fit did not see"),
        (np.eye(3), "must be lists of labels"),
    ],
)
def test_other_targets_than_in_fit(y, sentence):
    with pytest.raises(SchemaError, match=sentence):
        fit_multilabel_target(LISTS).encode(y)


def test_numbers_that_are_no_truths_are_refused():
    with pytest.raises(SchemaError, match="only 0 and 1"):
        fit_multilabel_target(np.array([[0, 2], [1, 1]]))
