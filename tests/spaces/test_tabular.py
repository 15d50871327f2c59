"""The space of tables: everything in it builds, and stock keras-tuner can search it."""

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces import TabularHyperModel, tabular
from kerasnas.spaces.inputs import embed, embedding_width
from kerasnas.spaces.networks import FAMILIES
from kerasnas.spaces.recipes import Recipe

WIDTH, ROWS = 6, 24
EMBEDDED = (40, 7)


def whole_space(hypermodel):
    """All hyperparameters with their conditions, as keras-tuner explores them."""
    oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("loss", "min"), seed=7)
    hp = keras_tuner.HyperParameters()
    hypermodel.build(hp)
    for family in hypermodel.families:
        for kind in ("adamw", "sgd"):
            hp.values.update(family=family, optimizer=kind)
            hypermodel.build(hp)
    oracle.update_space(hp)
    return oracle


def draws(hypermodel, number):
    """Random values, a few of every family and optimiser among them."""
    oracle = whole_space(hypermodel)
    for i in range(number):
        hp = oracle.get_space()
        hp.values = oracle.populate_space(str(i))["values"]
        yield i, hp


def matrix(rows=ROWS):
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(rows, WIDTH - len(EMBEDDED)))
    indices = np.stack([rng.integers(0, n, rows) for n in EMBEDDED], axis=1)
    return np.concatenate([plain, indices], axis=1).astype("float32")


def built(hypermodel, **values):
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return hypermodel.build(hp)


@pytest.mark.parametrize("classes", [None, 4])
def test_random_values_build_and_learn(classes):
    hypermodel = tabular(WIDTH, classes, embedded=EMBEDDED, rows=ROWS)
    x = matrix()
    y = np.arange(ROWS) % (classes or 3)
    seen = set()
    for i, hp in draws(hypermodel, 8):
        model = hypermodel.build(hp)
        recipe = hypermodel.recipe(hp)
        seen.add(hp.get("family"))
        assert isinstance(recipe, Recipe)
        assert model.output_shape == (None, classes or 1)
        answer = np.asarray(model(x, training=False))
        assert np.isfinite(answer).all()
        if classes:
            assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)
        targets = y if classes else y[:, None].astype("float32")
        loss = model.compute_loss(x, targets, model(x, training=True))
        assert np.isfinite(float(loss))
        if i == 0:
            before = [v.numpy() for v in model.trainable_variables]
            logs = model.train_on_batch(x, targets, return_dict=True)
            assert np.isfinite(logs["loss"])
            assert ("accuracy" in logs) == (classes is not None)
            after = model.trainable_variables
            assert not all(map(np.array_equal, before, after))
    assert len(seen) > 2


@pytest.mark.parametrize("classes", [None, 3])
def test_portfolio_is_valid(classes):
    hypermodel = tabular(WIDTH, classes, embedded=EMBEDDED, rows=ROWS)
    assert {c["family"] for c in hypermodel.portfolio} >= {"realmlp", "tabm"}
    space = whole_space(hypermodel).get_space()
    known = {hp.name: hp for hp in space.space}
    for configuration in hypermodel.portfolio:
        for name, value in configuration.items():
            domain = known[name]
            if type(domain).__name__ == "Choice":
                assert value in domain.values
            else:
                assert domain.min_value <= value <= domain.max_value
        hp = keras_tuner.HyperParameters()
        hp.values.update(configuration)
        hypermodel.build(hp)
        assert {name: hp.values[name] for name in configuration} == configuration


def test_portfolio_names_only_families_in_use():
    for family in FAMILIES:
        portfolio = tabular(4, 2, families=[family]).portfolio
        assert portfolio
        assert {c["family"] for c in portfolio} == {family}


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_say_how_many_epochs_they_need(family):
    hypermodel = tabular(4, 2, families=[family])
    hp = keras_tuner.HyperParameters()
    hypermodel.build(hp)
    assert 32 <= hypermodel.recipe(hp).enough <= 128


def test_portfolio_is_a_copy():
    hypermodel = tabular(4, 2)
    hypermodel.portfolio[0]["family"] = "changed"
    assert hypermodel.portfolio[0]["family"] in FAMILIES


def test_inactive_hyperparameters():
    hypermodel = tabular(4, 2, families=["mlp", "resnet"])
    for family, other in (("mlp", "resnet"), ("resnet", "mlp")):
        for kind, gone in (("adamw", "sgd_learning_rate"), ("sgd", "learning_rate")):
            hp = keras_tuner.HyperParameters()
            hp.values.update(family=family, optimizer=kind)
            hypermodel.build(hp)
            assert not any(name.startswith(f"{other}_") for name in hp.values)
            assert any(name.startswith(f"{family}_") for name in hp.values)
            assert gone not in hp.values
    space = whole_space(hypermodel).get_space()
    space.values.update(family="resnet", optimizer="adamw")
    assert space.is_active("resnet_width")
    assert not space.is_active("mlp_width")
    assert space.is_active("learning_rate")
    assert not space.is_active("sgd_learning_rate")


@pytest.mark.parametrize("families", [["tree"], ["mlp", "tree"], []])
def test_unknown_family(families):
    with pytest.raises(SearchSpaceError, match="space=") as caught:
        tabular(4, 2, families=families)
    assert isinstance(caught.value, ValueError)
    assert "mlp" in str(caught.value)


def test_no_layers_is_a_linear_model():
    model = built(tabular(WIDTH, None), family="mlp", mlp_layers=0)
    assert model.count_params() == WIDTH + 1
    x = np.random.default_rng(0).normal(size=(8, WIDTH)).astype("float32")
    kernel, bias = model.get_weights()
    assert np.allclose(model(x), x @ kernel + bias, atol=1e-6)
    logistic = built(tabular(WIDTH, 2), family="mlp", mlp_layers=0)
    kernel, bias = logistic.get_weights()
    raw = np.exp(x @ kernel + bias)
    assert np.allclose(logistic(x), raw / raw.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("shape", [5, (5,), [5], np.int64(5), (np.int64(5),)])
def test_shape_of_any_kind(shape):
    assert built(tabular(shape, np.int64(2))).input_shape == (None, 5)


def test_default_batch_size_grows_with_rows():
    sizes = [
        tabular(4, 2, rows=rows, families=["mlp"]).recipe(keras_tuner.HyperParameters()).batch_size
        for rows in (10, 1_500, 1_501, 9_000, 20_000, 100_000, 10**6)
    ]
    assert sizes == [32, 32, 64, 128, 256, 512, 1024]
    unknown = tabular(4, 2, families=["mlp"])
    assert unknown.recipe(keras_tuner.HyperParameters()).batch_size == 128


def test_embedded_columns():
    features = keras.Input((WIDTH,))
    x = embed(features, EMBEDDED)
    widths = [embedding_width(n) for n in EMBEDDED]
    model = keras.Model(features, x)
    assert model.output_shape == (None, WIDTH - len(EMBEDDED) + sum(widths))
    data = matrix()
    answer = np.asarray(model(data))
    assert np.array_equal(answer[:, : WIDTH - 2], data[:, : WIDTH - 2])
    first, second = model.get_weights()
    assert np.array_equal(
        answer[:, WIDTH - 2 : WIDTH - 2 + widths[0]], first[data[:, -2].astype(int)]
    )
    assert np.array_equal(answer[:, -widths[1] :], second[data[:, -1].astype(int)])


def test_only_embedded_columns():
    features = keras.Input((1,))
    x = embed(features, [9])
    assert keras.Model(features, x)(np.array([[8.0]])).shape == (1, embedding_width(9))
    assert embed(features, ()) is features


def test_embedding_width_grows_slowly():
    widths = [embedding_width(n) for n in (1, 33, 100, 1000, 10_000, 10**6)]
    assert widths == sorted(widths)
    assert widths[0] == 4
    assert widths[-1] == 24


# keras-tuner loads the weights of the best epoch into an optimiser that is not built yet.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_stock_random_search(tmp_path):
    """Traced, as users run it, and on values; the other tuners are tested on all spaces."""
    tuner = keras_tuner.RandomSearch(
        tabular(WIDTH, None, rows=ROWS, sample=matrix()),
        objective="val_loss",
        max_trials=1,
        seed=3,
        directory=tmp_path,
        project_name="stock",
    )
    x = matrix()
    y = (np.arange(ROWS) % 2).astype("float32")
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    (trial,) = tuner.oracle.get_best_trials(2)
    assert trial.status == "COMPLETED" and np.isfinite(trial.score)
    best = tuner.get_best_models()[0]
    assert best.predict(x, verbose=0).shape == (ROWS, 1)
    names = {hp.name for hp in tuner.oracle.get_space().space}
    assert {"realmlp_width", "tabm_width", "resnet_width", "plr_sigma", "ft_width"} <= names
    assert {"mlp_width", "sgd_learning_rate", "learning_rate", "schedule"} <= names


def test_fit_follows_the_recipe():
    hypermodel = TabularHyperModel(WIDTH, 2, rows=ROWS, families=["mlp"])
    hp = keras_tuner.HyperParameters()
    hp.values.update(batch_size=32, schedule="one_cycle", learning_rate=1e-3)
    model = hypermodel.build(hp)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(np.asarray(self.model.optimizer.learning_rate)))

    x = np.concatenate([matrix()] * 4)
    y = np.arange(len(x)) % 2
    hypermodel.fit(hp, model, x, y, epochs=3, verbose=0, callbacks=[Watch()])
    steps = 3 * len(x) // 32
    assert np.allclose(seen, 1e-3 * hypermodel.recipe(hp).rates(steps), rtol=1e-5)
