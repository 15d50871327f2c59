"""Free constraints are checked on the untrained network and cost no trial."""

from types import SimpleNamespace

import keras
import keras_tuner
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.clock import Clock
from kerasnas.errors import SearchFailedError
from kerasnas.history import History
from kerasnas.problem import View
from kerasnas.spaces.space import Space
from kerasnas.trial import Job, measure
from kerasnas.trial.screen import Screen

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype("float32")
Y = (X.sum(1) > 0).astype("int32")
DATA = {"x": X[:48], "y": Y[:48], "validation_data": (X[48:], Y[48:])}
BUILT = []


def build(hp):
    """Almost all of this space is large: one in 300 configurations has at most 200 weights."""
    widths = [hp.Int("one", 1, 256), hp.Int("two", 1, 256)]
    depth = hp.Choice("depth", [2, 3, 4])
    layers = [keras.layers.Dense(w, activation="relu") for w in (*widths, *widths)[:depth]]
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(1, "sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy")
    BUILT.append(model.count_params())
    return model


def search(constraints, hypermodel=build, oracle="random", trials=3, **settings):
    BUILT.clear()
    return kn.search(
        hypermodel,
        **DATA,
        objective="val_loss",
        constraints=constraints,
        oracle=oracle,
        budget=kn.Budget(trials=trials, epochs=1),
        seed=0,
        verbose=0,
        **settings,
    )


@pytest.mark.parametrize("oracle", ["auto", "asha"])
def test_where_most_of_the_space_is_too_large_models_are_still_found(oracle):
    result = search([kn.Constraint("params", max=200)], oracle=oracle)
    table = result.leaderboard(full=True)
    assert len(table) == 3 and table["feasible"].all() and (table["params"] <= 200).all()
    assert len(result.history) == 3 and len(BUILT) < 600
    assert all(m["params"] > 200 for _, m in result.history.rejected)


def test_a_limit_that_nothing_meets_ends_with_a_sentence():
    with pytest.raises(SearchFailedError, match=r"No configuration meets .*`params` <= 3.*nearest"):
        search([kn.Constraint("params", max=3)], build_small)
    with pytest.raises(SearchFailedError, match=r"`peak_memory_bytes` <= 1"):
        search([kn.Constraint("peak_memory_bytes", max=1)], build_small)


def build_small(hp):
    width = hp.Int("width", 1, 12)
    hp.Boolean("unused")
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(width), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model


def test_all_free_measures_can_bound_a_search():
    limits = [
        kn.Constraint("params", max=60),
        kn.Constraint("flops", min=60),
        kn.Constraint("latency_ms", max=1000.0),
        kn.Constraint("size_bytes", max=10**6),
        kn.Constraint("peak_memory_bytes", max=10**6),
    ]
    result = search(limits, build_small, trials=5)
    assert result.leaderboard(full=True)["feasible"].all()
    for name in ("flops", "size_bytes", "peak_memory_bytes", "latency_ms"):
        assert (result.leaderboard(full=True)[name] > 0).all()


def test_a_small_space_is_searched_to_its_last_feasible_configuration():
    result = search([kn.Constraint("params", max=30)], build_small, trials=50)
    # 10 w + 1 <= 30: widths 1 and 2, with and without `unused`.
    assert len(result.history) == 4
    assert {m["params"] for _, m in result.history.rejected} == {10.0 * w + 1 for w in range(3, 13)}


def test_what_was_rejected_is_not_built_again(tmp_path):
    limit = [kn.Constraint("params", max=10_000)]
    search(limit, trials=2, directory=tmp_path)
    first = list(BUILT)
    result = search(limit, trials=2, directory=tmp_path)
    assert len(BUILT) <= 1 < len(first)  # keras-tuner builds once to learn the space
    whole = search(limit, trials=3)
    more = search(limit, trials=3, directory=tmp_path)
    assert [t.values for t in more.history] == [t.values for t in whole.history]
    assert len(more.history.rejected) == len(whole.history.rejected)
    assert len(result.history) == 2


def test_a_build_that_fails_is_a_failed_trial_and_no_rejection():
    def broken(hp):
        if hp.Int("n", 1, 4) > 2:
            raise ValueError("too many")
        return build_small(hp)

    result = search([kn.Constraint("params", max=10**6)], broken, trials=6)
    failures = {t.values["n"] > 2: t.failure for t in result.history}
    assert "too many" in failures[True] and failures[False] == ""


def test_train_seconds_are_measured_afterwards():
    with pytest.raises(SearchFailedError, match=r"No trial met .*`train_seconds` <= 1e-06"):
        search([kn.Constraint("train_seconds", max=1e-6)], build_small, trials=2)
    result = search([kn.Constraint("train_seconds", max=1e6)], build_small, trials=2)
    assert result.leaderboard(full=True)["feasible"].all()


def test_peak_memory_is_weights_and_the_busiest_moment():
    inputs = keras.Input((10,))
    x = keras.layers.Dense(100)(inputs)
    y = keras.layers.Dense(50)(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(y))
    weights = 4 * model.count_params()
    assert measure.peak_memory(model) == weights + 4 * (100 + 50)
    # A shortcut keeps its tensor alive until it is added.
    z = keras.layers.Dense(100)(keras.layers.Dense(80)(x))
    shortcut = keras.Model(inputs, keras.layers.Add()([x, z]))
    weights = 4 * shortcut.count_params()
    assert measure.peak_memory(shortcut) == weights + 4 * (100 + 100 + 100)
    nested = keras.Model(inputs, keras.layers.Dense(1)(model(inputs)))
    weights = 4 * nested.count_params()
    assert measure.peak_memory(nested) == weights + 4 * (100 + 50)
    pictures = keras.Input((None, None, 3))
    conv = keras.Model(pictures, keras.layers.Conv2D(8, 3, padding="same")(pictures))
    small = measure.peak_memory(conv)
    large = measure.peak_memory(conv, np.zeros((1, 32, 32, 3), "float32"))
    assert large - small == 4 * (32 * 32 - 1) * (3 + 8)


def test_a_stock_hypermodel_without_input_passes():
    class Late(keras_tuner.HyperModel):
        def build(self, hp):
            model = keras.Sequential([keras.layers.Dense(hp.Int("n", 1, 9)), keras.layers.Dense(1)])
            model.compile(optimizer="sgd", loss="mse")
            return model

    result = search([kn.Constraint("params", max=10**6)], Late(), trials=2)
    assert len(result.history) == 2


class OnBackbone(Space):
    """A head behind a large part that stays as it is."""

    def build(self, hp):
        return keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])

    def front_sizes(self, hp):
        return {"params": 1000.0}


@pytest.mark.parametrize(("bound", "seen"), [(1.0, False), (9.0, True)])
def test_a_large_front_that_is_too_slow_is_refused_before_it_sees_the_rows(bound, seen):
    asked = []

    def view(hp):
        asked.append(hp)
        return View(x=X, example=X[:1], extra_latency=lambda: 5.0)

    oracle = SimpleNamespace(hyperparameters=keras_tuner.HyperParameters(), history=History())
    job = Job(view, (), 0, Clock(None), front_latency=lambda hp: 5.0)
    found = Screen(oracle, OnBackbone(), job, [kn.Constraint("latency_ms", max=bound)])({})
    assert found["latency_ms"] >= 5.0
    assert bool(asked) == seen
