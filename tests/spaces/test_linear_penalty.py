"""The penalty that cross-validation chooses for a linear model."""

import keras_tuner
import numpy as np
import pytest
from sklearn.datasets import load_iris

from kerasnas.clock import Deadline, Purpose
from kerasnas.spaces import linear_penalty
from kerasnas.spaces.linear import declare_linear
from kerasnas.spaces.linear_penalty import PENALTIES, USUAL, chosen

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(120, 20))
LABELS = RNG.integers(0, 2, 120)


def test_noise_asks_for_a_strong_penalty():
    assert chosen(NOISE, LABELS, None, 2) == PENALTIES[-1]
    assert chosen(NOISE, RNG.normal(size=120), None, None) >= 100 * USUAL


def test_classes_that_are_apart_ask_for_a_weak_one():
    x, y = load_iris(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    assert chosen(x, y, None, 3) < USUAL


def test_values_without_noise_ask_for_the_weakest():
    assert chosen(NOISE, NOISE @ np.arange(20.0), None, None) == PENALTIES[0]


def test_weights_decide_which_rows_count():
    # The rows that weigh next to nothing have labels that contradict the others.
    x = np.concatenate([NOISE[:, :2], NOISE[:, :2]])
    labels = (x[:, 0] > 0).astype(int)
    labels[120:] = 1 - labels[120:]
    weights = np.r_[np.ones(120), np.full(120, 1e-6)]
    assert chosen(x, labels, None, 2) == PENALTIES[-1]
    assert chosen(x, labels, weights, 2) < USUAL


@pytest.mark.parametrize(
    "labels",
    [np.r_[1, np.zeros(119, int)], np.zeros(120, int)],
    ids=["one of a class", "one class"],
)
def test_too_few_of_a_class_take_the_usual_one(labels):
    assert chosen(NOISE, labels, None, 2) == USUAL


def test_many_rows_take_the_usual_one():
    assert chosen(np.zeros((5_001, 1)), np.zeros(5_001, int), None, 2) == USUAL


def test_without_time_the_first_part_decides():
    assert chosen(NOISE, LABELS, None, 2, Deadline.after(0.0)) in PENALTIES


def test_a_penalty_that_is_given_is_taken():
    hp = keras_tuner.HyperParameters()
    assert declare_linear(hp, True) == (0.0, "both")
    hp.values["linear_penalty"] = 30.0
    assert declare_linear(hp, True).penalty == 30.0
    assert declare_linear(keras_tuner.HyperParameters(), False) == (0.0, "clipped")


def test_all_penalties_have_time_on_the_first_part(monkeypatch):
    seconds = []

    def affordable(design, outputs, deadline, most):
        seconds.append(deadline.left)
        return 5

    monkeypatch.setattr(linear_penalty, "affordable", affordable)
    deadline = Deadline(100.0, now=lambda: 0.0)
    chosen(NOISE, LABELS, None, 2, deadline)
    assert len(PENALTIES) * seconds[0] <= deadline.allot(Purpose.SOLVE).left + 1e-9
