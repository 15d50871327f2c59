"""The default strategy: what it decides by, and what it says about it."""

import math

import keras_tuner
import numpy as np
import pytest

from kerasnas import Constraint, Objective, oracles
from kerasnas.history import History
from kerasnas.oracles import Auto, Context, ZeroCost, trust
from kerasnas.oracles.auto import REPEAT, rank
from kerasnas.oracles.searchers import GpSearcher, LocalSearcher
from kerasnas.oracles.searchers.bandit import BanditSearcher
from kerasnas.trial.executors import Simulated, SimulatedOutcome


def choices(names=6, options=5):
    hp = keras_tuner.HyperParameters()
    for i in range(names):
        hp.Choice(f"edge{i}", [f"op{j}" for j in range(options)])
    return hp


def numbers(count=2):
    hp = keras_tuner.HyperParameters()
    for i in range(count):
        hp.Float(f"x{i}", 0.0, 1.0)
    return hp


def value(values):
    return sum(int(str(v)[-1]) for v in values.values())


def made(space=None, objective="val_loss", max_trials=None, context=None, **settings):
    oracle = Auto(objective, max_trials, seed=0, hyperparameters=space or choices(), **settings)
    oracle.verbose = 0
    if context is not None:
        oracle.begin(context)
    return oracle


def run(oracle, trials, loss=value, noise=0.0):
    rng = np.random.default_rng(0)
    for _ in range(trials):
        trial = oracle.create_trial("worker")
        if trial.status != "RUNNING":
            break
        score = loss(trial.hyperparameters.values) + noise * rng.normal()
        metrics = {o.name: score if i == 0 else 30 - score for i, o in enumerate(oracle.objectives)}
        oracle.update_trial(trial.trial_id, metrics)
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return oracle


def test_scores_are_added_as_ranks_and_unknown_ones_are_in_the_middle():
    assert rank([{"synflow": 1.0}, {"synflow": 3.0}, {"synflow": 2.0}]) == [1, 2, 0]
    assert rank([{"synflow": 1.0}, {}, {"synflow": 3.0}])[1] == 1
    assert rank([{"naswot": 1.0}, {"naswot": 2.0}]) == []
    assert rank([{"synflow": -math.inf}, {}, {"synflow": 5.0}]) == [2, 1, 0]
    assert rank([{}, {}]) == []


def test_zero_cost_scores_choose_what_comes_first():
    asked = []

    def score(values):
        asked.append(values)
        return {"synflow": -value(values)}

    oracle = run(made(context=Context(zero_cost=ZeroCost(score))), 20)
    chosen = [t for t in oracle.history if t.origin == "zero-cost"]
    assert [t.number for t in chosen] == [0, 2, 3, 5, 6, 8, 9, 11, 12, 14]
    assert len(asked) == 100
    best = sorted(value(v) for v in asked)[:10]
    assert sorted(t.metrics["val_loss"] for t in chosen) == best


def test_zero_cost_scores_that_mislead_are_given_up():
    misleading = ZeroCost(lambda values: {"synflow": value(values)})
    oracle = run(made(context=Context(zero_cost=misleading)), 20)
    chosen = [t.number for t in oracle.history if t.origin == "zero-cost"]
    assert 1 <= len(chosen) <= 3 and chosen[-1] <= 5


def test_a_part_that_succeeds_more_often_is_asked_more_often():
    history = History()
    good = {"gp": 0.0, "local": 100.0}
    for i in range(40):
        name = ("gp", "local")[i % 2]
        record = history.start({"x": i}, origin=name)
        history.finish(record.number, "COMPLETED", metrics={"val_loss": good[name] - i})
    bandit = BanditSearcher((GpSearcher(), LocalSearcher()), startup=10)
    objectives = (Objective("val_loss", "min"),)
    assert bandit.record(history, objectives) == {"gp": (15, 0), "local": (0, 15)}
    turns = [
        bandit.turn(None, history, objectives, np.random.default_rng(seed)).name
        for seed in range(50)
    ]
    assert turns.count("gp") > 40


def test_every_trial_says_which_part_proposed_it_and_the_same_seed_repeats_them():
    one, same = (run(made(max_trials=40), 40).history for _ in range(2))
    assert [(t.origin, t.values) for t in one] == [(t.origin, t.values) for t in same]
    assert {t.origin for t in one.trials[10:]} == {"gp", "local", "evolution", "tpe"}


def test_the_pool_keeps_to_the_constraints():
    def score(values):
        return {"synflow": value(values)}

    oracle = made(
        context=Context(zero_cost=ZeroCost(score)),
        accept=lambda values: value(values) <= 12,
    )
    run(oracle, 10)
    assert all(value(t.values) <= 12 for t in oracle.history)
    limited = made(
        context=Context(zero_cost=ZeroCost(score)),
        accept=lambda values: {"params": value(values)},
        constraints=[Constraint("params", max=12)],
    )
    run(limited, 15)
    assert [t.origin for t in limited.history].count("zero-cost") >= 1
    assert all(value(t.values) <= 12 for t in limited.history)


@pytest.mark.parametrize(
    ("settings", "context", "pool"),
    [
        ({}, {}, 100),
        ({"max_trials": 3}, {}, 0),
        ({"max_trials": 30}, {}, 60),
        ({}, {"seconds": 60.0}, 0),
        ({}, {"seconds": 3600.0}, 180),
        ({"objective": ["val_loss", "params"]}, {}, 0),
    ],
)
def test_the_pool_grows_with_the_budget(settings, context, pool):
    asked = []

    def score(values):
        asked.append(values)
        return {"synflow": 0.0}

    made_up = Context(zero_cost=ZeroCost(score), **context)
    oracle = made(context=made_up, **settings)
    oracle.create_trial("worker")
    assert len(asked) == pool


def test_scoring_the_pool_ends_when_its_share_of_the_time_is_up():
    seconds = [0.0]

    def score(values):
        seconds[0] += 20.0
        return {"synflow": 0.0}

    context = Context(zero_cost=ZeroCost(score), seconds=3600.0, spent=lambda: seconds[0])
    oracle = made(context=context)
    oracle.create_trial("worker")
    # A fortieth of an hour is 90 seconds: the fifth score goes beyond.
    assert seconds == [100.0] and len(oracle.ranked()) == 5


def test_the_best_are_trained_again_at_the_end_and_their_means_decide():
    oracle = made(max_trials=40, context=Context(noisy=True))
    run(oracle, 60, noise=2.0)
    assert len(oracle.history) == 40
    again = [t for t in oracle.history if t.origin == REPEAT]
    assert [t.number for t in again] == [36, 37, 38, 39]
    first = [t for t in oracle.history if t.origin != REPEAT]
    top = sorted(first, key=lambda t: t.metrics["val_loss"])[:3]
    assert [t.values for t in again[:3]] == [t.values for t in top]
    means = {}
    for record in top:
        alike = [t.metrics["val_loss"] for t in oracle.history if t.values == record.values]
        assert len(alike) >= 2
        means[record.number] = np.mean(alike)
    best = oracle.get_best_trials(1)[0].hyperparameters.values
    assert best == oracle.history.trials[min(means, key=means.get)].values


def test_nothing_is_repeated_where_scores_do_not_vary_or_trials_are_few():
    for settings in ({"max_trials": 40}, {"max_trials": 10}):
        noisy = settings["max_trials"] == 10
        oracle = run(made(context=Context(noisy=noisy), **settings), 60)
        assert not [t for t in oracle.history if t.origin == REPEAT]


@pytest.mark.parametrize(
    ("settings", "context", "said"),
    [
        (
            {},
            {"seconds": 600.0},
            ["Gaussian process", "6 hyperparameters, 15,625 config", "600 sec"],
        ),
        ({"space": numbers(), "max_trials": 25}, {}, ["Matérn", "2 hyperparameters", "25 trials"]),
        ({"space": numbers(14)}, {}, ["steps from the best 5 trials, in turn with"]),
        ({"max_trials": 40}, {"noisy": True}, ["the last 4 trials repeat the best"]),
        ({"objective": ["val_loss", "params"]}, {}, ["2 objectives", "NSGA-II"]),
        (
            {},
            {"seconds": 1e4, "full_seconds": 1e3, "fidelities": (0.1, 1.0)},
            ["10 % of a full training first"],
        ),
    ],
)
def test_one_line_says_what_was_chosen_and_why(settings, context, said):
    oracle = made(context=Context(pausing=True, **context), **settings)
    line = oracle.describe()
    assert line.startswith("auto: ") and "\n" not in line
    for part in said:
        assert part in line, line


def test_the_line_tells_the_parts_in_the_order_in_which_they_come():
    oracle = made(
        context=Context(zero_cost=ZeroCost(lambda v: {})),
        portfolio=[{"edge0": "op1"}],
        initial=[{"edge0": "op2"}],
    )
    line = oracle.describe()
    parts = ["1 initial", "1 known-good", "10 best of 100 architectures", "Gaussian process"]
    places = [line.index(part) for part in parts]
    assert places == sorted(places)


def test_choices_are_searched_by_a_model_and_better_than_at_random():
    def found(make):
        losses = []
        for seed in range(4):
            oracle = make("val_loss", 40, seed, hyperparameters=choices(8, 6))
            oracle.verbose = 0
            run(oracle, 40)
            losses.append(oracle.get_best_trials(1)[0].score)
        return np.mean(losses)

    assert found(Auto) < found(oracles.Random) - 2


class Rungs:
    """Short trainings that order configurations as full ones do, or the other way round."""

    hyperparameters = numbers(2)
    fidelities = (1 / 3, 1.0)
    full_seconds = 1.0

    def __init__(self, mislead):
        self.mislead = mislead

    def train(self, values, fidelity, rng):
        loss = sum((v - 0.3) ** 2 for v in values.values())
        shown = 2 - loss if self.mislead and fidelity < 1 else loss
        return SimulatedOutcome({"val_loss": shown}, fidelity)

    def measures(self, values):
        return {}

    def zero_cost(self):
        return None


@pytest.fixture(scope="module")
def proved():
    found = {}
    for mislead in (False, True):
        oracle = Auto("val_loss", seed=0)
        found[mislead] = Simulated(Rungs(mislead), seconds=30).run(oracle)
    return found


def test_short_trainings_choose_what_is_trained_in_full_first(proved):
    history = proved[False].history
    tested = [t.number for t in history if len(t.executions) == 2]
    assert len(tested) == trust.PROOFS
    assert trust.agreement(trust.proofs(history), proved[False].objectives) > 0.5
    assert proved[False].recommended().metrics["val_loss"] < 0.01


def test_short_trainings_that_mislead_are_given_up(proved):
    history = proved[True].history
    tested = [t.number for t in history if len(t.executions) == 2]
    assert len(tested) == trust.FIRST_VERDICT
    short = [t.number for t in history.finished if t.executions[0].fidelity < 1]
    assert sorted(short) == list(range(7))
    best = proved[True].recommended()
    assert best.reached == 1
    assert best.metrics["val_loss"] < 0.01


def test_a_budget_of_few_full_trainings_proves_nothing():
    oracle = Simulated(Rungs(False), seconds=12).run(Auto("val_loss", seed=0))
    assert oracle.scheduler.name == "verify"
    assert all(t.reached < 1 for t in oracle.history.finished)
