"""What networks train on and what the exported graph computes are the same pixels."""

import keras
import numpy as np
import pytest

from kerasnas.data import room
from kerasnas.data.images import fit_image_reader
from kerasnas.data.pictures import to_pictures
from kerasnas.preprocessing.images import ImageForm, picture_front, pixels, statistics


def noise(*shape):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, shape).astype("uint8")


@pytest.mark.parametrize("shape", [(4, 12, 16), (4, 12, 16, 3), (4, 3, 12, 16)])
@pytest.mark.parametrize("size", [(12, 16), (8, 8), (20, 20)])
def test_cached_pixels_are_those_of_the_graph(shape, size):
    x = noise(*shape)
    reader = fit_image_reader(to_pictures(x))
    form = ImageForm(*size)
    cached = pixels(reader, form, reader.read(x))
    assert cached.shape == (4, *size, reader.channels)
    assert cached.dtype == np.uint8
    assert np.array_equal(np.asarray(picture_front(reader, form)(x)), cached.astype("float32"))


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_images_of_all_sizes_and_a_file(fit, tmp_path):
    x = [noise(12, 20, 3), noise(30, 11, 3)]
    reader = fit_image_reader(to_pictures(x))
    form = ImageForm(16, 16, fit)
    cached = pixels(reader, form, reader.read(x))
    path = tmp_path / "front.keras"
    picture_front(reader, form).save(path)
    loaded = keras.models.load_model(path)
    for row, image in enumerate(x):
        assert np.array_equal(np.asarray(loaded(image[None]))[0], cached[row].astype("float32"))


def test_large_data_lie_in_a_file(monkeypatch):
    monkeypatch.setattr(room, "_SHARE", 1e-9)
    x = [noise(12, 20, 3), noise(30, 11, 3)]
    reader = fit_image_reader(to_pictures(x))
    cached = pixels(reader, ImageForm(16, 16), reader.read(x))
    assert isinstance(cached, np.memmap)
    monkeypatch.undo()
    assert np.array_equal(cached, pixels(reader, ImageForm(16, 16), reader.read(x)))


def test_statistics_of_channels():
    x = noise(50, 6, 6, 3)
    x[..., 1] = 7
    mean, variance = statistics(x)
    assert np.allclose(mean, x.mean(axis=(0, 1, 2)), rtol=1e-5)
    assert np.isclose(variance[0], x[..., 0].var(), rtol=1e-4)
    assert variance[1] == 1.0  # nothing to divide by


def test_the_front_does_not_put_what_follows_into_training():
    x = noise(8, 12, 16, 3)
    reader = fit_image_reader(to_pictures(x))
    raw = keras.Input(reader.shape, dtype="uint8")
    answer = keras.layers.BatchNormalization()(picture_front(reader, ImageForm(8, 8))(raw))
    model = keras.Model(raw, answer)
    assert np.array_equal(model(x), model(x, training=False))
    assert not np.allclose(model(x), model(x, training=True), atol=1.0)
