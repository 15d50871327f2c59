"""Learning-rate schedules, and the loss with smoothed labels."""

import keras
import numpy as np
import pytest

from kerasnas.spaces.heads import SmoothedCrossentropy
from kerasnas.spaces.recipes import rates
from kerasnas.spaces.recipes.image import first_length

SCHEDULES = ["constant", "cosine", "one_cycle", "flat_cos", "coslog4"]


def test_constant():
    assert (rates("constant", 50) == 1).all()


def test_cosine():
    share = rates("cosine", 10_000)
    assert share[0] == pytest.approx(1e-3, abs=1e-3)
    assert share.argmax() == pytest.approx(1000, abs=50)  # the end of the warm-up
    assert share.max() > 0.97
    assert share[5000] == pytest.approx(0.5, abs=1e-3)
    assert share[7500] == pytest.approx(0.5 * (1 + np.cos(0.75 * np.pi)), abs=1e-3)
    assert share[-1] == pytest.approx(1e-3)
    peak = share.argmax()
    assert (np.diff(share[:peak]) >= 0).all()
    assert (np.diff(share[peak:]) <= 0).all()


def test_one_cycle():
    share = rates("one_cycle", 10_000)
    assert share[0] == pytest.approx(0.04, abs=1e-3)
    assert share.argmax() == pytest.approx(3000, abs=2)
    assert share.max() == pytest.approx(1, abs=1e-5)
    assert share[6500] == pytest.approx(0.5, abs=1e-3)
    assert share[-1] == pytest.approx(1e-3)


def test_flat_cos():
    share = rates("flat_cos", 10_000)
    assert (share[:5000] == 1).all()
    assert share[7500] == pytest.approx(0.5, abs=1e-3)
    assert share[-1] == pytest.approx(1e-3)


def test_coslog4():
    """Four cycles, each twice as long as the one before, from 0 to 1 and back."""
    share = rates("coslog4", 15_000)
    for start, end in ((0, 1000), (1000, 3000), (3000, 7000), (7000, 15_000)):
        assert share[start] < 0.01
        assert share[start:end].max() > 0.999
        assert share[end - 1] < 0.01


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_number_of_steps_does_not_change_the_course(schedule):
    few, many = rates(schedule, 501), rates(schedule, 50_100)
    assert np.allclose(few, many[50::100], atol=0.02)


def formula(y, p, smoothing):
    """Smoothed cross-entropy of each row, in NumPy."""
    classes = p.shape[1]
    target = np.full(p.shape, smoothing / classes)
    target[np.arange(len(y)), y] += 1 - smoothing
    return -(target * np.log(p)).sum(axis=1)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("column", [False, True])
def test_smoothed_cross_entropy(classes, smoothing, column):
    rng = np.random.default_rng(classes)
    p = rng.dirichlet(np.ones(classes), 20).astype("float32")
    p = np.clip(p, 1e-3, 1)
    p /= p.sum(axis=1, keepdims=True)
    y = rng.integers(0, classes, 20)
    weights = rng.random(20).astype("float32")
    loss = SmoothedCrossentropy(classes, smoothing)
    given_y = y[:, None] if column else y
    expected = formula(y, p, smoothing)
    assert float(loss(given_y, p)) == pytest.approx(expected.mean(), rel=1e-4)
    weighted = (expected * weights).sum() / 20
    assert float(loss(given_y, p, sample_weight=weights)) == pytest.approx(weighted, rel=1e-4)


def test_without_smoothing_it_is_keras_cross_entropy():
    p = np.array([[0.2, 0.8], [0.6, 0.4]], dtype="float32")
    y = np.array([1, 1])
    keras_own = keras.losses.SparseCategoricalCrossentropy()
    assert float(SmoothedCrossentropy(2, 0.0)(y, p)) == pytest.approx(float(keras_own(y, p)))


def test_smoothed_cross_entropy_survives_its_config():
    loss = SmoothedCrossentropy(3, 0.1)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, SmoothedCrossentropy)
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [
        (100_000, 128, 12),
        (1_000, 64, 16),  # 200 steps are 12.8 passes
        (200, 32, 32),
        (10, 32, 192),  # no longer than any training
        (None, 64, None),
    ],
)
def test_a_first_answer_is_short_but_not_too_short(rows, batch_size, epochs):
    assert first_length(rows, batch_size) == epochs
