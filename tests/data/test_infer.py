"""Kinds are guessed by content; what is of no use is dropped with a reason."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kerasnas.data import infer_schema, ingest
from kerasnas.errors import SchemaError

NUMBER = np.linspace(0.0, 1.0, 6)
MOMENTS = pd.date_range("2020-01-01", periods=6, freq="D", unit="us")


def guess(values, **arguments):
    """Return the column guessed for `values`, beside one that is surely of use."""
    frame = pd.DataFrame({"it": values})
    frame["other"] = np.linspace(3.0, 9.0, len(frame))
    return infer_schema(frame, **arguments)["it"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (NUMBER, "numeric"),
        (NUMBER.astype("float16"), "numeric"),
        ([1, 2, 2, 1, 1, 2], "numeric"),
        (pd.array([1, None, 3, 3, 4, 5], dtype="Int64"), "numeric"),
        (pd.array([1.5, None, 3, 3, 4, 5], dtype="Float64"), "numeric"),
        (pd.array([1, None, 3, 3, 4, 5], dtype="int64[pyarrow]"), "numeric"),
        (pd.Series([1, None, 2.5, np.nan, 3, 4], dtype=object), "numeric"),
        (pd.Series([decimal.Decimal("1.5"), None, decimal.Decimal(2)] * 2), "numeric"),
        (pd.arrays.SparseArray([0.0, 0.0, 1.0, 0.0, 2.0, 0.0]), "numeric"),
        (pd.to_timedelta([1, 2, 3, 4, None, 6], unit="h"), "numeric"),
        ([datetime.timedelta(hours=h) for h in range(6)], "numeric"),
        (["1.5", "2.5", "3", "nan", "", "1e3"], "numeric"),
        (pd.Series([1, "2.5", 3, "4", None, 7.0], dtype=object), "numeric"),
        ([True, False] * 3, "boolean"),
        (pd.array([True, None, False] * 2, dtype="boolean"), "boolean"),
        (pd.array([True, None, False] * 2, dtype="bool[pyarrow]"), "boolean"),
        (pd.Series([True, None, False] * 2, dtype=object), "boolean"),
        (["a", "b", "a", None, "b", "a"], "categorical"),
        (pd.array(["a", "b", "a", None, "b", "a"], dtype="string"), "categorical"),
        (pd.array(["a", "b", "a", None, "b", "a"], dtype="string[pyarrow]"), "categorical"),
        (pd.Series(["a", "b", "a", None, "b", "a"], dtype=object), "categorical"),
        (pd.Series(["a", "b"] * 3, dtype=pd.ArrowDtype(pa.string())), "categorical"),
        (pd.Categorical([1, 2, 1, None, 2, 1]), "categorical"),
        (pd.Series(["a", 1, None, 2.5, True, "b"], dtype=object), "categorical"),
        (pd.interval_range(0, 6), "categorical"),
        (["1", "2", "1", "2", "3", "3"], "categorical"),
        (["01234", "99999", "10001", "20002", "30003", "40004"], "categorical"),
        (MOMENTS, "datetime"),
        (MOMENTS.tz_localize("Europe/Paris"), "datetime"),
        (MOMENTS.astype("datetime64[ns]"), "datetime"),
        (MOMENTS.to_period("D"), "datetime"),
        (pd.Series(list(MOMENTS.to_period("D")), dtype=object), "datetime"),
        (pd.Series(MOMENTS).astype("timestamp[us, tz=UTC][pyarrow]"), "datetime"),
        (pd.Series(MOMENTS).astype("timestamp[ns][pyarrow]"), "datetime"),
        ([datetime.date(2020, 1, day) for day in range(1, 7)], "datetime"),
        (["2020-01-01", "2020-02-01T10:00", "2020-03-01 10:00:00.5+02:00", None] * 2, "datetime"),
        (["1949-01", "1949-02", "1949-03"], "datetime"),
        (["2020-01-01", "2020-13-01", "2020-02-01"], "categorical"),
        (["it was great", "I did not like it", "so so, to be fair", "a waste of time"], "text"),
        (["今天天气很好我们去公园", "这部电影真的很好看啊", "我不喜欢这个东西太贵"], "text"),
    ],
)
def test_kind(values, kind):
    column = guess(values)
    assert (column.kind, column.dropped) == (kind, None)
    assert column.reason.endswith(".")


def test_dtype_is_as_pandas_writes_it():
    assert guess(["a", "b"]).dtype == "str"
    assert guess(MOMENTS.tz_localize("UTC")).dtype == "datetime64[us, UTC]"
    assert guess(pd.to_timedelta([1, 2], unit="h").astype("timedelta64[ns]")).dtype == (
        "timedelta64[ns]"
    )
    assert guess(pd.Categorical(["a", "b"])).dtype == "category"


def test_reason_names_what_was_seen():
    assert "ISO dates" in guess(["2020-01-01", "2020-01-02"]).reason
    assert "read as numbers" in guess(["1.5", "2.5"]).reason
    assert "codes" in guess(["1", "2"] * 5).reason
    assert "seconds" in guess(pd.to_timedelta([1, 2], unit="h")).reason


def test_two_word_names_are_text_only_where_they_never_repeat():
    names = [f"{first} {last}" for first in "abcdefghij" for last in "klmnopqrst"]
    assert guess(names).kind == "text"
    assert guess(names[:5] * 20).kind == "categorical"


class TestIdLike:
    @pytest.mark.parametrize(
        "values",
        [
            np.arange(100),
            np.arange(100, 0, -1),
            np.random.default_rng(0).permutation(200)[:150],
            pd.array(np.arange(100), dtype="Int64"),
            [f"u{k:05d}" for k in range(100)],
        ],
    )
    def test_is_dropped(self, values):
        assert guess(values).dropped.startswith("id-like")

    @pytest.mark.parametrize(
        "values",
        [
            np.arange(20),
            np.arange(100.0),
            np.arange(1920, 2020),
            np.arange(100) // 2,
            np.arange(100) ** 2,
            [f"u{k}" for k in range(20)],
            [f"u{k % 80}" for k in range(100)],
        ],
    )
    def test_is_kept(self, values):
        assert guess(values).dropped is None

    @pytest.mark.parametrize("name", ["id", "customer_id", "customerID", "Order Id"])
    def test_sparse_numbers_go_by_their_name(self, name):
        values = np.random.default_rng(0).choice(10**8, 100, replace=False)
        frame = pd.DataFrame({name: values, "paid": values, "y": values % 7})
        schema = infer_schema(frame)
        assert schema[name].dropped.startswith("id-like")
        assert schema["paid"].dropped is None

    def test_the_only_column_is_kept(self):
        column = infer_schema(pd.DataFrame({"x": np.arange(100)}))["x"]
        assert column.dropped is None and "only column" in column.reason

    def test_column_named_split_is_a_column(self):
        frame = pd.DataFrame({"split": ["train", "test"] * 3, "a": NUMBER})
        assert infer_schema(frame)["split"].dropped is None


class TestUseless:
    @pytest.mark.parametrize("values", [[1.0] * 6, ["a"] * 6, [True] * 6, [MOMENTS[0]] * 6])
    def test_constant(self, values):
        assert guess(values).dropped == "constant, every row has the same value"

    def test_constant_with_gaps_says_something(self):
        assert guess([1.0, None, 1.0]).dropped is None

    @pytest.mark.parametrize(
        "values",
        [
            [np.nan] * 4,
            pd.Series([None] * 4, dtype=object),
            pd.Series([pd.NA] * 4, dtype="string"),
            pd.Series([None, "", np.nan, pd.NA], dtype=object),
            pd.Categorical([None] * 4),
            pd.Series([pd.NaT] * 4),
        ],
    )
    def test_all_missing(self, values):
        assert guess(values).dropped == "all values are missing"

    def test_exact_copies(self):
        frame = pd.DataFrame({"a": NUMBER, "b": NUMBER, "c": NUMBER.astype("float32")})
        frame["d"], frame["e"] = ["p", "q"] * 3, ["p", "q"] * 3
        frame["f"] = pd.Series(["p", 1] * 3, dtype=object)
        frame["g"] = frame["f"]
        dropped = {column.name: column.dropped for column in infer_schema(frame).columns}
        assert dropped == {
            "a": None,
            "b": "duplicate of `a`",
            "c": None,
            "d": None,
            "e": "duplicate of `d`",
            "f": None,
            "g": "duplicate of `f`",
        }

    def test_constants_stay_where_there_is_nothing_else(self):
        schema = infer_schema(pd.DataFrame({"a": [1.0, 1.0], "b": ["x", "x"]}))
        assert len(schema.used) == 2
        assert len(infer_schema(pd.DataFrame({"a": [1], "b": [2.0]})).used) == 2

    def test_nothing_left_is_an_error(self):
        frame = pd.DataFrame({"key": [f"k{n}" for n in range(60)], "gone": np.nan})
        with pytest.raises(SchemaError, match=r"None of the 2 columns can be used \(`key`: id-li"):
            infer_schema(frame)
        assert infer_schema(frame, {"key": "categorical"})["key"].dropped is None
        with pytest.raises(SchemaError, match="no columns"):
            infer_schema(pd.DataFrame(index=range(3)))


class TestColumnKinds:
    def test_overrule_the_guess_and_undrop(self):
        column = guess(np.arange(100), column_kinds={"it": "categorical"})
        assert (column.kind, column.dropped) == ("categorical", None)
        assert column.reason == "Set by `column_kinds`."

    def test_overrule_copies(self):
        frame = pd.DataFrame({"a": NUMBER, "b": NUMBER})
        assert infer_schema(frame, {"b": "numeric"})["b"].dropped is None

    def test_unknown_column(self):
        with pytest.raises(SchemaError, match=r"names `iT`.*did you mean `it`.*`it` and `other`"):
            guess(NUMBER, column_kinds={"iT": "numeric"})

    def test_unknown_kind(self):
        with pytest.raises(SchemaError, match=r"`it` is given the kind 'numerical'.*expected one"):
            guess(NUMBER, column_kinds={"it": "numerical"})


class TestNames:
    def test_numbers_become_strings(self):
        frame = pd.DataFrame([[1, 2.5], [2, 3.5]], columns=[7, "b"])
        assert infer_schema(frame).names == ("7", "b")
        assert list(frame.columns) == [7, "b"]
        assert infer_schema(frame, {7: "categorical"})["7"].kind == "categorical"

    @pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
    def test_equal_names_are_refused(self, names):
        with pytest.raises(SchemaError, match="occurs more than once"):
            infer_schema(pd.DataFrame([[1, 2], [3, 4]], columns=names))


def test_complex_numbers_are_refused():
    with pytest.raises(SchemaError, match=r"Complex data not supported: `it` is complex128"):
        guess([1j, 2.0, 3.0])


def test_the_frame_is_not_changed():
    frame = pd.DataFrame({"a": NUMBER, "b": ["1", ""] * 3})
    before = frame.copy()
    infer_schema(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_wished_kind_of_few_whole_numbers_in_strings_is_kept():
    frame = pd.DataFrame({"stars": ["1", "2", "3"] * 30, "other": np.arange(90) / 2})
    schema = infer_schema(frame, column_kinds={"stars": "numeric"})
    assert schema["stars"].kind == "numeric"
    assert ingest(frame, schema)["stars"][:3].tolist() == [1, 2, 3]


@pytest.mark.parametrize("write", [decimal.Decimal, "{:,}".format])
def test_whole_numbers_keep_their_last_digits(write):
    numbers = [2**53 + 1 + 7 * i for i in range(60)]
    frame = pd.DataFrame({"key": [write(n) for n in numbers]})
    schema = infer_schema(frame, column_kinds={"key": "numeric"})
    assert schema["key"].exact
    assert ingest(frame, schema)["key"].tolist() == numbers


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">u2"])
def test_numbers_of_another_byte_order_are_numbers(dtype):
    native = pd.DataFrame({"a": [0, 3, 1, 7, 2] * 30, "b": [1.0, 5.0, 2.0] * 50})
    foreign = native.astype(dtype)
    found, wanted = infer_schema(foreign), infer_schema(native)
    assert [column.kind for column in found.columns] == ["numeric", "numeric"]
    for name, values in ingest(native, wanted).items():
        np.testing.assert_array_equal(ingest(foreign, found)[name], values)
