"""Models as parts of others: not built again, and each layer in a file once."""

import keras
import numpy as np

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
