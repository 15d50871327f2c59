"""Inputs of every modality in one `AutoModel`."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.auto_model.readers import InputsReader
from kerasnas.data.arrays import ArrayReader
from kerasnas.errors import SchemaError
from kerasnas.testing import check_block

ROWS = 80


def pictures(rng, bright, size):
    return np.clip(rng.normal(60 + 120 * bright, 30, size), 0, 255).astype("uint8")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    bright = rng.uniform(size=ROWS)
    length = rng.normal(size=ROWS)
    photos = np.stack([pictures(rng, b, (10, 12, 3)) for b in bright])
    x = {"photo": photos, "facts": pd.DataFrame({"length": length})}
    return x, {"value": 10 * bright + length, "light": np.where(bright > 0.5, "day", "night")}


def compose(budget):
    photo, facts = kn.ImageInput(name="photo"), kn.TabularInput(name="facts")
    z = kn.Merge(operation="concatenate")(
        [kn.ImageBlock(family="conv", conv_width=4)(photo), kn.TabularBlock(family="mlp")(facts)]
    )
    heads = {"value": kn.RegressionHead()(z), "light": kn.ClassificationHead()(z)}
    return kn.AutoModel([photo, facts], heads, budget=budget, seed=0, verbose=0)


def test_pictures_and_a_table(data, tmp_path):
    x, y = data
    auto = compose(kn.Budget(trials=1, epochs=60))
    auto.fit(x, y)
    assert auto.evaluate(x, y)["light_accuracy"] > 0.8
    auto.save(tmp_path / "auto.keras")
    plain = keras.models.load_model(tmp_path / "auto.keras")
    length = x["facts"][["length"]].to_numpy("float32")
    raw = {"photo": x["photo"], "facts.length": length}
    answers = plain({name: keras.ops.convert_to_tensor(v) for name, v in raw.items()})
    np.testing.assert_allclose(
        np.asarray(answers["value"])[:, 0], auto.predict(x)["value"], rtol=1e-4, atol=1e-4
    )
    again = kn.load(tmp_path / "auto.keras")
    np.testing.assert_array_equal(again.predict(x)["light"], auto.predict(x)["light"])


def test_pictures_of_any_size(data):
    rng = np.random.default_rng(1)
    x, y = data
    sizes = [(9, 11, 3), (14, 10, 3)]
    photos = [pictures(rng, float(v == "day"), sizes[i % 2]) for i, v in enumerate(y["light"])]
    auto = compose(kn.Budget(trials=1, epochs=8))
    auto.fit({**x, "photo": photos}, y)
    together = auto.predict({**x, "photo": photos})["value"]
    alone = [
        auto.predict({"photo": [photo], "facts": x["facts"].iloc[[i]]})["value"][0]
        for i, photo in enumerate(photos[:6])
    ]
    np.testing.assert_allclose(together[:6], alone, rtol=1e-4)


def test_three_inputs_and_two_outputs(data, tmp_path):
    x, y = data
    rng = np.random.default_rng(2)
    notes = [
        f"a {'sunny' if v == 'day' else 'starry'} picture {'x' * int(n)}"
        for v, n in zip(y["light"], rng.integers(0, 30, ROWS), strict=True)
    ]
    x = {**x, "note": notes}
    photo, facts, note = kn.ImageInput("photo"), kn.TabularInput("facts"), kn.TextInput("note")
    z = kn.Merge()([kn.ImageBlock(family="conv", conv_width=4)(photo), kn.TextBlock()(note)])
    both = kn.Merge(operation="gated")([z, kn.TabularBlock(family="mlp")(facts)])
    auto = kn.AutoModel(
        [photo, facts, note],
        {"value": kn.RegressionHead()(both), "light": kn.ClassificationHead()(z)},
        budget=kn.Budget(trials=1, epochs=20),
        seed=0,
        verbose=0,
    )
    auto.fit(x, y)
    assert auto.evaluate(x, y)["light_accuracy"] > 0.9
    auto.save(tmp_path / "auto.keras")
    again = kn.load(tmp_path / "auto.keras")
    np.testing.assert_array_equal(again.predict(x)["light"], auto.predict(x)["light"])
    plain = keras.models.load_model(tmp_path / "auto.keras")
    raw = {
        "photo": keras.ops.convert_to_tensor(x["photo"]),
        "facts.length": keras.ops.convert_to_tensor(x["facts"][["length"]].to_numpy("float32")),
        "note": keras.ops.convert_to_tensor(np.array(notes)[:, None], dtype="string"),
    }
    answers = np.asarray(plain(raw)["value"])[:, 0]
    np.testing.assert_allclose(answers, auto.predict(x)["value"], rtol=1e-4, atol=1e-4)


def test_sounds_of_any_length(tmp_path):
    rng = np.random.default_rng(3)
    rate, high = 4000, rng.integers(0, 2, 60)
    clips = []
    for tone in high:
        time = np.arange(rng.integers(600, 1200)) / rate
        wave = np.sin(2 * np.pi * (1200 if tone else 300) * time)
        clips.append((0.4 * wave + rng.normal(0, 0.05, len(wave))).astype("float32"))
    sound = kn.AudioInput("sound", sample_rate=rate)
    head = kn.ClassificationHead()(
        kn.AudioBlock(family="cnn", cnn_width=8, normalize="clip")(sound)
    )
    budget = kn.Budget(trials=1, epochs=40)
    auto = kn.AutoModel(sound, head, budget=budget, seed=0, verbose=0)
    auto.fit(clips, high)
    assert auto.evaluate(clips, high)["accuracy"] > 0.9
    auto.save(tmp_path / "auto.keras")
    plain = keras.models.load_model(tmp_path / "auto.keras")
    # Padding with silence changes nothing.
    padded = np.concatenate([clips[0], np.zeros(500, "float32")])[None]
    answer = np.asarray(plain({"sound": keras.ops.convert_to_tensor(padded)}))
    np.testing.assert_allclose(answer, auto.predict_proba(clips)[:1], atol=1e-4)


@pytest.mark.parametrize("channels", [(), (2,)])
def test_series_beside_a_table(data, tmp_path, channels):
    rng = np.random.default_rng(4)
    x, y = data
    slope = np.where(y["light"] == "day", 0.3, -0.3)
    level = rng.normal(0, 5, ROWS)
    series = level[:, None] + slope[:, None] * np.arange(12) + rng.normal(0, 0.2, (ROWS, 12))
    series = np.repeat(series[..., None], 2, axis=2) if channels else series
    usage, facts = kn.TimeSeriesInput("usage"), kn.TabularInput("facts")
    block = kn.TimeSeriesBlock(family="tcn", tcn_filters=16, instance_norm=bool(channels))
    z = kn.Merge(operation="concatenate")([block(usage), kn.TabularBlock(family="mlp")(facts)])
    head = kn.ClassificationHead()(z)
    budget = kn.Budget(trials=1, epochs=24)
    auto = kn.AutoModel([usage, facts], head, budget=budget, seed=0, verbose=0)
    raw = {"usage": series, "facts": x["facts"]}
    auto.fit(raw, y["light"])
    assert auto.evaluate(raw, y["light"])["accuracy"] > 0.9
    auto.save(tmp_path / "auto.keras")
    plain = keras.models.load_model(tmp_path / "auto.keras")
    assert plain.input["usage"].shape == (None, 12, *channels)
    columns = {
        "usage": series.astype("float32"),
        "facts.length": x["facts"][["length"]].to_numpy("float32"),
    }
    answer = plain({name: keras.ops.convert_to_tensor(v) for name, v in columns.items()})
    np.testing.assert_allclose(np.asarray(answer), auto.predict_proba(raw), atol=1e-5)
    again = kn.load(tmp_path / "auto.keras").predict(raw)
    np.testing.assert_array_equal(again, auto.predict(raw))
    with pytest.raises(SchemaError, match="expects rows of shape"):
        auto.predict({**raw, "usage": series[:, :11]})


@pytest.mark.parametrize(
    ("series", "sentence"),
    [
        ([np.zeros(5), np.zeros(7)], "of one length, received 5 to 7 steps"),
        (np.zeros(5), "two steps or more"),
        (np.full((5, 4), np.nan), "not finite"),
        (np.full((5, 4), -1e30), r"5 rows hold values beyond 1e\+18"),
    ],
)
def test_series_that_cannot_be_used(series, sentence):
    with pytest.raises(SchemaError, match=sentence):
        kn.TimeSeriesInput("usage").read(series)


def test_a_block_of_series_keeps_what_blocks_have_to():
    check_block(kn.TimeSeriesBlock, shape=(8, 2))


def test_rows_of_inputs_must_match():
    reader = InputsReader({"a": ArrayReader((2,)), "b": ArrayReader((3,))})
    raw = reader.read({"a": np.zeros((4, 2)), "b": np.zeros((5, 3))})
    with pytest.raises(SchemaError, match="different numbers of rows: `a` 4, `b` 5"):
        list(reader.batches(raw))


def test_readers_come_back_from_json():
    reader = InputsReader({"a": ArrayReader((2,)), "b": ArrayReader((3, 4))})
    assert InputsReader.from_json(reader.to_json()) == reader


@pytest.mark.parametrize("content", [{}, {"a": 3}, {"a": {"reader": "os", "content": {}}}])
def test_other_json_is_refused(content):
    with pytest.raises(SchemaError):
        InputsReader.from_json(content)
