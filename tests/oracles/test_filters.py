"""Known-good values first, nothing twice, nothing that a free constraint forbids."""

import copy
import logging

import keras_tuner
import numpy as np
import pytest

from kerasnas import oracles
from kerasnas.errors import SearchSpaceError
from kerasnas.history import History
from kerasnas.objectives import Objective, parse_objectives
from kerasnas.oracles import Context
from kerasnas.testing.oracles import conditional_space

LOSS = (Objective("val_loss"),)

# Oracles are run here as a tuner runs them that cannot pause trials.
pytestmark = pytest.mark.filterwarnings("ignore:.*cannot pause and continue trials")


def make(name="random", space=conditional_space, **context):
    oracle = oracles.create(name)
    oracle.begin(Context(LOSS, seed=0, **context))
    oracle.hyperparameters = space()
    oracle.verbose = 0
    return oracle


def run(oracle, trials):
    records = []
    for _ in range(trials):
        trial = oracle.create_trial("worker")
        if trial.status != "RUNNING":
            break
        oracle.update_trial(trial.trial_id, {"val_loss": 1.0})
        oracle.end_trial(trial.trial_id)
        records.append(oracle.history.trials[int(trial.trial_id)])
    return records


def test_initial_then_portfolio_then_the_searcher():
    first = {"kind": "resnet", "layers": 8, "norm": True, "momentum": 0.9, "rate": 0.02}
    good = [{"kind": "mlp", "units": 100, "unknown": 5}, first, {"kind": "linear", "batch": 256}]
    records = run(make("auto", initial=[first], portfolio=good), 5)
    assert [r.origin for r in records] == [
        "initial",
        "portfolio",
        "portfolio",
        "mixed",
        "mixed",
    ]
    assert records[0].values == {**first, "version": 3, "batch": 32, "dropout": 0.0}
    # 100 units lie between two steps; the nearest is taken, what is unknown is left out.
    assert records[1].values["units"] in (64, 128) and "unknown" not in records[1].values
    assert records[2].values["kind"] == "linear"


def test_only_auto_begins_with_the_portfolio():
    assert run(make("random", portfolio=[{"kind": "linear"}]), 1)[0].origin == "random"


GOOD = [{"kind": "mlp", "units": 2**n} for n in range(4, 9)]


def test_after_some_trials_a_portfolio_takes_turns_with_steps_from_the_best():
    records = run(make("auto", portfolio=GOOD, turns_after=2), 9)
    turns = [
        "portfolio",
        "portfolio",
        "step",
        "portfolio",
        "step",
        "portfolio",
        "step",
        "portfolio",
    ]
    assert [r.origin for r in records] == [*turns, "mixed"]
    space = make().space
    tried = [r.values for r in records[:2]]
    changed = min(_edits(records[2].values, values) for values in tried)
    assert changed <= 1 or space.branch(records[2].values) != space.branch(tried[0])


def _edits(one, other):
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


class Timed:
    """Time that runs while trials run: so many seconds for a trial of each kind."""

    def __init__(self, portfolio, seconds, **takes):
        self.left, self.takes = seconds, takes
        self.oracle = make(
            "auto", portfolio=portfolio, turns_after=10, seconds_left=lambda: self.left
        )

    def run(self):
        trial = self.oracle.create_trial("worker")
        kind = trial.hyperparameters.get("kind")
        taken = min(self.takes[kind], self.left)
        failed = taken < self.takes[kind]
        self.left -= taken
        failure = "too late" if failed else ""
        self.oracle.facts(trial.trial_id, seconds=taken, failure=failure, out_of_time=failed)
        self.oracle.update_trial(trial.trial_id, {"val_loss": 1.0})
        trial.status = "FAILED" if failed else "COMPLETED"
        self.oracle.end_trial(trial)
        return self.oracle.history.trials[int(trial.trial_id)]


def test_what_takes_longer_than_there_is_time_for_is_passed_over():
    good = [{"kind": "mlp"}, {"kind": "linear"}, {"kind": "mlp", "units": 64}, {"kind": "resnet"}]
    timed = Timed(good, 15.0, mlp=10.0, linear=1.0, resnet=2.0)
    oracle = timed.oracle
    records = [timed.run() for _ in range(3)]
    # 4 seconds are left after the second trial: an mlp has taken 10, nothing is known of a resnet.
    assert [r.values["kind"] for r in records] == ["mlp", "linear", "resnet"]
    further = oracle.create_trial("worker")
    assert oracle.history.trials[-1].origin == "step"
    assert further.hyperparameters.get("kind") != "mlp"


def test_what_time_was_too_short_for_is_not_tried_again():
    good = [{"kind": "linear"}, {"kind": "mlp"}, {"kind": "mlp", "units": 64}, {"kind": "resnet"}]
    timed = Timed(good, 9.0, mlp=10.0, linear=1.0, resnet=2.0)
    assert [timed.run().status for _ in range(2)] == ["COMPLETED", "FAILED"]
    timed.left = 8.0
    assert timed.run().values["kind"] == "resnet"


def test_without_a_clock_everything_is_affordable():
    records = run(make("auto", portfolio=GOOD, turns_after=10), 5)
    assert [r.values["units"] for r in records] == [g["units"] for g in GOOD]


def test_initial_is_checked_before_any_trial():
    oracle = make(initial=[{"kind": "mlp"}, {"rat": 1, "kind": "cnn"}])
    with pytest.raises(
        SearchSpaceError, match=r"initial\[1\]: `rat` is not .* Did you mean `rate`"
    ):
        oracle.create_trial("worker")
    assert len(oracle.history) == 0
    # The lock is free again.
    oracle.proposer.initial = ()
    assert oracle.create_trial("worker").status == "RUNNING"


@pytest.mark.parametrize("name", oracles.STRATEGIES)
def test_free_constraints_cost_no_trial(name):
    asked = []

    def accept(values):
        asked.append(values)
        return values["kind"] == "linear" and values["batch"] == 256

    records = run(make(name, accept=accept), 15)
    assert len(records) == 15 and len(asked) > 15
    assert all(r.values["kind"] == "linear" and r.values["batch"] == 256 for r in records)


def test_a_tiny_feasible_region_is_found_to_its_end():
    def space():
        hp = keras_tuner.HyperParameters()
        for i in range(4):
            hp.Choice(f"edge{i}", list("abcde"))
        return hp

    oracle = make("evolution", space, accept=lambda v: list(v.values()).count("a") == 4)
    assert len(run(oracle, 10)) == 1
    assert "no unseen configuration that meets" in oracle.stop_reason


def test_an_initial_configuration_that_breaks_a_constraint_is_left_out_aloud(caplog):
    with caplog.at_level(logging.WARNING, "kerasnas"):
        records = run(make(initial=[{"kind": "mlp"}], accept=lambda v: v["kind"] != "mlp"), 3)
    assert all(r.values["kind"] != "mlp" for r in records)
    assert len(caplog.records) == 1 and "breaks a constraint" in caplog.text


def test_grid_ends_with_the_grid():
    def space():
        hp = keras_tuner.HyperParameters()
        hp.Float("x", 0.0, 1.0)
        hp.Boolean("b")
        return hp

    records = run(make("grid", space), 50)
    assert len(records) == 16
    assert len(np.unique([r.values["x"] for r in records])) == 8


def test_unknown_strategies_suggest_a_name():
    with pytest.raises(SearchSpaceError, match="Did you mean 'bayesian'"):
        oracles.create("bayesain")
    with pytest.raises(SearchSpaceError, match=r"must be a name or an oracle of kerasnas, .* 3 "):
        oracles.create(3)
    with pytest.raises(SearchSpaceError, match="a RandomSearchOracle, which keeps no journal"):
        oracles.create(keras_tuner.oracles.RandomSearchOracle(objective="val_loss"))


def begun(given, **context):
    oracle = oracles.create(given)
    oracle.begin(Context(**context))
    return oracle


def test_an_oracle_keeps_its_settings_and_is_given_the_missing_ones():
    both = parse_objectives(["val_loss", "params"])
    context = {"objectives": both, "max_trials": 30, "seed": 5}
    bare = oracles.Evolution()
    told = begun(bare, **context, initial=({},), portfolio=({},))
    assert told.objectives == both
    assert (told.objective.name, told.max_trials, told.seed) == ("val_loss", 30, 5)
    assert told.proposer.searcher == begun("evolution", **context).proposer.searcher
    assert told.proposer.searcher.population == 10
    assert (len(told.proposer.initial), len(told.proposer.portfolio)) == (1, 0)
    # The object of the user stays as it was and can be passed again.
    assert (bare.max_trials, bare.proposer.initial) == (None, ())
    own = oracles.Evolution("val_accuracy", 60, 0, population=7)
    kept = begun(own, **context)
    assert (kept.objective.name, kept.max_trials, kept.seed) == ("val_accuracy", 60, 0)
    assert kept.proposer.searcher.population == 7


def test_a_copy_of_an_oracle_forgets_the_search_of_the_original():
    oracle = begun("auto", max_trials=30, seed=5, portfolio=({},), pausing=True, noisy=True)
    twin = copy.deepcopy(oracle)
    assert (oracle.max_trials, oracle.context.pausing) == (30, True)
    assert (twin.max_trials, twin.context.pausing, twin.context.noisy) == (None, False, False)
    assert (len(oracle.proposer.portfolio), len(twin.proposer.portfolio)) == (1, 0)
    with pytest.raises(SearchSpaceError, match="`Auto` has begun a search already"):
        oracle.begin(Context())


def test_numbers_of_numpy_and_whole_floats_are_spelled_as_the_space_does(tmp_path):
    initial = [
        {"kind": "mlp", "layers": 3.0, "batch": np.int64(64), "rate": np.float32(0.01)},
        {"kind": np.str_("mlp"), "layers": 3, "batch": 64, "rate": float(np.float32(0.01))},
    ]
    oracle = make("random", initial=initial)
    oracle.bind(History(tmp_path / "journal.jsonl"))
    values = oracle.create_trial("worker").hyperparameters.values
    kinds = {name: type(values[name]) for name in ("layers", "batch", "rate")}
    assert kinds == {"layers": int, "batch": int, "rate": float}
    assert oracle.create_trial("other").hyperparameters.values != values
    assert [t.origin for t in oracle.history] == ["initial", "random"]
    # A copy for another search leaves the journal to the original.
    copied = oracles.create(oracle)
    copied.history.start({})
    assert (len(oracle.history), len(copied.history)) == (2, 3)
    oracle.history.close()


def test_constraints_that_nothing_meets_are_named_at_the_end():
    oracle = make("random", accept=lambda values: False)
    assert oracle.create_trial("worker").status == "STOPPED"
    assert "meets the constraints" in oracle.stop_reason


def test_strategies_explain_themselves():
    for name in oracles.STRATEGIES:
        assert make(name).describe().startswith(f"{name}: ")
    assert "2 known-good" in make("auto", portfolio=[{}, {}]).describe()
