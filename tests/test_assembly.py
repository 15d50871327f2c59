"""Models as parts of others: not built again, and each layer in a file once."""

import gc
import weakref

import keras
import numpy as np
import pytest

from kerasnas import artifact, assembly


def test_named_has_the_same_layers_and_is_not_compiled():
    x = keras.Input((3,))
    one = keras.Model(x, keras.layers.Dense(2)(keras.layers.Dense(4)(x)))
    one.compile(loss="mse")
    other = assembly.named(one, "other")
    assert other.name == "other" and not other.compiled
    assert [id(w) for w in other.weights] == [id(w) for w in one.weights]
    assert one.compiled and one.name != "other"


def test_only_what_shares_a_layer_is_copied(tmp_path):
    shared = keras.layers.Dense(4)
    x = keras.Input((3,))
    models = [keras.Model(x, keras.layers.Dense(1)(shared(x))) for _ in range(2)]
    models.append(keras.Model(x, keras.layers.Dense(1)(x)))
    taken: set[int] = set()
    parts = [assembly.part(model, f"part_{i}", taken) for i, model in enumerate(models)]
    kept = [p.weights[-1] is m.weights[-1] for p, m in zip(parts, models, strict=True)]
    assert kept == [True, False, True]
    graph = keras.Model(x, keras.layers.Add()([part(x) for part in parts]))
    artifact.write(graph, tmp_path / "graph.keras")
    again = artifact.load_model(tmp_path / "graph.keras")
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    expected = sum(np.asarray(model(rows)) for model in models)
    np.testing.assert_allclose(again(rows), expected, atol=1e-6)


def table_front(columns: int) -> assembly.FrontGraph:
    """Columns side by side, doubled."""
    names = [f"c{i}" for i in range(columns)]
    x = keras.Input((columns,))
    model = keras.Model([x], keras.layers.Rescaling(2.0)(x))
    return assembly.FrontGraph(model, {name: ((1,), "float32") for name in names}, [names])


@pytest.mark.parametrize("columns", [3, 101])
def test_models_behind_one_front_have_an_input_for_each_column(columns):
    front = table_front(columns)
    rows = np.arange(2.0 * columns, dtype="float32").reshape(2, columns)
    for units in (1, 2):
        x = keras.Input((columns,))
        network = keras.Model(x, keras.layers.Dense(units, use_bias=False)(x))
        model = assembly.join(front, network)
        raw = {f"c{i}": keras.ops.convert_to_tensor(rows[:, [i]]) for i in range(columns)}
        np.testing.assert_allclose(model(raw), 2 * rows @ network.get_weights()[0], rtol=1e-4)


def test_a_front_of_few_columns_lets_models_go():
    front = table_front(3)
    x = keras.Input((3,))
    dense = keras.layers.Dense(1)
    assembly.join(front, keras.Model(x, dense(x)))
    gone = weakref.ref(dense)
    del x, dense
    gc.collect()
    assert gone() is None
