"""A search that keras-tuner has run, as a result of this package."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerasnas.errors import ArtifactError, ObjectiveError
from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Objective, ObjectiveLike, parse_objectives
from kerasnas.process_state import process_state_kept
from kerasnas.trial.networks import Networks, hyperparameters

log = logging.getLogger("kerasnas")


@dataclass(frozen=True)
class RebuildByTuner:
    """Builds the models of a keras-tuner search anew, compiled and with the weights of a trial.

    Attributes:
        tuner: The tuner.
        trials: Its trials, in the order of the history.
    """

    tuner: Any
    trials: Sequence[Any]

    def network(self, hp: keras_tuner.HyperParameters, number: int) -> keras.Model:
        """The model of a trial, as `tuner.load_model` gives it; `hp` lacks values of the tuner."""
        with process_state_kept(), warnings.catch_warnings():
            # Of the state of the optimiser, which a model to predict with does not need.
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            model: keras.Model = self.tuner.load_model(self.trials[number])
        return model

    def rows(self, hp: keras_tuner.HyperParameters) -> Any:
        """No rows: a tuner does not keep its data."""
        return None


@dataclass(frozen=True)
class FoundByTuner:
    """What a search of keras-tuner has found.

    Attributes:
        history: Its trials, in their order.
        objectives: What it optimised.
        strategy: Its oracle, in a few words.
        trials: Its trials as keras-tuner keeps them, in the same order.
        tuner: The tuner; `None` where its project directory alone was read.
    """

    history: History
    objectives: tuple[Objective, ...]
    strategy: str
    trials: Sequence[Any]
    tuner: Any = None

    @property
    def first_traceback(self) -> str:
        """The traceback of the first trial that failed."""
        return next((t.message for t in self.trials if t.message), "")

    @property
    def rebuild(self) -> RebuildByTuner | None:
        """Builds models anew; `None` where the project directory alone was read."""
        return None if self.tuner is None else RebuildByTuner(self.tuner, self.trials)

    def keep_model(self, record: TrialRecord, networks: Networks) -> None:
        """Keeps the model of a trial, where the tuner is there to make it of its weights."""
        rebuild = self.rebuild
        if rebuild is None:
            return
        try:
            model = rebuild.network(hyperparameters(record), record.number)
            networks.keep(record.trial_id, model)
        except Exception as error:  # whatever a build function or a missing file of weights raises
            name = self.trials[record.number].trial_id
            log.warning("The model of trial %s cannot be loaded: %s", name, error)
            return
        if model.built:
            record.measures["params"] = float(model.count_params())


def read_tuner(tuner: Any, objective: ObjectiveLike | None = None) -> FoundByTuner:
    """Trials of a keras-tuner tuner, or of the project directory that one has left.

    Args:
        tuner: A tuner that has searched, or was made again with `overwrite=False`; or the project
            directory, the one with `oracle.json` in it.
        objective: What was optimised, needed for a directory, which does not say it.

    Returns:
        The trials. With a tuner, models can be written too: keras-tuner keeps weights only, and it
        takes the tuner's `build` to make a model of them.

    Raises:
        ArtifactError: If there are no trials to be read.
        ObjectiveError: If it is not known what was optimised.
    """
    if isinstance(tuner, str | Path):
        trials = _from_directory(Path(tuner))
        if objective is None:
            raise ObjectiveError(
                "A keras-tuner project does not say what it optimised. Pass "
                '`objective="val_accuracy"`, or the tuner instead of its directory.'
            )
        objectives, strategy = parse_objectives(objective), "keras_tuner"
    elif isinstance(tuner, keras_tuner.engine.base_tuner.BaseTuner):
        trials = list(tuner.oracle.trials.values())
        known = parse_objectives(objective) if objective is not None else None
        objectives = known or _objectives(tuner.oracle.objective)
        strategy = f"keras_tuner.{type(tuner.oracle).__name__}"
    else:
        raise ArtifactError(
            f"`from_tuner` takes a keras-tuner tuner or a project directory, received {tuner!r}."
        )
    if not trials:
        raise ArtifactError(
            "The tuner has no trials. Call `tuner.search(...)`, or make the tuner again with the "
            "same `directory` and `project_name` and `overwrite=False`."
        )
    trials = sorted(trials, key=lambda t: int(t.trial_id))
    history = History()
    for number, trial in enumerate(trials):
        _record(history, number, trial)
    kept = None if isinstance(tuner, str | Path) else tuner
    return FoundByTuner(history, objectives, strategy, trials, kept)


def _from_directory(folder: Path) -> list[Any]:
    if not (folder / "oracle.json").is_file():
        inside = sorted(p.parent.name for p in folder.glob("*/oracle.json"))
        hint = f" It holds the projects {inside}." if inside else ""
        raise ArtifactError(f"'{folder}' is not a keras-tuner project: no 'oracle.json'.{hint}")
    trials = []
    for path in sorted(folder.glob("trial_*/trial.json")):
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            trials.append(keras_tuner.engine.trial.Trial.from_state(state))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("'%s' cannot be read and is left out: %s", path, error)
    return trials


_SUM = "multi_objective"
"""Name of what keras-tuner makes of several objectives: it is of a class that is not public."""


def _objectives(objective: Any) -> tuple[Objective, ...]:
    """keras-tuner's objective, or the parts of its sum of several."""
    parts = objective.objectives if objective.name == _SUM else [objective]
    return tuple(Objective(part.name, part.direction) for part in parts)


def _record(history: History, number: int, trial: Any) -> TrialRecord:
    hp = trial.hyperparameters
    values = {
        p.name: hp.values[p.name]
        for p in hp.space
        if p.name in hp.values and hp.is_active(p) and not p.name.startswith("tuner/")
    }
    record = history.start(values, origin=f"keras_tuner {trial.trial_id}")
    metrics = _metrics(trial)
    if trial.status == "COMPLETED":
        return history.finish(number, "COMPLETED", metrics=metrics)
    if trial.status in ("FAILED", "INVALID"):
        lines = [line for line in (trial.message or "").strip().splitlines() if line.strip()]
        reason = lines[-1].strip()[:300] if lines else trial.status.lower()
        return history.finish(number, "FAILED", failure=reason)
    return record


def _metrics(trial: Any) -> Mapping[str, float]:
    """What each metric was at the best step; the mean of several executions."""
    found = {}
    for name, tracked in trial.metrics.metrics.items():
        steps = {o.step: o.mean() for o in tracked.get_history()}
        if steps:
            found[name] = float(steps.get(trial.best_step, steps[max(steps)]))
    return found
