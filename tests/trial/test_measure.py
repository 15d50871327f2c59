"""FLOPs against counts by hand, latency, seeds, reasons of failures."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kerasnas as kn
from kerasnas.trial.failures import details, is_out_of_memory, reason
from kerasnas.trial.measure import flops, latency
from kerasnas.trial.seeding import seeded


def model_of(shape, *stack):
    return keras.Sequential([keras.Input(shape), *stack])


CASES = {
    "dense": (model_of, (10,), [lambda: layers.Dense(7)], 2 * 10 * 7),
    "two dense": (
        model_of,
        (10,),
        [lambda: layers.Dense(7, activation="relu"), lambda: layers.Dense(3, use_bias=False)],
        2 * (10 * 7 + 7 * 3),
    ),
    "dense on a sequence": (model_of, (5, 10), [lambda: layers.Dense(7)], 2 * 5 * 10 * 7),
    "convolution": (
        model_of,
        (8, 6, 3),
        [lambda: layers.Conv2D(4, 3, padding="same")],
        2 * 8 * 6 * 3 * 3 * 3 * 4,
    ),
    "convolution with strides": (
        model_of,
        (8, 8, 3),
        [lambda: layers.Conv2D(4, 3, strides=2, padding="valid")],
        2 * 3 * 3 * 3 * 3 * 3 * 4,
    ),
    "grouped convolution": (
        model_of,
        (8, 8, 4),
        [lambda: layers.Conv2D(6, 3, groups=2, padding="same")],
        2 * 8 * 8 * 3 * 3 * 2 * 6,
    ),
    "one-dimensional convolution": (
        model_of,
        (9, 2),
        [lambda: layers.Conv1D(5, 3, padding="same")],
        2 * 9 * 3 * 2 * 5,
    ),
    "depthwise": (
        model_of,
        (8, 8, 4),
        [lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)],
        2 * 8 * 8 * 3 * 3 * 4 * 2,
    ),
    "separable": (
        model_of,
        (8, 8, 4),
        [lambda: layers.SeparableConv2D(6, 3, padding="same")],
        2 * 8 * 8 * (3 * 3 * 4 + 4 * 6),
    ),
    "nothing to multiply": (
        model_of,
        (8, 8, 4),
        [layers.BatchNormalization, layers.ReLU, layers.GlobalAveragePooling2D],
        0,
    ),
    "embedding": (
        model_of,
        (5,),
        [lambda: layers.Embedding(100, 8), layers.Flatten, lambda: layers.Dense(2)],
        2 * 40 * 2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_flops(name):
    make, shape, stack, expected = CASES[name]
    model = make(shape, *(layer() for layer in stack))
    assert flops(model) == expected
    # The same layers inside another model.
    x = keras.Input(shape)
    assert flops(keras.Model(x, model(x))) == expected


def test_flops_of_the_transposed_convolution():
    model = model_of((4, 4, 3), layers.Conv2DTranspose(5, 2, strides=2, padding="same"))
    assert flops(model) == 2 * 4 * 4 * 2 * 2 * 3 * 5


def test_flops_of_a_model_that_is_not_built():
    assert flops(keras.Sequential([layers.Dense(3)])) == 0


def test_flops_of_branches():
    x = keras.Input((4,))
    left, right = layers.Dense(3)(x), layers.Dense(3)(x)
    model = keras.Model(x, layers.Add()([left, right]))
    assert flops(model) == 2 * 2 * 4 * 3


@pytest.mark.parametrize("structure", ["array", "dict", "list"])
def test_latency(structure):
    x = {"array": keras.Input((3,)), "dict": {"a": keras.Input((3,), name="a")}, "list": None}
    one = np.zeros((1, 3), dtype="float32")
    if structure == "list":
        inputs = [keras.Input((3,)), keras.Input((3,))]
        model = keras.Model(inputs, layers.Add()(inputs))
        example = [one, one]
    elif structure == "dict":
        model = keras.Model(x["dict"], layers.Dense(2)(x["dict"]["a"]))
        example = {"a": one}
    else:
        model = keras.Model(x["array"], layers.Dense(2)(x["array"]))
        example = one
    timed = latency(model, example)
    assert set(timed) == {"latency_ms", "latency_p95_ms"}
    assert 0 < timed["latency_ms"] <= timed["latency_p95_ms"]


class TestSeeded:
    def weights(self, seed, number):
        with seeded(seed, number):
            model = model_of((4,), layers.Dense(3), layers.Dropout(0.5))
            values = [*model.get_weights(), np.asarray(model(np.ones((2, 4)), training=True))]
            return np.concatenate([np.ravel(v) for v in values])

    def test_repeats(self):
        assert np.array_equal(self.weights(0, 1), self.weights(0, 1))

    def test_depends_on_seed_and_number(self):
        found = [self.weights(s, n) for s, n in ((0, 0), (0, 1), (1, 0), (1, 1))]
        for i in range(4):
            for j in range(i):
                assert not np.array_equal(found[i], found[j])

    @pytest.mark.parametrize("fail", [False, True])
    def test_leaves_the_users_random_state_alone(self, fail):
        random.seed(5)
        np.random.seed(5)
        expected = [random.random() for _ in range(4)], np.random.random(4)
        random.seed(5)
        np.random.seed(5)
        found = [random.random()], [np.random.random()]
        try:
            with seeded(1, 2):
                random.random()
                np.random.random()
                if fail:
                    raise RuntimeError
        except RuntimeError:
            pass
        found[0].extend(random.random() for _ in range(3))
        found[1].extend(np.random.random(3))
        assert found[0] == expected[0]
        assert np.array_equal(found[1], expected[1])


class TestFailures:
    def test_reason(self):
        assert reason(ValueError("first\nsecond")) == "ValueError: first"
        assert reason(KeyError()) == "KeyError: no message"
        assert len(reason(ValueError("x" * 1000))) == 300

    def test_details(self):
        try:
            raise ValueError("here")
        except ValueError as error:
            text = details(error)
        assert text.startswith("Traceback")
        assert text.rstrip().endswith("ValueError: here")

    def test_out_of_memory(self):
        assert is_out_of_memory(MemoryError())
        assert is_out_of_memory(tf.errors.ResourceExhaustedError(None, None, "OOM"))
        assert not is_out_of_memory(ValueError("OOM"))


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        ({}, 0),
        ({"objective": ["val_log_loss", "latency_ms"]}, 2),
        ({"constraints": [kn.Constraint("latency_ms", max=1e6)]}, 2),
        ({"ensemble": "1000ms"}, 2),
    ],
)
def test_trials_are_timed_where_somebody_asks(asked, times, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 3)), np.arange(80) % 2
    settings = {"space": ("linear", "extra_trees"), "folds": False, "seed": 0, "verbose": 0}
    clf = kn.TabularClassifier(budget=kn.Budget(trials=2), **{**settings, **asked}).fit(x, y)
    assert sum("latency_ms" in t.measures for t in clf.result_.history) == times
    board = clf.leaderboard(full=True)
    trials = board[board["kind"] == "trial"]
    # What stands at the top is measured at the end in any case.
    assert trials["latency_ms"].iloc[0] > 0
