"""Raw columns exactly as the exported model takes them; all that does not fit in one sentence."""

import datetime
import decimal
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from kerasnas.data import MISSING_DATETIME, Column, Schema, infer_schema, ingest, to_frame
from kerasnas.errors import SchemaError

DAY = 86400
NOON = 1_577_880_000  # 2020-01-01 12:00 UTC


def only(kind, values, dtype=None):
    """Ingest one column, its schema's dtype as that of `values` unless told otherwise."""
    frame = pd.DataFrame({"it": values})
    schema = Schema((Column("it", kind, dtype or str(frame["it"].dtype), "Test."),))
    array = ingest(frame, schema)["it"]
    assert array.shape == (len(frame),)
    return array


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.5, np.nan, np.inf]), [1.5, None, np.inf]),
        (np.array([1e300, -1e300, 1e-300]), [np.inf, -np.inf, 0.0]),
        (np.array([1, 2], dtype="int8"), [1, 2]),
        (np.array([1, 2.5], dtype="float16"), [1, 2.5]),
        (pd.array([1, None], dtype="Int64"), [1, None]),
        (pd.array([1.5, None], dtype="Float32"), [1.5, None]),
        (pd.array([1, None], dtype="int64[pyarrow]"), [1, None]),
        (pd.array([1.5, None], dtype="double[pyarrow]"), [1.5, None]),
        (pd.array([1.5, None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), [1.5, None]),
        (pd.arrays.SparseArray([0.0, 1.0, np.nan]), [0, 1, None]),
        (
            pd.Series([1, None, np.nan, pd.NA, "2", " 3 ", ""], dtype=object),
            [1, *[None] * 3, 2, 3, None],
        ),
        (["1.5", "nan", "", "  ", None, "1e3", "-inf"], [1.5, *[None] * 4, 1000, -np.inf]),
        (pd.array(["1.5", pd.NA], dtype="string"), [1.5, None]),
        (pd.Categorical(["1.5", None, "2"]), [1.5, None, 2]),
        (pd.Categorical([3, None, 2]), [3, None, 2]),
        ([True, False], [1, 0]),
        (pd.Series([None, None], dtype=object), [None, None]),
        (pd.Series([pd.NaT, pd.NaT]), [None, None]),
        ([10**30, 1], [1e30, 1]),
    ],
)
def test_numeric(values, expected):
    array = only("numeric", values, "float64")
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.array(expected, dtype="float32"))


@pytest.mark.parametrize(
    "values",
    [
        pd.to_timedelta([1.5, None], unit="h"),
        pd.Series(pd.to_timedelta([1.5, None], unit="h")).astype("timedelta64[ns]"),
        pd.Series(pd.to_timedelta([1.5, None], unit="h")).astype("duration[ms][pyarrow]"),
        pd.Series([datetime.timedelta(hours=1.5), None], dtype=object),
        [5400.0, None],
    ],
)
def test_durations_are_seconds(values):
    array = only("numeric", values, "timedelta64[us]")
    np.testing.assert_array_equal(array, np.array([5400, np.nan], dtype="float32"))


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([True, False, None], dtype=object),
        pd.array([True, False, None], dtype="boolean"),
        pd.array([True, False, None], dtype="bool[pyarrow]"),
        [1.0, 0.0, np.nan],
        ["True", "false", ""],
        ["1", " 0 ", None],
        pd.Categorical([True, False, None]),
        pd.Series([True, "False", pd.NA], dtype=object),
    ],
)
def test_boolean(values):
    array = only("boolean", values)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.array([1, 0, np.nan], dtype="float32"))


@pytest.mark.parametrize("kind", ["categorical", "text"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", None, "", np.nan], ["a", "", "", ""]),
        (pd.Series(["a", None, np.nan, pd.NA, pd.NaT, ""], dtype=object), ["a"] + [""] * 5),
        (pd.array(["a", pd.NA], dtype="string"), ["a", ""]),
        (pd.Series(["a", None], dtype=pd.ArrowDtype(pa.string())), ["a", ""]),
        (
            pd.Series(["a", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
            ["a", ""],
        ),
        (pd.Categorical(["b", None, "a"]), ["b", "", "a"]),
        (pd.Categorical([3.0, None, 1.5]), ["3", "", "1.5"]),
        (pd.Categorical([True, None, False]), ["True", "", "False"]),
        ([3, 1], ["3", "1"]),
        ([3.0, np.nan, 1.5, -0.0], ["3", "", "1.5", "0"]),
        (np.array([0.1, 3], dtype="float32"), ["0.1", "3"]),
        (pd.array([3, None], dtype="Int64"), ["3", ""]),
        (pd.array([2**63 - 1, None], dtype="Int64"), [str(2**63 - 1), ""]),
        (pd.array([3, None], dtype="double[pyarrow]"), ["3", ""]),
        (
            pd.Series([3, None, 3.0, "3", 2.5, True, b"raw"], dtype=object),
            ["3", "", "3", "3", "2.5", "True", "raw"],
        ),
        (pd.Series([-0.0, "a", decimal.Decimal("2.50")], dtype=object), ["0", "a", "2.50"]),
        ([True, False], ["True", "False"]),
        (pd.array([True, None], dtype="boolean"), ["True", ""]),
        ([np.inf, 1e20], ["inf", "100000000000000000000"]),
        (pd.interval_range(0, 2), ["(0, 1]", "(1, 2]"]),
    ],
)
def test_strings(kind, values, expected):
    array = only(kind, values)
    assert array.dtype == object
    assert array.tolist() == expected
    assert {type(cell) for cell in array} == {str}


NAIVE = pd.Series(
    pd.to_datetime(["2020-01-01 12:00", None, "1969-12-31 23:59:59.5"], format="ISO8601")
)


@pytest.mark.filterwarnings("ignore:`it` has a time zone in `x`, and none but UTC in fit")
@pytest.mark.parametrize(
    "values",
    [
        NAIVE,
        NAIVE.astype("datetime64[ns]"),
        NAIVE.astype("datetime64[ms]"),
        NAIVE.dt.tz_localize("UTC"),
        NAIVE.dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata"),
        NAIVE.astype("timestamp[us][pyarrow]"),
        NAIVE.dt.tz_localize("UTC").astype("timestamp[ns, tz=Europe/Paris][pyarrow]"),
        NAIVE.astype(object),
        ["2020-01-01T12:00Z", None, "1969-12-31 23:59:59.5"],
        [" 2020-01-01 14:00:00+02:00", "", "1969-12-31T23:59:59.500000"],
        pd.Categorical(["2020-01-01 12:00", None, "1969-12-31 23:59:59"]),
        pd.Series([datetime.datetime(2020, 1, 1, 12), "", "1969-12-31 23:59:59"], dtype=object),
    ],
)
def test_moments(values):
    array = only("datetime", values)
    assert array.dtype == np.int64
    assert array.tolist() == [NOON, MISSING_DATETIME, -1]  # rounded down, also before 1970


def test_dates_and_periods():
    assert only("datetime", [datetime.date(1970, 1, 2)]).tolist() == [DAY]
    assert only("datetime", pd.period_range("1970-01-02", periods=1, freq="D")).tolist() == [DAY]
    date32 = pd.Series([datetime.date(1970, 1, 2)], dtype=pd.ArrowDtype(pa.date32()))
    assert only("datetime", date32).tolist() == [DAY]
    assert only("datetime", np.array(["1970-01-02"], dtype="datetime64[D]")).tolist() == [DAY]
    assert only("datetime", ["1970-02"]).tolist() == [31 * DAY]
    assert only("datetime", ["9999-12-31"]).tolist() == [253_402_214_400]


def test_a_column_without_values_may_have_any_dtype():
    assert only("datetime", [np.nan, np.nan]).tolist() == [MISSING_DATETIME] * 2
    assert only("datetime", pd.Series([None], dtype=object)).tolist() == [MISSING_DATETIME]
    assert only("categorical", [np.nan]).tolist() == [""]


TRAIN = pd.DataFrame(
    {
        "age": [22.0, None, 38.5, 41.0],
        "city": ["Rome", "Oslo", None, "Rome"],
        "member": [True, False, True, True],
        "when": pd.to_datetime(["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"]),
        "country": ["IT"] * 4,
    }
)
SCHEMA = infer_schema(TRAIN)


def test_only_used_columns_come_out_in_the_schema_s_order():
    arrays = ingest(TRAIN[TRAIN.columns[::-1]], SCHEMA)
    assert list(arrays) == ["age", "city", "member", "when"]
    for name, array in ingest(TRAIN.drop(columns="country"), SCHEMA).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_extra_columns_are_ignored_with_one_warning():
    frame = TRAIN.assign(a=1, b=2)
    with pytest.warns(
        UserWarning, match="2 columns that the model did not see in fit: `a` and `b`"
    ):
        assert list(ingest(frame, SCHEMA)) == ["age", "city", "member", "when"]


def test_all_problems_in_one_sentence():
    frame = TRAIN.drop(columns="city").assign(
        age=["22", "many", "x", None], member=[0, 2, 1, 1], when=[1, 2, 3, 4], City="Rome"
    )
    with pytest.raises(SchemaError) as caught:
        ingest(frame, SCHEMA)
    assert str(caught.value) == (
        "4 columns do not fit the schema learned in fit: `age` has 2 values that are not numbers "
        "(first: 'many' in row 1); `city` is missing (did you mean `City`?); `member` has 1 value "
        "that is not true or false (first: 2 in row 1); `when` is int64, expected datetime. Pass "
        "the same columns as in fit, or refit."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"age": pd.Timestamp("2020")},
            r"1 column does not.*`age` is datetime64\[us\], expected num",
        ),
        ({"age": pd.Timedelta(hours=1)}, r"`age` is timedelta64\[us\], expected numbers"),
        ({"age": 1j}, "`age` is complex128, expected numbers"),
        ({"member": pd.Timestamp("2020")}, r"`member` is datetime64\[us\], expected true or false"),
        ({"member": "perhaps"}, "4 values that are not true or false .first: 'perhaps' in row 0"),
        ({"when": True}, "`when` is bool, expected datetime"),
        ({"when": "01/02/2020"}, "4 values that are not ISO dates .first: '01/02/2020' in row 0"),
        (
            {"when": ["2020-01-01", 7, None, ""]},
            "1 value that is not an ISO date .first: 7 in row 1",
        ),
        ({"age": [1, pd.Timestamp("2020"), "a", 2]}, "`age` has 2 values that are not numbers"),
    ],
)
def test_misfits(change, message):
    with pytest.raises(SchemaError, match=message):
        ingest(TRAIN.assign(**change), SCHEMA)


class TestPositions:
    def test_arrays_by_place(self):
        frame, named = to_frame(np.array([[1.0, 5.0], [2.0, 7.0]]))
        schema = infer_schema(frame, named=named)
        assert not schema.named and schema.names == ("x0", "x1")
        assert ingest(frame, schema, named=named)["x1"].tolist() == [5, 7]

    def test_another_width_in_the_words_of_scikit_learn(self):
        schema = infer_schema(to_frame(np.eye(3))[0], named=False)
        with pytest.raises(
            ValueError, match=r"^X has 2 features, but Net is expecting 3 features as input.$"
        ):
            ingest(to_frame(np.eye(2))[0], schema, named=False, estimator="Net")

    def test_array_after_a_frame(self):
        schema = infer_schema(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]}))
        with pytest.warns(UserWarning, match="X does not have valid feature names, but the model"):
            arrays = ingest(to_frame(np.eye(2))[0], schema, named=False)
        assert arrays["b"].tolist() == [0, 1]

    def test_frame_after_an_array(self):
        schema = infer_schema(to_frame(np.eye(2))[0], named=False)
        with pytest.warns(
            UserWarning, match="X has feature names, but the model was fitted without"
        ):
            arrays = ingest(pd.DataFrame({"a": [1.0], "b": [3.0]}), schema)
        assert arrays["x1"].tolist() == [3]

    def test_array_after_a_frame_without_real_names(self):
        schema = infer_schema(pd.DataFrame(np.eye(2)))
        assert ingest(to_frame(np.eye(2))[0], schema, named=False)["1"].tolist() == [0, 1]

    def test_no_warning_where_names_agree(self):
        schema = infer_schema(to_frame(np.eye(2))[0], named=False)
        assert ingest(pd.DataFrame({"x0": [1.0], "x1": [3.0]}), schema)["x1"].tolist() == [3]


cell = st.none() | st.floats(width=32) | st.integers(-1000, 1000)


def test_the_frame_is_not_changed():
    before = TRAIN.copy()
    ingest(TRAIN, SCHEMA)
    pd.testing.assert_frame_equal(TRAIN, before)


def test_is_fast():
    rng = np.random.default_rng(0)
    rows = 50_000
    frame = pd.DataFrame({f"n{k}": rng.normal(size=rows) for k in range(6)})
    for k in range(6):
        frame[f"c{k}"] = rng.choice(["red", "green", "blue"], rows)
    frame["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**6, rows), "s")
    frame["code"] = pd.Series(rng.integers(0, 9, rows)).astype(object)
    frame["kind"] = pd.Categorical(rng.choice(["a", "b"], rows))
    started = time.process_time()
    ingest(frame, infer_schema(frame))
    assert time.process_time() - started < 2.0  # about 0.2 on an idle machine


def test_a_lone_surrogate_becomes_a_replacement_character():
    frame = pd.DataFrame({"a": pd.Series(["x\ud800", "y", "x\ud800", "z"], dtype=object)})
    schema = infer_schema(frame, {"a": "categorical"})
    assert ingest(frame, schema)["a"].tolist() == ["x\ufffd", "y", "x\ufffd", "z"]
