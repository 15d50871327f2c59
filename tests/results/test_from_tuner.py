"""Finished keras-tuner searches become results of this package."""

import keras
import keras_tuner
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import ArtifactError, ObjectiveError

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


def build(hp):
    inputs = keras.Input((4,))
    x = inputs
    if hp.Boolean("deep"):
        with hp.conditional_scope("deep", [True]):
            x = keras.layers.Dense(hp.Choice("units", [4, 8]), activation="relu")(x)
    if hp.Choice("broken", [False, True]):
        raise RuntimeError("cannot be built")
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tuner_in(folder, **arguments):
    return keras_tuner.GridSearch(
        build,
        objective="val_accuracy",
        max_trials=6,
        directory=folder,
        project_name="old",
        max_consecutive_failed_trials=9,
        **arguments,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects")
    tuner = tuner_in(folder)
    tuner.search(X[:48], Y[:48], validation_data=(X[48:], Y[48:]), epochs=2, verbose=0)
    return folder


def test_a_tuner_made_again(folder):
    tuner = tuner_in(folder, overwrite=False)
    result = kn.SearchResult.from_tuner(tuner)
    table = result.leaderboard(full=True)
    assert len(table) == len(tuner.oracle.trials) == 6
    best = tuner.oracle.get_best_trials(1)[0]
    assert result.best_trial.scores["val_accuracy"] == pytest.approx(best.score)
    assert (table["status"] == "FAILED").sum() == 3
    assert table["failure"].str.contains("cannot be built").sum() == 3
    assert all(("units" in v) == v["deep"] for v in table["hyperparameters"])
    # The model is the one with the weights of the trial.
    model = result.best_model()
    accuracy = (np.asarray(model(X[48:])).argmax(axis=1) == Y[48:]).mean()
    assert accuracy == pytest.approx(best.score)
    # It is compiled as the tuner compiles it, and belongs to whoever asked for it.
    scores = model.evaluate(X[48:], Y[48:], verbose=0, return_dict=True)
    assert scores["accuracy"] == pytest.approx(best.score)
    model.fit(X, Y, epochs=1, verbose=0)
    assert result.best_model() is not model


class Scaled(keras.Model):
    """A model that no file can hold: Keras does not know its class."""

    def __init__(self, units):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(units), keras.layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))


def build_scaled(hp):
    model = Scaled(hp.Int("units", 1, 2))
    model(np.zeros((1, 4)))
    model.compile("sgd", "mse")
    return model


def test_a_model_of_a_class_of_ones_own_is_built_again(tmp_path):
    tuner = keras_tuner.RandomSearch(
        build_scaled, objective="val_loss", max_trials=1, directory=tmp_path
    )
    tuner.search(X[:48], Y[:48], validation_data=(X[48:], Y[48:]), verbose=0)
    result = kn.SearchResult.from_tuner(tuner)
    loss = result.best_model().evaluate(X[48:], Y[48:], verbose=0)
    assert loss == pytest.approx(result.best_trial.scores["val_loss"])


def test_a_project_directory(folder):
    result = kn.SearchResult.from_tuner(folder / "old", objective="val_accuracy")
    tuner = kn.SearchResult.from_tuner(tuner_in(folder, overwrite=False))
    assert result.best_hyperparameters == tuner.best_hyperparameters
    assert (
        result.leaderboard(full=True)["val_accuracy"].max()
        == tuner.leaderboard(full=True)["val_accuracy"].max()
    )
    with pytest.raises(ArtifactError, match="no file"):
        result.best_model()


def test_a_directory_needs_an_objective(folder):
    with pytest.raises(ObjectiveError, match="objective="):
        kn.SearchResult.from_tuner(folder / "old")


def test_a_folder_above_names_the_projects_in_it(folder):
    with pytest.raises(ArtifactError, match=r"\['old'\]"):
        kn.SearchResult.from_tuner(folder, objective="val_accuracy")


def test_a_tuner_that_has_not_searched(tmp_path):
    with pytest.raises(ArtifactError, match="no trials"):
        kn.SearchResult.from_tuner(tuner_in(tmp_path))


def test_anything_else_is_refused():
    with pytest.raises(ArtifactError, match="takes a keras-tuner tuner"):
        kn.SearchResult.from_tuner(build)
