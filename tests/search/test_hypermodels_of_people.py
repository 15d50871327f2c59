"""More hypermodels as people write them: each completes, and `best_model` scores what is shown."""

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import KFold

import kerasnas as kn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype("int32")
TRAIN, VALID = slice(0, 60), slice(60, 80)


def sequential(hp, *first):
    layers = [*first, keras.layers.Dense(hp.Int("units", 2, 9), activation="relu")]
    return keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])


def compiled(model, **settings):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **settings)
    return model


class ScheduledLoss(keras_tuner.HyperModel):
    """The weight of a part of the loss rises from epoch to epoch."""

    def build(self, hp):
        weight = self.weight = keras.Variable(0.0, trainable=False)

        def loss(y, p):
            entropy = keras.ops.sum(p * keras.ops.log(p + 1e-7), axis=-1)
            return keras.losses.sparse_categorical_crossentropy(y, p) + weight * entropy

        model = sequential(hp, keras.Input((5,)))
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        rise = hp.Float("rise", 0.01, 0.1)
        scheduled = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs=None: self.weight.assign(rise * epoch)
        )
        return model.fit(*args, callbacks=[*callbacks, scheduled], **kwargs)


class Folds(keras_tuner.HyperModel):
    """Cross-validation inside `fit`; the scores of the folds are the answer."""

    def build(self, hp):
        return compiled(sequential(hp, keras.Input((5,))))

    def fit(self, hp, model, x, y, validation_data=None, callbacks=None, **kwargs):
        scores = []
        for train, test in KFold(2).split(x):
            network = self.build(hp)
            network.fit(x[train], y[train], **kwargs)
            scores.append(np.float32(network.evaluate(x[test], y[test], verbose=0)[1]))
        return scores


class TwoInputs(keras.Model):
    """Two inputs by name, not registered, no `get_config`."""

    def __init__(self, units):
        super().__init__()
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.head = keras.layers.Dense(2, activation="softmax")

    def call(self, inputs):
        joined = keras.ops.concatenate([inputs["left"], inputs["right"]], axis=-1)
        return self.head(self.hidden(joined))


class OwnSteps(keras.Model):
    """An autoencoder with its own steps and metrics, not registered."""

    def __init__(self, units):
        super().__init__()
        self.narrow = keras.layers.Dense(units)
        self.wide = keras.layers.Dense(5)
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, x):
        return self.wide(self.narrow(x))

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, data):
        x = data[0]
        with tf.GradientTape() as tape:
            loss = keras.ops.mean((self(x, training=True) - x) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}

    def test_step(self, data):
        self.tracker.update_state(keras.ops.mean((self(data[0]) - data[0]) ** 2))
        return {"loss": self.tracker.result()}


def autoencoder(hp):
    model = OwnSteps(hp.Int("units", 1, 4))
    model.compile("adam")
    return model


def batches(rows):
    return tf.data.Dataset.from_tensor_slices((X[rows], Y[rows])).batch(20)


SIDES = {"left": X[:, :2], "right": X[:, 2:]}
SHAPES = {
    "scheduled loss": (ScheduledLoss, {"x": X, "y": Y}, "val_accuracy"),
    "folds": (Folds, {"x": X, "y": Y}, kn.Objective("score", "max")),
    "two inputs": (
        lambda: lambda hp: compiled(TwoInputs(hp.Int("units", 2, 9))),
        {"x": SIDES, "y": Y},
        "val_accuracy",
    ),
    "own steps": (
        lambda: autoencoder,
        {
            "x": tf.data.Dataset.from_tensor_slices((X[TRAIN], Y[TRAIN])).batch(20),
            "validation_data": batches(VALID),
        },
        "val_loss",
    ),
}


def search(hypermodel, data, objective, oracle):
    return kn.search(
        hypermodel,
        objective=objective,
        oracle=oracle,
        budget=kn.Budget(trials=2, epochs=2),
        seed=0,
        verbose=0,
        **data,
    )


@pytest.mark.parametrize("oracle", ["bohb", "bayesian"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_hypermodel_completes_and_its_best_model_answers(shape, oracle):
    make, data, objective = SHAPES[shape]
    result = search(make(), data, objective, oracle)
    table = result.leaderboard(full=True)
    assert (table["failure"] == "").all()
    model = result.best_model()
    if "validation_data" in data:
        found = model.evaluate(data["validation_data"], verbose=0, return_dict=True)["loss"]
        assert found == pytest.approx(result.best_trial.scores["val_loss"], rel=1e-4)
    else:
        assert model.predict(data["x"], verbose=0).shape == (80, 2)
