"""Values mean the same however they are spelt, and all that is inferred can be read."""

import warnings

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from kerasnas.data import MISSING_DATETIME, Column, Schema, infer_schema, ingest
from kerasnas.errors import SchemaError


def only(kind, values, dtype=None):
    """Ingest one column, its schema's dtype as that of `values` unless told otherwise."""
    frame = pd.DataFrame({"it": values})
    schema = Schema((Column("it", kind, dtype or str(frame["it"].dtype), "Test."),))
    array = ingest(frame, schema)["it"]
    assert array.shape == (len(frame),)
    return array


cell = st.none() | st.floats(width=32) | st.integers(-1000, 1000)


@given(st.lists(cell, min_size=1, max_size=30))
def test_numbers_of_any_spelling_mean_the_same(values):
    expected = np.array([np.nan if value is None else value for value in values], dtype="float32")
    spellings = [
        pd.Series(values, dtype=object),
        pd.Series(["" if value is None else repr(value) for value in values]),
        pd.Series(expected),
        pd.array([None if np.isnan(value) else value for value in expected], dtype="Float64"),
        pd.Categorical(pd.Series(expected)),
    ]
    for spelling in spellings:
        np.testing.assert_array_equal(only("numeric", spelling, "float64"), expected)


@given(st.lists(st.none() | st.text(), min_size=1, max_size=30))
def test_strings_of_any_spelling_mean_the_same(values):
    expected = [value or "" for value in values]
    for dtype in ("object", "str", "string", "category"):
        assert only("categorical", pd.Series(values, dtype=dtype)).tolist() == expected


@given(st.lists(st.none() | st.integers(-(2**33), 2**33), min_size=1, max_size=30))
def test_moments_of_any_unit_mean_the_same(values):
    expected = [MISSING_DATETIME if value is None else value for value in values]
    moments = pd.Series(np.array(expected).astype("datetime64[s]"))
    for unit in ("s", "ms", "us"):
        assert only("datetime", moments.astype(f"datetime64[{unit}]")).tolist() == expected


@given(st.lists(st.integers() | st.floats() | st.none() | st.booleans() | st.text() | st.dates()))
def test_whatever_is_inferred_can_be_ingested(values):
    frame = pd.DataFrame({"it": pd.Series(values, dtype=object), "n": np.arange(len(values)) % 2})
    try:
        schema = infer_schema(frame)
    except SchemaError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays = ingest(frame, schema)
    assert list(arrays) == [column.name for column in schema.used]
