"""Rows without their picture or their sound, in `fit`, in `predict` and in the file."""

import keras
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import SchemaError

ROWS = 60


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    bright, size = rng.uniform(size=ROWS), rng.normal(size=(ROWS, 2)).astype("float32")
    photos = [np.full((8, 8, 3), 40 + 180 * b, "uint8") for b in bright]
    waves = [np.sin(np.arange(600) * (0.2 + 0.4 * b)).astype("float32") for b in bright]
    for row in range(0, ROWS, 4):
        photos[row] = None
        waves[row + 1] = np.nan
    return {"photo": photos, "sound": waves, "extra": size}, 10 * bright + size[:, 0]


@pytest.fixture(scope="module")
def fitted(data):
    photo, sound = kn.ImageInput("photo"), kn.AudioInput("sound", sample_rate=2000)
    extra = kn.TensorInput("extra")
    parts = [
        kn.ImageBlock(family="conv", conv_width=4)(photo),
        kn.AudioBlock(family="cnn", cnn_width=4)(sound),
        kn.DenseBlock(layers=1)(extra),
    ]
    z = kn.Merge(operation="concatenate")(parts)
    budget = kn.Budget(trials=1, epochs=8)
    auto = kn.AutoModel(
        [photo, sound, extra], kn.RegressionHead()(z), budget=budget, seed=0, verbose=0
    )
    auto.fit(*data)
    return auto


def some(x, rows):
    return {name: [values[i] for i in rows] for name, values in x.items()}


def test_rows_without_a_picture_or_a_sound_are_answered(fitted, data):
    assert np.isfinite(fitted.predict(data[0])).all()
    assert np.isfinite(fitted.leaderboard(full=True)["val_rmse"].dropna()).all()
    none = {"photo": [None], "sound": [None], "extra": data[0]["extra"][:1]}
    assert np.isfinite(fitted.predict(none)).all()


def test_a_row_has_the_same_answer_in_any_company(fitted, data):
    whole = fitted.predict(data[0])
    alone = [fitted.predict(some(data[0], [row]))[0] for row in (0, 1, 2)]
    np.testing.assert_allclose(alone, whole[:3], rtol=1e-4)


def test_the_file_takes_zeros_for_a_row_without_one(fitted, data, tmp_path):
    path = tmp_path / "auto.keras"
    fitted.save(path)
    plain = keras.models.load_model(path)
    raw = {
        "photo": np.zeros((1, 8, 8, 3), "uint8"),
        "sound": np.zeros((1, 100), "float32"),
        "extra": data[0]["extra"][:1],
    }
    answer = plain({name: keras.ops.convert_to_tensor(v) for name, v in raw.items()})
    none = {"photo": [None], "sound": [None], "extra": raw["extra"]}
    again = kn.load(path)
    np.testing.assert_allclose(np.asarray(answer)[:, 0], fitted.predict(none), rtol=1e-5)
    np.testing.assert_array_equal(again.predict(data[0]), fitted.predict(data[0]))


def test_an_input_that_no_row_has(data):
    photo = kn.ImageInput("photo")
    auto = kn.AutoModel(photo, kn.RegressionHead()(kn.ImageBlock()(photo)), verbose=0)
    with pytest.raises(SchemaError, match="Input `photo`: `x` has no image in any of its 60 rows"):
        auto.fit([None] * ROWS, data[1])
