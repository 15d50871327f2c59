"""The space of a build function: found whole, and the same in every run."""

import keras_tuner
import pytest

from kerasnas.spaces.space import Space
from kerasnas.trial.exploring import explore


class Recorded(Space):
    """Only declares; nothing is built."""

    def __init__(self, declare):
        super().__init__()
        self.declare = declare

    def build(self, hp):
        self.declare(hp)


def nested(hp):
    kind = hp.Choice("kind", ["a", "b", "c"])
    for name in ("b", "c"):
        with hp.conditional_scope("kind", [name]):
            if kind == name:
                inner = hp.Choice(f"{name}_inner", ["x", "y"])
                with hp.conditional_scope(f"{name}_inner", ["y"]):
                    if inner == "y":
                        hp.Int(f"{name}_depth", 1, 3)


def space_of(declare):
    oracle = keras_tuner.oracles.RandomSearchOracle(objective="val_loss", seed=0)
    explore(Recorded(declare), oracle)
    return [p.name for p in oracle.get_space().space]


def test_every_branch_is_found_in_one_order():
    names = space_of(nested)
    assert set(names) == {"kind", "b_inner", "b_depth", "c_inner", "c_depth"}
    assert all(space_of(nested) == names for _ in range(5))


def vanishing(hp):
    """A scope that is gone as soon as its condition holds."""
    if hp.Choice("kind", ["a", "b"]) == "a":
        with hp.conditional_scope("kind", ["b"]):
            hp.Int("never", 1, 3)


@pytest.mark.timeout(60)
def test_a_scope_that_cannot_be_active_does_not_go_on_for_ever():
    assert space_of(vanishing) == ["kind", "never"]
