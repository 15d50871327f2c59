"""Data as people hand them to Keras: datasets of dicts, one-hot targets, weights of classes."""

import numpy as np
import pytest
import tensorflow as tf

import kerasnas as kn

ROWS = 80
BUDGET = kn.Budget(trials=1, epochs=2)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(ROWS, 3)).astype("float32")
    age, city = rng.integers(20, 60, ROWS).astype("float32"), rng.choice(["x", "y"], ROWS)
    kind = (signal[:, 0] > 0).astype(int)
    return {"facts": {"age": age, "city": city}, "extra": signal}, kind


def compose(outputs=None):
    facts, extra = kn.TabularInput("facts"), kn.TensorInput("extra")
    z = kn.Merge()([kn.TabularBlock(family="mlp")(facts), kn.DenseBlock(layers=1)(extra)])
    heads = kn.ClassificationHead()(z) if outputs is None else outputs(z)
    return kn.AutoModel([facts, extra], heads, budget=BUDGET, ensemble=False, seed=0, verbose=0)


@pytest.fixture(scope="module")
def fitted(data):
    auto = compose()
    auto.fit(*data)
    return auto


def columns(x):
    """Every column of shape `(rows, 1)`, as Keras's own models take them."""
    facts = {name: values[:, None] for name, values in x["facts"].items()}
    return {"facts": facts, "extra": x["extra"]}


def test_a_dataset_is_the_arrays_that_it_holds(fitted, data):
    x, y = data
    dataset = tf.data.Dataset.from_tensor_slices((columns(x), y)).batch(16)
    auto = compose()
    auto.fit(dataset)
    scores = auto.leaderboard(full=True)["val_log_loss"]
    np.testing.assert_array_equal(scores, fitted.leaderboard(full=True)["val_log_loss"])
    np.testing.assert_array_equal(auto.predict(dataset), fitted.predict(x))
    assert auto.evaluate(dataset) == fitted.evaluate(x, y)


def test_flat_names_of_columns_and_validation_data(data):
    x, y = data
    flat = {"facts.age": x["facts"]["age"], "facts.city": x["facts"]["city"], "extra": x["extra"]}
    whole = tf.data.Dataset.from_tensor_slices((flat, y, np.ones(ROWS)))
    auto = compose()
    auto.fit(whole.take(60).batch(8), validation_data=whole.skip(60))
    assert len(auto.predict(flat)) == ROWS


def test_one_hot_targets_are_classes(fitted, data):
    x, y = data
    auto = compose()
    auto.fit(x, np.eye(2)[y])
    np.testing.assert_array_equal(auto.predict(x), fitted.predict(x))
    assert auto.evaluate(x, np.eye(2)[y]) == fitted.evaluate(x, y)


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 3.0}, {"answer": {0: 1.0, 1: 3.0}}])
def test_class_weights_of_the_only_output(data, weights):
    x, y = data
    auto, same = compose(), compose()
    auto.fit(x, y, class_weight=weights)
    same.fit(x, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    assert (
        auto.leaderboard(full=True)["val_log_loss"][0]
        == same.leaderboard(full=True)["val_log_loss"][0]
    )


def test_targets_by_name_in_a_dataset(data):
    x, y = data
    auto = compose(lambda z: {"a": kn.ClassificationHead()(z), "b": kn.RegressionHead()(z)})
    targets = {"a": y, "b": 2.0 * y[:, None]}
    auto.fit(tf.data.Dataset.from_tensor_slices((columns(x), targets)))
    assert set(auto.predict(columns(x))) == {"a", "b"}


def test_a_dataset_of_inputs_with_targets_beside_it(fitted, data):
    x, y = data
    dataset = tf.data.Dataset.from_tensor_slices(columns(x))
    auto = compose()
    auto.fit(dataset.take(60), y[:60], validation_data=(dataset.skip(60), y[60:]))
    assert len(auto.predict(dataset)) == ROWS


def test_a_dataset_is_read_only_after_the_arguments_of_fit_are_checked(data):
    read = []

    def rows():
        read.append(True)
        yield {"extra": np.zeros(3)}

    with pytest.raises(kn.errors.SchemaError, match="`validation_split` must"):
        compose().fit(rows(), data[1], validation_split=2)
    assert not read
