"""The bridge to Optuna: every type arrives as it should, and the cache changes no answer."""

import math

import keras_tuner
import numpy as np
import optuna
import pytest

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.searchers import TpeSearcher
from kerasnas.oracles.searchers.optuna_bridge import distribution, frozen_trial, tell
from kerasnas.oracles.space import ValueSpace
from kerasnas.testing.oracles import conditional_space

LOSS = (Objective("val_loss"),)


def all_types():
    hp = keras_tuner.HyperParameters()
    hp.Boolean("boolean")
    hp.Choice("unordered", [3, 1, 2], ordered=False)
    hp.Choice("ordered", [1, 10, 100])
    hp.Int("int", 1, 10)
    hp.Int("stepped", 1, 10, step=4)
    hp.Int("log int", 1, 100, sampling="log")
    hp.Int("log steps", 2, 64, step=2, sampling="log")
    hp.Int("reverse int", 1, 100, sampling="reverse_log")
    hp.Float("float", 0, 2)
    hp.Float("float steps", 0, 1, step=0.25)
    hp.Float("log float", 1e-4, 1, sampling="log")
    hp.Float("reverse", 0.1, 1, sampling="reverse_log")
    return hp


def test_each_type_has_its_distribution():
    d = optuna.distributions
    shapes = {domain.name: distribution(domain) for domain in ValueSpace(all_types()).domains}
    assert shapes == {
        "boolean": d.CategoricalDistribution((True, False)),
        "unordered": d.CategoricalDistribution((3, 1, 2)),
        "ordered": d.IntDistribution(0, 2),
        "int": d.IntDistribution(1, 10),
        "stepped": d.IntDistribution(1, 9, step=4),
        "log int": d.IntDistribution(1, 100, log=True),
        "log steps": d.IntDistribution(0, 5),
        "reverse int": d.FloatDistribution(0, 1),
        "float": d.FloatDistribution(0, 2),
        "float steps": d.IntDistribution(0, 4),
        "log float": d.FloatDistribution(1e-4, 1, log=True),
        "reverse": d.FloatDistribution(0, 1),
    }


def test_values_off_the_grid_are_told_as_the_nearest():
    domains = {d.name: d for d in ValueSpace(all_types()).domains}
    assert tell(domains["ordered"], 11) == 1
    assert tell(domains["log steps"], 30) == 4
    assert tell(domains["stepped"], 6) == 5
    assert tell(domains["float"], 7) == 2.0
    assert tell(domains["reverse"], 1.0) == pytest.approx(1.0)


def filled(space, count, objectives=LOSS, seed=0):
    """A history with finished, failed, paused and running trials."""
    rng = np.random.default_rng(seed)
    history = History()
    for number in range(count):
        history.start(space.random(rng))
        scores = {o.name: float(rng.random()) for o in objectives} | {"params": float(number)}
        history.report(number, 3, scores)
        if number % 7 == 3:
            history.finish(number, "FAILED", metrics={objectives[0].name: math.nan})
        elif number % 7 == 5:
            history.finish(number, "STOPPED", metrics=scores)
        elif number < count - 2:
            history.finish(number, "COMPLETED", metrics=scores)
    return history


@pytest.mark.parametrize("make", [all_types, conditional_space])
@pytest.mark.parametrize("constraints", [(), (Constraint("params", max=20),)])
@pytest.mark.parametrize("several", [False, True])
def test_every_kind_of_trial_can_be_told(make, constraints, several):
    objectives = (*LOSS, Objective("val_accuracy")) if several else LOSS
    space = ValueSpace(make())
    history = filled(space, 40, objectives)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values = TpeSearcher().suggest(space, history, objectives, rng, constraints)
        assert space.check(values) == []


def test_names_carry_their_conditions():
    space = ValueSpace(conditional_space())
    history = filled(space, 30)
    names = {n for r in history for n in frozen_trial(space, r, LOSS, ()).params}
    assert {"layers|kind=mlp", "layers|kind=resnet", "momentum|kind=resnet|norm=True"} <= names
    assert "version" not in names


@pytest.mark.parametrize("several", [False, True])
def test_a_cached_study_answers_like_a_fresh_one(several):
    objectives = (*LOSS, Objective("val_accuracy")) if several else LOSS
    space = ValueSpace(conditional_space())
    whole = filled(space, 60, objectives)
    cached = TpeSearcher()
    history = History()
    for record in whole.trials[:50]:
        history.start(record.values)
        rng = np.random.default_rng([1, record.number])
        cached.suggest(space, history, objectives, rng)
        if record.status != "RUNNING":
            history.finish(record.number, record.status, metrics=record.metrics)
        asked = [
            searcher.suggest(space, history, objectives, np.random.default_rng([0, record.number]))
            for searcher in (cached, TpeSearcher())
        ]
        assert asked[0] == asked[1]


def test_a_trial_that_ends_again_is_told_again():
    space = ValueSpace(conditional_space())
    history = filled(space, 40)
    cached = TpeSearcher()
    cached.suggest(space, history, LOSS, np.random.default_rng(0))
    history.start(history.trials[4].values, number=4, rung=1, fidelity=1.0)
    history.finish(4, "COMPLETED", metrics={"val_loss": -5.0})
    answers = [
        s.suggest(space, history, LOSS, np.random.default_rng(9)) for s in (cached, TpeSearcher())
    ]
    assert answers[0] == answers[1]


def test_optuna_stays_silent(recwarn, capfd):
    space = ValueSpace(conditional_space())
    TpeSearcher(group=True).suggest(space, filled(space, 40), LOSS, np.random.default_rng(0))
    assert not recwarn.list
    assert capfd.readouterr().err == ""
