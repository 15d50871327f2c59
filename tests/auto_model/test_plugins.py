"""Blocks and oracles from outside the package: written, checked, registered."""

import keras
import pytest

import kerasnas as kn
from kerasnas.auto_model import registered
from kerasnas.errors import SearchSpaceError
from kerasnas.oracles import registry
from kerasnas.testing import check_block


class Squeeze(kn.Block):
    """A block as the docs show it."""

    takes = ("features",)

    def build(self, hp, x, facts):
        width = hp.Int("width", 2, 8, default=4)
        kind = hp.Choice("kind", ["plain", "gated"])
        y = keras.layers.Dense(width)(x)
        if kind == "gated":
            with hp.conditional_scope("kind", ["gated"]):
                bias = hp.Boolean("bias")
            y = y * keras.layers.Dense(width, activation="sigmoid", use_bias=bias)(x)
        return y


class Strategy(kn.oracles.Random):
    """An oracle as another package would bring it."""


class _Loaded:
    """An entry point whose module need not be installed."""

    def __init__(self, made):
        self.name = "mine"
        self._made = made

    def load(self):
        return self._made


@pytest.mark.parametrize("make", [Squeeze, kn.DenseBlock], ids=lambda make: make.__name__)
def test_good_blocks_pass(make):
    check_block(make)


def test_blocks_on_arrays_and_tables_pass():
    check_block(kn.DenseBlock, shape=(4, 3))
    check_block(lambda: kn.TabularBlock(family="mlp"), facts={"embedded": (3,)})


class Wide(Squeeze):
    def build(self, hp, x, facts):
        return keras.ops.expand_dims(super().build(hp, x, facts), 1)


class Silent(Squeeze):
    takes = ()


@keras.saving.register_keras_serializable("tests")
class Own(keras.layers.Layer):
    def call(self, x):
        return x


class Foreign(Squeeze):
    def build(self, hp, x, facts):
        return Own()(super().build(hp, x, facts))


class Deaf(Squeeze):
    def build(self, hp, x, facts):
        return super().build(getattr(hp, "_hp", hp), x, facts)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Wide, "rank 3, expected 2"),
        (Silent, "takes is empty"),
        (Foreign, "would not load in plain Keras"),
        (Deaf, "`width` cannot be set"),
        (object, "no subclass of kerasnas.Block"),
    ],
)
def test_what_a_block_may_not_do(make, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_block(make)


def test_a_registered_block(monkeypatch):
    monkeypatch.setattr(registered, "entry_points", lambda group: [_Loaded(Squeeze)])
    made = kn.block("mine", width=3)
    assert isinstance(made, Squeeze) and made.settings.given == {"width": 3}
    with pytest.raises(SearchSpaceError, match="Did you mean 'mine'"):
        kn.block("mime")


def test_a_registration_that_makes_no_block(monkeypatch):
    monkeypatch.setattr(registered, "entry_points", lambda group: [_Loaded(dict)])
    with pytest.raises(SearchSpaceError, match=r"expected a kerasnas\.Block"):
        kn.block("mine")


def test_a_registered_oracle(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Loaded(Strategy)])
    assert isinstance(kn.oracles.create("mine"), Strategy)
    with pytest.raises(SearchSpaceError, match="Did you mean 'mine'"):
        kn.oracles.create("min")
    monkeypatch.setattr(registry, "entry_points", lambda group: [_Loaded(dict)])
    with pytest.raises(SearchSpaceError, match="expected an oracle of kerasnas"):
        kn.oracles.create("mine")
