"""Objects of other libraries are recognised by what they offer."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from kerasnas.data import foreign


class Lent:
    """Like a polars or pyarrow table."""

    columns = ("a", "b")

    def to_pandas(self):
        return pd.DataFrame({"a": [1], "b": [2]})


class Tensor:
    """Like a tensor of another framework."""

    def __array__(self, dtype=None, copy=None):
        return np.arange(6.0).reshape(3, 2)


class Endless:
    element_spec = ()

    def as_numpy_iterator(self):
        return iter(())

    def cardinality(self):
        return np.int64(-1)


class Uncounted:
    element_spec = ()

    def as_numpy_iterator(self):
        return iter(())


SPARSE = scipy.sparse.csr_matrix(np.eye(3))
FRAME = pd.DataFrame({"a": [1, 2]})


@pytest.mark.parametrize(
    ("ask", "yes", "no"),
    [
        (foreign.is_table, [Lent()], [FRAME, {"to_pandas": 1}, [1], "text", None]),
        (foreign.is_sparse, [SPARSE], [np.eye(3), FRAME, [1], None]),
        (foreign.is_densified, [SPARSE], [np.eye(3), FRAME, [1], None]),
        (foreign.is_array, [np.eye(3), Tensor(), np.float64(1)], [[1], (1,), {}, "text", None]),
        (foreign.is_dataset, [Endless(), Uncounted()], [np.eye(3), FRAME, [1], None]),
        (foreign.has_positions, [FRAME, FRAME["a"]], [np.eye(3), [1], None]),
        (foreign.is_one_value, [1, 2.5, None, np.float64(1)], [[1], "text", FRAME, np.eye(3)]),
    ],
)
def test_what_is_what(ask, yes, no):
    assert all(ask(x) for x in yes) and not any(ask(x) for x in no)


def test_only_arrays_have_a_shape():
    assert foreign.shape_of(3) is None and foreign.shape_of(np.zeros((2, 3))) == (2, 3)


@pytest.mark.parametrize(("rows", "x"), [(3, Tensor()), (3, SPARSE), (2, FRAME), (4, "text")])
def test_rows_of_anything(rows, x):
    assert foreign.length_of(x) == rows


def test_datasets_say_how_many_elements_they_have():
    assert foreign.cardinality(Endless()) == -1
    assert foreign.cardinality(Uncounted()) == foreign.UNKNOWN_CARDINALITY == -2


def test_names_of_columns():
    names = [list(foreign.column_names(x)) for x in (FRAME, {"a": [1]}, Lent())]
    assert names == [["a"], ["a"], ["a", "b"]]
    assert foreign.column_names([1]) is None


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", "int64"])
def test_dtypes_that_hold_one_of_numpy(dtype):
    assert foreign.numpy_dtype_of(pd.Series([1, 2], dtype=dtype)) == np.dtype("int64")
