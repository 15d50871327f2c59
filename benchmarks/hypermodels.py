"""Hypermodels as users of KerasTuner write them, each searched by five strategies.

    python benchmarks/hypermodels.py [--shapes plain ...] [--oracles random ...] [--csv FILE]

Every search must complete without a failed trial. Where the hypermodel makes it well defined,
`best_model().evaluate(validation rows)` must give the value of the leaderboard within 1e-4. The
sixteen-bit precisions round to 1e-2, so that their rows get as much. It prints a row a hypermodel:

* `ok`: completed, and the best model scores what the leaderboard says;
* `done`: completed; the score belongs to no single network, such as a mean over folds;
* `gap 0.1`: the best model scores something else;
* `uncompiled`: `evaluate` cannot be called on the best model;
* `failed 2/3`: trials that failed, or the error that ended the search.

The data are made, 120 rows, and every search has three trials of two epochs: what is examined is
whether hypermodels run, not how well they learn.
"""

import argparse
import contextlib
import csv
import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.model_selection import KFold

import kerasnas as kn

ORACLES = ("random", "bayesian", "asha", "evolution", "auto")
TRIALS, EPOCHS, BATCH = 3, 2, 20
EXACT, ROUNDED = 1e-4, 2e-2

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype("int32")
VALUE = (X[:, 2] * 2 + 1).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[RNG.integers(0, 3, 120)]
WORDS = np.array(["red", "green", "blue"])[RNG.integers(0, 3, 120)]
TEXTS = np.array([f"{a} {b}" for a, b in zip(WORDS, WORDS[::-1], strict=True)])
PICTURES = RNG.uniform(size=(120, 16, 16, 3)).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2.0, 120).astype("float32")
TRAIN, VALID = slice(0, 90), slice(90, 120)


def part(data, rows):
    """Rows of an array, or of each array in a list or dict."""
    return keras.tree.map_structure(lambda a: a[rows], data)


def given(x, y, **further):
    """Arguments of `search` for arrays, with validation rows of their own."""
    return {
        "x": part(x, TRAIN),
        "y": part(y, TRAIN),
        "validation_data": (part(x, VALID), part(y, VALID)),
        **further,
    }


def compiled(model, **settings):
    """A classifier of two classes, compiled as most are."""
    arguments = {
        "optimizer": "adam",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        **settings,
    }
    model.compile(**arguments)
    return model


def network(hp, width=6):
    inputs = keras.Input((width,))
    hidden = layers.Dense(hp.Int("units", 4, 16, step=4), activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(2, activation="softmax", dtype="float32")(hidden))


def plain(hp):
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    return compiled(network(hp), optimizer=keras.optimizers.Adam(rate))


class OfAClass(keras_tuner.HyperModel):
    def __init__(self, classes):
        super().__init__(name="mine", tunable=True)
        self.classes = classes

    def build(self, hp):
        model = keras.Sequential([keras.Input((6,))])
        for i in range(hp.Int("layers", 1, 2)):
            model.add(layers.Dense(hp.Int(f"units_{i}", 4, 12), activation="relu"))
            if hp.Boolean("dropout"):
                model.add(layers.Dropout(0.2))
        model.add(layers.Dense(self.classes, activation="softmax"))
        return compiled(model)


class Unregistered(keras.Model):
    """No `get_config`, not registered: no file can hold it."""

    def __init__(self, units):
        super().__init__()
        self.hidden = layers.Dense(units, activation="relu")
        self.dropout = layers.Dropout(0.1)
        self.head = layers.Dense(2, activation="softmax")

    def call(self, inputs, training=False):
        return self.head(self.dropout(self.hidden(inputs), training=training))


@keras.saving.register_keras_serializable("hypermodels")
class Registered(Unregistered):
    """A model that says how it is made."""

    def __init__(self, units, **settings):
        super().__init__(units)
        self.units = units

    def get_config(self):
        return {"units": self.units}


class OwnEpochs(keras_tuner.HyperModel):
    """The batch size and the epochs of `fit` are hyperparameters."""

    def build(self, hp):
        return plain(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(
            *args,
            batch_size=hp.Choice("batch_size", [16, 32]),
            epochs=hp.Int("epochs", 1, 3),
            verbose=0,
            **kwargs,
        )


class OwnBatches(keras_tuner.HyperModel):
    """As the guide of KerasTuner has it: the batch size and shuffling are tuned."""

    def __init__(self, function=plain):
        super().__init__()
        self.function = function

    def build(self, hp):
        return self.function(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(
            *args,
            batch_size=hp.Choice("batch_size", [16, 32]),
            shuffle=hp.Boolean("shuffle"),
            **kwargs,
        )


class Folds(keras_tuner.HyperModel):
    """Cross-validation inside `fit`, which returns a score a fold."""

    def build(self, hp):
        return plain(hp)

    def fit(self, hp, model, x, y, validation_data=None, callbacks=None, **kwargs):
        scores = []
        for train, test in KFold(2).split(x):
            fold = self.build(hp)
            fold.fit(x[train], y[train], **kwargs)
            scores.append(fold.evaluate(x[test], y[test], verbose=0)[1])
        return scores


class Returns(keras_tuner.HyperModel):
    """A `fit` that trains once and returns something of its own."""

    def __init__(self, what):
        super().__init__()
        self.what = what

    def build(self, hp):
        return plain(hp)

    def fit(self, hp, model, x, y, validation_data=None, **kwargs):
        history = model.fit(x, y, validation_data=validation_data, **kwargs)
        return self.what(model, validation_data, history)


def last_accuracy(model, rows, history):
    return np.float32(model.evaluate(*rows, verbose=0)[1])


def last_metrics(model, rows, history):
    return {
        f"val_{k}": v for k, v in model.evaluate(*rows, verbose=0, return_dict=True).items()
    } | {"own": 1.0}


def best_accuracy(model, rows, history):
    return max(history.history["val_accuracy"])


class OwnArguments(keras_tuner.HyperModel):
    """A `fit` that takes the data by name and leaves out the callbacks it is handed."""

    def build(self, hp):
        return plain(hp)

    def fit(self, hp, model, x, y, validation_data, callbacks=None):
        return model.fit(x, y, validation_data=validation_data, epochs=3, verbose=0)


def two_inputs(names):
    def build(hp):
        left, right = keras.Input((2,), name="left"), keras.Input((4,), name="right")
        joined = layers.Concatenate()([left, right])
        hidden = layers.Dense(hp.Int("units", 4, 16), activation="relu")(joined)
        outputs = layers.Dense(2, activation="softmax")(hidden)
        inputs = {"left": left, "right": right} if names else [left, right]
        return compiled(keras.Model(inputs, outputs))

    return build


def two_outputs(hp):
    inputs = keras.Input((6,))
    hidden = layers.Dense(hp.Int("units", 4, 16), activation="relu")(inputs)
    kind = layers.Dense(2, activation="softmax", name="kind")(hidden)
    value = layers.Dense(1, name="value")(hidden)
    model = keras.Model(inputs, {"kind": kind, "value": value})
    model.compile(
        "adam",
        {"kind": "sparse_categorical_crossentropy", "value": "mse"},
        loss_weights={"kind": hp.Float("weight", 0.5, 2.0), "value": 0.2},
        metrics={"kind": ["accuracy"], "value": ["mae"]},
    )
    return model


class OwnStep(keras.Model):
    """A training step of its own, which adds noise to the inputs."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            noisy = x + 0.1 * tf.random.normal(tf.shape(x))
            answers = self(noisy, training=True)
            loss = self.compute_loss(y=y, y_pred=answers)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            metric.update_state(loss) if metric.name == "loss" else metric.update_state(y, answers)
        return {m.name: m.result() for m in self.metrics}


def own_step(hp):
    inputs = keras.Input((6,))
    hidden = layers.Dense(hp.Int("units", 4, 16), activation="relu")(inputs)
    return compiled(OwnStep(inputs, layers.Dense(2, activation="softmax")(hidden)))


class ScheduledLoss(keras_tuner.HyperModel):
    """A callback raises the weight of a part of the loss from epoch to epoch."""

    def build(self, hp):
        weight = self.weight = keras.Variable(0.0, trainable=False)

        def loss(y, p):
            entropy = keras.ops.sum(p * keras.ops.log(p + 1e-7), axis=-1)
            return keras.losses.sparse_categorical_crossentropy(y, p) + weight * entropy

        return compiled(network(hp), loss=loss)

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        rise = hp.Float("rise", 0.01, 0.1)
        rises = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs=None: self.weight.assign(rise * epoch)
        )
        return model.fit(*args, callbacks=[*callbacks, rises], **kwargs)


class Batches(keras.utils.PyDataset):
    def __init__(self, rows):
        super().__init__()
        self.x, self.y = X[rows], Y[rows]

    def __len__(self):
        return -(-len(self.x) // BATCH)

    def __getitem__(self, i):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        return self.x[rows], self.y[rows]


def dataset(rows):
    return tf.data.Dataset.from_tensor_slices((X[rows], Y[rows])).batch(BATCH)


def endless():
    while True:
        rows = np.random.default_rng(1).integers(0, 90, BATCH)
        yield X[rows], Y[rows]


def conditional(hp):
    inputs = hidden = keras.Input((6,))
    kind = hp.Choice("kind", ["mlp", "wide", "linear"])
    with hp.conditional_scope("kind", ["mlp"]):
        if kind == "mlp":
            for i in range(hp.Int("depth", 1, 2)):
                hidden = layers.Dense(hp.Int(f"units_{i}", 4, 8), activation="relu")(hidden)
    with hp.conditional_scope("kind", ["wide"]):
        if kind == "wide":
            hidden = layers.Dense(hp.Choice("width", [32, 64]), activation="relu")(hidden)
    outputs = layers.Dense(2, activation="softmax")(hidden)
    return compiled(keras.Model(inputs, outputs))


class CompiledInFit(keras_tuner.HyperModel):
    """`build` leaves the model uncompiled; `fit` chooses the optimiser."""

    def build(self, hp):
        return network(hp)

    def fit(self, hp, model, *args, **kwargs):
        rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
        made = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
        optimizer = made[hp.Choice("optimizer", ["adam", "sgd"])](rate)
        compiled(model, optimizer=optimizer)
        return model.fit(*args, **kwargs)


def choice_of_optimizer(hp):
    return compiled(network(hp), optimizer=hp.Choice("optimizer", ["adam", "sgd", "rmsprop"]))


def lookup(hp):
    inputs = keras.Input((1,), dtype="string")
    found = layers.StringLookup(vocabulary=["red", "green", "blue"], output_mode="one_hot")(inputs)
    hidden = layers.Dense(hp.Int("units", 4, 16), activation="relu")(found)
    return compiled(keras.Model(inputs, layers.Dense(2, activation="softmax")(hidden)))


def mixed_columns(hp):
    color, facts = keras.Input((1,), dtype="string", name="color"), keras.Input((6,), name="facts")
    found = layers.StringLookup(vocabulary=["red", "green", "blue"], output_mode="one_hot")(color)
    joined = layers.Concatenate()([found, facts])
    hidden = layers.Dense(hp.Int("units", 4, 16), activation="relu")(joined)
    outputs = layers.Dense(2, activation="softmax")(hidden)
    return compiled(keras.Model({"color": color, "facts": facts}, outputs))


def vectorized(hp):
    reader = layers.TextVectorization(max_tokens=20, output_sequence_length=4)
    reader.adapt(TEXTS[TRAIN])
    inputs = keras.Input((), dtype="string")
    embedded = layers.Embedding(20, hp.Int("size", 2, 8))(reader(inputs))
    hidden = layers.GlobalAveragePooling1D()(embedded)
    return compiled(keras.Model(inputs, layers.Dense(2, activation="softmax")(hidden)))


def vector_metrics(average):
    def build(hp):
        inputs = keras.Input((6,))
        hidden = layers.Dense(hp.Int("units", 4, 16), activation="relu")(inputs)
        model = keras.Model(inputs, layers.Dense(3, activation="softmax")(hidden))
        metrics = [keras.metrics.F1Score(average=average, name="f1"), keras.metrics.AUC()]
        return compiled(model, loss="categorical_crossentropy", metrics=metrics)

    return build


def residual(hp):
    """The shape of `keras_tuner.applications.HyperResNet`, small enough for 16 by 16 pixels."""
    inputs = keras.Input((16, 16, 3))
    hidden = layers.Conv2D(4, 3, padding="same")(inputs)
    for i in range(hp.Choice("conv3_depth", [1, 2])):
        kept = hidden
        hidden = layers.BatchNormalization()(hidden)
        hidden = layers.Conv2D(4, 3, padding="same", activation="relu", name=f"conv{i}")(hidden)
        hidden = layers.Add()([kept, hidden])
    pool = hp.Choice("pooling", ["avg", "max"])
    pooling = layers.GlobalAveragePooling2D if pool == "avg" else layers.GlobalMaxPooling2D
    outputs = layers.Dense(2, activation="softmax", name="probs")(pooling()(hidden))
    optimizer = hp.Choice("optimizer", ["adam", "rmsprop", "sgd"])
    return compiled(keras.Model(inputs, outputs, name="ResNet"), optimizer=optimizer)


@contextlib.contextmanager
def precision(name):
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


@contextlib.contextmanager
def mirrored(policy="float32"):
    with precision(policy), tf.distribute.MirroredStrategy().scope():
        yield


@dataclass
class Shape:
    """One hypermodel with its data.

    Attributes:
        make: Makes the hypermodel.
        data: Makes the arguments of `search`.
        objective: The objective.
        score: Whether the leaderboard's value is that of one network on the validation rows.
        scope: Context of the search.
        near: How far the value of the best model may be from the leaderboard's.
    """

    make: Callable[[], Any]
    data: Callable[[], dict[str, Any]] = lambda: given(X, Y)
    objective: Any = "val_accuracy"
    score: bool = True
    scope: Callable[[], Any] = contextlib.nullcontext
    near: float = EXACT
    epochs: dict[str, Any] = field(default_factory=lambda: {"epochs": EPOCHS})


OUTPUTS = {"kind": Y, "value": VALUE}
SHAPES = {
    # 1 to 4: ways to write a model
    "build function": Shape(lambda: plain),
    "HyperModel class": Shape(lambda: OfAClass(2)),
    "subclass, unregistered": Shape(
        lambda: lambda hp: compiled(Unregistered(hp.Int("units", 2, 9)))
    ),
    "subclass, get_config": Shape(lambda: lambda hp: compiled(Registered(hp.Int("units", 2, 9)))),
    # 5 to 9: ways to write `fit`
    "fit: tuned batch size": Shape(OwnBatches),
    "fit: tuned epochs": Shape(OwnEpochs, epochs={}),
    "fit: tuned epochs, epochs= too": Shape(OwnEpochs),
    "fit: list of fold scores": Shape(Folds, score=False),
    "fit: np.float32": Shape(lambda: Returns(last_accuracy)),
    "fit: best of the history": Shape(lambda: Returns(best_accuracy)),
    "fit: dict": Shape(lambda: Returns(last_metrics)),
    "fit: History": Shape(lambda: Returns(lambda model, rows, history: history)),
    "fit: History, no callbacks": Shape(OwnArguments, epochs={}),
    # 10 and 11: several inputs and outputs
    "two inputs, list": Shape(lambda: two_inputs(False), lambda: given([X[:, :2], X[:, 2:]], Y)),
    "two inputs, dict": Shape(
        lambda: two_inputs(True), lambda: given({"left": X[:, :2], "right": X[:, 2:]}, Y)
    ),
    "two outputs, weights": Shape(
        lambda: two_outputs, lambda: given(X, OUTPUTS), "val_kind_accuracy"
    ),
    "two outputs, their loss": Shape(lambda: two_outputs, lambda: given(X, OUTPUTS), "val_loss"),
    # 12 and 13: steps and losses
    "own train_step": Shape(lambda: own_step),
    "scheduled loss": Shape(ScheduledLoss),
    # 14: sources of rows
    "tf.data": Shape(
        lambda: plain, lambda: {"x": dataset(TRAIN), "validation_data": dataset(VALID)}
    ),
    "PyDataset": Shape(
        lambda: plain, lambda: {"x": Batches(TRAIN), "validation_data": Batches(VALID)}
    ),
    "generator": Shape(
        lambda: plain,
        lambda: {"x": endless(), "steps_per_epoch": 4, "validation_data": (X[VALID], Y[VALID])},
    ),
    # 15: what hyperparameters open
    "conditional scopes": Shape(lambda: conditional),
    "choice of optimizers": Shape(lambda: choice_of_optimizer),
    "compiled in fit": Shape(CompiledInFit, score=False),
    # 16: strings
    "strings, StringLookup": Shape(lambda: lookup, lambda: given(WORDS[:, None], Y)),
    "strings, objects": Shape(lambda: lookup, lambda: given(WORDS[:, None].astype(object), Y)),
    "strings, beside numbers": Shape(
        lambda: mixed_columns,
        lambda: given({"color": WORDS[:, None].astype(object), "facts": X}, Y),
    ),
    "strings, own fit": Shape(
        lambda: OwnBatches(lookup), lambda: given(WORDS[:, None].astype(object), Y)
    ),
    "strings, TextVectorization": Shape(lambda: vectorized, lambda: given(TEXTS, Y)),
    # 17: weights and metrics
    "sample weights": Shape(
        lambda: plain, lambda: given(X, Y, sample_weight=WEIGHTS[TRAIN]), "val_loss"
    ),
    "class weights": Shape(
        lambda: plain, lambda: given(X, Y, class_weight={0: 1.0, 1: 3.0}), "val_loss"
    ),
    "F1, macro": Shape(
        lambda: vector_metrics("macro"), lambda: given(X, ONE_HOT), kn.Objective("val_f1", "max")
    ),
    "F1 of each class": Shape(
        lambda: vector_metrics(None), lambda: given(X, ONE_HOT), kn.Objective("val_f1_1", "max")
    ),
    "small ResNet": Shape(lambda: residual, lambda: given(PICTURES, Y), "val_loss"),
    # 18: devices and precision
    "MirroredStrategy": Shape(lambda: plain, scope=mirrored),
    "mixed_float16": Shape(lambda: plain, scope=lambda: precision("mixed_float16"), near=ROUNDED),
    "mixed_bfloat16": Shape(lambda: plain, scope=lambda: precision("mixed_bfloat16"), near=ROUNDED),
    "Mirrored, mixed_float16": Shape(
        lambda: plain, scope=lambda: mirrored("mixed_float16"), near=ROUNDED
    ),
    "Mirrored, mixed_bfloat16": Shape(
        lambda: plain, scope=lambda: mirrored("mixed_bfloat16"), near=ROUNDED
    ),
}


def outcome(shape, oracle):
    """What came of one search, in a few words."""
    with shape.scope():
        data = shape.data()
        try:
            result = kn.search(
                shape.make(),
                objective=shape.objective,
                oracle=oracle,
                budget=kn.Budget(trials=TRIALS, **shape.epochs),
                seed=0,
                verbose=0,
                **data,
            )
        except Exception as error:
            return f"{type(error).__name__}: {error}".splitlines()[0]
        table = result.leaderboard(full=True)
        failed = table[table["failure"] != ""]
        if len(failed):
            return f"failed {len(failed)}/{len(table)}: {failed['failure'].iloc[0]}"
        return judged(result, shape, data)


def judged(result, shape, data):
    """Whether the best model scores the validation rows as the leaderboard says."""
    try:
        model = result.best_model()
    except Exception as error:
        return f"no model: {error}"
    if not shape.score:
        return "done"
    if not model.compiled:
        return "uncompiled"
    rows = data["validation_data"]
    rows = rows if isinstance(rows, tuple) else (rows,)
    if isinstance(rows[0], np.ndarray | dict):
        rows = (keras.tree.map_structure(as_keras_takes, rows[0]), *rows[1:])
    try:
        found = model.evaluate(*rows, verbose=0, return_dict=True)
    except Exception as error:
        return f"evaluate: {type(error).__name__}: {error}".splitlines()[0]
    name = result.objectives[0].name.removeprefix("val_")
    values = {}
    for key, value in found.items():
        flat = np.asarray(value).ravel()
        names = [key] if len(flat) == 1 else [f"{key}_{i}" for i in range(len(flat))]
        values.update(zip(names, flat, strict=True))
    gap = abs(float(values[name]) - result.best_trial.scores[result.objectives[0].name])
    return "ok" if gap <= shape.near else f"gap {gap:.2g}"


def as_keras_takes(array):
    """Strings as a tensor: `evaluate` of Keras takes no arrays of strings."""
    return array if array.dtype.kind in "fi" else tf.constant(array.tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), metavar="NAME")
    parser.add_argument("--oracles", nargs="+", default=list(ORACLES), metavar="NAME")
    parser.add_argument("--csv", help="also write the outcomes there")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("kerasnas").setLevel(logging.ERROR)
    rows = []
    width = max(len(name) for name in SHAPES) + 2
    print(f"{'':<{width}}" + "".join(f"{oracle:<12}" for oracle in arguments.oracles))
    for name in arguments.shapes:
        found = [outcome(SHAPES[name], oracle) for oracle in arguments.oracles]
        rows.append([name, *found])
        print(f"{name:<{width}}" + "".join(f"{text[:11]:<12}" for text in found), flush=True)
        for text in sorted({text for text in found if text not in ("ok", "done")}):
            print(f"    {text[:300]}", flush=True)
    if arguments.csv:
        with open(arguments.csv, "w", newline="") as file:
            csv.writer(file).writerows([["hypermodel", *arguments.oracles], *rows])


if __name__ == "__main__":
    main()
