"""The same values in any order, dtype and container have the same schema and the same answers."""

import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasnas as kn
from kerasnas.data import infer_schema, ingest, to_frame, warn_of_schema

FEW = settings(max_examples=12, deadline=None, derandomize=True)
ROWS = 48
CLOSE = 1e-4
BUDGET = {"budget": kn.Budget(trials=1, epochs=1), "seed": 0, "verbose": 0}
R = np.random.default_rng(3)

NUMBERS = R.integers(-64, 64, ROWS) / 8  # exact in every dtype of numbers
COUNTS = R.integers(0, 12, ROWS)
NAMES = np.array(["ash", "birch", "cedar"])[R.integers(0, 3, ROWS)]
DAYS = pd.Timestamp("2023-01-01") + pd.to_timedelta(R.integers(0, 600, ROWS), unit="D")
TRUTHS = R.integers(0, 2, ROWS).astype(bool)
Y = np.where(NUMBERS + COUNTS / 4 + R.normal(size=ROWS) > 1, "yes", "no")
TABLE = pd.DataFrame(
    {"number": NUMBERS, "count": COUNTS, "name": NAMES, "day": DAYS, "truth": TRUTHS}
)
DTYPES = {
    "number": ["float64", "float32", "float16", "Float32", "object", "double[pyarrow]"],
    "count": ["int64", "int8", "uint16", "Int16", "float32", "object", "int32[pyarrow]"],
    "name": ["object", "str", "string", "category", "string[pyarrow]"],
    "day": ["datetime64[s]", "datetime64[ns]", "object", "timestamp[ms][pyarrow]"],
    "truth": ["bool", "boolean", "object", "bool[pyarrow]"],
}


def records(frame):
    return np.rec.fromarrays(
        [frame[name].astype(object).to_numpy() for name in frame], names=list(frame)
    )


def polars_frame(frame):
    """A frame of polars, or what looks like one to those who do not have it."""
    try:
        import polars
    except ImportError:
        return Convertible(frame)
    return polars.from_pandas(frame.convert_dtypes())


class Convertible:
    """A table of another library, which turns itself into a frame of pandas."""

    def __init__(self, frame):
        self.frame = frame

    def to_pandas(self):
        return self.frame.reset_index(drop=True)


CONTAINERS = {
    "pandas": lambda frame: frame,
    "dict of Series": lambda frame: {name: frame[name] for name in frame},
    "dict of lists": lambda frame: {name: frame[name].tolist() for name in frame},
    "dict of arrays": lambda frame: {name: frame[name].to_numpy()[:, None] for name in frame},
    "rows": lambda frame: frame.to_dict("records"),
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "records": records,
    "polars": polars_frame,
}


@st.composite
def spellings(draw, table=TABLE):
    """A table in another order, other dtypes, another container, and the order of its rows."""
    order = np.array(draw(st.permutations(range(len(table)))))
    frame = table.iloc[order]
    for name in table:
        frame[name] = frame[name].astype(draw(st.sampled_from(DTYPES[name])))
    frame = frame[draw(st.permutations(list(table)))]
    index = draw(st.sampled_from(["kept", "counted", "names", "all alike"]))
    if index != "kept":
        frame.index = {
            "counted": pd.RangeIndex(len(frame)),
            "names": pd.Index([f"r{row}" for row in range(len(frame))]),
            "all alike": pd.Index([7] * len(frame)),
        }[index]
    return CONTAINERS[draw(st.sampled_from(sorted(CONTAINERS)))](frame), order


def told(call):
    """The answer of a call, and its warnings for users."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = call()
    return answer, [str(one.message) for one in caught if one.category is UserWarning]


# Reading alone


@FEW
@given(spellings())
def test_equal_values_have_one_schema(spelling):
    expected = infer_schema(TABLE)
    frame, named = to_frame(spelling[0])
    schema = infer_schema(frame, named=named)
    assert named and set(schema.names) == set(expected.names)
    for name in TABLE:
        assert (schema[name].kind, schema[name].dropped) == (expected[name].kind, None)
    raw = ingest(frame, schema)
    for name, values in ingest(TABLE, expected).items():
        np.testing.assert_array_equal(raw[name], values[spelling[1]])


@FEW
@given(st.permutations(range(ROWS)), st.sampled_from(["float64", "float32", "object"]))
def test_arrays_without_names_have_one_schema(order, dtype):
    matrix = TABLE[["number", "count"]].to_numpy().astype(dtype)[list(order)]
    for x in (matrix, matrix.tolist(), np.asfortranarray(matrix), np.ma.masked_array(matrix)):
        frame, named = to_frame(x)
        schema = infer_schema(frame, named=named)
        assert not named and [column.kind for column in schema.used] == ["numeric", "numeric"]
        raw = ingest(frame, schema, named=named)
        np.testing.assert_array_equal(raw["x0"], NUMBERS[list(order)])


MESSES = {
    "a word": [*["12.5", "13.25"] * 20, "many"] + [f"{v}.5" for v in range(79)],
    "words": [*["refused"] * 20] + [f"{v}.5" for v in range(100)],
    "bounds": [*["<5"] * 20] + [f"{v}.5" for v in range(100)],
    "per cents": ["45%", "0.4", "33%"] * 40,
    "units": ["12 kg", "500 g", "3 kg"] * 40,
    "order": ["01/02/2024", "03/04/2024"] * 60,
    "no date": ["2024-01-31", "2024-02-31x", "2024-03-05"] + ["2024-04-01", "2024-05-02"] * 58,
    "digits": 1e9 + np.arange(119) / 7,
    "constant": ["a"] * 119,
    "names": [f"n{row}" for row in range(119)],
    "missing": [None] * 119,
}


@settings(FEW, max_examples=30)
@given(
    st.dictionaries(st.text("abxyz_ /", min_size=1), st.sampled_from(sorted(MESSES)), min_size=1)
)
def test_every_warning_names_a_column_and_an_argument(columns):
    frame = pd.DataFrame({name: pd.Series(MESSES[mess])[:119] for name, mess in columns.items()})
    frame = frame.assign(further=R.normal(size=len(frame)))
    schema, silent = told(lambda: infer_schema(frame))
    _, messages = told(lambda: warn_of_schema(schema))
    raw, more = told(lambda: ingest(frame.assign(**{"not seen": 1}), schema))
    assert not silent and "further" in raw
    dropped = [column.name for column in schema.columns if column.dropped is not None]
    assert all(f"`{name}`" in " ".join(messages) for name in dropped[:8])
    for message in messages + more:
        assert any(f"`{name}`" in message for name in (*frame, "not seen")), message
        assert re.search(r"`(column_kinds=|x`)", message), message


# Answers


@pytest.fixture(scope="module")
def table_model():
    return kn.TabularClassifier(**BUDGET, space="mlp", folds=False).fit(TABLE, Y)


@FEW
@given(spelling=spellings())
def test_tables_have_the_same_answers(table_model, spelling):
    answers, messages = told(lambda: table_model.predict_proba(spelling[0]))
    expected = table_model.predict_proba(TABLE)
    assert not messages
    np.testing.assert_allclose(answers, expected[spelling[1]], atol=CLOSE)


IMAGES = R.integers(0, 256, (24, 8, 8, 3)).astype("uint8")
IMAGES[::2] //= 3
ALBUMS = {
    "array": lambda x: x,
    "list": list,
    "object array": lambda x: np.array([*x, None], dtype=object)[:-1],
    "Series": lambda x: pd.Series(list(x), index=[3] * len(x)),
    "frame": lambda x: pd.DataFrame({"image": list(x)}),
    "nested lists": lambda x: x.tolist(),
    "generator": lambda x: (x[start : start + 5] for start in range(0, len(x), 5)),
}


@pytest.fixture(scope="module")
def image_model():
    labels = np.arange(24) % 2
    return kn.ImageClassifier(**BUDGET, space="conv", folds=False).fit(IMAGES, labels)


@FEW
@given(
    order=st.permutations(range(24)),
    dtype=st.sampled_from(["uint8", "int32", "uint16", "float32", "float64"]),
    album=st.sampled_from(sorted(ALBUMS)),
)
def test_images_have_the_same_answers(image_model, order, dtype, album):
    x = ALBUMS[album](IMAGES[list(order)].astype(dtype))
    answers, messages = told(lambda: image_model.predict_proba(x))
    assert not messages
    np.testing.assert_allclose(answers, image_model.predict_proba(IMAGES)[list(order)], atol=CLOSE)


TEXTS = [f"{'good' if row % 2 else 'bad'} film, number {row}, été" for row in range(30)]
SHELVES = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "column": lambda x: np.array(x, dtype=object)[:, None],
    "Series": lambda x: pd.Series(x, index=[1] * len(x), dtype="string"),
    "category": lambda x: pd.Series(x).astype("category"),
    "frame": lambda x: pd.DataFrame({"text": x}),
    "dict": lambda x: {"text": x},
    "bytes": lambda x: [text.encode() for text in x],
    "arrow": lambda x: pa.array(x),
    "generator": lambda x: (text for text in x),
}


@pytest.fixture(scope="module")
def text_model():
    return kn.TextClassifier(**BUDGET, space="linear", folds=False).fit(TEXTS, np.arange(30) % 2)


@FEW
@given(order=st.permutations(range(30)), shelf=st.sampled_from(sorted(SHELVES)))
def test_texts_have_the_same_answers(text_model, order, shelf):
    x = SHELVES[shelf]([TEXTS[row] for row in order])
    answers, messages = told(lambda: text_model.predict_proba(x))
    assert not messages
    np.testing.assert_allclose(answers, text_model.predict_proba(TEXTS)[list(order)], atol=CLOSE)


WAVES = (R.normal(size=(24, 400)) * np.where(np.arange(24) % 2, 900, 6000)[:, None]).astype("int16")
RECORDINGS = {
    "array": lambda x: x,
    "list": list,
    "pairs": lambda x: [(one, 2000) for one in x],
    "dicts": lambda x: [{"array": one, "sampling_rate": 2000} for one in x],
    "stereo": lambda x: np.stack([x, x], axis=-1),
    "Series": lambda x: pd.Series(list(x)),
    "frame": lambda x: pd.DataFrame({"sound": list(x)}),
}


@pytest.fixture(scope="module")
def sound_model():
    model = kn.AudioClassifier(**BUDGET, space="linear", sample_rate=2000, folds=False)
    return model.fit(WAVES, np.arange(24) % 2)


@FEW
@given(
    order=st.permutations(range(24)),
    dtype=st.sampled_from(["int16", "int32", "int64", "float32", "float64"]),
    recording=st.sampled_from(sorted(RECORDINGS)),
)
def test_sounds_have_the_same_answers(sound_model, order, dtype, recording):
    waves = WAVES[list(order)]
    if dtype == "int32":
        waves = waves.astype(dtype) * 2**16
    elif dtype.startswith("float"):
        waves = (waves / 2.0**15).astype(dtype)
    else:
        waves = waves.astype(dtype)
    x = RECORDINGS[recording](waves)
    answers, messages = told(lambda: sound_model.predict_proba(x))
    assert not messages
    np.testing.assert_allclose(answers, sound_model.predict_proba(WAVES)[list(order)], atol=CLOSE)


SALES = pd.DataFrame(
    {
        "day": np.tile(pd.date_range("2024-01-01", periods=40).as_unit("us"), 2),
        "shop": np.repeat(["north", "south"], 40),
        "sold": 20 + R.integers(0, 9, 80) + np.tile([0, 0, 4, 0, 0, 9, 9, 0], 10),
    }
)
MOMENTS = {
    "us": lambda days: days,
    "ns": lambda days: days.astype("datetime64[ns]"),
    "ISO": lambda days: days.dt.strftime("%Y-%m-%d"),
    "objects": lambda days: days.dt.date.astype(object),
}


@pytest.fixture(scope="module")
def forecaster():
    model = kn.TimeSeriesForecaster(3, "sold", time="day", series="shop", **BUDGET, space="linear")
    return model.fit(SALES)


@FEW
@given(
    order=st.permutations(range(80)),
    names=st.permutations(list(SALES)),
    moments=st.sampled_from(sorted(MOMENTS)),
    dtype=st.sampled_from(["int64", "int16", "float32", "Int64", "object"]),
    container=st.sampled_from(["pandas", "dict of lists", "arrow", "polars"]),
)
def test_series_have_the_same_answers(forecaster, order, names, moments, dtype, container):
    frame = SALES.iloc[list(order)][list(names)]
    frame = frame.assign(day=MOMENTS[moments](frame["day"]), sold=frame["sold"].astype(dtype))
    given_ = CONTAINERS[container](frame)
    answers, messages = told(lambda: forecaster.predict(history=given_))
    expected = forecaster.predict(history=SALES)
    assert not messages
    answers, expected = (one.sort_index(kind="stable") for one in (answers, expected))
    pd.testing.assert_frame_equal(answers, expected, rtol=CLOSE, check_index_type=False)


@pytest.fixture(scope="module")
def composed():
    facts, note = kn.TabularInput("facts"), kn.TextInput("note")
    z = kn.Merge()([kn.TabularBlock()(facts), kn.TextBlock()(note)])
    model = kn.AutoModel([facts, note], kn.ClassificationHead()(z), **BUDGET, folds=False)
    model.fit({"facts": TABLE.iloc[:30], "note": TEXTS}, Y[:30])
    return model


@FEW
@given(spelling=spellings(TABLE.iloc[:30]), shelf=st.sampled_from(sorted(SHELVES)))
def test_several_inputs_have_the_same_answers(composed, spelling, shelf):
    facts, order = spelling
    x = {"note": SHELVES[shelf]([TEXTS[row] for row in order]), "facts": facts}
    answers, messages = told(lambda: composed.predict_proba(x))
    expected = composed.predict_proba({"facts": TABLE.iloc[:30], "note": TEXTS})
    assert not messages
    np.testing.assert_allclose(answers, expected[order], atol=CLOSE)
