"""Models are alike by their layers and constants, not by names or seeds."""

import keras
import numpy as np

from kerasnas.trial.likeness import described


def model(units: int = 4, seed: int = 0, shift: float = 0.0) -> keras.Model:
    x = keras.Input((3000,))
    constant = np.zeros(3000, "float32")
    constant[1500] = shift
    h = keras.layers.Dense(
        units, kernel_initializer=keras.initializers.GlorotUniform(seed=seed), activation="relu"
    )(x + constant)
    return keras.Model(x, keras.layers.Dropout(0.1, seed=seed)(h))


def test_names_do_not_matter():
    first, second = model(), model()
    assert first.layers[-1].name != second.layers[-1].name
    assert described(first) == described(second)


def test_seeds_matter_where_asked():
    assert described(model(seed=1)) != described(model(seed=2))
    assert described(model(seed=1), seeds=False) == described(model(seed=2), seeds=False)


def test_layers_and_every_number_of_a_constant_matter():
    assert described(model(4)) != described(model(5))
    assert described(model(shift=0.0)) != described(model(shift=1.0))
