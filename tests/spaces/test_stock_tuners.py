"""Every space under keras-tuner's own tuners, and every strategy in keras-tuner's own `Tuner`."""

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from kerasnas import oracles, spaces

# What keras-tuner, Keras and scikit-learn say of searches as short as these.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.*run_functions:UserWarning"),
    pytest.mark.filterwarnings("ignore:The optimal value found for dimension:UserWarning"),
]

ROWS = 16
RNG = np.random.default_rng(0)
CLASSES = np.arange(ROWS) % 3


def normal(*shape):
    return RNG.normal(size=(ROWS, *shape)).astype("float32")


def spectra():
    """Log-mel spectrograms, zero behind the end of each sound."""
    x = normal(32, 16) - 8.0
    for row in range(ROWS):
        x[row, 16 + row :] = 0.0
    return x


# Space, inputs, targets, shape of an answer. Of deep networks only small families are searched: all
# of them are built elsewhere.
CASES = {
    "tabular": lambda: (spaces.tabular(5, 3, rows=ROWS), normal(5), CLASSES, (3,)),
    "image": lambda: (
        spaces.image((8, 8, 3), 3, rows=ROWS, families=["conv"]),
        RNG.integers(0, 256, (ROWS, 8, 8, 3)).astype("uint8"),
        CLASSES,
        (3,),
    ),
    "text": lambda: (
        spaces.text((8,), 3, vocabulary=50, families=["conv", "recurrent"]),
        RNG.integers(1, 50, (ROWS, 8)),
        CLASSES,
        (3,),
    ),
    "audio": lambda: (
        spaces.audio((32, 16), 3, sample_rate=8000, families=["cnn", "crnn"]),
        spectra(),
        CLASSES,
        (3,),
    ),
    "speech": lambda: (
        spaces.speech(8000, 4, mels=16, strides=(2,), families=["recurrent"]),
        spectra()[:, :16],
        RNG.integers(1, 5, (ROWS, 3)),
        None,
    ),
    "forecast": lambda: (
        spaces.forecast((12, 2), 4, season=4, families=["dlinear", "nhits", "tide"]),
        normal(12, 2),
        normal(4),
        (4, 5),
    ),
    "cells": lambda: (
        spaces.cells((8, 8, 1), 3, filters=4, cells_per_stage=1, stages=2),
        normal(8, 8, 1),
        CLASSES,
        (3,),
    ),
    "chains": lambda: (spaces.chains((8, 8, 1), 3), normal(8, 8, 1), CLASSES, (3,)),
}


@pytest.fixture(autouse=True)
def eagerly():
    """Steps are run as they are: to trace them for a few steps takes far longer than these."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def no_tensorboard(tuner):
    """keras-tuner's own, but for the import of tensorboard that nobody asked for."""
    tuner._configure_tensorboard_dir = lambda *args: None
    return tuner


def random_search(space, path):
    return keras_tuner.RandomSearch(space, "val_loss", max_trials=2, seed=1, directory=path)


def bayesian(space, path):
    # The third trial is one that the Gaussian process asks for.
    return keras_tuner.BayesianOptimization(
        space, "val_loss", max_trials=3, num_initial_points=2, seed=1, directory=path
    )


def hyperband(space, path):
    tuner = keras_tuner.Hyperband(space, "val_loss", max_epochs=2, factor=2, seed=1, directory=path)
    # Two configurations for one epoch, and the better one of them resumed for the second.
    tuner.oracle.max_trials = 3
    return tuner


# The first two trials of a Bayesian search are those of a random search. How a tuner asks a space
# does not depend on what the space builds: tables meet all tuners, each of the others one.
RUNS = [
    ("tabular", bayesian),
    ("tabular", hyperband),
    *((name, random_search) for name in sorted(CASES)),
]


@pytest.mark.parametrize(("name", "make"), RUNS)
def test_a_stock_tuner_searches_the_space(name, make, tmp_path):
    space, x, y, shape = CASES[name]()
    tuner = no_tensorboard(make(space, tmp_path))
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    trials = list(tuner.oracle.trials.values())
    assert len(trials) == (2 if make is random_search else 3)
    assert {trial.status for trial in trials} == {"COMPLETED"}
    assert all(np.isfinite(trial.score) for trial in trials)
    assert len({str(trial.hyperparameters.values) for trial in trials}) == len(trials)
    if make is hyperband:
        values = [trial.hyperparameters.values for trial in trials]
        assert sorted(v["tuner/epochs"] for v in values) == [1, 1, 2]
        assert sum("tuner/trial_id" in v for v in values) == 1
    answer = tuner.get_best_models()[0].predict(x, verbose=0)
    assert np.isfinite(answer).all()
    assert answer.shape == (ROWS, *shape) if shape else len(answer) == ROWS


def build(hp):
    inputs = keras.Input((5,))
    x = keras.layers.Dense(hp.Choice("units", [4, 8, 16]), activation="relu")(inputs)
    kind = hp.Choice("end", ["plain", "dropout"])
    with hp.conditional_scope("end", ["dropout"]):
        if kind == "dropout":
            x = keras.layers.Dropout(hp.Float("rate", 0.1, 0.5))(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


# What those with several fidelities say there, once; `tests/oracles` asks for the sentence.
@pytest.mark.filterwarnings("ignore:.*cannot pause and continue trials:UserWarning")
@pytest.mark.parametrize("name", oracles.STRATEGIES)
def test_a_stock_tuner_trains_what_a_strategy_asks_for(name, tmp_path):
    oracle = oracles.STRATEGIES[name](objective="val_accuracy", max_trials=2, seed=0)
    x = normal(5)
    tuner = no_tensorboard(keras_tuner.Tuner(oracle, hypermodel=build, directory=tmp_path))
    tuner.search(x, CLASSES, validation_data=(x, CLASSES), epochs=2, verbose=0)
    assert [t.status for t in tuner.oracle.get_best_trials(5)] == ["COMPLETED"] * 2
    assert tuner.get_best_models()[0].predict(x, verbose=0).shape == (ROWS, 3)
