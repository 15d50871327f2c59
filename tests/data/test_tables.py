"""Every shape of table becomes a frame; what is no table is refused in known words."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from kerasnas.data import infer_schema, ingest, to_frame
from kerasnas.errors import SchemaError

GRID = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize(
    ("x", "named"),
    [
        (pd.DataFrame(GRID, columns=["x0", "x1"]), True),
        ({"x0": GRID[:, 0], "x1": GRID[:, 1:]}, True),
        ({"x0": [0.0, 2.0, 4.0], "x1": pd.Series([1.0, 3.0, 5.0], index=[9, 8, 7])}, True),
        (GRID, False),
        (GRID.astype(object), False),
        (GRID.tolist(), False),
        ([tuple(row) for row in GRID.tolist()], False),
        (list(GRID), False),
        ([{"x0": a, "x1": b} for a, b in GRID], True),
        (np.array([tuple(row) for row in GRID], dtype=[("x0", float), ("x1", float)]), True),
        (pa.table({"x0": GRID[:, 0], "x1": GRID[:, 1]}), True),
        (np.ma.masked_array(GRID), False),
    ],
)
def test_reads(x, named):
    frame, has_names = to_frame(x)
    assert has_names is named
    pd.testing.assert_frame_equal(frame, pd.DataFrame(GRID, columns=["x0", "x1"]))


def test_columns_of_an_object_array_get_their_own_dtype():
    frame, _ = to_frame(np.array([[1, "a", None], [2, "b", 0.5]], dtype=object))
    assert [column.kind for column in infer_schema(frame).columns] == [
        "numeric",
        "categorical",
        "numeric",
    ]
    frame, _ = to_frame(np.array([["1.5", "a"], ["2.5", "b"]]))
    assert [column.kind for column in infer_schema(frame).columns] == ["numeric", "categorical"]


def test_masked_cells_are_missing():
    frame, _ = to_frame(np.ma.masked_array(GRID, mask=GRID == 2))
    assert frame.isna().to_numpy().sum() == 1


def test_integer_column_names_become_strings():
    frame, named = to_frame(pd.DataFrame(GRID))
    assert named and list(frame.columns) == ["0", "1"]


@pytest.mark.parametrize("make", [np.array, pd.DataFrame, lambda g: {"a": g[:, 0], "b": g[:, 1]}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shares_no_memory_with_the_user(make, dtype):
    x = make(GRID.astype(dtype))
    frame, named = to_frame(x)
    arrays = ingest(frame, infer_schema(frame, named=named), named=named)
    for array in arrays.values():
        assert array.flags.writeable
        array[:] = -1
    frame.iloc[:, :] = -2.0
    values = np.column_stack(list(x.values())) if isinstance(x, dict) else np.asarray(x)
    np.testing.assert_array_equal(values, GRID)


def test_read_only_arrays_are_fine():
    grid = GRID.copy()
    grid.setflags(write=False)
    frame, named = to_frame(grid)
    assert ingest(frame, infer_schema(frame, named=named), named=named)["x1"].tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (GRID[0], ValueError, "Reshape your data"),
        ([1.0, 2.0], ValueError, "Reshape your data"),
        (pd.Series([1.0]), ValueError, "Reshape your data"),
        (np.float64(3), TypeError, "Reshape your data"),
        (np.array(3.0), TypeError, "Reshape your data"),
        ("train.csv", TypeError, "pandas.read_csv"),
        (None, TypeError, "`x` is NoneType, expected a table"),
        (GRID[None], ValueError, "Found array with dim 3, while dim <= 2 is required"),
        ([[[1.0], [2.0]]], ValueError, "Found array with dim 3"),
        (GRID * 1j, ValueError, "Complex data not supported"),
        (GRID[:0], ValueError, r"0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 1 is"),
        (GRID[:, :0], ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is"),
        (pd.DataFrame({"a": []}), ValueError, r"0 sample\(s\) \(shape=\(0, 1\)\)"),
        ([], ValueError, "Reshape your data"),
        ({}, ValueError, r"0 feature\(s\)"),
        (
            sparse.coo_matrix((10**9, 10**6)),
            ValueError,
            "sparse coo_matrix of 1000000000 x 1000000: a fit needs",
        ),
        ([[1, 2], [3]], SchemaError, r"of one length, got lengths 1 \(row 1\), 2 \(row 0\)"),
        ([{"a": 1}, [2]], SchemaError, "all dicts or all lists"),
        ({"a": [1, 2], "b": [1]}, SchemaError, "of one length, got `a` of 2, `b` of 1"),
        ({"a": 3.0}, SchemaError, "`a` of `x` is 3.0, expected one value a row"),
        ({"a": "text"}, SchemaError, "`a` of `x` is 'text'"),
        ({"a": GRID}, SchemaError, r"shape \(n,\) or \(n, 1\), got \(3, 2\)"),
        (pd.DataFrame({"a": [[1], [2]]}), TypeError, "`a` holds a list in row 0"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), SchemaError, "`a` occurs more than once"),
    ],
)
def test_refuses(x, error, message):
    with pytest.raises(error, match=message):
        to_frame(x)


def test_nested_cells_in_the_words_of_scikit_learn():
    x = GRID.astype(object)
    x[1, 0] = {"foo": "bar"}
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        to_frame(x)
    frame = pd.DataFrame({"a": pd.array([[1]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))})
    with pytest.raises(TypeError, match="`a` holds a"):
        to_frame(frame)
