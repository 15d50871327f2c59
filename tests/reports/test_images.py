"""Images as people keep them: scales, depths, folders, frames, batches."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasnas as kn
from kerasnas.data.images import fit_image_reader
from kerasnas.data.picture_reading import looked
from kerasnas.data.pictures import picture_folders, split_pictures, to_pictures, unpack_pictures
from kerasnas.errors import SchemaError
from kerasnas.problem.given import Given
from kerasnas.spaces.picture_backbones.sources import SettledPretrained

QUICK = {"budget": kn.Budget(trials=1, epochs=2), "seed": 0, "verbose": 0, "space": "conv"}
RNG = np.random.default_rng(0)


def toys(rows=60, classes=2):
    """Bright bars in the left or in the right half, grey, 0 to 1, and their places."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % classes
    x = 0.2 * rng.random((rows, 12, 12))
    for row, label in enumerate(y):
        start = label * 12 // classes
        x[row, :, start : start + 12 // classes] += 0.7
    return x, y


X, Y = toys()


@pytest.fixture(scope="module")
def one_hot():
    """A classifier of images whose targets are one-hot."""
    return kn.ImageClassifier(**QUICK).fit((255 * X).astype("uint8"), np.eye(3)[np.arange(60) % 3])


def test_one_hot_targets_are_classes(one_hot):
    x = (255 * X).astype("uint8")
    assert one_hot.classes_.tolist() == [0, 1, 2]
    assert one_hot.predict_proba(x).sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    said = one_hot.predict(x)
    assert said.shape == (60,)
    truth = np.arange(60) % 3
    assert one_hot.score(x, np.eye(3)[truth]) == one_hot.score(x, truth)
    assert one_hot.evaluate(x, np.eye(3)[truth]) == one_hot.evaluate(x, truth)


LABELS = np.array([3, 5, 9, 3, 5, 9])


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.eye(3)[[0, 1, 2, 0, 1, 2]], [0, 1, 2]),
        (np.eye(3, dtype=bool)[[0, 1, 2, 0, 1, 2]], [0, 1, 2]),
        (np.eye(2, dtype="float32")[[0, 1, 1, 0, 1, 0]], [0, 1]),
        (np.eye(3, dtype=int)[[0, 1, 2, 0, 1, 2]].tolist(), [0, 1, 2]),
        (pd.get_dummies(pd.Series(list("abcabc"))), ["a", "b", "c"]),
        (pd.get_dummies(pd.Series(LABELS)), [3, 5, 9]),
        ([[3], [5], [9], [3], [5], [9]], [3, 5, 9]),
        ([("x",), ("y",), ("x",)], ["x", "y"]),
        (LABELS.reshape(-1, 1).tolist(), [3, 5, 9]),
    ],
    ids=["float", "bool", "two", "lists", "dummies", "numbers", "rows", "tuples", "column"],
)
def test_one_class_a_row_is_a_class_in_every_form(y, classes):
    from kerasnas.problem.rows import fit_target

    target = fit_target(y, classify=True, multilabel=True)
    assert target.classes_.tolist() == classes
    assert len(set(target.encode(y).tolist())) == len(classes)


@pytest.mark.parametrize(
    "y",
    [
        [[1, 0, 1], [0, 1, 0], [1, 1, 1]],
        np.zeros((4, 3), int),
        [["a"], ["a", "b"], []],
        [{"a", "b"}, {"a"}],
    ],
)
def test_several_labels_a_row_stay_several(y):
    from kerasnas.data import is_multilabel

    assert is_multilabel(y)


# Depths of files.


def deep(kind, top, path):
    """The toys as files of a mode, with pixels up to `top`; their paths and labels."""
    for row, image in enumerate(X):
        pixels = image * top
        if kind == "F":
            file = Image.fromarray(pixels.astype("float32"))
        elif kind == "I":
            file = Image.fromarray(pixels.astype("int32"))
        else:
            file = Image.fromarray(pixels.astype("uint16"))
        assert file.mode == kind
        file.save(path / f"{row:03d}.{'tif' if kind != 'I;16' else 'png'}")
    return sorted(path.iterdir())


@pytest.mark.parametrize(
    ("kind", "top"),
    [("I;16", 4095), ("I;16", 65535), ("I", 100_000), ("F", 1.0), ("F", 1e-3), ("F", 5e6)],
)
def test_pixels_of_deep_files_keep_their_range(kind, top, tmp_path):
    pictures = to_pictures(deep(kind, top, tmp_path))
    good, looks, decoded = looked(pictures)
    reader = fit_image_reader(pictures, looks)
    assert len(good) == len(decoded) == 60
    assert reader.dtype == "float32"
    assert reader.high == pytest.approx(X.max() * top, rel=1e-3, abs=1.0 if top > 1 else 0)
    _, images = next(iter(reader.batches(pictures)))
    assert np.asarray(images)[0, ..., 0] == pytest.approx(X[0] * top, rel=1e-3, abs=1e-3 * top)


def test_a_classifier_learns_from_deep_files(tmp_path):
    paths = deep("I;16", 4095, tmp_path)
    clf = kn.ImageClassifier(**{**QUICK, "budget": kn.Budget(trials=1, epochs=12)})
    clf.fit(paths, Y)
    assert clf.score(paths, Y) == 1.0


def test_files_of_two_depths_are_told(tmp_path):
    paths = deep("I;16", 65535, tmp_path)
    Image.fromarray((255 * X[0]).astype("uint8")).save(paths[7])
    with pytest.raises(SchemaError, match=r"mixes two scales.*1 images.*007\.png.*59 from"):
        looked(to_pictures(paths))


# What systems leave in folders.


@pytest.fixture
def littered(tmp_path):
    """A folder of two classes with what systems and notebooks leave there."""
    for name in ("cats", "dogs", "cats/.ipynb_checkpoints", "__MACOSX", "__MACOSX/cats"):
        (tmp_path / name).mkdir()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    names = ["cats/1.png", "cats/2.png", "dogs/1.png", "dogs/2.PNG"]
    litter = ["cats/._2.png", "cats/.ipynb_checkpoints/1-checkpoint.png"]
    litter += ["__MACOSX/cats/1.png", "__MACOSX/2.png", ".ipynb_checkpoints/1.png", "._1.png"]
    for name in (*names, *litter):
        Image.fromarray(RNG.integers(0, 255, (8, 8, 3)).astype("uint8")).save(
            tmp_path / name, format="PNG"
        )
    return tmp_path


def test_what_systems_leave_in_folders_is_no_image(littered):
    pictures, labels = picture_folders(littered)
    assert labels.tolist() == ["cats", "cats", "dogs", "dogs"]
    assert [path.name for path in pictures.items] == ["1.png", "2.png", "1.png", "2.PNG"]
    assert len(to_pictures(littered)) == 4


# One image in the place of many.


@pytest.mark.parametrize(
    ("fitted", "image"),
    [
        ([(11, 12, 3), (9, 7, 3)], (11, 12, 3)),
        ([(11, 12), (9, 7)], (11, 12, 3)),
        ((6, 11, 12, 3), (11, 12, 3)),
        ((6, 11, 12), (11, 12, 1)),
        ((6, 11, 12, 4), (11, 12, 4)),
    ],
    ids=str,
)
def test_one_image_is_no_batch(fitted, image):
    given = [RNG.random(s) for s in fitted] if isinstance(fitted, list) else RNG.random(fitted)
    reader = fit_image_reader(to_pictures(given))
    with pytest.raises(SchemaError, match=r"one image, expected several.*`\[x\]`"):
        reader.read(RNG.random(image))
    if image[-1] != 3 or reader.channels == 3:
        assert len(reader.read([RNG.random(image)])) == 1


def test_narrow_images_are_a_batch():
    reader = fit_image_reader(to_pictures(RNG.random((5, 12, 3))))
    assert len(reader.read(RNG.random((11, 12, 3)))) == 11


def test_one_image_of_pillow_is_told():
    with pytest.raises(SchemaError, match=r"For one image pass `\[x\]`"):
        to_pictures(Image.fromarray(np.zeros((8, 8), "uint8")))


# Scales.

SCALES = {
    "unit": lambda x: x,
    "bytes": lambda x: np.rint(255 * x),
    "uint8": lambda x: np.rint(255 * x).astype("uint8"),
    "signed": lambda x: 2 * x - 1,
    "uint16": lambda x: np.rint(65535 * x).astype("uint16"),
    "twelve bits": lambda x: np.rint(4095 * x).astype("uint16"),
    "centred": lambda x: 255 * x - 128,
}
SAME = {("bytes", "uint8"), ("uint8", "bytes")}
NOISE = RNG.random((20, 8, 8))


@pytest.mark.parametrize("seen", SCALES)
@pytest.mark.parametrize("given", SCALES)
def test_images_of_another_scale_are_refused_with_both_ranges(seen, given):
    reader = fit_image_reader(to_pictures(SCALES[seen](NOISE)))
    new = SCALES[given](NOISE[:5] * 0.97)
    if seen == given or (seen, given) in SAME:
        assert len(reader.read(new)) == len(reader.read(list(new))) == 5
        return
    if {seen, given} == {"signed", "centred"} or {seen, given} == {"unit", "signed"}:
        pass  # these are told apart as well
    for x in (new, list(new)):
        with pytest.raises(SchemaError) as caught:
            reader.read(x)
        for number in (new.min(), new.max(), reader.low, reader.high):
            assert f"{float(number):g}" in str(caught.value)


@pytest.mark.parametrize("dark", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["uint8", "bytes"])
def test_dark_images_are_of_the_same_scale(kind, dark):
    reader = fit_image_reader(to_pictures(SCALES[kind](NOISE)))
    new = np.full((3, 8, 8), dark, "uint8")
    if kind == "uint8" or dark != 1:
        assert len(reader.read(new)) == 3


def test_a_reader_keeps_its_scale_in_a_file():
    from kerasnas.data.images import ImageReader

    reader = fit_image_reader(to_pictures(SCALES["signed"](NOISE)))
    again = ImageReader.from_json(reader.to_json())
    assert again == reader
    old = {k: v for k, v in reader.to_json().items() if k not in ("quiet", "signed", "whole")}
    assert ImageReader.from_json(old).scale.quiet == 0.0


@pytest.mark.parametrize("many", ["unit", "bytes"])
@pytest.mark.parametrize("container", [list, np.stack])
def test_one_list_of_two_scales_is_refused(many, container):
    few = {"unit": "bytes", "bytes": "unit"}[many]
    x = [*SCALES[many](NOISE[:15]), *SCALES[few](NOISE[15:])]
    with pytest.raises(SchemaError, match="mixes two scales"):
        kn.ImageClassifier(**QUICK).fit(container(x), np.arange(20) % 2)


def test_bytes_and_floats_in_one_list_are_refused():
    x = [*SCALES["uint8"](NOISE[:15]), *NOISE[15:]]
    with pytest.raises(SchemaError, match=r"mixes two scales: 5 images .* 15 from"):
        looked(to_pictures(x))


def test_validation_data_of_another_scale_are_refused():
    with pytest.raises(SchemaError, match=r"another scale.*from 0\.?\d* to 2.., fit saw"):
        kn.ImageClassifier(**QUICK).fit(X, Y, validation_data=(np.rint(255 * X), Y))


# Frames and batches.


def test_a_frame_of_paths_with_a_gap_leaves_its_row_out(tmp_path):
    paths = []
    for row in range(12):
        path = tmp_path / f"{row}.png"
        Image.fromarray((255 * X[row]).astype("uint8")).save(path)
        paths.append(str(path))
    paths[4] = None
    frame = pd.DataFrame({"path": paths, "y": Y[:12]})
    x, y = split_pictures(frame, "y")
    with pytest.warns(UserWarning, match=r"1 of the 12 images.*row 4: has no path"):
        good = looked(to_pictures(x))[0]
    assert good.tolist() == [0, 1, 2, 3, *range(5, 12)]
    assert len(y) == 12
    reader = fit_image_reader(to_pictures(x).take(good))
    with pytest.raises(SchemaError, match="row 4: has no path"):
        reader.read(frame)


@pytest.mark.parametrize(
    "cell",
    [
        lambda row: X[row],
        lambda row: Image.fromarray((255 * X[row]).astype("uint8")),
        lambda row: encoded(X[row]),
        lambda row: {"bytes": encoded(X[row]), "path": None},
    ],
    ids=["array", "pillow", "bytes", "hugging face"],
)
def test_a_column_of_images_is_taken(cell):
    frame = pd.DataFrame({"picture": [cell(row) for row in range(10)], "age": range(10)})
    x, y = split_pictures(frame, "age")
    pictures = to_pictures(x)
    assert len(pictures) == 10
    assert pictures.one(3).shape == (12, 12, 1)
    assert list(y) == list(range(10))


def encoded(image):
    import io

    buffer = io.BytesIO()
    Image.fromarray((255 * image).astype("uint8")).save(buffer, "PNG")
    return buffer.getvalue()


WEIGHTS = np.linspace(0.5, 2.0, 60)


def batches(kind):
    """The toys with labels and weights, batch by batch."""
    import keras
    import tensorflow as tf

    def parts():
        for start in range(0, 60, 16):
            part = slice(start, start + 16)
            yield X[part, ..., None], Y[part], WEIGHTS[part]

    if kind == "generator":
        return parts()
    if kind == "dataset":
        return tf.data.Dataset.from_tensor_slices((X[..., None], Y, WEIGHTS)).batch(16)
    if kind == "dicts":
        named = {"image": X[..., None], "label": Y, "weight": WEIGHTS}
        return tf.data.Dataset.from_tensor_slices(named).batch(16)
    if kind == "loader":

        class Loader:
            dataset, batch_size = (), 16

            def __iter__(self):
                return parts()

        return Loader()

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return list(parts())[index]

    return Batches()


@pytest.mark.parametrize("kind", ["generator", "dataset", "dicts", "PyDataset", "loader"])
def test_images_come_batch_by_batch_with_targets_and_weights(kind):
    found = unpack_pictures(batches(kind))
    assert np.allclose(found.x.items[..., 0], X, atol=1e-6)
    assert np.array_equal(found.y, Y)
    assert np.allclose(found.weights, WEIGHTS)


@pytest.fixture(scope="module")
def from_batches():
    """A classifier of a dataset with weights, validated with a generator."""
    return kn.ImageClassifier(**QUICK).fit(batches("dataset"), validation_data=batches("generator"))


def test_batches_fit_as_their_arrays(from_batches):
    arrays = kn.ImageClassifier(**QUICK).fit(
        X[..., None].astype("float32"),
        Y,
        sample_weight=WEIGHTS,
        validation_data=(X[..., None].astype("float32"), Y, WEIGHTS),
    )
    x = X[..., None].astype("float32")
    assert np.allclose(from_batches.predict_proba(x), arrays.predict_proba(x), atol=1e-6)


@pytest.mark.parametrize("kind", ["dataset", "PyDataset", "generator"])
def test_score_takes_what_evaluate_takes(from_batches, kind):
    x = X[..., None].astype("float32")
    expected = from_batches.evaluate(x, Y, sample_weight=WEIGHTS)
    assert from_batches.evaluate(batches(kind)) == pytest.approx(expected, rel=1e-5)
    assert from_batches.score(batches(kind)) == pytest.approx(expected["accuracy"])


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory):
    """A folder of two classes of images."""
    folder = tmp_path_factory.mktemp("images")
    for row, image in enumerate(X[:24]):
        path = folder / ("right" if Y[row] else "left") / f"{row:02d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray((255 * image).astype("uint8")).save(path)
    return folder


def test_score_takes_a_folder_and_a_frame(image_folder):
    clf = kn.ImageClassifier(**QUICK).fit(image_folder)
    paths = sorted(image_folder.rglob("*.png"))
    frame = pd.DataFrame({"path": paths, "y": [path.parent.name for path in paths]})
    scores = clf.evaluate(image_folder)
    assert scores == pytest.approx(clf.evaluate(frame, "y"))
    assert clf.score(image_folder) == clf.score(frame, "y") == scores["accuracy"]


def test_a_dataset_of_several_inputs_is_told():
    import tensorflow as tf

    given = tf.data.Dataset.from_tensor_slices({"left": X, "right": X, "label": Y}).batch(8)
    with pytest.raises(SchemaError, match=r"'left', 'right'.*\.map"):
        kn.ImageClassifier(**QUICK).fit(given)


def test_augmentation_can_be_turned_off():
    import keras_tuner

    from kerasnas.spaces import image
    from kerasnas.spaces.augmentation import Augmentation

    space = image((12, 12, 3), 2, rows=60, augment=False)
    hp = keras_tuner.HyperParameters()
    network = space.build(hp)
    changes = set(vars(Augmentation()))
    assert not changes & {p.name for p in hp.space}
    assert not any(changes & set(values) for values in space.portfolio)
    training = space.training(hp, network)
    assert training.model.augmenter.plan.idle
    with pytest.raises(kn.errors.SearchSpaceError, match="`augment` must be True or False"):
        kn.ImageClassifier(**QUICK, augment="none").fit(X, Y)
    assert kn.ImageClassifier(augment=False).get_params()["augment"] is False


def test_a_file_is_decoded_once(tmp_path, monkeypatch):
    from kerasnas.clock import Clock
    from kerasnas.data import pictures as module
    from kerasnas.estimators.image_task import prepare_images

    for row in range(24):
        Image.fromarray((255 * X[row]).astype("uint8")).save(tmp_path / f"{row:02d}.png")
    opened, open_image = [], module.open_image
    monkeypatch.setattr(module, "open_image", lambda *a: opened.append(a[0]) or open_image(*a))
    paths = sorted(tmp_path.iterdir())
    task = prepare_images(
        Given(paths, Y[:24], seed=0),
        Clock(None),
        classify=True,
        families=["conv"],
        pretrained=SettledPretrained([]),
    )
    assert task.problem.reader.free
    assert sorted(opened) == paths


def test_without_time_for_another_size_the_one_that_is_there_is_searched(monkeypatch):
    from kerasnas.clock import Clock
    from kerasnas.estimators import feature_cache
    from kerasnas.estimators.image_task import prepare_images

    x = [RNG.integers(0, 255, (150 + row, 140, 3)).astype("uint8") for row in range(8)]
    none = SettledPretrained([])
    how = {"classify": True, "families": ["conv"], "pretrained": none}

    def sizes(clock, **rest):
        return prepare_images(Given(x, Y[:8], seed=0), clock, **how, **rest).hypermodel.sizes

    assert len(sizes(Clock(None))) > 1
    monkeypatch.setattr(feature_cache.FeatureCache, "has_time", False)
    assert len(sizes(Clock(None))) == 1
    assert len(sizes(Clock(None), directory="begun")) > 1


def test_photographs_are_probed_without_drawing_every_pixel():
    photo = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3)).astype("uint8")
    reader = fit_image_reader(to_pictures([photo, photo[:1400]]))
    tracemalloc.start()
    probe = reader.probe()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert probe.shape == (5, 1450, 2000, 3) and probe.dtype == "uint8"
    assert probe[0].std() > 50 and probe[2].max() == probe[2].min()
    assert peak < 3 * probe.nbytes
