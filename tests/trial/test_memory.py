"""Graphs that TensorFlow would keep for as long as the process lives."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasnas.trial import memory
from kerasnas.trial.memory import Keeper, let_graphs_go
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer

pytestmark = pytest.mark.skipif(not memory._gradients, reason="no register of gradients")


def own_gradients():
    return {name for name in memory._gradients if name.startswith("CustomGradient-")}


def trained(activation):
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, activation=activation), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    Trainer(model, x, x[:, :1], None, dict).run(Plan(batch_size=32, epochs=1, monitor=None))
    return model


def test_trained_graphs_with_own_gradients_do_not_pile_up():
    # What tests before this one left may go here too: only what is new counts.
    before = own_gradients()
    for _ in range(3):
        trained("silu")
    assert own_gradients() - before, "TensorFlow keeps none any more: let the module go"
    keras.backend.clear_session(free_memory=False)
    let_graphs_go()
    gc.collect()
    let_graphs_go()
    assert own_gradients() <= before


def test_a_living_graph_keeps_its_gradient():
    """The gradient of a traced function is asked for only when it is called in a new place."""

    @tf.function(autograph=False)
    def answer(x):
        return tf.nn.silu(x)

    answer.get_concrete_function(tf.TensorSpec((3,)))
    let_graphs_go()
    gc.collect()
    let_graphs_go()
    x = tf.constant([-1.0, 0.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = answer(x)
    s = 1 / (1 + np.exp(-x.numpy()))
    expected = s * (1 + x.numpy() * (1 - s))
    np.testing.assert_allclose(tape.gradient(y, x), expected, rtol=1e-5)


def test_the_graph_goes_with_its_function():
    @tf.function(autograph=False)
    def answer(x):
        return tf.nn.silu(x)

    graph = weakref.ref(answer.get_concrete_function(tf.TensorSpec((3,))).graph)
    let_graphs_go()
    del answer
    gc.collect()
    assert graph() is None


def test_functions_without_a_graph_are_left_alone():
    @tf.custom_gradient
    def twice(x):
        return 2 * x, lambda upstream: 2 * upstream

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = twice(x)
    Keeper().after_trial()
    assert tape.gradient(y, x).numpy() == 2.0
