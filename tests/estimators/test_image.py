"""Image estimators from raw pixels to a file that plain Keras opens."""

import re
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import kerasnas as kn
from kerasnas.data.images import fit_image_reader
from kerasnas.data.pictures import Pictures, to_pictures
from kerasnas.errors import ArtifactError, SearchSpaceError
from kerasnas.estimators.image_task import mirrored_alike, pictures_fingerprint, sizes_for
from kerasnas.preprocessing.images import thumbnails
from kerasnas.problem.given import Given
from kerasnas.problem.rows import fit_target, settle_rows

QUICK = {"budget": kn.Budget(trials=1, epochs=1), "seed": 0, "verbose": 0, "space": "conv"}


def dots(rows, side=12):
    """Bright halves: left or right, up or down, four labels; and where the bright part ends."""
    x = np.random.default_rng(0).integers(0, 60, (rows, side, side)).astype("uint8")
    label = np.arange(rows) % 4
    near, far = slice(side // 2), slice(side // 2, None)
    for image, kind in zip(x, label, strict=True):
        half = far if kind % 2 else near
        (image[half] if kind < 2 else image[:, half])[...] += 150
    return x, np.array(["a", "b", "c", "d"])[label]


@pytest.fixture(scope="module")
def fitted():
    x, y = dots(80)
    return kn.ImageClassifier(**{**QUICK, "budget": kn.Budget(trials=1, epochs=8)}).fit(x, y), x, y


def test_learns_and_answers_with_labels(fitted):
    clf, x, y = fitted
    assert clf.classes_.tolist() == ["a", "b", "c", "d"]
    assert clf.predict_proba(x).shape == (80, 4)
    assert clf.score(x, y) > 0.9
    assert set(clf.evaluate(x, y)) >= {"log_loss", "accuracy", "auc"}
    kinds = clf.leaderboard(full=True).set_index("trial_id")["kind"]
    assert kinds["majority"] == kinds["linear"] == "baseline"
    assert clf.schema_.describe().startswith("uint8 images of 12 x 12")


def test_the_file_takes_raw_pixels_in_plain_keras(fitted, tmp_path):
    clf, x, _ = fitted
    path = tmp_path / "dots.keras"
    clf.save(path)
    plain = keras.models.load_model(path)
    assert plain.input.dtype == "uint8"
    assert plain.input.shape == (None, 12, 12)
    assert np.allclose(plain(x), clf.predict_proba(x), atol=1e-5)
    names = {type(layer).__name__ for layer in plain._flatten_layers()}
    assert not names & {"Augmenter", "AugmentedModel", "RandAugment"}
    again = kn.load(path)
    assert np.array_equal(again.predict(x), clf.predict(x))
    assert again.schema_ == clf.schema_


def test_the_score_is_that_of_the_exported_graph():
    x, y = dots(60)
    clf = kn.ImageClassifier(**QUICK).fit(x[:40], y[:40], validation_data=(x[40:], y[40:]))
    best = clf.leaderboard(full=True).query("kind == 'trial'").iloc[0]
    assert np.isclose(clf.evaluate(x[40:], y[40:])["log_loss"], best["val_log_loss"], atol=1e-4)


def test_folder_of_classes_with_a_broken_file(tmp_path):
    x, y = dots(24)
    for i, (image, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(image[: 8 + i % 4]).save(tmp_path / label / f"{i:02}.png")
    (tmp_path / "a" / "99.png").write_bytes(b"no image")
    # Not `pytest.warns`, which would raise Keras's own warnings again.
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        clf = kn.ImageClassifier(**QUICK).fit(tmp_path)
    assert any(re.search(r"1 of the 25 .*99\.png", str(w.message)) for w in seen)
    assert [name.endswith("99.png'") for name in clf.broken_] == [True]
    assert clf.model_.input.shape == (None, None, None, 1)
    assert clf.predict([x[0], x[1][:5]]).shape == (2,)
    assert clf.predict(str(tmp_path / "b")).shape == (6,)


def test_several_labels_and_float_pixels_of_any_layout():
    x, y = dots(40)
    colour = np.stack([x, x, x], axis=1) / 255.0
    targets = [["odd"] if label in "bd" else ["even", "first"] for label in y]
    clf = kn.ImageClassifier(**QUICK).fit(colour, targets)
    assert clf.model_.input.shape == (None, 3, 12, 12)
    assert clf.predict_proba(colour).shape == (40, 3)
    assert set(clf.classes_) == {"odd", "even", "first"}


def test_regression_in_the_units_of_the_targets(tmp_path):
    x, _ = dots(48)
    y = x.mean(axis=(1, 2)).astype(float) * 1000
    reg = kn.ImageRegressor(**QUICK, test_time_flips=True).fit(x, y)
    answers = reg.predict(x)
    assert answers.shape == (48,)
    assert y.min() - 0.1 * np.ptp(y) <= answers.min() <= answers.max() <= y.max() + 0.1 * np.ptp(y)
    assert np.allclose(reg.predict(x[:, :, ::-1]), answers, rtol=1e-4)


def test_pretrained_weights_that_are_not_there(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    x, y = dots(20)
    with pytest.raises(SearchSpaceError, match="nothing is downloaded"):
        kn.ImageClassifier(**{**QUICK, "space": ["pretrained"]}).fit(x, y)
    clf = kn.ImageClassifier(**{**QUICK, "space": ["pretrained", "conv"]}).fit(x, y)
    assert "'pretrained' is left out" in caplog.text
    assert clf.best_hyperparameters["family"] == "conv"


def test_exports(fitted, tmp_path):
    import tensorflow as tf

    clf, x, _ = fitted
    clf.export(tmp_path / "saved", format="savedmodel")
    served = tf.saved_model.load(str(tmp_path / "saved"))
    assert np.allclose(served.serve(tf.constant(x)), clf.predict_proba(x), atol=1e-4)
    with pytest.raises(ArtifactError, match="must be one of"):
        clf.export(tmp_path / "other", format="pmml")


def rows_of(y, classify=True):
    target = fit_target(y, classify=classify)
    return settle_rows(Given(None, y, seed=0), len(y), target)


def test_mirroring_is_tried_where_it_keeps_the_answers():
    rng = np.random.default_rng(0)
    side = rng.integers(0, 60, (400, 14, 14, 1)).astype("float32")
    level = np.arange(400) % 2
    side[level == 1, :7] += 100  # the upper half says it
    assert mirrored_alike(thumbnails(side), rows_of(level))
    turned = np.moveaxis(side, 1, 2)  # now the left half does
    assert not mirrored_alike(thumbnails(turned), rows_of(level))
    assert not mirrored_alike(thumbnails(side), rows_of(rng.integers(0, 2, 400)))


def test_sizes_keep_the_shape():
    def sizes(*shape):
        return sizes_for(fit_image_reader(to_pictures(np.zeros(shape, "uint8"))))

    assert sizes(3, 8, 8) == [(8, 8)]
    assert sizes(3, 28, 40) == [(28, 40)]
    assert sizes(3, 100, 200, 3) == [(32, 64), (48, 96), (64, 128), (96, 192), (100, 200)]


def test_a_first_answer_comes_soon(monkeypatch):
    monkeypatch.setattr("kerasnas.spaces.recipes.image.first_length", lambda rows, size: 1)
    monkeypatch.setattr("kerasnas.spaces.recipes.image.LENGTHS", (1, 2, 12))
    x, y = dots(64)
    clf = kn.ImageClassifier(
        budget=kn.Budget(trials=2, seconds=200), space="conv", ensemble=False, seed=0, verbose=0
    ).fit(x, y)
    first, second = clf.result_.history.trials
    assert first.measures["epochs"] == 1
    assert second.measures["epochs"] > 2  # the second is as long as time allows


def test_a_fingerprint_holds_one_file_at_a_time(tmp_path, traced_memory):
    files = [tmp_path / f"{i}.png" for i in range(40)]
    for i, path in enumerate(files):
        path.write_bytes(bytes([i]) * 2**16)
    pictures = Pictures(files, "last")
    pictures_fingerprint(pictures)
    with traced_memory() as peak_bytes:
        whole = pictures_fingerprint(pictures)
        assert peak_bytes() < 10 * 2**16
    files[-1].write_bytes(b"another")
    assert pictures_fingerprint(pictures) != whole
