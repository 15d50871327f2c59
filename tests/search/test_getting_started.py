"""Hypermodels in the shapes of KerasTuner's own guides run unchanged, under every strategy."""

import json
import zipfile
from typing import ClassVar

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import kerasnas as kn
from kerasnas.errors import KerasNASError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6, 6, 1)).astype("float32")
Y = (X[:, :, :3].mean(axis=(1, 2, 3)) > X[:, :, 3:].mean(axis=(1, 2, 3))).astype("int32")
SCORE = X[:, 0, 0, 0] * 2 + 1
STRATEGIES = ["random", "bayesian", "hyperband", "bohb", "evolution"]
# How a network is trained meets a strategy only in whether it pauses trials: one of each.
PAUSES = ["random", "bohb"]
FULL = kn.Budget(trials=2, epochs=2)


def search(hypermodel, x, y=None, **arguments):
    settings = {"budget": FULL, "seed": 0, "verbose": 0, **arguments}
    return kn.search(hypermodel, x, y, **settings)


def build_conditional(hp):
    """A type of network with what only that type has."""
    inputs = keras.Input((6, 6, 1))
    kind = hp.Choice("model_type", ["mlp", "cnn"])
    with hp.conditional_scope("model_type", ["mlp"]):
        if kind == "mlp":
            x = keras.layers.Flatten()(inputs)
            for i in range(hp.Int("num_layers", 1, 2)):
                x = keras.layers.Dense(
                    units=hp.Int(f"units_{i}", min_value=8, max_value=16, step=8),
                    activation=hp.Choice("activation", ["relu", "tanh"]),
                )(x)
    with hp.conditional_scope("model_type", ["cnn"]):
        if kind == "cnn":
            x = keras.layers.Conv2D(hp.Int("filters", 4, 8, step=4), 3, activation="relu")(inputs)
            x = keras.layers.GlobalAveragePooling2D()(x)
    if hp.Boolean("dropout"):
        x = keras.layers.Dropout(rate=0.25)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    rate = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class TunedFit(keras_tuner.HyperModel):
    """The training is tuned too: batch size and shuffling are declared in `fit`."""

    seen: ClassVar[list[int]] = []

    def build(self, hp):
        model = keras.Sequential([keras.layers.Flatten()])
        model.add(keras.layers.Dense(hp.Choice("units", [4, 8]), activation="relu"))
        model.add(keras.layers.Dense(2, activation="softmax"))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        batch_size = hp.Choice("batch_size", [8, 16, 32, 48])
        TunedFit.seen.append(batch_size)
        return model.fit(*args, batch_size=batch_size, shuffle=hp.Boolean("shuffle"), **kwargs)


class CustomLoop(keras_tuner.HyperModel):
    """A training loop written by hand that reports its metric through the callbacks."""

    def build(self, hp):
        inputs = keras.Input((6, 6, 1))
        x = keras.layers.Flatten()(inputs)
        x = keras.layers.Dense(hp.Int("units", 4, 12, step=4), activation="relu")(x)
        return keras.Model(inputs, keras.layers.Dense(2)(x))

    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        batch_size = hp.Int("batch_size", 16, 32, step=16, default=32)
        train = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)
        valid = tf.data.Dataset.from_tensor_slices(validation_data).batch(batch_size)
        optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        mean = keras.metrics.Mean()

        @tf.function
        def train_step(images, labels):
            with tf.GradientTape() as tape:
                value = loss(labels, model(images))
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

        for callback in callbacks:
            callback.set_model(model)
        best = float("inf")
        for epoch in range(2):
            for images, labels in train:
                train_step(images, labels)
            for images, labels in valid:
                mean.update_state(loss(labels, model(images)))
            value = float(mean.result().numpy())
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"my_metric": value})
            mean.reset_state()
            best = min(best, value)
        return best


@keras.saving.register_keras_serializable("tests")
class OwnStep(keras.Model):
    """A subclassed functional model with its own training step."""

    calls = 0

    def train_step(self, data):
        x, y = data[:2]
        OwnStep.calls += 1
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def build_own_step(hp):
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Dense(hp.Choice("units", [4, 8, 12]))(keras.layers.Flatten()(inputs))
    model = OwnStep(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")
    return model


def build_several_inputs(hp):
    picture = keras.Input((6, 6, 1), name="picture")
    number = keras.Input((1,), name="number")
    x = keras.layers.Flatten()(picture)
    x = keras.layers.Dense(hp.Int("units", 4, 12, step=4), activation="relu")(x)
    x = keras.layers.Concatenate()([x, number])
    label = keras.layers.Dense(2, activation="softmax", name="label")(x)
    score = keras.layers.Dense(1, name="score")(x)
    model = keras.Model([picture, number], [label, score])
    model.compile(
        optimizer=hp.Choice("optimizer", ["adam", "sgd"]),
        loss={"label": "sparse_categorical_crossentropy", "score": "mse"},
        metrics={"label": "accuracy", "score": "mae"},
    )
    return model


@pytest.mark.parametrize("oracle", STRATEGIES)
def test_conditional_scopes(oracle):
    result = search(build_conditional, X, Y, objective="val_accuracy", oracle=oracle)
    table = result.leaderboard(full=True)
    assert (table["failure"] == "").all()
    for values in table["hyperparameters"]:
        assert ("filters" in values) == (values["model_type"] == "cnn")
        assert ("num_layers" in values) == (values["model_type"] == "mlp")
    assert result.best_model()(X[:2]).shape == (2, 2)


@pytest.mark.parametrize("oracle", PAUSES)
def test_a_fit_override_with_a_tuned_batch_size(oracle):
    TunedFit.seen.clear()
    result = search(TunedFit(), X, Y, objective="val_accuracy", oracle=oracle)
    table = result.leaderboard(full=True)
    assert (table["failure"] == "").all()
    # Values of what `fit` declares are recorded with the trial that they were used in.
    assert {v["batch_size"] for v in table["hyperparameters"]} <= set(TunedFit.seen)
    assert all("shuffle" in v for v in table["hyperparameters"])


def test_what_only_fit_declares_is_searched():
    TunedFit.seen.clear()
    budget = kn.Budget(trials=5, epochs=1)
    result = search(TunedFit(), X, Y, oracle="random", budget=budget)
    used = [v["batch_size"] for v in result.leaderboard(full=True)["hyperparameters"]]
    assert len(set(used)) > 1
    assert sorted(used) == sorted(TunedFit.seen)


@pytest.mark.parametrize("oracle", PAUSES)
def test_a_training_loop_by_hand(oracle):
    objective = keras_tuner.Objective("my_metric", "min")
    result = search(CustomLoop(), X, Y, objective=objective, oracle=oracle)
    table = result.leaderboard(full=True)
    assert (table["failure"] == "").all()
    assert np.isfinite(table["my_metric"]).all()
    logits = result.best_model()(X)
    assert logits.shape == (96, 2)


@pytest.mark.parametrize("oracle", PAUSES)
def test_a_training_step_of_ones_own(oracle):
    OwnStep.calls = 0
    result = search(build_own_step, X, Y, objective="val_loss", oracle=oracle)
    assert (result.leaderboard(full=True)["failure"] == "").all()
    assert OwnStep.calls > 0
    assert type(result.best_model()).__name__ == "OwnStep"


@pytest.mark.parametrize("oracle", PAUSES)
def test_several_inputs_and_outputs(oracle):
    x = [X, SCORE[:, None].astype("float32")]
    y = {"label": Y, "score": SCORE.astype("float32")}
    result = search(build_several_inputs, x, y, objective="val_label_accuracy", oracle=oracle)
    table = result.leaderboard(full=True)
    assert (table["failure"] == "").all()
    assert {"val_label_accuracy", "val_score_mae", "val_loss"} <= set(table)
    label, score = result.best_model()([X[:2], x[1][:2]])
    assert label.shape == (2, 2)
    assert score.shape == (2, 1)


@pytest.mark.parametrize("oracle", PAUSES)
def test_tf_data(oracle):
    train = tf.data.Dataset.from_tensor_slices((X[:64], Y[:64])).shuffle(64, seed=0).batch(16)
    valid = tf.data.Dataset.from_tensor_slices((X[64:], Y[64:])).batch(16)
    result = search(
        build_conditional, train, validation_data=valid, objective="val_accuracy", oracle=oracle
    )
    assert (result.leaderboard(full=True)["failure"] == "").all()


class Generator(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.x[i * 16 : (i + 1) * 16], self.y[i * 16 : (i + 1) * 16]


def test_a_generator():
    result = search(
        build_conditional,
        Generator(X[:64], Y[:64]),
        validation_data=Generator(X[:64], Y[:64]),
        objective="val_accuracy",
        oracle="random",
    )
    assert (result.leaderboard(full=True)["failure"] == "").all()


def test_a_dataset_without_validation_data_is_refused_before_training():
    train = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    with pytest.raises(KerasNASError, match="validation_data"):
        search(build_conditional, train, objective="val_accuracy")


def test_an_objective_that_the_model_does_not_log_is_named_with_those_it_does():
    with pytest.raises(KerasNASError, match="val_accuracy"):
        search(build_conditional, X, Y, objective="val_acc", oracle="random")


def test_frames_are_split_like_arrays():
    def build(hp):
        model = keras.Sequential([keras.layers.Dense(hp.Choice("units", [2, 4]))])
        model.add(keras.layers.Dense(1))
        model.compile("adam", "mse")
        return model

    frame = pd.DataFrame(X.reshape(96, -1)[:, :4])
    result = search(build, frame, pd.Series(SCORE), oracle="random", budget=kn.Budget(trials=2))
    assert (result.leaderboard(full=True)["failure"] == "").all()


class FirstStep(keras.callbacks.Callback):
    """Notes the weights after the first step, where an average of all steps begins."""

    weights: ClassVar[list[np.ndarray]] = []

    def on_train_batch_end(self, batch, logs=None):
        if not FirstStep.weights:
            FirstStep.weights.extend(self.model.get_weights())


@pytest.mark.parametrize("arguments", [{}, {"shuffle": True}], ids=["fast loop", "keras"])
def test_weights_that_are_averaged_are_those_that_are_scored_and_kept(arguments):
    def build(hp):
        inputs = keras.Input((6, 6, 1))
        x = keras.layers.Dense(hp.Choice("units", [2, 4]))(keras.layers.Flatten()(inputs))
        model = keras.Model(inputs, keras.layers.Dense(1)(x))
        model.compile(keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9999), "mse")
        return model

    FirstStep.weights.clear()
    y = SCORE.astype("float32")
    result = search(
        build,
        X,
        y,
        validation_data=(X, y),
        callbacks=[FirstStep()],
        oracle="random",
        budget=kn.Budget(trials=1, epochs=3),
        **arguments,
    )
    model = result.best_model()
    error = float(np.mean((np.asarray(model(X))[:, 0] - SCORE) ** 2))
    assert error == pytest.approx(result.leaderboard(full=True)["val_loss"].min(), rel=1e-4)
    # So slow an average stays where it began, however far the training went.
    for kept, first in zip(model.get_weights(), FirstStep.weights, strict=True):
        np.testing.assert_allclose(kept, first, atol=5e-3)


def test_a_file_of_a_trial_holds_no_state_of_its_training():
    result = search(build_conditional, X, Y, oracle="random", budget=kn.Budget(trials=1))
    with zipfile.ZipFile(result.best_path) as file:
        config = json.loads(file.read("config.json"))
    assert not config.get("compile_config")
    assert not keras.saving.load_model(result.best_path).compiled
    assert result.best_model().compiled, "it is built anew by the hypermodel"


def test_callbacks_are_copied_for_every_trial_and_may_stop_one():
    class Counting(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1
            assert self.epochs == epoch + 1
            self.model.stop_training = epoch == 1

    result = search(
        build_conditional,
        X,
        Y,
        callbacks=[Counting(), keras.callbacks.EarlyStopping()],
        oracle="random",
        budget=kn.Budget(trials=2, epochs=5),
    )
    assert (result.leaderboard(full=True)["epochs"] == 2).all()
    assert (result.leaderboard(full=True)["failure"] == "").all()
