"""What every oracle has to keep, as checks that can be run on any `keras_tuner.Oracle`."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial

from kerasnas.history import History
from kerasnas.objectives import Objective
from kerasnas.oracles import Context, Oracle, ValueSpace

MakeOracle = Callable[..., keras_tuner.Oracle]
Score = Callable[[dict[str, Any]], float]

LOSS = "val_loss"


def check_oracle(make_oracle: MakeOracle) -> None:
    """Runs all conformance checks on an oracle.

    Args:
        make_oracle: A class or function that takes the keyword arguments `objective`,
            `max_trials`, `seed` and `hyperparameters`, and returns a fresh oracle.

    Raises:
        AssertionError: With a sentence that says what does not hold.
    """
    for check in ORACLE_CHECKS:
        check(make_oracle)


def check_values(make_oracle: MakeOracle) -> None:
    """All values lie in their ranges, and exactly the active hyperparameters have one."""
    space = ValueSpace(conditional_space())
    for trial in _run(_make(make_oracle, conditional_space(), 30), 30, _conditional_loss):
        values = trial.hyperparameters.values
        problems = space.check(values)
        assert not problems, f"Trial {trial.trial_id}: {' '.join(problems)}"
        missing = set(space.complete(values)) - set(values)
        assert not missing, f"Trial {trial.trial_id} lacks values of {sorted(missing)}."


def check_seeds(make_oracle: MakeOracle) -> None:
    """The same seed gives the same sequence, 0 too; another seed gives another one."""

    def sequence(seed: int) -> list[dict[str, Any]]:
        oracle = _make(make_oracle, conditional_space(), 20, seed=seed)
        return [t.hyperparameters.values for t in _run(oracle, 20, _conditional_loss)]

    for seed in (0, 7):
        assert sequence(seed) == sequence(seed), f"seed={seed} does not repeat its sequence."
    oracle = _make(make_oracle, conditional_space(), 20)
    if not isinstance(oracle, Oracle) or oracle.seeded:
        assert sequence(0) != sequence(1), "Seeds 0 and 1 give the same sequence."


def check_history_decides(make_oracle: MakeOracle) -> None:
    """The same journal gives the same next suggestion, in a fresh oracle and in one asked before.

    Other oracles than those of kerasnas keep no journal and are not checked.
    """
    oracle = _make(make_oracle, conditional_space(), None)
    if not isinstance(oracle, Oracle):
        return
    _run(oracle, 24, _conditional_loss)
    events = json.loads(json.dumps(oracle.history.events()))
    suggested = oracle.create_trial("next").hyperparameters.values
    for _ in range(2):
        fresh = _make(make_oracle, conditional_space(), None)
        assert isinstance(fresh, Oracle)
        history = History()
        history.restore(events)
        fresh.bind(history)
        again = fresh.create_trial("next").hyperparameters.values
        assert again == suggested, f"The same history gives {again} after {suggested}."


def check_restored(make_oracle: MakeOracle) -> None:
    """A search that was stopped and restored by keras-tuner goes on as if nothing had happened."""
    with tempfile.TemporaryDirectory() as folder:
        whole = _search(make_oracle, Path(folder) / "whole", 20)
        _search(make_oracle, Path(folder) / "halves", 12)
        halves = _search(make_oracle, Path(folder) / "halves", 20)
    assert len(halves) == 20, f"{len(halves)} trials after the restored search, expected 20."
    for number, (one, other) in enumerate(zip(whole, halves, strict=True)):
        assert one == other, f"Trial {number} is {other} in the restored search, expected {one}."


def check_exhaustion(make_oracle: MakeOracle) -> None:
    """A space of six configurations gives six different trials, then STOPPED."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", ["x", "y", "z"])
    hp.Boolean("b")
    oracle = _make(make_oracle, hp, None)
    trials = _run(oracle, 10, lambda values: float(values["b"]))
    different = {json.dumps(t.hyperparameters.values, sort_keys=True) for t in trials}
    assert len(trials) == 6, f"A space of 6 configurations gave {len(trials)} trials."
    assert len(different) == 6, f"Of 6 trials only {len(different)} are different."


def check_divergence(make_oracle: MakeOracle) -> None:
    """A trial whose objective is NaN or infinite is never best and never draws the search."""
    for objective, sign in ((LOSS, 1.0), ("val_accuracy", -1.0)):
        for bad in (math.nan, math.inf, -math.inf):
            oracle = _make(make_oracle, _diverging_space(), 40, objective=objective)

            def score(values: dict[str, Any], sign: float = sign, bad: float = bad) -> float:
                return bad if values["x"] >= 0.8 else sign * (1.0 + (values["x"] - 0.3) ** 2)

            trials = _run(oracle, 40, score, objective)
            best = oracle.get_best_trials(1)[0].hyperparameters.values
            assert best["x"] < 0.8, f"{best} is best although its {objective} is {bad}."
            late = [t.hyperparameters.values["x"] >= 0.8 for t in trials[20:]]
            share = sum(late) / len(late)
            assert share <= 0.5, f"{share:.0%} of the late trials are where {objective} is {bad}."


def check_unknown_direction(make_oracle: MakeOracle) -> None:
    """An objective of unknown direction is an error at once."""
    try:
        _make(make_oracle, conditional_space(), 3, objective="glorp")
    except ValueError:
        return
    raise AssertionError("An objective of unknown direction was accepted.")


def check_parallel(make_oracle: MakeOracle) -> None:
    """Trials that run at the same time differ, at the start and later."""
    oracle = _make(make_oracle, conditional_space(), 40)
    for round_number in range(3):
        trials = [oracle.create_trial(f"worker{i}") for i in range(8)]
        running = [t for t in trials if t.status == "RUNNING"]
        assert len(running) == 8, f"Only {len(running)} of 8 workers have a trial."
        keys = {json.dumps(t.hyperparameters.values, sort_keys=True) for t in running}
        assert len(keys) == 8, f"Round {round_number}: 8 workers run {len(keys)} configurations."
        for trial in running:
            _end(oracle, trial, _conditional_loss(trial.hyperparameters.values))


def check_failures(make_oracle: MakeOracle) -> None:
    """Crashed trials are recorded as failed and the search goes on."""
    oracle = _make(make_oracle, conditional_space(), 12)
    for _ in range(5):
        trial = oracle.create_trial("worker")
        trial.status = "INVALID"
        trial.message = "Traceback:\nValueError: shapes do not fit"
        oracle.end_trial(trial)
    _run(oracle, 7, _conditional_loss)
    states = [t.status for t in oracle.trials.values()]
    assert states.count("FAILED") == 5, f"5 trials crashed, {states.count('FAILED')} are FAILED."
    assert states.count("COMPLETED") == 7, f"The search did not go on: {states}."


def check_pausing(make_oracle: MakeOracle) -> None:
    """Where a tuner can pause trials: they go on rung by rung, none twice, and it ends.

    A promotion follows from the journal alone, a diverged trial is never promoted, and some trial
    is trained in full. Oracles that never pause a trial are not checked.
    """

    def fresh(history: History | None = None) -> Any:
        oracle = _make(make_oracle, conditional_space(), 20)
        if not isinstance(oracle, Oracle):
            return None
        oracle.begin(Context(pausing=True, epochs=9))
        if history is not None:
            oracle.bind(history)
        return oracle if len(oracle.scheduler.rungs) > 1 else None

    def score(values: dict[str, Any]) -> float:
        return math.nan if values["kind"] == "linear" else _conditional_loss(values)

    oracle = fresh()
    if oracle is None:
        return
    done: list[tuple[int, int]] = []
    while len(done) < 200:
        before = json.loads(json.dumps(oracle.history.events()))
        ended = [t.number for t in oracle.history.finished]
        trial = oracle.create_trial("worker")
        if trial.status != "RUNNING":
            break
        record = oracle.history.trials[int(trial.trial_id)]
        if len(done) % 7 == 3:
            history = History()
            history.restore(before, ended)
            again = fresh(history).create_trial("worker")
            assert (again.trial_id, again.hyperparameters.values) == (
                trial.trial_id,
                trial.hyperparameters.values,
            ), f"The same history leads to trial {again.trial_id} after {trial.trial_id}."
        done.append((record.number, record.rung))
        assert all(e.status == "STOPPED" for e in record.executions), (
            f"Trial {trial.trial_id} goes on although it had ended."
        )
        _end(oracle, trial, score(record.values))
    assert len(done) < 200, "The search does not end."
    assert len(set(done)) == len(done), "A rung was trained twice."
    assert len(oracle.history) <= 20, f"{len(oracle.history)} configurations, 20 were allowed."
    full = [t for t in oracle.history if t.status == "COMPLETED" and t.fidelity == 1]
    assert full, "No trial was trained in full."
    assert any(t.status == "STOPPED" for t in oracle.history), "No trial was paused."


def check_context(make_oracle: MakeOracle) -> None:
    """An oracle takes from its context what it was made without, once; a copy begins anew.

    Other oracles than those of kerasnas have no `begin` and are not checked.
    """
    context = Context((Objective("val_accuracy", "max"),), max_trials=3, seed=7)
    oracle = _make(make_oracle, conditional_space(), None)
    if not isinstance(oracle, Oracle):
        return
    oracle.begin(context)
    told = (oracle.objective.name, oracle.max_trials, oracle.seed)
    assert told == (LOSS, 3, 0), f"Made for {LOSS} with seed 0, it goes by {told}, expected 3."
    trials = _run(oracle, 5, _conditional_loss)
    assert len(trials) == 3, f"Told of 3 trials it started {len(trials)}."
    try:
        oracle.begin(context)
    except ValueError:
        pass
    else:
        raise AssertionError("It was told its context a second time, and took it.")
    twin = copy.deepcopy(oracle)
    twin.begin(replace(context, max_trials=5))
    trials = _run(twin, 5, _conditional_loss)
    assert len(trials) == 2, f"A copy that was told of 5 trials started {len(trials)} after 3."


ORACLE_CHECKS: tuple[Callable[[MakeOracle], None], ...] = (
    check_values,
    check_seeds,
    check_history_decides,
    check_restored,
    check_exhaustion,
    check_divergence,
    check_unknown_direction,
    check_parallel,
    check_failures,
    check_pausing,
    check_context,
)


def conditional_space() -> keras_tuner.HyperParameters:
    """A space with every type of hyperparameter, conditions two deep, and one name used twice."""
    hp = keras_tuner.HyperParameters()
    hp.Fixed("version", 3)
    kind = hp.Choice("kind", ["mlp", "resnet", "linear"])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    with hp.conditional_scope("kind", ["mlp"]):
        hp.Int("layers", 1, 4)
        hp.Int("units", 16, 256, step=2, sampling="log")
    with hp.conditional_scope("kind", ["resnet"]):
        hp.Int("layers", 2, 10, step=3)
        hp.Boolean("norm")
        with hp.conditional_scope("norm", [True]):
            hp.Float("momentum", 0.5, 0.99, sampling="reverse_log")
    hp.Choice("batch", [32, 64, 128, 256])
    hp.Float("dropout", 0.0, 0.5, step=0.1)
    assert kind == "mlp"
    return hp


def _conditional_loss(values: dict[str, Any]) -> float:
    loss = (math.log10(values["rate"]) + 2.5) ** 2 + abs(values["dropout"] - 0.2)
    loss += {"mlp": 0.3, "resnet": 0.0, "linear": 1.0}[values["kind"]]
    return loss + 0.1 * abs(values.get("layers", 0) - 5) + 32 / values["batch"]


def _diverging_space() -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    hp.Choice("c", ["p", "q", "r", "s"])
    hp.Float("x", 0.0, 0.95, step=0.05)
    return hp


def _make(
    make_oracle: MakeOracle,
    hyperparameters: keras_tuner.HyperParameters,
    max_trials: int | None,
    seed: int = 0,
    objective: str = LOSS,
) -> keras_tuner.Oracle:
    oracle = make_oracle(
        objective=objective, max_trials=max_trials, seed=seed, hyperparameters=hyperparameters
    )
    oracle.verbose = 0
    if not isinstance(oracle, Oracle):
        # Oracles that know no journal write files at once.
        folder = tempfile.mkdtemp(prefix="check-oracle-")
        weakref.finalize(oracle, shutil.rmtree, folder, ignore_errors=True)
        _Tuner(oracle, directory=folder, project_name="check")
    return oracle


def _run(oracle: keras_tuner.Oracle, most: int, score: Score, objective: str = LOSS) -> list[Trial]:
    """Runs trials one after the other until there are enough or the oracle stops."""
    trials = []
    for _ in range(most):
        trial = oracle.create_trial("worker")
        if trial.status != "RUNNING":
            break
        _end(oracle, trial, score(trial.hyperparameters.values), objective)
        trials.append(trial)
    return trials


def _end(oracle: keras_tuner.Oracle, trial: Trial, value: float, objective: str = LOSS) -> None:
    oracle.update_trial(trial.trial_id, {objective: value})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


class _Tuner(BaseTuner):
    """Scores values without a model."""

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> dict[str, float]:
        return {LOSS: _conditional_loss(trial.hyperparameters.values)}


def _search(make_oracle: MakeOracle, folder: Path, max_trials: int) -> list[dict[str, Any]]:
    """The values of all trials of a search in a folder, those of earlier calls included."""
    oracle = _make(make_oracle, conditional_space(), max_trials)
    with contextlib.redirect_stdout(io.StringIO()):
        _Tuner(oracle, directory=folder, project_name="check").search(verbose=0)
    ordered = sorted(oracle.trials.values(), key=lambda t: int(t.trial_id))
    return [t.hyperparameters.values for t in ordered]
