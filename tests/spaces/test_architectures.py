"""Cells and chains: values, and the Keras models that they become."""

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas import spaces
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.architectures import CellHyperModel
from kerasnas.spaces.cell import RESIDUAL, Cell, cell_features
from kerasnas.spaces.chain import BLOCKS, MOST_BLOCKS, Chain


def hyperparameters(values):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return hp


@pytest.mark.parametrize("kind", [Cell, Chain])
def test_a_value_comes_back_from_its_hyperparameters(kind):
    rng = np.random.default_rng(0)
    for _ in range(50):
        value = kind.random_sample(rng)
        assert kind.of(value.values()) == value
        assert kind.of(value.values("a_"), "a_") == value


@pytest.mark.parametrize("kind", [Cell, Chain])
def test_a_mutation_is_one_edit(kind):
    rng = np.random.default_rng(1)
    value = kind.random_sample(rng)
    for _ in range(200):
        child = value.mutate(rng)
        assert child != value
        if kind is Cell:
            assert sum(a != b for a, b in zip(value.operations, child.operations, strict=True)) == 1
        else:
            changed = [
                child.filters != value.filters,
                child.stages != value.stages,
                child.blocks != value.blocks,
            ]
            assert sum(changed) == 1
            assert abs(len(child.blocks) - len(value.blocks)) <= 1
        value = child


def test_the_same_seed_gives_the_same_walk():
    def walk(kind):
        rng = np.random.default_rng(3)
        value = kind.random_sample(rng)
        return [value := value.mutate(rng) for _ in range(10)]

    for kind in (Cell, Chain):
        assert walk(kind) == walk(kind)


def test_encodings_tell_values_apart():
    rng = np.random.default_rng(2)
    for kind, length in ((Cell, 30), (Chain, MOST_BLOCKS * len(BLOCKS) + 2)):
        values = {kind.random_sample(rng) for _ in range(60)}
        codes = {value.encode().tobytes() for value in values}
        assert len(codes) == len(values)
        assert all(value.encode().shape == (length,) for value in values)


def test_the_notation_of_the_benchmark_is_read_and_written():
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|skip_connect~2|"
    cell = Cell.parse(text)
    assert str(cell) == text
    assert cell.edges[1, 2] == "skip_connect" and cell.edges[0, 1] == "avg_pool_3x3"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cell(("none",) * 5), "6 `operations`"),
        (lambda: Cell(("conv_3x3", *("none",) * 5)), "Did you mean 'nor_conv_3x3'"),
        (lambda: Cell.of({"edge_0_1": "none"}), "edge_0_2"),
        (lambda: Cell.parse("|none~0|"), "is written as"),
        (lambda: Chain(()), "1 to 8 `blocks`"),
        (lambda: Chain(("conv3x3",)), "Did you mean 'conv_3x3'"),
        (lambda: Chain(("conv_3x3",), filters=17), "`filters` must be one of 8, 16"),
        (lambda: Chain.of({"blocks": 2, "block_0": "conv_3x3", "filters": 8}), "block_1, stages"),
        (lambda: spaces.cells((32, 32), 10), "height, width, channels"),
        (lambda: spaces.cells((8, 8, 1), 10, filters=0), "`filters` must be whole numbers"),
    ],
)
def test_wrong_parts_are_named(make, message):
    with pytest.raises(SearchSpaceError, match=message.replace("(", r"\(")):
        make()


def test_cells_that_compute_the_same_have_one_graph():
    none = "none"
    straight = Cell(("nor_conv_3x3", none, none, none, "skip_connect", none))
    other = Cell((none, "nor_conv_3x3", none, none, none, "skip_connect"))
    direct = Cell((none, none, none, "nor_conv_3x3", none, none))
    assert straight.graph == other.graph == direct.graph != RESIDUAL.graph
    assert not Cell((none,) * 6).connected
    assert not Cell(("nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", none, none, none)).connected


def test_a_connected_cell_feels_its_input_and_a_dead_one_does_not():
    image = keras.Input((8, 8, 3))
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    for cell in (RESIDUAL, Cell(("avg_pool_3x3",) * 6), Cell(("none",) * 6)):
        model = keras.Model(image, cell_features(image, cell, filters=4, cells_per_stage=1))
        answers = model(x, training=True).numpy()
        assert answers.shape == (2, 16)
        assert np.allclose(answers[0], answers[1]) != cell.connected


@pytest.mark.parametrize(
    "hypermodel",
    [
        spaces.cells((8, 8, 1), 3, filters=(4, 8), cells_per_stage=1, stages=2),
        spaces.chains((9, 7, 3), 3, tune_training=True),
        spaces.chains((8, 8, 1)),
        spaces.cells((None, None, 1), 3, filters=4, multilabel=True),
    ],
    ids=["cells", "chains", "regression", "multilabel"],
)
def test_random_architectures_build_train_and_load_without_kerasnas_layers(hypermodel, tmp_path):
    oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("loss", "min"), seed=7)
    hp = keras_tuner.HyperParameters()
    hypermodel.build(hp)
    oracle.update_space(hp)
    shape = tuple(n or 8 for n in hypermodel.input_shape)
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype("float32")
    for number in range(3):
        known = len(oracle.get_space().space)
        hp = oracle.get_space()
        hp.values = oracle.populate_space(str(number))["values"]
        model = hypermodel.build(hp)
        assert len(hp.space) == known, "one build must show the whole space"
        answer = model(x)
        if hypermodel.classes is None:
            y = np.zeros(6)
        elif hypermodel.multilabel:
            y = np.zeros((6, 3))
        else:
            y = np.arange(6) % 3
            assert np.allclose(answer.numpy().sum(axis=1), 1, atol=1e-5)
        if number == 0:
            model.train_on_batch(x, y)
        path = tmp_path / f"{number}.keras"
        keras.Model(model.input, model.output).save(path)
        again = keras.models.load_model(path)
        np.testing.assert_allclose(again(x), model(x), rtol=1e-4, atol=1e-5)
        assert all(layer.__module__.startswith("keras.") for layer in again.layers)


def test_the_portfolio_is_made_of_valid_configurations():
    for hypermodel in (spaces.cells((8, 8, 1), 3, filters=4), spaces.chains((8, 8, 1), 3)):
        assert len(hypermodel.portfolio) >= 3
        for values in hypermodel.portfolio:
            kind = Cell if isinstance(hypermodel, CellHyperModel) else Chain
            assert kind.of(values).values() == values
            hypermodel.build(hyperparameters(values))


def test_a_mutated_cell_shares_layer_names_with_its_parent():
    image = keras.Input((8, 8, 1))

    def names(cell):
        model = keras.Model(image, cell_features(image, cell, filters=4, cells_per_stage=1))
        return {layer.name for layer in model.layers if layer.weights}

    parent = names(RESIDUAL)
    child = names(RESIDUAL.mutate(np.random.default_rng(0)))
    assert len(parent & child) > 0.6 * len(parent)
