"""Spaces as values: whatever is drawn, mutated or repaired is valid."""

import keras_tuner
import numpy as np
import pytest

from kerasnas.oracles.space import ValueSpace
from kerasnas.testing.oracles import conditional_space


def test_one_name_under_two_conditions_is_two_hyperparameters():
    space = ValueSpace(conditional_space())
    assert {"layers|kind=mlp", "layers|kind=resnet"} <= {d.key for d in space.domains}
    rng = np.random.default_rng(0)
    drawn = [space.random(rng) for _ in range(300)]
    assert {v["layers"] for v in drawn if v["kind"] == "mlp"} == {1, 2, 3, 4}
    assert {v["layers"] for v in drawn if v["kind"] == "resnet"} == {2, 5, 8}
    assert all("layers" not in v for v in drawn if v["kind"] == "linear")
    assert all("momentum" in v for v in drawn if v.get("norm"))


def test_children_that_were_registered_before_their_parents_come_after_them():
    hp = conditional_space()
    space = ValueSpace(list(reversed(hp.space)))
    values = space.random(np.random.default_rng(3))
    assert ValueSpace(hp).check(values) == []
    assert set(values) == set(ValueSpace(hp).complete(values))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rat": 0.01}, ["`rat` is not a hyperparameter", "Did you mean `rate`?"]),
        ({"rate": 5.0}, ["`rate` must be a number in [0.0001, 0.1], received 5.0"]),
        ({"kind": "cnn"}, ["`kind` must be one of 'mlp', 'resnet', 'linear', received 'cnn'"]),
        ({"kind": "linear", "layers": 2}, ["`layers` is not active", "`kind` in ['mlp'], or"]),
        ({"kind": "resnet", "layers": 3}, ["a whole number in [2, 10] in steps of 3, received 3"]),
        ({"kind": "resnet", "norm": 1}, ["`norm` must be one of True, False, received 1"]),
    ],
)
def test_problems_are_sentences(values, words):
    problems = ValueSpace(conditional_space()).check(values)
    assert len(problems) == 1
    for word in words:
        assert word in problems[0]


def test_values_outside_are_moved_to_the_nearest():
    space = ValueSpace(conditional_space())
    repaired = space.repair({"kind": "resnet", "layers": 6, "rate": 3, "batch": 100, "norm": "?"})
    assert repaired["layers"] == 5 and repaired["rate"] == 0.1 and repaired["batch"] == 128
    assert repaired["norm"] is False and "momentum" not in repaired


def test_sizes():
    hp = keras_tuner.HyperParameters()
    assert ValueSpace(hp).size == 1
    for i in range(40):
        hp.Choice(f"edge{i}", list("abcde"))
    assert ValueSpace(hp).size == 5**40
    hp.Float("x", 0, 1)
    assert ValueSpace(hp).size is None


def test_a_row_of_a_flat_space_is_that_of_the_same_space_under_a_condition():
    def declared(hp):
        hp.Float("plain", -1, 2.5)
        hp.Float("log", 1e-4, 1.0, sampling="log")
        hp.Float("reverse", 1.0, 10.0, sampling="reverse_log")
        hp.Float("stepped", 0.0, 1.0, step=0.25)
        hp.Int("whole", 1, 400)
        hp.Choice("word", ["a", "b"])
        hp.Choice("number", [1, 2, 8])
        hp.Boolean("yes")
        hp.Fixed("fixed", 3)

    flat, nested = keras_tuner.HyperParameters(), keras_tuner.HyperParameters()
    declared(flat)
    nested.Fixed("always", "on")
    with nested.conditional_scope("always", ["on"]):
        declared(nested)
    spaces = ValueSpace(flat), ValueSpace(nested)
    rng = np.random.default_rng(0)
    drawn = [spaces[0].random(rng) for _ in range(50)]
    odd = [
        {**drawn[0], "plain": 99.0, "log": 1, "number": 2.0},
        {**drawn[1], "plain": float("nan"), "word": "new", "whole": -5},
        {"word": "b"},
    ]
    for values in [*drawn, *odd]:
        row = spaces[1].encode({"always": "on", **values})[1:]
        assert spaces[0].encode(values).tobytes() == row.tobytes()
