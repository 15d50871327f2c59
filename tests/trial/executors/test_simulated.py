"""The simulated executor and the table that it replays."""

import keras_tuner
import numpy as np
import pandas as pd
import pytest

from kerasnas import oracles
from kerasnas.errors import SchemaError
from kerasnas.history import History
from kerasnas.oracles.schedulers import VerifyScheduler
from kerasnas.oracles.searchers import RandomSearcher
from kerasnas.spaces.cell import NAMES, OPERATIONS, Cell
from kerasnas.trial.executors import Faults, NasBench201, Simulated, SimulatedOutcome


def made_table(dataset="cifar10", seed=0):
    """All cells; accuracy grows with the number of convolutions, the short one is noisier."""
    rng = np.random.default_rng(seed)
    cells = np.stack(np.meshgrid(*[np.arange(5)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    quality = 60 + 4 * (cells >= 2).sum(axis=1) + 2 * (cells == 3).sum(axis=1) - (cells[:, 5] == 4)
    frame = pd.DataFrame({n: np.array(OPERATIONS)[cells[:, i]] for i, n in enumerate(NAMES)})
    frame[f"{dataset}_valid_acc_e12"] = quality - 15 + rng.normal(0, 2, len(cells))
    frame[f"{dataset}_valid_acc_e200"] = quality + rng.normal(0, 0.1, len(cells))
    frame[f"{dataset}_train_time_e200"] = 1000.0 + 100 * (cells == 3).sum(axis=1)
    frame[f"params_m_{dataset}"] = 0.1 + 0.2 * (cells == 3).sum(axis=1)
    frame[f"{dataset}_zc_synflow"] = np.where(rng.random(len(cells)) < 0.3, np.nan, quality)
    return frame


@pytest.fixture(scope="module")
def table():
    return NasBench201(made_table())


@pytest.fixture(scope="module")
def short():
    return NasBench201(made_table(), epochs=12)


def searched(oracle, simulation, **settings):
    executor = Simulated(simulation, **settings)
    executor.run(oracle)
    return executor


def test_the_clock_is_the_sum_of_the_trainings(short):
    oracle = oracles.Random("val_accuracy", seed=0)
    executor = searched(oracle, short, seconds=2000)
    finished = oracle.history.finished
    assert executor.now == pytest.approx(sum(t.seconds for t in finished))
    assert 2000 - 120 < executor.now <= 2000
    assert oracle.history.spent == pytest.approx(executor.now)
    assert all(t.seconds == pytest.approx(t_seconds(short, t)) for t in finished)


def t_seconds(simulation, trial):
    return simulation.train(trial.values, 1.0, np.random.default_rng(0)).seconds


def test_workers_share_the_clock(short):
    one = oracles.Random("val_accuracy", seed=0)
    four = oracles.Random("val_accuracy", seed=0)
    searched(one, short, seconds=2000)
    searched(four, short, seconds=2000, workers=4)
    assert 3.5 < len(four.history.finished) / len(one.history.finished) < 4.5
    ends = [t.number for t in four.history.finished]
    assert ends != sorted(ends), "trainings of different length must overtake each other"


def test_a_search_repeats_and_continues_after_a_kill(short):
    def run(seconds, history=None, now=0.0):
        oracle = oracles.Asha("val_accuracy", seed=3, fidelities=(0.06, 1.0))
        if history is not None:
            oracle.bind(history)
        executor = Simulated(NasBench201(made_table()), seconds=seconds, seed=1)
        executor.now = now
        executor.run(oracle)
        return oracle

    whole, again = run(9000), run(9000)
    assert [t.values for t in whole.history] == [t.values for t in again.history]
    first = run(4000)
    copy = History()
    order = [t.number for t in first.history.finished]
    copy.restore(first.history.events(), order)
    copy.spent = first.history.spent
    halves = run(9000, copy, now=first.history.spent)
    told = [(t.values, t.metrics, t.rung) for t in halves.history.finished]
    assert told == [(t.values, t.metrics, t.rung) for t in whole.history.finished]


def test_marks_see_what_was_known_then(short):
    oracle = oracles.Random("val_accuracy", seed=0)
    seen = []
    Simulated(short, seconds=1500).run(
        oracle,
        [100.0, 700.0, 1500.0],
        lambda second: seen.append((second, len(oracle.history.finished))),
    )
    assert [second for second, _ in seen] == [100.0, 700.0, 1500.0]
    counts = [count for _, count in seen]
    assert counts == sorted(counts) and counts[-1] == len(oracle.history.finished)
    assert 5 < counts[1] < 12


def test_faults_are_survived_and_seeded(short):
    def run(seed):
        oracle = oracles.Evolution("val_accuracy", seed=0)
        faults = Faults(crash=0.2, diverge=0.2, slow=0.1)
        searched(oracle, short, seconds=6000, seed=seed, faults=faults)
        return oracle

    oracle = run(0)
    statuses = [t.status for t in oracle.history.finished]
    assert statuses.count("FAILED") > 5 and statuses.count("COMPLETED") > 10
    assert any("worker was lost" in t.failure for t in oracle.history)
    assert any("diverged" in t.failure for t in oracle.history)
    assert [t.status for t in run(0).history] == [t.status for t in oracle.history]
    assert oracle.get_best_trials(1)[0].score > 0.5


def test_what_a_strategy_must_not_see_is_not_in_the_history(table):
    oracle = oracles.Random("val_accuracy", 5, seed=0)
    searched(oracle, table)
    for trial in oracle.history:
        assert set(trial.metrics) == {"val_accuracy"}
        assert set(trial.measures) == {"params"}


def verified(table, seconds):
    """Trials that were trained in full, after short ones at random."""
    scheduler = VerifyScheduler(12 / 200, seconds)
    oracle = oracles.Oracle("val_accuracy", seed=0, searcher=RandomSearcher(), scheduler=scheduler)
    executor = searched(oracle, table, seconds=seconds)
    assert executor.now <= seconds
    return [t for t in oracle.history if t.rung == 1 and t.status == "COMPLETED"]


def test_the_end_of_the_time_goes_to_full_trainings_where_it_pays_for_five(table):
    full = verified(table, 30_000)
    assert len(full) >= 5
    assert 0.1 * 30_000 < sum(t.executions[-1].seconds for t in full) < 0.45 * 30_000
    assert not verified(table, 12_000)


def test_auto_goes_on_with_a_full_training_where_there_is_one(table):
    oracle = oracles.Auto("val_accuracy", seed=0)
    executor = Simulated(table, seconds=30_000)
    executor.attach(oracle)
    assert "6 % of a full training" in oracle.describe()
    for rung in (0, 0, 1):
        number = 0 if rung else None
        record = oracle.history.start(
            {}, rung=rung, number=number, fidelity=oracle.scheduler.rungs[rung]
        )
        scores = {"val_accuracy": 0.9 - 0.1 * rung + 0.05 * record.number}
        oracle.history.finish(record.number, "COMPLETED" if rung else "STOPPED", metrics=scores)
    assert oracle.recommended().number == 0


def test_a_paused_training_pays_for_the_rest_only_where_it_continues(table):
    def seconds(continues):
        oracle = oracles.Asha("val_accuracy", 20, seed=0, fidelities=(12 / 200, 1.0))
        searched(oracle, table, continues=continues)
        trial = next(t for t in oracle.history if len(t.executions) == 2)
        return [e.seconds for e in trial.executions]

    short, anew = seconds(False)
    assert seconds(True) == pytest.approx([short, anew - short])


def test_auto_spends_a_small_budget_on_the_search_alone(table):
    oracle = oracles.Auto("val_accuracy", seed=0)
    searched(oracle, table, seconds=4000)
    assert all(t.rung == 0 for t in oracle.history)
    assert oracle.recommended() is not None


def test_auto_begins_with_the_best_by_zero_cost_scores(table):
    oracle = oracles.Auto("val_accuracy", seed=0)
    executor = searched(oracle, table, seconds=6000)
    first = [t for t in oracle.history if t.origin == "zero-cost"]
    assert [t.number for t in first] == [0, 2, 3, 5, 6, 8, 9, 11, 12, 14]
    values = [table.final(t.values)[0] for t in first]
    assert np.mean(values) > np.median(table.everything()["val_accuracy"]) * 100
    # The scores cost time: 2.5 % of it.
    assert executor.now - sum(t.seconds for t in oracle.history.finished) == pytest.approx(
        150, 0.01
    )


def test_auto_goes_on_from_its_journal_without_scoring_again(table):
    oracle = oracles.Auto("val_accuracy", seed=0)
    searched(oracle, table, seconds=4000)
    again = oracles.Auto("val_accuracy", seed=0)
    again.bind(oracle.history)
    executor = Simulated(table, seconds=4000)
    executor.attach(again)
    again.create_trial("one")  # the training that the end of the time had cut off
    again.create_trial("another")
    assert executor.now == 0.0
    assert again.ranked() == oracle.ranked()
    assert len(oracle.ranked()) == 10 and executor.now == 0.0


def test_auto_beats_random_search(table, short):
    def found(make, simulation, seed):
        oracle = make("val_accuracy", seed=seed)
        searched(oracle, simulation, seconds=4000, seed=seed)
        best = (
            oracle.recommended()
            if make is oracles.Auto
            else oracle.history.trials[int(oracle.get_best_trials(1)[0].trial_id)]
        )
        return short.final(best.values)[0]

    auto = [found(oracles.Auto, table, seed) for seed in range(5)]
    random = [found(oracles.Random, short, seed) for seed in range(5)]
    assert np.mean(auto) > np.mean(random) + 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="cifar10_valid_acc_e12"), "lacks `cifar10_valid_acc_e12`"),
        (lambda f: f.drop(columns="cifar10_train_time_e200"), "lacks `cifar10_train_time_e200`"),
        (lambda f: f.drop(columns="cifar10_valid_acc_e200"), "Data sets in it: none"),
        (lambda f: f.drop(columns="edge_0_1"), "or `arch_str`"),
    ],
)
def test_a_table_that_lacks_something_is_an_error(change, message):
    with pytest.raises(SchemaError, match=message):
        NasBench201(change(made_table()))


def test_other_tables_are_read():
    frame = made_table("ImageNet16-120")
    frame["arch_str"] = [str(Cell(tuple(row))) for row in frame[list(NAMES)].to_numpy()]
    other = NasBench201(frame.drop(columns=list(NAMES)), "imagenet16")
    assert other.dataset == "ImageNet16-120"
    values = Cell(("nor_conv_3x3",) * 6).values()
    assert other.measures(values) == {"params": pytest.approx(1.3e6)}
    # A table with one data set is that one, whatever it is called.
    assert NasBench201(made_table("cifar10"), "cifar100").dataset == "cifar10"
    part = NasBench201(made_table().iloc[:10])
    assert "NotInTable" in part.train(values, 1.0, np.random.default_rng(0)).failure


class OneSecond:
    """Trials of one second each."""

    fidelities, full_seconds = (1.0,), 1.0

    @property
    def hyperparameters(self):
        hp = keras_tuner.HyperParameters()
        hp.Float("x", 0.0, 1.0)
        return hp

    def train(self, values, fidelity, rng):
        return SimulatedOutcome({"val_loss": values["x"]}, 1.0)

    def measures(self, values):
        return {}

    def zero_cost(self):
        return None


def test_a_cluster_that_loses_workers_neither_loses_nor_repeats_a_trial():
    whole, losing = (oracles.Random("val_loss", 400, seed=0) for _ in range(2))
    ideal = searched(whole, OneSecond(), workers=8)
    assert ideal.now == pytest.approx(50.0)
    faults = Faults(lost_every_seconds=2.5, start_seconds=4.0)
    executor = searched(losing, OneSecond(), workers=8, faults=faults)
    assert sorted(t.number for t in losing.history.finished) == [*range(400)]
    assert all(len(t.executions) == 1 for t in losing.history)
    assert {t.trial_id: (t.values, t.metrics) for t in losing.history} == {
        t.trial_id: (t.values, t.metrics) for t in whole.history
    }
    spent = losing.history.spent
    assert abs(len(executor.waits) - spent / 2.5) <= 2
    assert 0 < max(executor.waits) <= 1.0  # the next worker that is free takes a lost training
    # A loss takes half a training in the mean, and the start of a worker.
    assert spent < 50.0 + len(executor.waits) * (1.0 + 4.0) / 8 + 2.0
    again = searched(oracles.Random("val_loss", 400, seed=0), OneSecond(), workers=8, faults=faults)
    assert again.now == executor.now


def test_a_lost_training_waits_for_the_start_of_a_worker_where_none_is_free():
    oracle = oracles.Random("val_loss", 1, seed=0)
    faults = Faults(lost_every_seconds=0.6, start_seconds=4.0)
    executor = Simulated(OneSecond(), workers=1, faults=faults)
    executor.seconds = 5.2
    executor.run(oracle)
    assert executor.waits[0] == pytest.approx(4.0)
    assert not oracle.history.finished  # the second worker was lost, too


def test_what_the_oracle_costs_moves_the_clock():
    ticks = iter(range(10_000))
    oracle = oracles.Random("val_loss", 10, seed=0)
    executor = searched(oracle, OneSecond(), workers=2, cost=lambda: 0.01 * next(ticks))
    assert 5.0 + 0.1 < executor.now < 5.0 + 0.3
