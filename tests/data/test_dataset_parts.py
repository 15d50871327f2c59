"""Datasets of any structure as arrays."""

import numpy as np
import pytest
import tensorflow as tf

from kerasnas.data.dataset_parts import dataset_parts
from kerasnas.errors import SchemaError

X = {"a": np.arange(12.0).reshape(6, 2), "note": np.array(list("uvwxyz"))}
Y = np.arange(6)


def slices(*parts):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])


@pytest.mark.parametrize(
    "how",
    [
        lambda d: d,
        lambda d: d.batch(4),
        lambda d: d.batch(3, drop_remainder=True),
        lambda d: d.batch(4).prefetch(1),
    ],
    ids=["rows", "batches", "fixed", "ahead"],
)
def test_inputs_targets_and_weights(how):
    found = dataset_parts(how(slices(X, Y, Y / 10)))
    np.testing.assert_array_equal(found.x["a"], X["a"])
    assert found.x["note"].tolist() == list("uvwxyz")
    assert found.y.tolist() == Y.tolist() and found.weights.shape == (6,)


def test_inputs_alone_and_targets_by_name():
    assert dataset_parts(slices(X).batch(4)).y is None
    found = dataset_parts(slices(X, {"b": Y[:, None], "c": Y}).batch(4))
    assert found.y["b"].shape == found.y["c"].shape == (6,)
    assert dataset_parts(slices(X["a"])).x.shape == (6, 2)


def test_inputs_and_targets_in_the_order_of_their_names():
    found = dataset_parts(slices((X["a"], X["note"]), (Y, Y[:, None])).batch(4))
    assert [len(part) for part in found.x] == [6, 6] and found.x[1].tolist() == list("uvwxyz")
    assert [part.shape for part in found.y] == [(6,), (6,)]
    np.testing.assert_array_equal(dataset_parts(slices((X["a"],), Y).batch(4)).x, X["a"])


def test_columns_in_a_dict_of_an_input():
    found = dataset_parts(slices({"facts": {"age": Y[:, None], "city": X["note"][:, None]}}))
    assert found.x["facts"]["city"].shape == (6, 1)


def test_rows_of_several_shapes_are_a_list():
    ragged = tf.data.Dataset.range(1, 4).map(lambda n: ({"photo": tf.ones((n, 2, 3))}, n))
    found = dataset_parts(ragged)
    assert [row.shape for row in found.x["photo"]] == [(n, 2, 3) for n in (1, 2, 3)]
    assert found.y.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        (slices(X).repeat(), "never ends"),
        (slices(X).take(0), "is empty"),
        (slices(X, Y, Y, Y), "must give inputs"),
        (slices(tf.ragged.constant([[1], [2, 3]])), "dense tensors"),
    ],
)
def test_what_is_refused(dataset, sentence):
    with pytest.raises(SchemaError, match=sentence):
        dataset_parts(dataset)
