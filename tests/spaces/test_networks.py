"""The families of networks on tables: what they start from, are trained as, and are saved as."""

import math
import zipfile

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas.spaces import tabular
from kerasnas.spaces.blocks.realmlp import initialise
from kerasnas.spaces.networks import FAMILIES
from kerasnas.spaces.recipes import GroupedAdamW, Recipe, for_training
from kerasnas.spaces.recipes.training_form import MembersLoss, ScheduledDropout, training_form
from kerasnas.trial.answers import Predictor
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer

ROWS = 120


def matrix(rows=ROWS):
    """Five numbers, three columns of one category, an index."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, rows)
    numbers = rng.normal(size=(rows, 5))
    parts = [numbers, np.eye(3)[kind], rng.integers(0, 40, (rows, 1))]
    return np.concatenate(parts, axis=1).astype("float32")


X = matrix()


def space(classes, **changes):
    groups = [*"abcde", "f", "f", "f"]
    return tabular(9, classes, embedded=[40], sample=X, groups=groups, **changes)


def built(classes, family, **values):
    keras.utils.set_random_seed(0)
    hp = keras_tuner.HyperParameters()
    hp.values.update(family=family, **values)
    hypermodel = space(classes)
    return hypermodel, hp, hypermodel.build(hp)


KINDS = [
    ("realmlp", {}),
    ("realmlp", {"realmlp_embedding": "none", "realmlp_scale": False}),
    ("tabm", {"tabm_members": 8, "tabm_width": 64}),
    ("tabm", {"tabm_kind": "full", "tabm_members": 8, "tabm_width": 64}),
    ("mlp_plr", {}),
    ("ft_transformer", {"ft_blocks": 2}),
]


@pytest.mark.parametrize(("family", "values"), KINDS)
@pytest.mark.parametrize("classes", [None, 3])
def test_trained_form_is_the_network(classes, family, values, tmp_path):
    hypermodel, hp, network = built(classes, family, **values)
    trained = hypermodel.training(hp, network).model
    answer = np.asarray(network(X, training=False))
    other = np.asarray(trained(X, training=False))
    if family == "tabm":
        assert other.shape == (ROWS, 8, classes or 1)
        assert other.std(axis=1).min() > 0  # members differ from the start
        other = other.mean(axis=1)
    assert np.allclose(answer, other, atol=1e-6)
    mine = {id(v) for v in network.trainable_variables}
    assert {id(v) for v in trained.trainable_variables} == mine
    # A file of the uncompiled network holds nothing but what Keras knows by itself.
    path = tmp_path / "network.keras"
    keras.Model(network.input, network.output).save(path)
    config = zipfile.ZipFile(path).read("config.json").decode()
    assert "kerasnas" not in config
    assert "Lambda" not in config
    loaded = keras.models.load_model(path, safe_mode=True)
    assert np.array_equal(np.asarray(loaded(X, training=False)), answer)


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_sample_networks_are_built_too(family):
    rng = np.random.default_rng(0)
    hypermodel = tabular(6, 2, embedded=[9])
    hp = keras_tuner.HyperParameters()
    hp.values.update(family=family)
    x = np.abs(rng.normal(size=(7, 6))).astype("float32")
    answer = np.asarray(hypermodel.build(hp)(x))
    assert answer.shape == (7, 2)
    assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("family", ["realmlp", "tabm", "mlp_plr", "ft_transformer"])
@pytest.mark.parametrize("columns", ["numbers", "flags", "indices"])
def test_tables_of_one_kind_of_column(family, columns):
    rng = np.random.default_rng(0)
    x = {
        "numbers": rng.normal(size=(30, 3)),
        "flags": rng.integers(0, 2, (30, 3)),
        "indices": rng.integers(0, 9, (30, 3)),
    }[columns].astype("float32")
    embedded = [9] * 3 if columns == "indices" else []
    hypermodel = tabular(3, None, embedded=embedded, sample=x)
    hp = keras_tuner.HyperParameters()
    hp.values.update(family=family)
    assert np.isfinite(np.asarray(hypermodel.build(hp)(x))).all()


def test_realmlp_starts_from_the_data():
    """Every hidden unit varies by 1 over the rows, and bends where the rows are."""
    rng = np.random.default_rng(0)
    dense = [keras.layers.Dense(32), keras.layers.Dense(16)]
    x = (rng.normal(size=(500, 6)) * [1, 5, 0.1, 1, 1, 0] + 2).astype("float32")
    z = x
    for layer in dense:
        layer.build(z.shape)
        z = np.zeros((1, layer.units))
    initialise(dense, x, np.tanh)
    z = x
    for layer in dense:
        kernel, bias = layer.get_weights()
        before = z @ kernel
        assert np.allclose(before.std(axis=0), 1, atol=1e-3)
        assert (-bias <= before.max(axis=0) + 1e-3).all()
        assert (-bias >= before.min(axis=0) - 1e-3).all()
        assert bias.std() > 0.1
        z = np.tanh(before + bias)


def test_realmlp_rates_are_the_published_ones():
    _, _, network = built(3, "realmlp")
    optimizer = network.optimizer
    assert isinstance(optimizer, GroupedAdamW)
    by_shape = {v.path: tuple(v.shape) for v in network.trainable_variables}
    factors = {by_shape[p]: f for p, f in optimizer.factors.items()}
    assert float(optimizer.learning_rate.numpy()) == pytest.approx(0.04)
    inputs = 5 * 4 + 3 + 8
    assert factors[(inputs,)] == (6.0, pytest.approx(36.0))  # the scale of inputs
    assert factors[(inputs, 256)] == (pytest.approx(1 / math.sqrt(inputs)), 1.0)
    assert factors[(256, 256)] == (1 / 16, 1.0)
    assert factors[(3,)] == (0.1, 0.0)  # the last bias
    assert factors[(5, 16)] == (0.1, pytest.approx(0.01))  # frequencies
    assert (40, 8) not in factors  # an embedded category: factor 1


def test_tabm_members_share_kernels():
    _, _, mini = built(3, "tabm", tabm_members=8, tabm_width=64)
    _, _, twice = built(3, "tabm", tabm_members=16, tabm_width=64)
    inputs = 5 * 16 + 3 + 6
    assert twice.count_params() - mini.count_params() == 8 * (inputs + 64 * 3 + 3)


def test_tabm_starts_with_one_scale_a_feature():
    _, _, network = built(3, "tabm", tabm_members=8, tabm_width=64, tabm_kind="full")
    scales = [v for v in network.trainable_variables if len(v.shape) == 2 and v.shape[0] == 8]
    first = next(v for v in scales if v.shape[1] == 5 * 16 + 3 + 6).numpy()
    for j in range(5):
        assert np.ptp(first[:, 16 * j : 16 * (j + 1)], axis=1).max() == 0
    assert first[:, 80:83].std() > 0
    others = [v for v in scales if v.shape[1] == 64 and v.path.endswith("kernel")]
    assert len(others) == 3  # after the first layer, before and after the second
    assert all((v.numpy() == 1).all() for v in others)


@pytest.mark.parametrize("classes", [None, 3])
def test_loss_of_members_is_the_mean_of_their_losses(classes):
    rng = np.random.default_rng(0)
    y_pred = rng.random((6, 4, classes or 1)).astype("float32")
    if classes is None:
        y, loss = rng.random((6, 1)).astype("float32"), keras.losses.MeanSquaredError()
    else:
        y_pred /= y_pred.sum(axis=2, keepdims=True)
        y, loss = rng.integers(0, classes, 6), keras.losses.SparseCategoricalCrossentropy()
    each = [float(loss(y, y_pred[:, k])) for k in range(4)]
    assert float(MembersLoss(loss)(y, y_pred)) == pytest.approx(np.mean(each), rel=1e-5)
    weights = rng.random(6).astype("float32")
    each = [float(loss(y, y_pred[:, k], sample_weight=weights)) for k in range(4)]
    weighted = float(MembersLoss(loss)(y, y_pred, sample_weight=weights))
    assert weighted == pytest.approx(np.mean(each), rel=1e-5)


def test_dropout_is_turned_while_training():
    x = keras.Input((400,))
    network = keras.Model(x, keras.layers.Dropout(0.5)(x))
    share = keras.Variable(1.0, trainable=False)
    trained = training_form(network, share)
    assert any(isinstance(layer, ScheduledDropout) for layer in trained.layers)
    ones = np.ones((20, 400), dtype="float32")
    for turned in (1.0, 0.4, 0.0):
        share.assign(turned)
        answer = np.asarray(trained(ones, training=True))
        rate = 0.5 * turned
        assert (answer == 0).mean() == pytest.approx(rate, abs=0.03)
        assert np.allclose(answer[answer != 0], 1 / (1 - rate))
        assert np.array_equal(trained(ones, training=False), ones)


def test_a_recipe_is_followed_in_training():
    x = keras.Input((3,))
    network = keras.Model(x, keras.layers.Dense(1)(keras.layers.Dropout(0.2)(x)))
    network.compile(GroupedAdamW(0.01, 0.1), "mse")
    _, constant = for_training(network, Recipe(batch_size=8))
    assert constant.courses == ()
    recipe = Recipe(batch_size=8, dropout="flat_cos", weight_decay="flat_cos", whole_batches=True)
    trained, pacing = for_training(network, recipe)
    (share, dropout), (decay, weight_decay) = pacing.courses
    assert decay is network.optimizer.decay_share
    assert share is not decay
    assert dropout(10)[0] == weight_decay(10)[0] == 1
    assert pacing.whole_batches
    y = X[:, :1]
    Trainer(trained, X[:30, :3], y[:30], None, dict, pacing).run(
        Plan(batch_size=8, epochs=2, monitor=None, rates=recipe.rates)
    )
    assert int(network.optimizer.iterations.numpy()) == 6  # 3 whole batches an epoch
    assert float(decay.numpy()) == pytest.approx(float(weight_decay(6)[-1]))
    assert float(share.numpy()) == pytest.approx(float(dropout(6)[-1]))


@pytest.mark.parametrize("family", ["realmlp", "tabm"])
def test_learns_what_a_line_cannot(family):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(700, 4)).astype("float32")
    y = (np.sin(2 * x[:, :1]) * np.sign(x[:, 1:2]) + 0.1 * x[:, 2:3]).astype("float32")
    keras.utils.set_random_seed(0)
    hypermodel = tabular(4, None, sample=x[:500], families=[family])
    hp = keras_tuner.HyperParameters()
    network = hypermodel.build(hp)
    recipe = hypermodel.recipe(hp)
    training = hypermodel.training(hp, network)
    Trainer(training.model, x[:500], y[:500], None, dict, training.pacing).run(
        Plan(batch_size=recipe.batch_size, epochs=24, monitor=None, rates=recipe.rates)
    )
    error = np.mean((Predictor(network, x[500:])() - y[500:]) ** 2)
    assert error < 0.25 * y[500:].var()
