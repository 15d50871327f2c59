"""What no trial could train is told before the first trial, in one sentence."""

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import ObjectiveError, SchemaError, SearchSpaceError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")
CITY = np.array(["Rome", "Oslo"])[RNG.integers(0, 2, 60)]
FRAME = pd.DataFrame({"age": X[:, 0], "rate": X[:, 1], "city": CITY})


def network(inputs, hidden, hp):
    hidden = keras.layers.Dense(hp.Int("units", 2, 9))(hidden)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def uncompiled(hp, width=2):
    inputs = keras.Input((width,))
    return network(inputs, inputs, hp)


def plain(hp):
    return compiled(uncompiled(hp))


def found(text):
    lookup = keras.layers.StringLookup(vocabulary=["Rome", "Oslo"], output_mode="multi_hot")
    return lookup(text)


def of_strings(hp):
    inputs = keras.Input((1,), dtype="string")
    return compiled(network(inputs, found(inputs), hp))


def by_column(hp):
    inputs = {name: keras.Input((1,), name=name) for name in ("age", "rate")}
    inputs["city"] = keras.Input((1,), dtype="string", name="city")
    joined = [inputs["age"], inputs["rate"], found(inputs["city"])]
    return compiled(network(inputs, keras.layers.Concatenate()(joined), hp))


class Fitted(keras_tuner.HyperModel):
    """Compiles in `fit`."""

    def __init__(self, make=uncompiled):
        super().__init__()
        self.make = make

    def build(self, hp):
        return self.make(hp)

    def fit(self, hp, model, *args, **kwargs):
        return compiled(model).fit(*args, **kwargs)


class Trial(kn.callbacks.SearchCallback):
    """Counts the trials that began."""

    def __init__(self):
        self.begun = 0

    def on_trial_begin(self, record):
        self.begun += 1


def search(hypermodel, x=X, y=Y, objective="val_accuracy", **further):
    return kn.search(
        hypermodel,
        x,
        y,
        objective=objective,
        oracle="random",
        budget=kn.Budget(trials=1, epochs=1),
        seed=0,
        verbose=0,
        **further,
    )


@pytest.mark.parametrize(
    ("hypermodel", "x", "y", "error", "says"),
    [
        (uncompiled, X, Y, SearchSpaceError, "`model.compile(optimizer, loss, metrics=[...])`"),
        (lambda hp: None, X, Y, SearchSpaceError, "received None. End it with `return model`"),
        (plain, FRAME, Y, SchemaError, "holds strings in `city`, such as '"),
        (plain, FRAME[["city", "city"]], Y, SchemaError, "holds strings, such as '"),
        (plain, CITY[:, None], Y, SchemaError, "the network of `build` takes numbers only"),
        (plain, X, CITY, SchemaError, "np.unique(y, return_inverse=True)"),
        (of_strings, np.array([[1, "a"]] * 60, dtype=object), Y, SchemaError, "neither a number"),
    ],
)
def test_a_search_that_no_trial_could_end_well_does_not_begin(hypermodel, x, y, error, says):
    watching = Trial()
    with pytest.raises(error) as raised:
        search(hypermodel, x, y, callbacks=[watching])
    assert says in str(raised.value)
    assert watching.begun == 0


@pytest.mark.parametrize(
    ("hypermodel", "x"),
    [
        (Fitted(), X),
        (of_strings, CITY[:, None]),
        (of_strings, np.where(Y == 1, CITY, None)[:, None]),
        (of_strings, pd.DataFrame({"city": CITY})),
        (Fitted(of_strings), CITY[:, None].astype(object)),
        (by_column, FRAME),
    ],
    ids=["compiled in fit", "strings", "missing strings", "frame", "own fit", "mixed frame"],
)
def test_one_obvious_meaning_works(hypermodel, x):
    result = search(hypermodel, x)
    assert [*result.leaderboard(full=True)["failure"]] == [""]


@pytest.mark.parametrize(
    ("objective", "meant"),
    [
        ("val_acuracy", "val_accuracy"),
        ("val_los", "val_loss"),
        ("val_acc", "val_accuracy"),
        ("val_sparse_categorical_accuracy", "val_accuracy"),
        (kn.Objective("val_acuracy", "max"), "val_accuracy"),
    ],
)
def test_a_misspelt_objective_is_told_what_was_meant(objective, meant):
    with pytest.raises(ObjectiveError, match=f"Did you mean '{meant}'"):
        search(plain, objective=objective)
