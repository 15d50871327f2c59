"""Weights that pass from a trial to the next."""

import keras
import numpy as np

import kerasnas as kn
from kerasnas.history import History
from kerasnas.objectives import Objective
from kerasnas.oracles.relatives import parent_of
from kerasnas.trial.inheritance import inherit

OBJECTIVES = (Objective("val_loss"),)


def network(width, kernel="a"):
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, name="first")(inputs)
    x = keras.layers.Dense(width, name=kernel)(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="last")(x))


def test_layers_of_one_name_and_shape_pass_their_weights():
    parent, same, wider, other = network(5), network(5), network(6), network(5, "b")
    assert inherit(same, parent) == 1.0
    for ours, theirs in zip(same.get_weights(), parent.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    fresh = wider.get_layer("a").get_weights()[0].copy()
    assert inherit(wider, parent) == (3 * 4 + 4) / wider.count_params()
    np.testing.assert_array_equal(wider.get_layer("a").get_weights()[0], fresh)
    assert 0 < inherit(other, parent) < 1
    # A network inside another one, as an exported file may hold it.
    outer_input = keras.Input((3,))
    outer = keras.Model(outer_input, parent(outer_input))
    assert inherit(network(5), outer) == 1.0


def history(*rows):
    found = History()
    for number, (values, loss) in enumerate(rows):
        found.start(values)
        failed = loss is None
        status = "FAILED" if failed else "COMPLETED"
        found.finish(number, status, metrics={} if failed else {"val_loss": loss})
    return found


def test_the_parent_is_the_best_recent_trial_one_edit_away():
    known = history(
        ({"a": 1, "b": 1, "c": 1}, 0.5),
        ({"a": 1, "b": 2, "c": 1}, 0.4),
        ({"a": 2, "b": 2, "c": 2}, 0.1),
        ({"a": 1, "b": 2, "c": 3}, None),
    )
    assert parent_of({"a": 1, "b": 3, "c": 1}, known, OBJECTIVES) == 1
    assert parent_of({"a": 9, "b": 9, "c": 9}, known, OBJECTIVES) is None
    assert parent_of({"a": 1, "b": 1, "c": 1}, History(), OBJECTIVES) is None


def test_evolution_hands_weights_down_in_a_real_search():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 8, 8, 1)).astype("float32")
    y = (x.mean(axis=(1, 2, 3)) > 0).astype("int32")
    result = kn.search(
        kn.spaces.cells((8, 8, 1), 2, filters=4, stages=1),
        x,
        y,
        objective="val_accuracy",
        oracle=kn.oracles.Evolution(population=2, sample=2, inherit=True),
        budget=kn.Budget(trials=4, epochs=1),
        seed=0,
        verbose=0,
    )
    children = [t for t in result.history if t.parent is not None]
    assert children
    for child in children:
        assert child.parent < child.number
        assert 0 < child.measures["inherited"] <= 1
    small = result.best_model(where="params < 10_000_000")
    assert small.predict(x[:3], verbose=0).shape == (3, 2)
