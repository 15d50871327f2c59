"""The supernet: paths are networks of the space, and a search ends with one of them."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from kerasnas import Constraint
from kerasnas.errors import OutOfTime, SearchFailedError
from kerasnas.one_shot import one_shot_search
from kerasnas.spaces import Cell, cells
from kerasnas.spaces.supernet import (
    Supernet,
    built,
    calibrate,
    drawn_paths,
    path_of,
    path_scores,
    train_supernet,
)


def digits(rows):
    images, labels = load_digits(return_X_y=True)
    return images[:rows].reshape(-1, 8, 8, 1).astype("float32"), labels[:rows]


@pytest.fixture(scope="module")
def supernet():
    return Supernet(cells((8, 8, 1), 10, filters=4, cells_per_stage=1, stages=2))


@pytest.mark.parametrize("seed", range(4))
def test_a_path_is_the_network_of_its_cell(supernet, seed):
    cell = Cell.random_sample(np.random.default_rng(seed))
    x, _ = digits(32)
    network = supernet.lend(built(supernet.hypermodel, cell))
    theirs = network(x, training=True)  # statistics of this batch, as a path is judged with
    ours = supernet(x, path=tf.constant(path_of(cell)))
    assert np.allclose(ours, theirs, atol=1e-4)


def test_training_moves_the_shared_weights(supernet):
    before = [v.numpy() for v in supernet.trainable_variables]
    x, y = digits(64)
    assert train_supernet(supernet, x, y, epochs=2, batch_size=32) == 2
    moved = [
        not np.array_equal(a, b.numpy())
        for a, b in zip(before, supernet.trainable_variables, strict=True)
    ]
    assert np.mean(moved) > 0.5


def test_fair_paths_train_every_operation_as_often():
    paths = drawn_paths(np.random.default_rng(0), 23, fair=True)
    assert paths.shape == (23, 6)
    for start in range(0, 20, 5):
        assert (np.sort(paths[start : start + 5], axis=0) == np.arange(5)[:, None]).all()
    assert len({tuple(path) for path in paths}) > 20  # edges are shuffled on their own
    assert (drawn_paths(np.random.default_rng(0), 23) != paths).any()


def test_scores_are_those_of_the_network(supernet):
    x, y = digits(64)
    cell = Cell.random_sample(np.random.default_rng(1))
    answers = np.asarray(supernet.lend(built(supernet.hypermodel, cell))(x, training=True))
    found = path_scores(supernet, x, y)(cell)
    assert found["accuracy"] == pytest.approx((answers.argmax(axis=1) == y).mean())
    assert found["log_loss"] == pytest.approx(-np.log(answers[np.arange(64), y]).mean(), rel=1e-3)


def test_calibration_gives_the_statistics_of_the_data(supernet):
    x, _ = digits(128)
    network = built(supernet.hypermodel, Cell(("nor_conv_3x3",) * 6))
    momentum = network.get_layer("stem_norm").momentum
    calibrate(network, x, batch_size=128)
    assert np.allclose(network(x, training=False), network(x, training=True), atol=1e-3)
    assert network.get_layer("stem_norm").momentum == momentum


def test_search_stays_within_the_limit():
    x, y = digits(300)
    limit = Constraint("params", max=4000)
    found = one_shot_search(
        x,
        y.astype(str),
        constraints=[limit],
        candidates=8,
        epochs=2,
        fine_tuning_epochs=2,
        budget=200,
        filters=4,
    )
    table = found.candidates
    assert 1 < len(table) <= 8
    assert (table["params"] <= 4000).all()
    assert table["inherited_accuracy"].is_monotonic_decreasing
    assert str(found.cell) == table["cell"].iloc[0]
    assert found.model.count_params() == table["params"].iloc[0]
    assert found.model(x[:3]).shape == (3, 10)
    assert found.classes_.tolist() == [str(i) for i in range(10)]
    assert {"val_accuracy", "val_log_loss"} <= set(found.metrics)


def test_no_cell_is_small_enough():
    x, y = digits(60)
    with pytest.raises(SearchFailedError, match=r"`params`.*smallest network"):
        one_shot_search(x, y, constraints=[Constraint("params", max=10)], epochs=1, filters=4)


def test_a_budget_that_does_not_reach_for_the_supernet_is_refused_before_it_is_traced():
    x, y = np.zeros((40, 16, 16, 1), "float32"), np.arange(40) % 2
    with pytest.raises(OutOfTime, match=r"to trace the supernet \(raise `budget`"):
        one_shot_search(x, y, budget=0.05)
