"""Intervals and sets of images, texts and sounds: covered on new rows, in one plain file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnas as kn
from kerasnas.errors import SchemaError, SearchSpaceError

QUICK = {"seed": 0, "verbose": 0, "ensemble": False}


def pictures(rows, seed):
    """Bright halves, four labels; every fourth label is drawn anew, whatever the picture."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 60, (rows, 8, 8)).astype("uint8")
    kind = rng.integers(0, 4, rows)
    for image, k in zip(x, kind, strict=True):
        half = slice(4, None) if k % 2 else slice(4)
        (image[half] if k < 2 else image[:, half])[...] += 150
    label = np.where(rng.random(rows) < 0.25, rng.integers(0, 4, rows), kind)
    return x, np.array(["down", "left", "right", "up"])[label]


def reviews(rows, seed):
    """Stars: the number of good words less that of bad ones, and noise."""
    rng = np.random.default_rng(seed)
    words = np.array(["good", "bad", "film", "the", "was", "and"])
    drawn = rng.choice(words, (rows, 12))
    stars = (drawn == "good").sum(axis=1) - (drawn == "bad").sum(axis=1)
    return [" ".join(row) for row in drawn], stars + rng.normal(0, 0.5, rows)


def tones(rows, seed):
    """A tone whose pitch is to be told."""
    rng = np.random.default_rng(seed)
    pitch = rng.uniform(200, 1500, rows)
    time = np.arange(800) / 4000
    noise = 0.1 * rng.standard_normal((rows, 800))
    return (0.4 * np.sin(2 * np.pi * pitch[:, None] * time) + noise).astype("float32"), pitch


@pytest.fixture(scope="module")
def classifier():
    clf = kn.ImageClassifier(
        **QUICK, budget=kn.Budget(trials=1, epochs=6), space="conv", intervals=0.9
    )
    return clf.fit(*pictures(300, 0))


@pytest.fixture(scope="module")
def regressor():
    reg = kn.TextRegressor(**QUICK, budget=kn.Budget(trials=1), space="linear", intervals=0.9)
    return reg.fit(*reviews(300, 0))


def test_sets_of_an_image_classifier(classifier):
    x, y = pictures(400, 1)
    sets = classifier.predict_set(x)
    inside = np.mean([label in found for label, found in zip(y, sets, strict=True)])
    assert 0.82 < inside < 0.99
    sizes = [len(found) for found in sets]
    assert min(sizes) >= 1
    # A fifth of the labels has nothing to do with the picture: a set is for these.
    assert 1 < np.mean(sizes) < 4
    assert classifier.score(x, y) < inside
    assert classifier.predict_proba(x).shape == (400, 4)


def test_its_file_answers_with_a_dict_in_plain_keras(classifier, tmp_path):
    x, _ = pictures(20, 2)
    path = tmp_path / "pictures.keras"
    classifier.save(path)
    answers = keras.models.load_model(path)(x)
    assert set(answers) == {"prediction", "set"}
    np.testing.assert_allclose(answers["prediction"], classifier.predict_proba(x), atol=1e-5)
    plain = [classifier.classes_[row] for row in np.asarray(answers["set"])]
    for one in (classifier.predict_set(x), kn.load(path).predict_set(x)):
        assert all(map(np.array_equal, one, plain))


def test_intervals_of_a_text_regressor(regressor):
    x, y = reviews(400, 1)
    interval = regressor.predict_interval(x)
    inside = (interval[:, 0] <= y) & (y <= interval[:, 1])
    assert 0.82 < inside.mean() < 0.98
    assert (interval[:, 0] < regressor.predict(x)).all()
    # The noise alone takes 1.6; all stars together take about 7.
    assert 1.4 < np.mean(interval[:, 1] - interval[:, 0]) < 4


def test_their_file_answers_with_a_dict_in_plain_keras(regressor, tmp_path):
    x, _ = reviews(20, 2)
    path = tmp_path / "reviews.keras"
    regressor.save(path)
    answers = keras.models.load_model(path)(tf.constant(x)[:, None])
    assert set(answers) == {"prediction", "lower", "upper"}
    ends = np.concatenate([answers["lower"], answers["upper"]], axis=1)
    np.testing.assert_allclose(ends, regressor.predict_interval(x), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(kn.load(path).predict_interval(x), regressor.predict_interval(x))


def test_nobody_trains_on_calibration_rows_or_validates_with_them(classifier):
    rows = len(np.load(classifier.result_.folder / "0000.answers.npy"))
    conformal = classifier.fitted_.decisions.conformal
    assert conformal.rows == 300 // 6
    assert rows == 300 // 6 * 5 * 0.2


def test_intervals_of_sounds_with_folds():
    reg = kn.AudioRegressor(
        **QUICK,
        sample_rate=4000,
        budget=kn.Budget(trials=1),
        space="linear",
        intervals=0.8,
        folds=2,
    )
    reg.fit(*tones(240, 0))
    x, y = tones(400, 1)
    interval = reg.predict_interval(x)
    inside = (interval[:, 0] <= y) & (y <= interval[:, 1])
    assert 0.68 < inside.mean() < 0.95
    assert np.mean(interval[:, 1] - interval[:, 0]) < 600  # the pitches spread over 1300


def test_what_has_no_sets_and_too_few_rows_are_refused_before_training():
    x, _ = pictures(60, 0)
    labels = np.eye(3, dtype=int)[np.arange(60) % 3]
    labels[:, 0] = 1
    clf = kn.ImageClassifier(**QUICK, budget=kn.Budget(trials=1), intervals=0.9)
    with pytest.raises(SchemaError, match="one label or one number a row"):
        clf.fit(x, labels)
    with pytest.raises(SchemaError, match="sets at least 9 rows apart"):
        clf.fit(*pictures(20, 0))
    with pytest.raises(SearchSpaceError, match="`refit` trains on all"):
        clf.set_params(refit=True).fit(*pictures(60, 0))
