"""How far each trial is trained: rung arithmetic, promotions, workers that die, replay."""

import heapq
import json
import math

import keras_tuner
import numpy as np
import pytest

from kerasnas import oracles
from kerasnas.errors import SearchSpaceError
from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles import Context
from kerasnas.oracles.ranking import epsilon_net, positions
from kerasnas.oracles.schedulers import (
    AshaScheduler,
    Full,
    HyperbandScheduler,
    successive_halving,
)
from kerasnas.oracles.schedulers.rungs import bracket_sizes, halvings, ladder, survivors
from kerasnas.testing.oracles import conditional_space

LOSS = (Objective("val_loss"),)
MULTI = ("hyperband", "asha", "bohb")


def space():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Float("y", 0.0, 1.0)
    return hp


def table(values, fidelity, rng=None):
    """A loss that falls with training; low fidelities rank like the full one, but not quite."""
    quality = (values["x"] - 0.3) ** 2 + (values["y"] - 0.6) ** 2
    wiggle = 0.02 * math.sin(40 * values["x"] + 25 * values["y"])
    return quality + (1 - fidelity) * (0.5 + wiggle)


def make(name, epochs=27, max_trials=None, seed=0, objective="val_loss", context=None, **settings):
    oracle = oracles.STRATEGIES[name](
        objective, max_trials=max_trials, seed=seed, hyperparameters=space(), **settings
    )
    oracle.verbose = 0
    oracle.begin(Context(pausing=True, epochs=epochs, **(context or {})))
    return oracle


def end(oracle, trial, metrics=None):
    record = oracle.history.trials[int(trial.trial_id)]
    metrics = metrics or {"val_loss": table(record.values, record.fidelity)}
    oracle.facts(trial.trial_id, metrics=metrics, seconds=record.fidelity)
    oracle.end_trial(trial.trial_id)


def run(oracle, most=10_000):
    """One worker; the executions as (number, rung, fidelity)."""
    done = []
    while len(done) < most:
        trial = oracle.create_trial("worker")
        if trial.status != "RUNNING":
            break
        record = oracle.history.trials[int(trial.trial_id)]
        done.append((record.number, record.rung, record.fidelity))
        end(oracle, trial)
    return done


def counts(done):
    """How many executions each rung saw."""
    return [sum(r == rung for _, r, _ in done) for rung in range(max(r for _, r, _ in done) + 1)]


@pytest.mark.parametrize("eta", [2, 3, 4, 5, 10])
def test_halvings_are_exact_where_logarithms_are_not(eta):
    assert [halvings(eta, eta**s) for s in range(12)] == list(range(12))
    assert [halvings(eta, eta**s - 1) for s in range(1, 8)] == list(range(7))


def test_brackets_are_those_of_the_paper():
    sizes = {4: (81, 34, 15, 8, 5), 3: (27, 12, 6, 4), 2: (9, 5, 3)}
    for levels, expected in sizes.items():
        assert bracket_sizes(ladder(3, 3**levels, None)) == expected
    kept = [[survivors(n, 3**i) for i in range(4 - b + 1)] for b, n in enumerate(sizes[4])]
    assert kept == [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]


def test_rungs_are_whole_epochs():
    for epochs in range(1, 100):
        lengths = [max(1, round(epochs * share)) for share in ladder(3, epochs, None)]
        assert lengths == sorted(set(lengths)) and lengths[-1] == epochs
    assert ladder(3, 81, None) == (1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0)
    assert ladder(3, None, None) == ladder(3, 256, 1 / 9) == (1 / 9, 1 / 3, 1.0)
    assert ladder(3, 2, 1 / 9) == (1.0,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eta": 1}, "`eta`"),
        ({"min_fidelity": 0}, "`min_fidelity`"),
        ({"fidelity": "steps"}, "`fidelity`"),
        ({"fidelities": (0.5, 0.9)}, "`fidelities`"),
        ({"fidelities": (0.5, 0.1, 1.0)}, "`fidelities`"),
    ],
)
@pytest.mark.parametrize("name", MULTI)
def test_settings_are_checked(name, settings, message):
    with pytest.raises(SearchSpaceError, match=message):
        oracles.STRATEGIES[name](**settings)


def test_hyperband_runs_the_brackets_of_the_paper():
    oracle = make("hyperband", epochs=9, max_trials=9 + 5 + 3)
    done = run(oracle)
    assert counts(done) == [9, 3 + 5, 1 + 1 + 3]
    by_bracket = [[t.number for t in oracle.history if t.bracket == b] for b in range(3)]
    assert [len(b) for b in by_bracket] == [9, 5, 3]
    # Within a bracket those with the best scores at the rung before went on, and no others.
    for rung, bracket, kept in ((0, 0, 3), (1, 0, 1), (1, 1, 1)):
        members = [
            (e.metrics["val_loss"], t.rung > rung)
            for t in oracle.history
            if t.bracket == bracket
            for e in t.executions
            if e.rung == rung
        ]
        assert [went_on for _, went_on in sorted(members)].count(True) == kept
        assert all(went_on for _, went_on in sorted(members)[:kept])
    assert oracle.history.trials[by_bracket[2][0]].executions[0].fidelity == 1.0
    statuses = {t.status for t in oracle.history if t.fidelity < 1}
    assert statuses == {"STOPPED"}


def test_successive_halving_is_one_bracket():
    oracle = oracles.Oracle(
        "val_loss",
        max_trials=27,
        seed=0,
        searcher=oracles.Random().proposer.searcher,
        scheduler=successive_halving(eta=3),
        hyperparameters=space(),
    )
    oracle.verbose = 0
    oracle.begin(Context(pausing=True, epochs=27))
    assert counts(run(oracle)) == [27, 9, 3, 1]
    wide = successive_halving(eta=3, size=100).fitted(27)
    assert wide.brackets[0].size == 100


def test_asha_promotes_the_best_third_of_what_has_come_so_far():
    oracle = make("asha", epochs=27, min_fidelity=1 / 27)
    run(oracle, 200)
    rungs = oracle.scheduler.rungs
    for rung in range(len(rungs) - 1):
        results = sorted(
            (e.metrics["val_loss"], t.rung > rung, t.status)
            for t in oracle.history
            for e in t.executions
            if e.rung == rung
        )
        best = results[: len(results) // 3]
        # The last execution may just have brought a new place.
        assert sum(not promoted for _, promoted, _ in best) <= 1
    share = [sum(t.rung >= r for t in oracle.history) for r in range(4)]
    assert share[0] > 2.5 * share[1] > 5 * share[2] > 5 * share[3] > 0


@pytest.mark.parametrize("trials", [1, 2, 5, 13, 40])
@pytest.mark.parametrize("name", MULTI)
def test_every_search_ends_with_a_full_training(name, trials):
    oracle = make(name, max_trials=trials)
    run(oracle)
    assert len(oracle.history) == trials
    assert any(t.status == "COMPLETED" and t.fidelity == 1 for t in oracle.history)
    # What was paused is remembered with its scores.
    assert all(t.metrics for t in oracle.history)


@pytest.mark.parametrize("name", MULTI)
def test_a_space_of_six_is_promoted_to_the_end(name):
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", [0.1, 0.2, 0.3])
    hp.Boolean("b")
    oracle = oracles.STRATEGIES[name]("val_loss", seed=0, hyperparameters=hp)
    oracle.verbose = 0
    oracle.begin(Context(pausing=True, epochs=9))
    for _ in range(100):
        trial = oracle.create_trial("worker")
        if trial.status != "RUNNING":
            break
        values = trial.hyperparameters.values
        end(oracle, trial, {"val_loss": values["a"] + values["b"]})
    assert trial.status == "STOPPED" and len(oracle.history) == 6
    best = oracle.get_best_trials()[0]
    assert best.hyperparameters.values == {"a": 0.1, "b": False}
    assert oracle.history.trials[int(best.trial_id)].fidelity == 1.0


def simulate(oracle, workers, seconds=math.inf, lost=()):
    """Parallel workers on a fake clock; who gets an execution in `lost` never comes back."""
    idle, busy, now, given, waited = list(range(workers)), [], 0.0, 0, 0
    while now < seconds:
        while idle:
            trial = oracle.create_trial(f"w{idle[-1]}")
            if trial.status != "RUNNING":
                waited += 1
                break
            worker, given = idle.pop(), given + 1
            record = oracle.history.trials[int(trial.trial_id)]
            before = record.executions[-1].fidelity if record.executions else 0.0
            if given not in lost:
                heapq.heappush(busy, (now + record.fidelity - before, given, worker, trial))
        if not busy:
            break
        now, _, worker, trial = heapq.heappop(busy)
        end(oracle, trial)
        idle.append(worker)
    return now, waited


@pytest.mark.parametrize("name", MULTI)
def test_no_worker_waits_and_a_dead_one_hangs_nothing(name):
    oracle = make(name, epochs=9)
    _, waited = simulate(oracle, workers=8, seconds=12.0)
    assert waited == 0 and len(oracle.history) > 60
    # Three of eight workers die, one with a promoted trial; the search still comes to its end.
    oracle = make(name, epochs=9, max_trials=60)
    simulate(oracle, workers=8, lost=(3, 20, 31))
    assert len(oracle.history) == 60 and len(oracle.history.running) == 3
    assert sum(t.status == "COMPLETED" for t in oracle.history) >= 2


@pytest.mark.parametrize("workers", [1, 4, 12])
def test_parallel_hyperband_promotes_whom_waiting_would_have(workers):
    oracle = make("hyperband", epochs=9)
    simulate(oracle, workers, seconds=9.0)
    first = [t for t in oracle.history if t.bracket == 0]
    scores = sorted((t.executions[0].metrics["val_loss"], t.number) for t in first)
    assert {t.number for t in first if t.rung > 0} == {n for _, n in scores[:3]}


@pytest.mark.parametrize("name", MULTI)
def test_replay_after_a_kill_at_any_event(tmp_path, name):
    def search(path, executions):
        oracle = make(name, epochs=9)
        history = History(path)
        oracle.bind(history)
        run(oracle, executions)
        history.close()
        return oracle

    whole = search(tmp_path / "whole", 45)
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines), 13):
        path = tmp_path / f"cut{cut}"
        path.write_bytes(b"".join(lines[:cut]) + b'{"event": "fini')
        ended = sum(b'"finished"' in line for line in lines[:cut])
        again = search(path, 45 - ended)
        assert [t.executions for t in again.history] == [t.executions for t in whole.history]
        assert [t.values for t in again.history] == [t.values for t in whole.history]


def test_a_journal_keeps_the_rungs_that_it_began_with(tmp_path):
    """A longer full training moves no rung: results would lie at rungs that are not theirs."""

    def search(epochs, executions):
        oracle = make("hyperband", epochs=epochs)
        history = History(tmp_path / "journal")
        oracle.bind(history)
        run(oracle, executions)
        history.close()
        return oracle

    assert search(9, 12).scheduler.rungs == (1 / 9, 1 / 3, 1.0)
    longer = search(27, 20)
    assert longer.scheduler.rungs == (1 / 9, 1 / 3, 1.0)
    assert all(
        e.fidelity == longer.scheduler.rungs[e.rung] for t in longer.history for e in t.executions
    )


@pytest.mark.parametrize("name", MULTI)
def test_keras_tuners_state_keeps_rungs(name):
    oracle = make(name, epochs=9)
    run(oracle, 25)
    twin = make(name, epochs=9)
    twin.set_state(json.loads(json.dumps(oracle.get_state())))
    assert twin.history.trials == oracle.history.trials
    assert run(twin, 10) == run(oracle, 10)


def test_a_failed_promotion_keeps_what_was_reached():
    oracle = make("asha", epochs=9)
    run(oracle, 3)
    promoted = oracle.create_trial("worker")
    number = int(promoted.trial_id)
    assert oracle.history.trials[number].rung == 1
    before = dict(oracle.history.trials[number].metrics)
    promoted.status, promoted.message = "FAILED", "Traceback\nMemoryError: no"
    oracle.end_trial(promoted)
    record = oracle.history.trials[number]
    assert (record.status, record.failure, record.metrics) == ("STOPPED", "MemoryError: no", before)
    assert record.reached == pytest.approx(1 / 9) and record.executions[-1].status == "FAILED"
    assert number not in [n for n, _, _ in run(oracle, 40)]


def test_failed_trials_are_never_promoted_and_count_as_worst():
    oracle = make("asha", epochs=9)
    for _ in range(9):
        trial = oracle.create_trial("worker")
        record = oracle.history.trials[int(trial.trial_id)]
        end(oracle, trial, {"val_loss": math.nan if record.rung == 0 else 1.0})
    assert {t.status for t in oracle.history} == {"FAILED"} and len(oracle.history) == 9


def test_what_the_clock_cut_short_is_no_result_of_the_rung():
    oracle = make("asha", epochs=9)
    for reached in (0.05, None, None, None):
        trial = oracle.create_trial("worker")
        oracle.facts(
            trial.trial_id, metrics={"val_loss": 0.0 if reached else 1.0}, fidelity=reached
        )
        oracle.end_trial(trial.trial_id)
    cut, promoted = oracle.history.trials[0], oracle.history.trials[1]
    assert (cut.status, cut.fidelity, cut.rung) == ("STOPPED", 0.05, 0)
    assert promoted.rung == 1 and cut.trial_id not in oracle.promotable()
    # Searchers are shown trials of the same length together, the longest first.
    place = positions(oracle.history.trials, LOSS)
    assert sorted(range(3), key=place.__getitem__) == [1, 2, 0]
    # The model that has the better score is still the better one to take.
    assert oracle.get_best_trials()[0].trial_id == "0000"
    full = oracles.Random("val_loss", hyperparameters=space(), seed=0)
    full.verbose = 0
    full.begin(Context(pausing=True, epochs=9))
    trial = full.create_trial("worker")
    full.facts(trial.trial_id, metrics={"val_loss": 0.0}, fidelity=0.4)
    full.end_trial(trial.trial_id)
    assert (full.history.trials[0].status, full.history.trials[0].fidelity) == ("COMPLETED", 0.4)


def test_a_trial_with_nothing_to_continue_is_complete_at_any_rung():
    oracle = make("asha", epochs=9, max_trials=3)
    done = 0
    while (trial := oracle.create_trial("worker")).status == "RUNNING":
        oracle.facts(trial.trial_id, metrics={"val_loss": 1.0}, fidelity=1.0)
        oracle.end_trial(trial.trial_id)
        done += 1
    assert done == 3 and {t.status for t in oracle.history} == {"COMPLETED"}


@pytest.mark.parametrize("name", MULTI)
def test_who_is_trained_in_full_at_once_pushes_nobody_out(name):
    """Every other trial is a model without steps, better than all others at the lowest rung."""
    oracle = make(name, epochs=9, max_trials=18)
    while (trial := oracle.create_trial("worker")).status == "RUNNING":
        record = oracle.history.trials[int(trial.trial_id)]
        if record.number % 2:
            oracle.facts(trial.trial_id, metrics={"val_loss": 0.0}, fidelity=1.0)
            oracle.end_trial(trial.trial_id)
        else:
            end(oracle, trial)
    stepped = [t for t in oracle.history if t.number % 2 == 0]
    assert sum(t.rung > 0 for t in stepped) >= 3
    assert any(t.status == "COMPLETED" for t in stepped)


def test_checkpoints_are_worth_keeping_only_of_who_can_go_on():
    oracle = make("hyperband", epochs=9, max_trials=17)
    kept = []
    while (trial := oracle.create_trial("worker")).status == "RUNNING":
        promoted = oracle.history.trials[int(trial.trial_id)]
        if promoted.rung > 0 and promoted.executions:
            assert trial.trial_id in kept[-1], "a promoted trial had lost its checkpoint"
        end(oracle, trial)
        kept.append(oracle.promotable())
    assert kept[-1] == set() and max(map(len, kept)) <= 6
    limited = make("asha", epochs=9, max_trials=12)
    run(limited, 9)
    assert len(limited.promotable()) <= 4
    unlimited = make("asha", epochs=9)
    run(unlimited, 300)
    assert len(unlimited.promotable()) <= 128


def test_several_objectives_promote_the_front_spread_out():
    oracle = make("asha", epochs=9, objective=["val_loss", "params"])
    rng = np.random.default_rng(0)
    promotions = []
    for _ in range(120):
        trial = oracle.create_trial("worker")
        record = oracle.history.trials[int(trial.trial_id)]
        x, y = record.values["x"], record.values["y"]
        if record.executions:
            promotions.append(record.number)
        end(oracle, trial, {"val_loss": x + y, "params": (1 - x) + y + 0.001 * rng.random()})
    ys = [t.values["y"] for t in oracle.history]
    assert np.mean([ys[n] for n in promotions]) < 0.6 * np.mean(ys)
    xs = [oracle.history.trials[n].values["x"] for n in promotions]
    assert min(xs) < 0.2 and max(xs) > 0.8
    points = [(0.0, 1.0), (0.01, 0.99), (0.5, 0.5), (1.0, 0.0)]
    assert epsilon_net(points) == [0, 3, 2, 1]


def test_violations_stand_behind_feasible_trials():
    oracle = make("asha", epochs=9, constraints=[Constraint("train_seconds", max=1)])
    for seconds in (5.0, 5.0, 0.5):
        trial = oracle.create_trial("worker")
        oracle.facts(trial.trial_id, measures={"train_seconds": seconds})
        end(oracle, trial)
    assert oracle.create_trial("worker").trial_id == "0002"


def test_fidelities_of_a_table():
    oracle = make("asha", epochs=None, fidelities=(0.06, 1.0))
    done = run(oracle, 60)
    assert {f for _, _, f in done} == {0.06, 1.0}
    # A full training costs 17 short ones, and one in 17 gets it.
    assert counts(done) == [57, 3]
    assert make("hyperband", epochs=None, fidelities=(0.06, 1.0)).scheduler.brackets[0].size == 17
    rows = make("asha", epochs=2, fidelity="rows")
    assert rows.scheduler.rungs == (1 / 9, 1 / 3, 1.0)


def spent(history):
    return sum(e.fidelity for t in history for e in t.executions[-1:])


@pytest.mark.parametrize("name", ["asha", "bohb"])
def test_short_trainings_find_more_than_full_ones_for_the_same_price(name):
    def found(strategy, seed):
        oracle = make(strategy, epochs=27, seed=seed)
        while spent(oracle.history) < 12:
            end(oracle, oracle.create_trial("worker"))
        full = [t for t in oracle.history if t.fidelity == 1 and t.status == "COMPLETED"]
        return min(table(t.values, 1.0) for t in full)

    random = np.median([found("random", s) for s in range(20)])
    assert np.median([found(name, s) for s in range(20)]) < 0.6 * random


@pytest.mark.parametrize("name", MULTI)
def test_in_a_hurry_the_best_is_trained_in_full(name):
    hurry = []
    oracle = make(name, epochs=27, context={"must_finish": lambda: bool(hurry)})
    run(oracle, 5)
    before = [t for t in oracle.history if t.status == "STOPPED"]
    best = min(before, key=lambda t: (-t.rung, t.metrics["val_loss"]))
    hurry.append(True)
    (number, _, fidelity), *rest = run(oracle, 3)
    assert (number, fidelity) == (best.number, 1.0) and best.status == "COMPLETED"
    # Once there is a full training, the search goes on as before.
    assert all(other != number for other, _, _ in rest) and len(rest) == 2


def test_bohb_listens_to_the_highest_rung_with_enough_trials():
    from kerasnas.oracles.searcher_view import at_highest_rung

    oracle = make("bohb", epochs=27)
    run(oracle, 160)
    seen = at_highest_rung(oracle.history, LOSS, 3)
    tops = [t for t in oracle.history if any(e.fidelity == 1.0 for e in t.executions)]
    expected = tops if len(tops) >= 3 else None
    assert expected and [t.number for t in seen.finished] == [
        t.number for t in oracle.history.finished if t in tops
    ]
    assert len(at_highest_rung(oracle.history, LOSS, 10**6).finished) == 0
    lowest = at_highest_rung(oracle.history, LOSS, 20)
    assert len(lowest.finished) >= 20
    assert {t.status for t in lowest.finished} == {"COMPLETED"}


def test_the_median_rule_stops_hopeless_curves_only():
    oracle = make("random", epochs=30)
    for level in (1.0, 1.1, 0.9, 1.2, 0.8):
        trial = oracle.create_trial("worker")
        for epoch in range(30):
            oracle.update_trial(trial.trial_id, {"val_loss": level + 1 / (epoch + 1)}, epoch)
            assert not oracle.hopeless(trial.trial_id)
        oracle.end_trial(trial.trial_id)

    def ended(level):
        trial = oracle.create_trial("worker")
        for epoch in range(30):
            oracle.update_trial(trial.trial_id, {"val_loss": level + 1 / (epoch + 1)}, epoch)
            if oracle.hopeless(trial.trial_id):
                break
        trial.status = "STOPPED"
        oracle.facts(trial.trial_id, fidelity=(epoch + 1) / 30)
        oracle.end_trial(trial)
        return epoch

    assert ended(3.0) == 14  # half-way
    assert ended(1.05) == 29 and ended(0.5) == 29
    record = oracle.history.trials[5]
    assert (record.status, record.fidelity) == ("STOPPED", pytest.approx(15 / 30))
    assert oracle.history.trials[6].status == "STOPPED"
    stock = oracles.Random("val_loss", hyperparameters=space(), seed=0)
    stock.history = oracle.history
    assert not stock.hopeless("0005")
    two = (Objective("val_loss"), Objective("params"))
    assert Full().on_report(oracle.history, 5, two) == "continue"


def test_schedulers_describe_themselves():
    assert "11.1, 33.3, 100 %" in AshaScheduler().describe()
    assert "brackets of 9, 5, 3" in HyperbandScheduler(epochs=9).describe()
    oracle = make("bohb")
    assert oracle.describe().startswith("bohb: ") and "Hyperband" in oracle.describe()


@pytest.mark.parametrize("name", MULTI)
def test_a_tuner_that_cannot_pause_trains_in_full_and_says_so_once(name):
    oracle = oracles.STRATEGIES[name](
        "val_loss", max_trials=4, seed=0, hyperparameters=conditional_space()
    )
    oracle.verbose = 0
    with pytest.warns(UserWarning, match=r"every trial is trained at full fidelity") as caught:
        for _ in range(4):
            trial = oracle.create_trial("worker")
            oracle.update_trial(trial.trial_id, {"val_loss": 1.0})
            oracle.end_trial(trial.trial_id)
    assert len(caught) == 1 and oracle.create_trial("worker").status == "STOPPED"
    assert {(t.fidelity, t.status) for t in oracle.history} == {(1.0, "COMPLETED")}
