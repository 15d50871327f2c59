"""Scores of untrained networks: against the benchmark's own, and against what they must mean."""

import random

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas import spaces
from kerasnas.problem.view import View
from kerasnas.spaces.cell import RESIDUAL, Cell, cell_features
from kerasnas.spaces.proxies import naswot, synflow
from kerasnas.trial import Job
from kerasnas.trial.zero_cost import zero_cost_of

ROWS = np.random.default_rng(0).normal(size=(32, 16, 16, 3)).astype("float32")


def network(cell, filters=8):
    image = keras.Input((16, 16, 3))
    features = cell_features(image, cell, filters=filters, cells_per_stage=1)
    return keras.Model(image, keras.layers.Dense(10, activation="softmax")(features))


def test_synflow_of_a_small_network_is_what_its_definition_says():
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(2, use_bias=False)
    last = keras.layers.Dense(1, use_bias=False, activation="sigmoid")
    model = keras.Model(inputs, last(hidden(inputs)))
    hidden.set_weights([np.array([[1.0, -2.0], [3.0, 0.5]])])
    last.set_weights([np.array([[-1.0], [4.0]])])
    # The flow is 1·(1+3) + 4·(2+0.5) = 14; each of two layers contributes all of it.
    assert synflow(model) == pytest.approx(np.log(28.0))
    assert hidden.get_weights()[0][0, 1] == -2.0, "the model must stay as it was"


def test_nothing_flows_through_a_dead_cell():
    assert synflow(network(Cell(("none",) * 6))) == -np.inf
    assert np.isfinite(synflow(network(Cell(("skip_connect",) * 6))))


def test_wider_networks_have_more_flow_and_more_linear_maps():
    assert synflow(network(RESIDUAL, 16)) > synflow(network(RESIDUAL, 8))
    poor = network(Cell(("skip_connect",) * 6))
    assert naswot(network(RESIDUAL), ROWS) > naswot(poor, ROWS)


def test_naswot_needs_rectified_units():
    inputs = keras.Input((3,))
    assert np.isnan(naswot(keras.Model(inputs, keras.layers.Dense(2)(inputs)), np.ones((4, 3))))
    # Of drawn weights, two rows may meet the same rectified units, which is as good as one row.
    drawn = keras.initializers.GlorotUniform(seed=0)
    named = keras.layers.Dense(9, activation="relu", kernel_initializer=drawn)(inputs)
    assert np.isfinite(
        naswot(keras.Model(inputs, named), np.random.default_rng(0).normal(size=(4, 3)))
    )


def test_a_space_of_architectures_offers_its_scores_and_others_do_not():
    job = Job(view=lambda hp: View(x=ROWS), objectives=(), seed=0, clock=None)
    offered = zero_cost_of(spaces.cells((16, 16, 3), 10, filters=4), job)
    scores = offered.score(RESIDUAL.values())
    assert set(scores) == {"params", "flops", "synflow", "naswot"}
    assert all(np.isfinite(list(scores.values())))
    random.seed(1)
    assert offered.score(RESIDUAL.values()) == scores
    state = random.getstate()
    offered.score(RESIDUAL.values())
    assert random.getstate() == state
    broken = offered.score({**RESIDUAL.values(), "edge_0_1": "what"})
    assert broken == {"synflow": -np.inf}
    assert zero_cost_of(spaces.tabular(4, 2), job) is None
    assert zero_cost_of(spaces.as_space(lambda hp: None), job) is None
    assert isinstance(spaces.chains((16, 16, 3), 10), keras_tuner.HyperModel)
