"""What is asked of a hypermodel beyond `build` and `fit`, and the answers of one that lacks it."""

import keras
import keras_tuner
import pytest

import kerasnas as kn
from kerasnas.runner.offers import Offers


def build(hp):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


class OwnFit(keras_tuner.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)


class Whole(OwnFit):
    def recipe(self, hp):
        return "recipe"

    def solve(self, hp, view, seed, deadline):
        return (hp, view, seed, deadline)

    def train_model(self, hp, network):
        return ("around", network)

    def front_sizes(self, hp):
        return {"params": 3.0}

    def for_fold(self, number):
        return number


def test_a_plain_hypermodel_is_taken_as_it_is():
    hypermodel = OwnFit()
    offers = Offers(hypermodel)
    assert offers.recipe(None) is None
    assert offers.solve(None, None, 0, 1.0) is None
    assert offers.trained_model(None, "network") == "network"
    assert offers.front_sizes(None) is None
    assert offers.of_fold(2) is hypermodel
    assert not offers.of_this_package


def test_what_a_hypermodel_has_is_used():
    offers = Offers(Whole())
    assert offers.recipe(None) == "recipe"
    assert offers.solve("hp", "view", 1, 2.0) == ("hp", "view", 1, 2.0)
    assert offers.trained_model(None, "network") == ("around", "network")
    assert offers.front_sizes(None) == {"params": 3.0}
    assert offers.of_fold(2) == 2
    assert offers.of_this_package


@pytest.mark.parametrize(
    ("hypermodel", "expected"),
    [
        (OwnFit(), True),
        (Whole(), False),  # its recipe says what its `fit` would do
        (kn.spaces.tabular(3, classes=2), False),
        (keras_tuner.applications.HyperXception(input_shape=(71, 71, 3), classes=2), False),
    ],
)
def test_only_a_fit_written_by_a_user_is_the_way_to_train(hypermodel, expected):
    assert Offers(hypermodel).fits_itself is expected
