"""What the inputs of all modalities keep to: one protocol, whatever the rows are."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from kerasnas import artifact
from kerasnas.assembly import FrontGraph, alone, join
from kerasnas.data import ClassTarget
from kerasnas.errors import SchemaError
from kerasnas.preprocessing.images import ImageForm
from kerasnas.preprocessing.sounds import SoundForm
from kerasnas.preprocessing.texts.forms import Terms, Tokens
from kerasnas.problem import Form, Problem
from kerasnas.problem.heads import ClassHead
from kerasnas.problem.inputs import (
    ArrayInput,
    DocumentInput,
    PictureInput,
    SeriesInput,
    SoundInput,
    TableInput,
)
from kerasnas.problem.rows import ANSWER, Rows
from kerasnas.problem.split import Split

ROWS, MORE = 24, 6
RNG = np.random.default_rng(0)
WORDS = ["one fine day", "two grey nights", "three", ""]
HEARD = SoundForm("mel", 64, 32, 8)


def table(rows):
    return pd.DataFrame({"a/b": RNG.normal(size=rows), "kind": RNG.choice(list("xyz"), rows)})


def pictures(rows):
    return RNG.integers(0, 255, (rows, 10, 12, 3)).astype("uint8")


def texts(rows):
    return [WORDS[i % 4] for i in range(rows)]


def sounds(rows):
    return [RNG.normal(0, 0.1, 300 + 10 * i).astype("float32") for i in range(rows)]


def arrays(rows):
    return RNG.normal(size=(rows, 5, 2)).astype("float32")


CASES = {
    "table": (TableInput(), table, "features"),
    "codes": (TableInput(), table, "codes"),
    "images": (PictureInput(), pictures, ImageForm(10, 12)),
    "smaller": (PictureInput(), pictures, ImageForm(8, 8, "crop")),
    "terms": (DocumentInput(50), texts, Terms(vocabulary=30)),
    "tokens": (DocumentInput(50), texts, Tokens()),
    "columns": (DocumentInput(50), lambda n: {"a": texts(n), "b": texts(n)}, Terms()),
    "sounds": (SoundInput(1000), sounds, HEARD),
    "waves": (SoundInput(1000), sounds, SoundForm("wave")),
    "speech": (SoundInput(1000, cut=False), sounds, HEARD),
    "array": (ArrayInput(), arrays, None),
    "series": (SeriesInput(), arrays, None),
}


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request):
    source, make, key = CASES[request.param]
    raw = source.read(make(ROWS), make(MORE))
    fitted = source.fit(raw, np.arange(ROWS))
    return raw, fitted, fitted.form(key)


def test_rows_to_validate_with_follow_those_to_fit_on(case):
    raw, fitted, form = case
    assert (raw.given, raw.total) == (ROWS, ROWS + MORE)
    assert raw.kept is None and raw.there is None and not raw.broken
    assert {len(array) for array in tf.nest.flatten(form.data)} == {raw.total}
    assert len(tf.nest.flatten(form.take(np.arange(3)))[0]) == 3
    taken = fitted.reader.take(fitted.raw, np.array([raw.total - 1]))
    assert [index.tolist() for index, _ in fitted.reader.batches(taken)] == [[0]]


def test_the_front_gives_what_networks_are_trained_on(case):
    """Raw data, read and called as a user of the file would, become the very rows of the form."""
    _, fitted, form = case
    front = alone(form.front)
    dtypes = artifact.input_dtypes(front)
    for index, inputs in fitted.reader.batches(fitted.raw):
        found = front(artifact.as_inputs(inputs, dtypes))
        for ours, kept in zip(tf.nest.flatten(found), tf.nest.flatten(form.data), strict=True):
            mine = np.asarray(ours)[: len(index)]
            theirs = np.asarray(kept[index])[:, : mine.shape[1]]
            # Batches may be as long as their longest row only, or longer than the rows of `fit`.
            np.testing.assert_allclose(mine[:, : theirs.shape[1]], theirs, rtol=1e-4, atol=1e-4)


def test_a_reader_comes_back_from_json(case):
    reader = case[1].reader
    assert type(reader).from_json(reader.to_json()) == reader


def test_only_training_rows_are_learnt_from():
    first, second = arrays(ROWS), arrays(ROWS)
    second[:10] = first[:10]
    train = np.arange(10)
    one, other = (ArrayInput().fit(ArrayInput().read(x), train) for x in (first, second))
    np.testing.assert_array_equal(one.mean, other.mean)
    x = table(ROWS)
    changed = x.copy()
    changed.loc[10:, "a/b"] = 1e3
    fitted = [TableInput().fit(TableInput().read(frame), train) for frame in (x, changed)]
    np.testing.assert_array_equal(fitted[0].matrix[:10], fitted[1].matrix[:10])


def test_the_way_to_the_exported_model_holds_no_rows():
    import keras

    source = ArrayInput()
    raw = source.read(arrays(ROWS))
    form = source.fit(raw, np.arange(20)).form(None)
    targets = np.arange(ROWS) % 2
    rows = Rows(
        {ANSWER: ClassHead(ClassTarget(np.array([0, 1])))},
        {ANSWER: targets},
        None,
        Split(np.arange(20), np.arange(20, ROWS)),
    )
    problem = Problem(reader=raw.reader, rows=rows, form={None: form}.__getitem__)
    assemble, data = problem.view(None).assemble, weakref.ref(form.data)
    del problem, form, raw, source
    gc.collect()
    assert data() is None
    x = keras.Input((5, 2))
    answer = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(x))
    assert assemble(keras.Model(x, answer)).output_shape == (None, 2)


def test_fronts_of_several_inputs_are_one_flat_dict():
    import keras

    first, second = (
        s.fit(s.read(make(ROWS)), np.arange(ROWS)).form(key)
        for s, make, key in (CASES["table"], CASES["images"])
    )
    assert isinstance(first.front, FrontGraph)
    sources = {
        "facts": keras.Input(first.data.shape[1:], name="facts"),
        "photo": keras.Input(second.data.shape[1:], name="photo"),
    }
    flat = [keras.layers.Flatten()(x) for x in sources.values()]
    network = keras.Model(sources, keras.layers.Dense(1)(keras.layers.Concatenate()(flat)))
    model = join({"facts": first.front, "photo": second.front}, network)
    assert set(model.input) == {"facts.a/b", "facts.kind", "photo"}


def test_sounds_of_speech_are_as_long_as_the_longest_of_all():
    source = SoundInput(1000, cut=False)
    raw = source.read(sounds(4), [np.zeros(900, "float32")])
    assert raw.reader.samples == 900


@pytest.mark.parametrize(
    ("source", "x"),
    [
        (TableInput(), pd.DataFrame({"a": [1j, 2j]})),
        (ArrayInput(), [["a"], ["b"]]),
        (SeriesInput(), np.zeros(5)),
        (DocumentInput(50), [1, 2]),
        (PictureInput(), 3),
        (SoundInput(1000), 3),
    ],
)
def test_data_that_cannot_be_used(source, x):
    with pytest.raises(SchemaError):
        source.read(x)


def test_a_form_without_a_measure_takes_no_time():
    assert Form(np.zeros(3), {}).latency_ms() == 0.0
