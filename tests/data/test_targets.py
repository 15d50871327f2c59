"""Labels come back as they went in; targets that cannot be learned are refused in a sentence."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning

from kerasnas.data import (
    ClassTarget,
    RegressionTarget,
    check_same_length,
    fit_class_target,
    split_target,
)
from kerasnas.errors import SchemaError


@pytest.mark.parametrize(
    ("y", "classes", "dtype"),
    [
        ([3, 1, 3], [1, 3], "int64"),
        (np.array([3, 1, 3], dtype="uint8"), [1, 3], "uint8"),
        (np.array([3, 1, 3], dtype=">i4"), [1, 3], "int32"),
        (np.array([1.0, 0.0, 1.0], dtype="float32"), [0.0, 1.0], "float32"),
        ([True, False, True], [False, True], "bool"),
        (["b", "a", "b"], ["a", "b"], "object"),
        (np.array(["b", "a", "b"]), ["a", "b"], "<U1"),
        (np.array(["b", "a", "b"], dtype=object), ["a", "b"], "object"),
        (pd.Series(["b", "a", "b"]), ["a", "b"], "object"),
        (pd.Series(["b", "a", "b"], dtype="string"), ["a", "b"], "object"),
        (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"], "object"),
        (pd.Categorical([3, 1, 3], categories=[3, 2, 1]), [1, 3], "int64"),
        (pd.Series([3, 1, 3], dtype="Int32"), [1, 3], "int32"),
        (pd.Series([3, 1, 3], dtype="int64[pyarrow]"), [1, 3], "int64"),
        (pd.Series([True, False, True], dtype="boolean"), [False, True], "bool"),
        (np.array([3, 1, 3], dtype=object), [1, 3], "object"),
    ],
)
def test_labels_come_back_as_they_went_in(y, classes, dtype):
    target = fit_class_target(y)
    assert target.classes_.tolist() == classes
    assert target.classes_.dtype == dtype
    codes = target.encode(y)
    assert codes.dtype == np.int32 and codes.tolist() == [1, 0, 1]
    decoded = target.decode(codes)
    assert decoded.dtype == dtype and decoded.tolist() == list(y)
    assert decoded.flags.writeable
    again = ClassTarget.from_json(json.loads(json.dumps(target.to_json())))
    assert again == target and hash(again) == hash(target)


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"dtype": "int64"},
        {"dtype": "datetime64[s]", "labels": [["int", 1], ["int", 2]]},
        {"dtype": "int64", "labels": [["int", 1]]},
        {"dtype": "int64", "labels": [["int", 1], ["int", 1]]},
        {"dtype": "int64", "labels": [["int", 1], ["int", True]]},
        {"dtype": "int64", "labels": [["int", 1], 2]},
        {"dtype": "int64", "labels": [["str", "a"], ["str", "b"]]},
        {"dtype": "uint8", "labels": [["int", 1], ["int", 256]]},
        {"dtype": "<U1", "labels": [["str", "a"], ["str", "bb"]]},
        {"dtype": "object", "labels": [["eval", "a"], ["str", "b"]]},
    ],
)
def test_wrong_json_is_refused(content):
    with pytest.raises(SchemaError):
        ClassTarget.from_json(content)


def test_classes_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        fit_class_target([1, 2]).classes_[0] = 5


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([1, None, 2, np.nan, pd.NA], r"`y` has 3 missing values \(rows 1, 3, 4\)"),
        (pd.Series(["a", None]), r"`y` has 1 missing value \(row 1\)"),
        (
            np.full(10, np.nan),
            r"10 missing values \(rows 0, 1, 2, 3, 4, \.\.\.\).*Input y contains",
        ),
        (np.full(10, np.inf), "Unknown label type: continuous"),
        ([0.5, 1.0, 2.25], r"Unknown label type: continuous.*first: .*0\.5.* in row 0"),
        ([1, 1, 1], "at least two classes, got one class: only 1 in 3 rows"),
        ([], "at least two classes"),
        ([1, "a"], "Unknown label type: `y` mixes labels of the types int, str"),
        (pd.date_range("2020", periods=3), "Unknown label type: `y` is datetime64"),
        (np.ones((3, 3)), r"y should be a 1d array, got an array of shape \(3, 3\) instead"),
    ],
)
def test_targets_that_no_classifier_learns(y, message):
    with pytest.raises(SchemaError, match=message):
        fit_class_target(y)


def test_labels_not_seen_in_fit():
    with pytest.raises(
        SchemaError,
        match=r"1 label not seen in fit \(first: 'maybe' in row 1\); expected .*'no', 'y",
    ):
        fit_class_target(["yes", "no"]).encode(["no", "maybe"])


def test_column_vectors_are_taken_with_a_warning():
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array"):
        target = fit_class_target(np.array([["a"], ["b"]]))
    assert target.classes_.tolist() == ["a", "b"]
    with pytest.warns(DataConversionWarning):
        assert RegressionTarget().encode(pd.DataFrame({"y": [1, 2]})).tolist() == [1, 2]
    with pytest.warns(DataConversionWarning):
        target = fit_class_target(pd.DataFrame({"y": pd.array([2, 1], dtype="Int32")}))
    assert target.classes_.dtype == "int32"


@pytest.mark.parametrize(
    "y",
    [
        [1, 2],
        np.array([1, 2], dtype="float32"),
        pd.Series([1, 2], dtype="Int64"),
        pd.Series([1.0, 2.0], dtype="double[pyarrow]", index=[5, 6]),
        np.array([1, 2.0], dtype=object),
        ["1", "2"],
    ],
)
def test_regression_targets_are_float64(y):
    values = RegressionTarget().encode(y)
    assert values.dtype == np.float64 and values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        ([1.0, np.nan], r"1 missing value \(row 1\)"),
        ([1.0, np.inf, -np.inf], r"2 values not finite \(rows 1, 2\)"),
        (["1", "red"], r"not numbers \(first: 'red' in row 1\).*use a classifier"),
        (pd.to_timedelta([1, 2], unit="h"), r"`y` is timedelta64\[.*total_seconds"),
        ([1j, 2], "Complex data not supported"),
        (np.ones((3, 2)), "y should be a 1d array"),
    ],
)
def test_targets_that_no_regressor_learns(y, message):
    with pytest.raises(SchemaError, match=message):
        RegressionTarget().encode(y)


def test_regression_target_json():
    assert RegressionTarget.from_json(RegressionTarget().to_json()) == RegressionTarget()
    with pytest.raises(SchemaError):
        RegressionTarget.from_json({"scale": 1})


def test_sparse_targets_are_refused():
    from scipy import sparse

    with pytest.raises(TypeError, match="`y` is sparse"):
        RegressionTarget().encode(sparse.csr_matrix([[1.0], [2.0]]))


class TestSplitTarget:
    def test_frame(self):
        frame = pd.DataFrame({"a": [1], "churn": ["no"]})
        x, y = split_target(frame, "churn")
        assert list(x.columns) == ["a"] and y.tolist() == ["no"]
        assert list(frame.columns) == ["a", "churn"]

    def test_dict(self):
        assert split_target({"a": [1], "y": [2]}, "y") == ({"a": [1]}, [2])

    def test_anything_else_is_left_alone(self):
        x, y = object(), [1]
        assert split_target(x, y) == (x, y)

    def test_number_as_name(self):
        x, y = split_target(pd.DataFrame([[1, 2]]), "1")
        assert list(x.columns) == [0] and y.tolist() == [2]

    def test_unknown_name(self):
        with pytest.raises(
            SchemaError, match=r"column `Churn`.*did you mean `churn`.*`a` and `chu"
        ):
            split_target(pd.DataFrame({"a": [1], "churn": [2]}), "Churn")

    def test_no_names_at_all(self):
        with pytest.raises(SchemaError, match="`x` is ndarray and has no column names"):
            split_target(np.ones((2, 2)), "y")


def test_same_length():
    check_same_length(np.ones((3, 2)), [1, 2, 3])
    with pytest.raises(SchemaError, match=r"`x` has 3 rows and `y` has 2.*inconsistent numbers"):
        check_same_length(np.ones((3, 2)), [1, 2])


@pytest.mark.parametrize(
    "labels",
    [
        [b"no", b"yes"],
        np.array([b"no", b"yes"]),
        pd.Series([b"no", b"yes"]),
        pd.arrays.IntervalArray.from_breaks([0, 1, 2]),
    ],
    ids=["list", "array", "series", "intervals"],
)
def test_labels_that_become_texts_are_told(labels):
    with pytest.warns(UserWarning, match=r"answers are texts: '(no|\(0, 1\])'"):
        target = fit_class_target(labels)
    assert [type(label) for label in target.classes_.tolist()] == [str, str]
    assert target.encode(labels).tolist() == [0, 1]
