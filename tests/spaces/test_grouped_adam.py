"""The optimiser of groups of variables does what Adam does at the rate of each."""

import keras
import numpy as np
import pytest

from kerasnas.spaces.recipes import GroupedAdamW

GRADIENTS = [np.random.default_rng(i).normal(size=3).astype("float32") for i in range(6)]


def stepped(optimizer, name="w", start=2.0):
    variable = keras.Variable(np.full(3, start), name=name)
    optimizer.build([variable])
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return variable.numpy()


def test_without_factors_it_is_adam():
    plain = stepped(keras.optimizers.Adam(0.1, beta_2=0.95, epsilon=1e-8))
    grouped = stepped(GroupedAdamW(0.1, beta_2=0.95, epsilon=1e-8))
    assert np.allclose(plain, grouped, atol=1e-6)
    decayed = stepped(keras.optimizers.AdamW(0.1, weight_decay=0.3))
    assert np.allclose(decayed, stepped(GroupedAdamW(0.1, 0.3)), atol=1e-6)


def test_a_factor_is_another_rate():
    slow = stepped(keras.optimizers.Adam(0.02))
    assert np.allclose(slow, stepped(GroupedAdamW(0.1, 0.0, {"w": (0.2, 1.0)})), atol=1e-6)
    assert not np.allclose(slow, stepped(GroupedAdamW(0.1, 0.0, {"v": (0.2, 1.0)})), atol=1e-3)


@pytest.mark.parametrize(("factor", "share", "left"), [(1, 1, 0.9), (4, 1, 0.6), (4, 0.5, 0.8)])
def test_decay_is_relative_and_has_its_own_factor(factor, share, left):
    optimizer = GroupedAdamW(0.5, 0.2, {"w": (0.0, factor)})
    optimizer.decay_share.assign(share)
    variable = keras.Variable(np.ones(2), name="w")
    optimizer.build([variable])
    optimizer.apply([keras.ops.ones(2)], [variable])
    assert np.allclose(variable.numpy(), left)


def test_a_compiled_model_can_be_saved(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    path = model.layers[0].kernel.path
    model.compile(GroupedAdamW(0.1, 0.2, {path: (0.5, 2.0)}, beta_2=0.9), "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.factors == {path: (0.5, 2.0)}
    assert loaded.optimizer.decay == 0.2
    assert np.array_equal(loaded(np.ones((1, 2))), model(np.ones((1, 2))))
