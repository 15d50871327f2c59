"""How users keep images: every form gives the same pictures, and bad ones are named together."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kerasnas.data import room
from kerasnas.data.images import ImageReader, fit_image_reader
from kerasnas.data.picture_reading import looked
from kerasnas.data.pictures import picture_column, picture_folders, split_pictures, to_pictures
from kerasnas.errors import SchemaError


def noise(*shape):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, shape).astype("uint8")


@pytest.fixture
def folder(tmp_path):
    """Two classes with two images each, of different sizes, modes and formats."""
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
    Image.fromarray(noise(10, 12, 3)).save(tmp_path / "cats" / "1.png")
    Image.fromarray(noise(9, 9)).save(tmp_path / "cats" / "2.png")
    Image.fromarray(noise(8, 20, 4)).save(tmp_path / "dogs" / "3.png")
    Image.fromarray(noise(16, 16, 3)).save(tmp_path / "dogs" / "4.JPG")
    (tmp_path / "dogs" / "notes.txt").write_text("no image")
    return tmp_path


@pytest.mark.parametrize(
    ("shape", "axis", "channels"),
    [
        ((5, 8, 8), "none", 1),
        ((5, 8, 8, 1), "last", 1),
        ((5, 32, 30, 3), "last", 3),
        ((5, 3, 32, 30), "first", 3),
        ((5, 1, 28, 28), "first", 1),
        ((5, 28, 28, 4), "last", 4),
        ((5, 3, 3, 3), "last", 3),
        ((5, 3, 32, 3), "last", 3),
    ],
)
def test_the_axis_of_channels_is_found_and_named(shape, axis, channels):
    reader = fit_image_reader(to_pictures(noise(*shape)))
    assert (reader.axis, reader.channels, reader.shape) == (axis, channels, shape[1:])
    words = {"none": "no channel axis", "last": "channels last", "first": "channels first"}
    assert words[axis] in reader.describe()


def test_forms_of_the_same_images_agree():
    x = noise(6, 8, 8, 3)
    one = to_pictures(x)
    for other in (list(x), [x[i].tolist() for i in range(6)], tuple(x)):
        pictures = to_pictures(other)
        assert np.array_equal(np.stack([pictures.one(i) for i in range(6)]), x)
    first = to_pictures(np.moveaxis(x, -1, 1).repeat(2, 2).repeat(2, 3))
    assert np.array_equal(first.one(0)[::2, ::2], one.one(0))


def test_sizes_may_differ():
    pictures = to_pictures([noise(8, 9, 3), noise(20, 7, 3), noise(5, 5)])
    reader = fit_image_reader(pictures)
    assert reader.free
    assert reader.shape == (None, None, 3)
    inputs = dict(
        (int(i), image)
        for rows, images in reader.batches(reader.read(pictures))
        for i, image in zip(rows, images, strict=True)
    )
    assert [inputs[i].shape for i in range(3)] == [(8, 9, 3), (20, 7, 3), (5, 5, 3)]


def test_class_folders(folder):
    pictures, labels = picture_folders(folder)
    assert labels.tolist() == ["cats", "cats", "dogs", "dogs"]
    assert [p.name for p in pictures.items] == ["1.png", "2.png", "3.png", "4.JPG"]
    reader = fit_image_reader(pictures)
    assert (reader.channels, reader.dtype, reader.free) == (4, "uint8", True)
    grey = pictures.one(1, 4)
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert (grey[..., 3] == 255).all()


def test_frames_and_series_of_paths(folder):
    paths = [str(p) for p in picture_folders(folder)[0].items]
    frame = pd.DataFrame({"file": paths, "age": [1, 2, 3, 4], "name": list("abcd")})
    assert picture_column(frame) == "file"
    x, y = split_pictures(frame, "age")
    assert y.tolist() == [1, 2, 3, 4]
    assert len(to_pictures(x)) == len(to_pictures(frame)) == len(to_pictures(paths)) == 4
    with pytest.raises(SchemaError, match="2 columns"):
        picture_column(frame.assign(other=paths))
    with pytest.raises(SchemaError, match="`weight`"):
        split_pictures(frame, "weight")


def test_broken_files_are_collected(folder):
    (folder / "cats" / "0.png").write_bytes(b"no image")
    (folder / "dogs" / "9.png").write_bytes((folder / "dogs" / "3.png").read_bytes()[:80])
    pictures, _ = picture_folders(folder)
    with pytest.warns(UserWarning, match=r"2 of the 6 .*0\.png.*9\.png.*left out"):
        good = looked(pictures)[0]
    assert good.tolist() == [1, 2, 3, 4]
    reader = fit_image_reader(pictures.take(good))
    with pytest.raises(SchemaError, match=r"2 of the 6 .*0\.png.*9\.png"):
        reader.read(folder)
    missing = to_pictures([folder / "a.png", folder / "b.png", *pictures.items[1:3]])
    with pytest.raises(SchemaError, match="2 of the 4"):
        looked(missing)


GREY, COLOUR, NUMBERS = noise(6, 8, 9), noise(6, 8, 9, 3), np.array([2, 0, 1, 2, 0, 1])
ONE_HOT = np.eye(3, dtype="float32")[NUMBERS]


def dataset(*parts):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])


@pytest.mark.parametrize("share", [0.25, 0.0], ids=["memory", "file"])
@pytest.mark.parametrize("x", [GREY, COLOUR, COLOUR.astype("float64")], ids=lambda x: str(x.shape))
@pytest.mark.parametrize("y", [NUMBERS, NUMBERS[:, None].astype("float32"), ONE_HOT])
def test_a_dataset_gives_images_and_targets(monkeypatch, share, x, y):
    monkeypatch.setattr(room, "_SHARE", share)
    plain = dataset(x, y)
    batches = (plain.batch(4), plain.batch(3, drop_remainder=True), plain.batch(6))
    for given in (plain, *batches) if x.ndim == 4 or y.ndim == 1 else batches:
        images, targets = split_pictures(given, None, classes=True)
        assert isinstance(images.items, np.memmap) == (share == 0)
        assert np.array_equal(images.items, x)
        assert images.items.dtype == ("uint8" if x.dtype == np.uint8 else "float32")
        assert targets.tolist() == NUMBERS.tolist()
    assert np.array_equal(to_pictures(plain).items, x)  # as `predict` takes it


def test_one_hot_targets_are_several_labels_unless_they_are_asked_for_as_classes():
    assert np.array_equal(split_pictures(dataset(GREY, ONE_HOT).batch(4), None)[1], ONE_HOT)
    several = ONE_HOT.copy()
    several[3] = 1
    targets = split_pictures(dataset(GREY, several).batch(4), None, classes=True)[1]
    assert np.array_equal(targets, several)


@pytest.mark.parametrize("share", [0.25, 0.0], ids=["memory", "file"])
def test_images_of_several_sizes_in_a_dataset(monkeypatch, share):
    import tensorflow as tf

    monkeypatch.setattr(room, "_SHARE", share)
    x = [noise(6 + i, 9, 3) for i in range(5)]
    signature = (tf.TensorSpec((None, None, 3), "uint8"), tf.TensorSpec((2,), "float32"))
    given = tf.data.Dataset.from_generator(
        lambda: ((image, np.eye(2)[i % 2]) for i, image in enumerate(x)),
        output_signature=signature,
    )
    assert int(given.cardinality()) == -2  # unknown: it is read until it ends
    images, targets = split_pictures(given, None, classes=True)
    assert all(np.array_equal(images.one(i), x[i]) for i in range(5))
    assert targets.tolist() == [0, 1, 0, 1, 0]
    assert fit_image_reader(images).free


def test_a_generator_that_never_ends_does_not_fill_the_disk(monkeypatch):
    import itertools

    import tensorflow as tf

    monkeypatch.setattr(room, "_SHARE", 0.0)
    free = type("Usage", (), {"free": 10_000})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: free)
    given = tf.data.Dataset.from_generator(
        lambda: (noise(6, 9, 3) for _ in itertools.count()),
        output_signature=tf.TensorSpec((6, 9, 3), "uint8"),
    )
    with pytest.raises(SchemaError, match=r"may never end.*`\.take\(n\)`"):
        split_pictures(given, None)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (lambda: dataset(COLOUR, NUMBERS).repeat(), "never ends"),
        (lambda: dataset(COLOUR, NUMBERS).take(0), "empty"),
        (lambda: dataset({"image": COLOUR}), "`y` is missing"),
        (lambda: dataset({"left": COLOUR, "right": COLOUR}), "'left', 'right'"),
        (lambda: dataset(COLOUR, NUMBERS, NUMBERS, NUMBERS), "tuples of 4 parts"),
        (lambda: dataset(GREY.reshape(6, 72), NUMBERS), "shape"),
        (lambda: dataset(GREY.reshape(6, 72), NUMBERS).batch(4), "shape"),
        (lambda: dataset(np.array(["a", "b"]), NUMBERS[:2]), "expected images"),
    ],
)
def test_what_is_no_dataset_of_images(bad, sentence):
    with pytest.raises(SchemaError, match=sentence):
        split_pictures(bad(), None)


def test_photos_of_many_sizes_do_not_pile_up(monkeypatch):
    from kerasnas.data import images as module

    monkeypatch.setattr(module, "_WAITING_BYTES", 4 * 3000)
    pictures = to_pictures([noise(8 + i, 9, 3) for i in range(60)])  # no two of one size
    reader = fit_image_reader(pictures)
    read, given = [], []
    one = type(pictures).one
    monkeypatch.setattr(type(pictures), "one", lambda *a: read.append(a[1]) or one(*a))
    for rows, images in reader.batches(pictures):
        given.extend(rows)
        assert np.array_equal(images[0], pictures.items[rows[0]])
        assert len(set(read)) - len(given) < 14 or len(read) == 60
    assert sorted(given) == list(range(60))


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (np.zeros((5, 64)), r"reshape\(-1, 8, 8\)"),
        (np.zeros((5, 63)), "TabularClassifier"),
        (np.zeros((0, 8, 8)), "no image"),
        (np.zeros((2, 8, 8), "complex64"), "expected numbers"),
        (7, "received|expected images"),
        ([np.zeros((8, 8)), None], "missing value in row 1"),
        ([np.zeros((8, 8)), "a.png"], "mixes arrays and paths"),
        ([], "empty"),
        ("no_such_folder", "no file or folder"),
    ],
)
def test_what_is_no_image(bad, sentence):
    with pytest.raises(SchemaError, match=sentence):
        to_pictures(bad)


def test_pixels_that_are_not_finite():
    rng = np.random.default_rng(0)
    x = rng.random((4, 8, 8))
    x[2, 0, 0] = np.nan
    with pytest.raises(SchemaError, match=r"1 images .*first: row 2"):
        looked(to_pictures(x))


def test_new_images_must_have_the_form_and_scale_of_fit():
    rng = np.random.default_rng(0)
    raw = fit_image_reader(to_pictures(noise(5, 8, 8)))
    assert np.array_equal(raw.read(np.full((2, 8, 8), 3.0)).items, np.full((2, 8, 8), 3, "uint8"))
    assert raw.read(noise(2, 8, 8, 1)).items.shape == (2, 8, 8)
    with pytest.raises(SchemaError, match="raw pixels"):
        raw.read(rng.random((2, 8, 8)))
    with pytest.raises(SchemaError, match=r"\(8, 9\), expected \(8, 8\)"):
        raw.read(noise(2, 8, 9))
    scaled = fit_image_reader(to_pictures(rng.random((5, 8, 8, 3))))
    with pytest.raises(SchemaError, match="x / 255"):
        scaled.read(noise(2, 8, 8, 3))
    assert scaled.read(np.zeros((1, 8, 8, 3))).items.dtype == np.float32


@pytest.mark.parametrize("x", [noise(4, 8, 8), noise(4, 3, 32, 32), [noise(8, 9, 3), noise(4, 4)]])
def test_readers_come_back_from_json(x):
    import json

    reader = fit_image_reader(to_pictures(x))
    assert ImageReader.from_json(json.loads(json.dumps(reader.to_json()))) == reader
    assert reader.probe().shape[0] == 5
    for content in ({}, None, {**reader.to_json(), "axis": "middle"}):
        with pytest.raises(SchemaError):
            ImageReader.from_json(content)


@pytest.mark.parametrize("threads", [1, 8])
def test_files_are_decoded_ahead_in_their_order(tmp_path, monkeypatch, threads):
    from kerasnas.data import picture_reading as module

    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: range(threads), raising=False)
    monkeypatch.setattr(module.sys, "platform", "linux")
    x = noise(60, 7, 9, 3)
    paths = [tmp_path / f"{i}.png" for i in range(60)]
    for path, image in zip(paths, x, strict=True):
        Image.fromarray(image).save(path)
    paths[40].write_bytes(b"no image")
    pictures, read = to_pictures(paths), []
    one = type(pictures).one
    monkeypatch.setattr(type(pictures), "one", lambda *a: read.append(a[1]) or one(*a))
    for row, image in module.opened(pictures):
        assert len(read) <= row + 1 + 2 * threads
        assert isinstance(image, str) if row == 40 else np.array_equal(image, x[row])
    assert row == 59
    reader = fit_image_reader(pictures.take(np.arange(30)))
    with pytest.raises(SchemaError, match=r"40\.png' cannot be read any more"):
        list(reader.batches(pictures))
