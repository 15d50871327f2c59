"""Images that do not fit into memory: the same search, a few of them in memory at a time."""

import gc
import re
import tempfile
import warnings
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from PIL import Image

import kerasnas as kn
from kerasnas.baselines import evidence
from kerasnas.clock import Clock
from kerasnas.data import images as reading
from kerasnas.data import room
from kerasnas.data.stored import StoredRows
from kerasnas.estimators import image_task
from kerasnas.estimators.image_task import prepare_images
from kerasnas.problem import Scorer
from kerasnas.problem.given import Given
from kerasnas.problem.view import View, part_of
from kerasnas.results import fitted
from kerasnas.spaces.picture_backbones.sources import SettledPretrained
from kerasnas.trial import answers

QUICK = {"seed": 0, "verbose": 0, "space": ["conv"]}
COLUMNS = ["trial_id", "kind", "val_log_loss", "val_accuracy", "params"]


def halves(rows, side=12):
    """Bright halves: left or right, up or down."""
    x = np.random.default_rng(0).integers(0, 60, (rows, side, side)).astype("uint8")
    label = np.arange(rows) % 4
    near, far = slice(side // 2), slice(side // 2, None)
    for image, kind in zip(x, label, strict=True):
        half = far if kind % 2 else near
        (image[half] if kind < 2 else image[:, half])[...] += 150
    return x, label


@pytest.fixture
def scarce(monkeypatch, tmp_path_factory):
    """Nothing fits into memory; what is read at once is written down."""
    folder = tmp_path_factory.mktemp("temporary")
    reads = []
    read = StoredRows.read

    def counted(self, index):
        reads.append((len(index), len(self.array)))
        return read(self, index)

    monkeypatch.setattr(StoredRows, "read", counted)
    monkeypatch.setattr(room, "_SHARE", 0.0)
    monkeypatch.setattr(room, "_BLOCK", 2048)
    monkeypatch.setattr(answers, "_CALL", 2048)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder, reads


def mapped_in(folder):
    """How many files of a folder, with or without a name, this process still looks into."""
    gc.collect()
    assert not [path for path in folder.iterdir() if path.is_file()]
    maps = Path("/proc/self/maps")
    return maps.read_text().count(str(folder)) if maps.exists() else 0


def same(one, other):
    assert one.leaderboard(full=True)[COLUMNS].equals(other.leaderboard(full=True)[COLUMNS])
    a, b = one.model_.get_weights(), other.model_.get_weights()
    assert all(map(np.array_equal, a, b))


def test_a_folder_is_searched_alike_in_memory_and_from_a_file(tmp_path, request):
    x, y = halves(64)
    for i, (image, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / f"{label}").mkdir(exist_ok=True)
        Image.fromarray(image[: 9 + i % 4]).save(tmp_path / f"{label}" / f"{i:02}.png")
    (tmp_path / "0" / "99.png").write_bytes(b"no image")
    settings = {**QUICK, "budget": kn.Budget(trials=1, epochs=1), "ensemble": False, "refit": True}

    def fitted():
        # Not `pytest.warns`, which would raise Keras's own warnings again.
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            clf = kn.ImageClassifier(**settings).fit(tmp_path)
        assert any(re.search(r"1 of the 65 .*99\.png", str(w.message)) for w in seen)
        return clf

    whole = fitted()
    folder, reads = request.getfixturevalue("scarce")
    stored = fitted()
    same(whole, stored)
    assert [name.endswith("99.png'") for name in stored.broken_] == [True]
    assert reads
    assert max(rows for rows, _ in reads) <= 32 < 64 == reads[0][1]
    assert mapped_in(folder) == 0


def test_a_dataset_is_trained_on_in_folds(scarce):
    import tensorflow as tf

    x, y = halves(40)
    one_hot = np.eye(4, dtype="float32")[y]
    dataset = tf.data.Dataset.from_tensor_slices((x[..., None], one_hot)).batch(7)
    settings = {**QUICK, "budget": kn.Budget(trials=1, epochs=1), "ensemble": False, "folds": 2}
    folder, reads = scarce
    stored = kn.ImageClassifier(**settings).fit(dataset)
    assert max(rows for rows, _ in reads) <= 32
    assert mapped_in(folder) == 0
    assert stored.classes_.tolist() == [0, 1, 2, 3]
    assert stored.predict(dataset).shape == (40,)
    assert stored.evaluate(dataset)["accuracy"] == stored.score(x[..., None], y)


def test_calibration_rows_are_read_a_few_at_a_time(scarce, tmp_path, monkeypatch):
    x, y = halves(64)
    for i, (image, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / f"{label}").mkdir(exist_ok=True)
        Image.fromarray(image[: 9 + i % 4]).save(tmp_path / f"{label}" / f"{i:02}.png")
    monkeypatch.setattr(fitted, "_AT_ONCE", 8)
    taken = []
    take = reading.ImageReader.take

    def counted(self, raw, index):
        taken.append(len(index))
        assert not raw.stacked
        return take(self, raw, index)

    monkeypatch.setattr(reading.ImageReader, "take", counted)
    settings = {**QUICK, "budget": kn.Budget(trials=1, epochs=1), "ensemble": False}
    clf = kn.ImageClassifier(**settings, intervals=0.9).fit(tmp_path)
    worst, *calibration = taken  # the rows that are answered worst are kept for a report
    assert worst <= 8 and calibration == [7, 7, 7]
    assert clf.fitted_.decisions.conformal.rows == 21
    assert all(len(found) for found in clf.predict_set(sorted(tmp_path.rglob("*.png"))))


def test_the_preparation_of_many_images_takes_little_memory(monkeypatch, traced_memory):
    import tensorflow as tf

    rows, side = 6000, 48
    monkeypatch.setattr(room, "free_bytes", lambda: 2**20)
    monkeypatch.setattr(room, "_BLOCK", 2**18)
    monkeypatch.setattr(reading, "_CHUNK_BYTES", 2**20)
    monkeypatch.setattr(evidence, "FEW_ROWS", 200)
    monkeypatch.setattr(image_task, "FEW_ROWS", 200)

    def picture(i):
        noise = tf.random.stateless_uniform((side, side, 3), [i, 0], 0, 255, "int32")
        return tf.cast(noise, "uint8"), i % 3

    data = tf.data.Dataset.range(rows).map(picture).batch(32)
    next(iter(data))  # whatever is allocated once
    how = {"classify": True, "families": ["conv"], "pretrained": SettledPretrained([])}
    # What is imported counts not.
    prepare_images(Given(data.take(2), seed=0), Clock(None), **how)
    with traced_memory() as peak_bytes:
        task = prepare_images(Given(data, seed=0), Clock(None), **how)
        hp = keras_tuner.HyperParameters()
        hp.values.update(task.hypermodel.portfolio[0])
        view = task.problem.view(hp)
        task.baselines(task.problem.scorer(), Clock(None), 0)
        peak = peak_bytes()
    assert not task.problem.broken
    assert isinstance(view.x, StoredRows)
    assert isinstance(view.validation[0], StoredRows)
    pixels = rows * side * side * 3
    assert peak < pixels / 3, f"{peak / 2**20:.1f} MiB of {pixels / 2**20:.1f}"


def test_images_beside_other_inputs(scarce):
    x, y = halves(40)
    facts = np.random.default_rng(0).normal(size=(40, 3))
    photo, other = kn.ImageInput("photo"), kn.TensorInput("facts")
    merged = kn.Merge()([kn.ImageBlock()(photo), kn.DenseBlock()(other)])
    auto = kn.AutoModel(
        inputs=[photo, other],
        outputs={"kind": kn.ClassificationHead()(merged)},
        budget=kn.Budget(trials=1, epochs=1),
        seed=0,
        verbose=0,
    )
    auto.fit({"photo": x, "facts": facts}, {"kind": y})
    assert auto.predict({"photo": x, "facts": facts}).shape == (40,)
    assert max(rows for rows, _ in scarce[1]) <= 32


def test_parts_and_folds_of_stored_rows_are_stored():
    x, y = halves(40)
    folds = ((np.arange(20, 40), np.arange(20)), (np.arange(20), np.arange(20, 40)))
    scorer = Scorer(y, 4)
    stored = View(StoredRows(x), y, validation=(StoredRows(x), y), scorer=scorer, folds=folds)
    for number, (train, valid) in enumerate(folds):
        fold = stored.fold(number)
        assert isinstance(fold.x, StoredRows)
        assert isinstance(fold.validation[0], StoredRows)
        assert np.array_equal(fold.x[:], x[train])
        assert np.array_equal(fold.validation[0][:], x[valid])
    some = part_of(View(StoredRows(x), y, np.arange(40)), 0.5, seed=0)
    plain = part_of(View(x, y, np.arange(40)), 0.5, seed=0)
    assert isinstance(some.x, StoredRows)
    assert np.array_equal(some.x[:], plain.x)
    assert np.array_equal(some.y, plain.y)


def test_the_dataset_of_keras_from_a_directory(tmp_path):
    x, y = halves(24)
    for i, (image, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "lr"[label % 2]).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "lr"[label % 2] / f"{i}.png")
    train, valid = keras.utils.image_dataset_from_directory(
        tmp_path,
        image_size=(10, 10),
        validation_split=0.25,
        subset="both",
        seed=1,
        batch_size=8,
        verbose=False,
    )
    clf = kn.ImageClassifier(**QUICK, budget=kn.Budget(trials=1, epochs=1))
    clf.fit(train, validation_data=valid)
    assert clf.schema_.describe() == "float32 images of 10 x 10, 3 channels, channels last"
    best = clf.leaderboard(full=True).query("kind == 'trial'").iloc[0]
    assert np.isclose(clf.evaluate(valid)["log_loss"], best["val_log_loss"], atol=1e-4)
