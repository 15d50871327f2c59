"""The adapter: statuses, scores, failures, several objectives, journals, stock tuners."""

import copy
import json
import math
import threading

import keras_tuner
import pytest

from kerasnas import oracles
from kerasnas.errors import ObjectiveError, ProjectMismatchError, SearchFailedError
from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.schedulers import Done, Promote, Scheduler, Start
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.testing import check_oracle
from kerasnas.testing.oracles import check_divergence, check_seeds, conditional_space

# Oracles are run here as a tuner runs them that cannot pause trials.
pytestmark = pytest.mark.filterwarnings("ignore:.*cannot pause and continue trials")


def make(name="random", objective="val_loss", seed=0, **settings):
    oracle = oracles.STRATEGIES[name](
        objective, seed=seed, hyperparameters=conditional_space(), **settings
    )
    oracle.verbose = 0
    return oracle


def step(oracle, score, worker="worker"):
    trial = oracle.create_trial(worker)
    if trial.status == "RUNNING":
        metrics = score if isinstance(score, dict) else {oracle.objective.name: score}
        oracle.update_trial(trial.trial_id, metrics)
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return trial


def test_ids_do_not_depend_on_the_limit_and_a_limit_ends_the_search():
    oracle = make(max_trials=2)
    assert [step(oracle, 1.0).trial_id for _ in range(2)] == ["0000", "0001"]
    assert oracle.create_trial("worker").status == "STOPPED"
    assert oracle.remaining_trials() == 0
    oracle.max_trials = 3
    assert step(oracle, 1.0).trial_id == "0002"
    assert make(max_trials=None).remaining_trials() is None


def test_one_worker_has_one_trial():
    oracle = make()
    assert oracle.create_trial("a") is oracle.create_trial("a")
    assert oracle.create_trial("b").trial_id == "0001"


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"val_loss": math.nan}, "is nan: training diverged"),
        ({"val_loss": math.inf}, "is inf: training diverged"),
        ({"loss": 1.0}, "`val_loss` was not among the results: loss"),
        ({}, "not among the results: nothing"),
    ],
)
def test_without_a_finite_objective_a_trial_failed(metrics, reason):
    oracle = make()
    step(oracle, metrics)
    record = oracle.history.trials[0]
    assert record.status == oracle.trials["0000"].status == "FAILED"
    assert reason in record.failure
    assert oracle.get_best_trials(5) == []


def test_failures_end_the_search_only_on_request():
    oracle = make()
    for _ in range(10):
        step(oracle, math.nan)
    oracle = make(max_consecutive_failed_trials=2)
    step(oracle, math.nan)
    with pytest.raises(SearchFailedError, match=r"last 2 trials failed.*training diverged"):
        step(oracle, math.nan)
    assert step(oracle, 1.0).status == "COMPLETED"


def test_a_crashed_trial_runs_again_when_asked_to():
    oracle = make(max_retries_per_trial=1)
    for expected in ("RUNNING", "FAILED"):
        trial = oracle.create_trial("worker")
        assert trial.trial_id == "0000"
        trial.status, trial.message = "INVALID", "Traceback\nValueError: no"
        oracle.end_trial(trial)
        assert oracle.history.trials[0].status == expected
    assert oracle.history.trials[0].failure == "ValueError: no"
    assert oracle.create_trial("worker").trial_id == "0001"


def test_the_score_is_the_best_step_with_the_metrics_of_that_step():
    oracle = make(objective="val_accuracy")
    trial = oracle.create_trial("worker")
    for epoch, value in enumerate([0.5, 0.8, math.nan, 0.7]):
        metrics = {"val_accuracy": value, "val_loss": 1.0 - epoch / 10}
        oracle.update_trial(trial.trial_id, metrics, step=epoch)
    oracle.facts(trial.trial_id, measures={"params": 10}, seconds=2.5, spent=7.0)
    oracle.end_trial(trial.trial_id, "COMPLETED")
    ended, record = oracle.get_best_trials()[0], oracle.history.trials[0]
    assert (ended.score, ended.best_step) == (0.8, 1)
    assert record.metrics == {"val_accuracy": 0.8, "val_loss": 0.9}
    assert (record.measures, record.seconds, oracle.history.spent) == ({"params": 10.0}, 2.5, 7.0)


def test_several_objectives_stay_a_vector():
    oracle = make(
        objective=["val_accuracy", Objective("params")], constraints=[Constraint("params", max=100)]
    )
    assert oracle.objective.name == "val_accuracy" and oracle.objective.direction == "max"
    for accuracy, params in ((0.7, 10), (0.6, 50), (0.9, 90), (0.99, 1000)):
        trial = oracle.create_trial("worker")
        oracle.update_trial(trial.trial_id, {"val_accuracy": accuracy})
        oracle.facts(trial.trial_id, measures={"params": params})
        oracle.end_trial(trial.trial_id)
    assert [t.score for t in oracle.get_best_trials(5)] == [0.9, 0.7, 0.6]
    step(oracle, {"val_accuracy": 0.9})
    assert "`params` was not among" in oracle.history.trials[-1].failure


def test_objectives_of_keras_tuner_and_none_at_all():
    assert make(objective=keras_tuner.Objective("glorp", "max")).objectives[0].direction == "max"
    assert make(objective=None).objective.name == "default_objective"
    with pytest.raises(ObjectiveError, match="glorp"):
        make(objective="glorp")


def test_no_seed_is_a_random_seed():
    assert make(seed=None).seed != make(seed=None).seed
    assert make(seed=0).seed == 0
    assert make(seed=-3).create_trial("worker").status == "RUNNING"


def search_with_journal(path, trials, name="bayesian", seed=0, leave_running=False):
    oracle = make(name, seed=seed)
    history = History(path)
    oracle.bind(history)
    for _ in range(trials):
        trial = oracle.create_trial("worker")
        oracle.update_trial(trial.trial_id, {"val_loss": trial.hyperparameters.values["rate"]})
        oracle.end_trial(trial.trial_id)
    if leave_running:
        oracle.update_trial(oracle.create_trial("worker").trial_id, {"val_loss": 0.0}, step=3)
    history.close()
    return oracle


@pytest.mark.parametrize("name", oracles.STRATEGIES)
def test_a_killed_search_goes_on_as_if_nothing_had_happened(tmp_path, name):
    whole = search_with_journal(tmp_path / "whole", 20, name)
    search_with_journal(tmp_path / "killed", 12, name, leave_running=True)
    with (tmp_path / "killed").open("a") as file:
        file.write('{"event": "finished", "numb')
    resumed = search_with_journal(tmp_path / "killed", 8, name)
    assert [t.values for t in resumed.history] == [t.values for t in whole.history]
    assert [t.metrics for t in resumed.history] == [t.metrics for t in whole.history]
    assert len(resumed.history.trials[12].reports) == 1
    assert list(resumed.trials) == resumed.start_order == resumed.end_order
    best = [oracle.get_best_trials(3) for oracle in (whole, resumed)]
    assert [t.score for t in best[0]] == [t.score for t in best[1]]


def test_a_drawn_seed_is_kept_in_the_journal(tmp_path):
    first = search_with_journal(tmp_path / "j", 3, seed=None)
    assert search_with_journal(tmp_path / "j", 1, seed=None).seed == first.seed


def grow(oracle, trials):
    """Builds that ask for a hyperparameter nobody registered, in every trial from the third on."""
    for _ in range(trials):
        trial = oracle.create_trial("worker")
        hp = trial.hyperparameters
        if len(oracle.history) > 2:
            hp.Float("late", 0.0, 1.0)
        oracle.update_trial(trial.trial_id, {"val_loss": hp.values.get("late", 2.0)})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)


@pytest.mark.parametrize("name", ["random", "bayesian", "evolution"])
def test_a_space_that_grew_is_the_same_after_a_restart(tmp_path, name):
    def part(path, trials):
        oracle = make(name)
        history = History(path)
        oracle.bind(history)
        grow(oracle, trials)
        history.close()
        return oracle

    whole = part(tmp_path / "whole", 14)
    part(tmp_path / "parts", 6)
    parts = part(tmp_path / "parts", 8)
    assert [t.values for t in parts.history] == [t.values for t in whole.history]
    assert "late" in whole.history.trials[2].values and "late" in whole.space.names


def test_new_entries_can_be_forbidden():
    oracle = make(allow_new_entries=False)
    with pytest.raises(RuntimeError, match="allow_new_entries"):
        grow(oracle, 3)
    done = threading.Thread(target=oracle.get_best_trials, daemon=True)
    done.start()
    done.join(5)
    assert not done.is_alive()


def test_workers_in_threads():
    oracle = make("bayesian", max_trials=40)

    def work(name):
        while step(oracle, 1.0, name).status != "STOPPED":
            pass

    workers = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(oracle.history.finished) == 40
    assert len({json.dumps(t.values, sort_keys=True) for t in oracle.history}) == 40


def test_oracles_can_be_copied():
    oracle = make("bayesian")
    for _ in range(12):
        step(oracle, 1.0)
    twin = copy.deepcopy(oracle)
    assert (
        twin.create_trial("a").hyperparameters.values
        == oracle.create_trial("a").hyperparameters.values
    )


class Plain(Searcher):
    name = "plain"

    def suggest(self, space, history, objectives, rng, constraints=()):
        return space.random(rng)


class TwoHalves(Scheduler):
    """Every trial is trained to a half and is promoted at once."""

    name = "halves"
    rungs = (0.5, 1.0)

    def next(self, history, objectives, constraints=(), *, may_start=True):
        for trial in history.trials:
            if trial.status == "STOPPED":
                return Promote(trial.number, 1, 1.0)
        return Start(0, 0.5) if may_start else Done()


def test_what_a_searcher_and_a_scheduler_do_not_say_has_a_default():
    oracle = oracles.Oracle(
        "val_loss",
        max_trials=3,
        seed=0,
        searcher=Plain(),
        scheduler=TwoHalves(),
        hyperparameters=conditional_space(),
    )
    oracle.verbose = 0
    oracle.begin(oracles.Context(pausing=True, epochs=4, must_finish=lambda: True))
    assert oracle.describe() == "plain: plain"
    ids = [step(oracle, 1.0).trial_id for _ in range(6)]
    assert ids == ["0000", "0000", "0001", "0001", "0002", "0002"]
    assert {t.status for t in oracle.history} == {"COMPLETED"}
    assert {t.origin for t in oracle.history} == {"plain"}
    assert step(oracle, 1.0).status == "STOPPED" and oracle.promotable() == set()
    with pytest.raises(TypeError, match="abstract"):
        Searcher()


class Stock(keras_tuner.Tuner):
    """keras-tuner's own tuner with a trial that trains nothing."""

    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        self.hypermodel.build(hp)
        if hp.get("x") > 0.9:
            raise ValueError("too far")
        return {"val_loss": (hp.get("x") - 0.3) ** 2, "val_accuracy": 0.5}


def build(hp):
    kind = hp.Choice("kind", ["one", "two"])
    hp.Float("x", 0.0, 1.0)
    with hp.conditional_scope("kind", ["two"]):
        hp.Int("n", 1, 9)
    if kind == "two":
        hp.Int("found only in trials", 0, 3)


def stock(path, name, max_trials):
    oracle = oracles.STRATEGIES[name](objective="val_loss", max_trials=max_trials, seed=0)
    tuner = Stock(oracle, hypermodel=build, directory=path, project_name="p")
    tuner.search(verbose=0)
    return tuner


@pytest.mark.parametrize("name", oracles.STRATEGIES)
def test_in_a_stock_tuner_with_a_restart(tmp_path, name):
    stock(tmp_path / "halves", name, 10)
    tuner, whole = stock(tmp_path / "halves", name, 25), stock(tmp_path / "whole", name, 25)
    values = [[t.values for t in x.oracle.history] for x in (tuner, whole)]
    assert values[0] == values[1] and len(values[0]) == 25
    assert tuner.get_best_hyperparameters()[0].get("x") < 0.9
    assert {t.status for t in tuner.oracle.trials.values()} <= {"COMPLETED", "FAILED"}
    tuner.results_summary()


def test_a_stock_tuner_with_several_objectives_and_output(tmp_path, capsys):
    oracle = oracles.Nsga2(["val_loss", "val_accuracy"], max_trials=4, seed=1)
    Stock(oracle, hypermodel=build, directory=tmp_path).search()
    assert "Trial 4 Complete" in capsys.readouterr().out
    completed = [t for t in oracle.history if t.status == "COMPLETED"]
    assert len(oracle.get_best_trials(9)) == len(completed) > 1


def test_a_trial_interrupted_in_a_stock_tuner_runs_first_again(tmp_path):
    class Interrupted(Stock):
        def run_trial(self, trial, *args, **kwargs):
            if trial.trial_id == "0003" and not (tmp_path / "again").exists():
                (tmp_path / "again").touch()
                raise KeyboardInterrupt
            return super().run_trial(trial)

    def tuner():
        oracle = oracles.Random("val_loss", max_trials=6, seed=0)
        return Interrupted(oracle, hypermodel=build, directory=tmp_path, project_name="p")

    with pytest.raises(KeyboardInterrupt):
        tuner().search(verbose=0)
    again = tuner()
    again.search(verbose=0)
    assert again.oracle.end_order == [f"{i:04d}" for i in range(6)]
    reference = stock(tmp_path / "whole", "random", 6)
    assert [t.values for t in again.oracle.history] == [t.values for t in reference.oracle.history]


def test_the_state_of_another_oracle_is_refused(tmp_path):
    other = keras_tuner.oracles.RandomSearchOracle(objective="val_loss", max_trials=2)
    Stock(other, hypermodel=build, directory=tmp_path, project_name="p").search(verbose=0)
    with pytest.raises(ProjectMismatchError, match="overwrite=True"):
        stock(tmp_path, "random", 4)


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_the_checks_find_the_faults_of_others():
    random = keras_tuner.oracles.RandomSearchOracle
    with pytest.raises(AssertionError, match="seed=0 does not repeat"):
        check_seeds(random)
    with pytest.raises(AssertionError):
        check_divergence(random)
    with pytest.raises(AssertionError):
        check_oracle(keras_tuner.oracles.GridSearchOracle)
