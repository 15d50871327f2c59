"""The whole graph: every kind of column, odd values and odd names, fitted on training rows only."""

import logging
import warnings

import keras
import numpy as np
import pandas as pd
import pytest

from kerasnas import artifact, assembly
from kerasnas.data import (
    MISSING_DATETIME,
    Column,
    Schema,
    infer_schema,
    ingest,
    split_target,
    to_frame,
)
from kerasnas.preprocessing import fit_preprocessing, input_dtype


def strings(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def schema_of(**kinds):
    return Schema(tuple(Column(name, kind, "object", "given") for name, kind in kinds.items()))


def fitted(raw, **kinds):
    return fit_preprocessing(raw, schema_of(**kinds))


def network(width, classes=2):
    matrix = keras.Input((width,))
    return keras.Model(matrix, keras.layers.Dense(classes, activation="softmax")(matrix))


def numbers(*values):
    return np.array(values, dtype="float32")


def moments(*values):
    return np.array(values, dtype="int64")


MIXED = {
    "age": numbers(1, 2, np.nan, 4, np.inf, 6),
    "member": numbers(0, 1, 1, np.nan, 0, 1),
    "city": strings("a", "b", "", "a", "c", "a"),
    "note": strings("good day", "bad day", "", "good good", "a day", "day"),
    "when": moments(0, 86_400, MISSING_DATETIME, -90_061, 10**9, 5),
    "until": moments(60, 86_460, 5, MISSING_DATETIME, 10**9 + 60, 65),
}
MIXED_KINDS = {
    "age": "numeric",
    "member": "boolean",
    "city": "categorical",
    "note": "text",
    "when": "datetime",
    "until": "datetime",
}


@pytest.fixture(scope="module")
def mixed():
    return fitted(MIXED, **MIXED_KINDS)


def test_names_owners_and_width_agree(mixed):
    matrix = mixed.transform(MIXED)
    assert matrix.shape == (6, mixed.width)
    assert matrix.dtype == np.float32
    assert np.isfinite(matrix).all()
    assert len(mixed.names) == len(mixed.owners) == mixed.width
    assert len(set(mixed.names)) == mixed.width
    assert set(mixed.owners) == set(MIXED)
    for name, owner in zip(mixed.names, mixed.owners, strict=True):
        assert name.startswith(owner)


def test_missing_values_are_zero_and_flagged(mixed):
    at = dict(zip(mixed.names, mixed.transform(MIXED).T, strict=True))
    assert at["age"][2] == 0
    assert at["age is missing"].tolist() == [0, 0, 1, 0, 0, 0]
    assert at["member is missing"].tolist() == [0, 0, 0, 1, 0, 0]
    assert at["city is missing"].tolist() == [0, 0, 1, 0, 0, 0]
    assert at["when is missing"].tolist() == [0, 0, 1, 0, 0, 0]
    assert at["when minus until"][[2, 3]].tolist() == [0, 0]
    assert not any(values[2] for name, values in at.items() if name.startswith("note has"))


def test_one_row_and_no_row(mixed):
    all_rows = mixed.transform(MIXED)
    one = mixed.transform({name: values[:1] for name, values in MIXED.items()})
    assert np.allclose(one, all_rows[:1], atol=1e-6)
    none = mixed.transform({name: values[:0] for name, values in MIXED.items()})
    assert none.shape == (0, mixed.width)


def test_fitting_on_one_row():
    part = {name: values[:1] for name, values in MIXED.items()}
    front = fitted(part, **MIXED_KINDS)
    assert np.isfinite(front.transform(MIXED)).all()
    assert set(front.owners) == set(MIXED)


def test_rows_that_were_not_fitted_change_nothing(mixed):
    train = {name: values[:4] for name, values in MIXED.items()}
    front = fitted(train, **MIXED_KINDS)
    expected = front.transform(train)
    front.transform(MIXED)  # seeing other rows does not fit
    assert np.array_equal(front.transform(train), expected)
    # Each row is encoded by itself, whatever stands beside it.
    assert np.allclose(front.transform(MIXED)[:4], expected, atol=1e-6)


def test_the_exported_graph_computes_the_same_matrix(mixed):
    body = network(mixed.width)
    model = assembly.join(mixed.front, body)
    inputs = artifact.as_inputs(MIXED, {c.name: input_dtype(c) for c in mixed.columns})
    expected = body(mixed.transform(MIXED), training=False)
    assert np.allclose(model(inputs, training=False), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["numeric", "boolean", "categorical", "text", "datetime"])
def test_a_table_of_one_column(kind):
    name = next(n for n, k in MIXED_KINDS.items() if k == kind)
    front = fitted({name: MIXED[name]}, **{name: kind})
    matrix = front.transform({name: MIXED[name]})
    assert matrix.shape[1] >= 1
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("numeric", numbers(np.nan, np.nan)),
        ("numeric", numbers(np.inf, -np.inf)),
        ("numeric", numbers(7, 7)),
        ("boolean", numbers(1, 1)),
        ("categorical", strings("", "")),
        ("categorical", strings("x", "x")),
        ("text", strings("", "")),
        ("text", strings("every word", "occurs once")),
        ("datetime", moments(MISSING_DATETIME, MISSING_DATETIME)),
        ("datetime", moments(5, 5)),
    ],
)
def test_columns_that_say_nothing_still_fit(kind, values):
    front = fitted({"x": values}, x=kind)
    matrix = front.transform({"x": values})
    assert matrix.shape == (2, front.width)
    assert front.width == len(front.owners) >= 1
    assert np.isfinite(matrix).all()


# Names that Keras refuses for layers, that a file cannot hold, and that Keras's own layers carry.
NAMES = [
    "a/b",
    "/",
    "",
    " ",
    ".",
    "..",
    "nul\0",
    "\ud800",
    "line\nfeed",
    "a",
    "A",
    "add",
    "clip",
    "where",
    "concatenate",
    "string_lookup",
    "features",
    "training",
    "self",
    "preprocessing",
    "kerasnas",
    "kerasnas_preprocessing",
    "kerasnas_network",
    "column_0",
    "column_1",
    "column_1_",
    "été",
]


def test_any_column_name(tmp_path):
    rng = np.random.default_rng(0)
    raw = {name: rng.normal(size=5).astype("float32") for name in NAMES}
    schema = Schema(tuple(Column(name, "numeric", "float64", "given") for name in NAMES))
    front = fit_preprocessing(raw, schema)
    assert list(front.names) == NAMES
    body = network(front.width)
    model = assembly.join(front.front, body)
    assert len({tensor.name for tensor in model.inputs}) == len(NAMES)
    artifact.write(model, tmp_path / "names.keras", probe=dict(front.probe))
    again = artifact.load_model(tmp_path / "names.keras")
    inputs = artifact.as_inputs(raw, dict.fromkeys(NAMES, "float32"))
    # The dict is matched by key, in any order.
    turned = dict(reversed(inputs.items()))
    expected = body(front.transform(raw), training=False)
    assert np.allclose(again(turned, training=False), expected, atol=1e-5)


def test_many_columns():
    rng = np.random.default_rng(0)
    rows = 40
    raw = {f"n{i}": rng.normal(size=rows).astype("float32") for i in range(300)}
    letters = [strings(*rng.choice(list("abcde"), rows)) for _ in range(70)]
    raw.update({f"c{i}": values for i, values in enumerate(letters)})
    kinds = {name: "numeric" if name[0] == "n" else "categorical" for name in raw}
    front = fitted(raw, **kinds)
    matrix = front.transform(raw)
    frame = pd.DataFrame(matrix, columns=front.names)
    assert frame.shape[1] == 300 + sum(len(set(values.tolist())) + 1 for values in letters)
    for i in (0, 63, 64, 69):  # around the border of a shared look-up
        for letter in "abcde":
            assert np.array_equal(frame[f"c{i} = {letter}"] == 1, raw[f"c{i}"] == letter)
        assert not frame[f"c{i} is unknown"].any()


TABLES = {
    "titanic": "Survived",
    "adult": "income",
    "splice": "class",
    "ames_housing": "SalePrice",
}


@pytest.mark.parametrize("name", TABLES)
def test_real_tables(data_dir, name):
    path = data_dir / "tabular" / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"there is no {path.name}")
    table = pd.read_parquet(path)
    table = table.sample(min(len(table), 3000), random_state=0).reset_index(drop=True)
    x, _ = split_target(table, TABLES[name])
    frame, named = to_frame(x)
    schema = infer_schema(frame, named=named)
    raw = ingest(frame, schema)
    train = len(frame) * 4 // 5
    front = fit_preprocessing({n: v[:train] for n, v in raw.items()}, schema)
    matrix = front.transform(raw)
    assert matrix.shape == (len(frame), front.width)
    assert np.isfinite(matrix).all()
    plain = matrix[:, : front.width - len(front.embedded)]
    assert np.abs(plain).max() <= 3
    for i, size in enumerate(front.embedded.values()):
        column = matrix[:, front.width - len(front.embedded) + i]
        assert column.min() >= 0
        assert column.max() < size
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = assembly.join(front.front, network(front.width))
    body = model.get_layer("kerasnas_preprocessing")
    assert np.allclose(body(front.tensors(raw)), matrix, atol=1e-5)
    assert len(model.inputs) == len(front.columns)


def test_many_tables_in_one_process_are_not_taken_for_retracing(caplog):
    with caplog.at_level(logging.WARNING, "tensorflow"):
        for _ in range(7):
            raw = {"a": numbers(1.0, 2.0, 3.0)}
            assert fitted(raw, a="numeric").transform(raw).shape[0] == 3
    assert not caplog.records
