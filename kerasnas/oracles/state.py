"""What an oracle knows, where it is kept, and how it comes back: the history and nothing else."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial

from kerasnas.clock import Stopwatch
from kerasnas.errors import ProjectMismatchError, SearchFailedError
from kerasnas.files import fresh_file
from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.context import Context
from kerasnas.oracles.ranking import pareto_first
from kerasnas.oracles.schedulers import Scheduler
from kerasnas.oracles.trials import crash_reason, final_metrics, numbers, track, trial_of, unsound

logger = logging.getLogger("kerasnas")

SPACE_NOTE = "space"
"""Name of the note that holds the hyperparameters known so far: builds may find more of them."""

RUNGS_NOTE = "rungs"
"""Name of the note that holds where trials may pause."""


class HistoryKeeper(keras_tuner.Oracle):
    """The half of an oracle that remembers: trials are views of the records of a history.

    Attributes:
        history: All trials; in memory until `bind` gives a journal.
        objectives: What is optimised, as a vector.
        constraints: Bounds that a trial must keep to be among the best.
    """

    history: History
    context: Context
    hyperparameters: HyperParameters
    max_trials: int | None
    seed: int
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    scheduler: Scheduler
    _lock: Any
    _journaled: bool
    _project_name: str | None
    _interrupted: list[int]
    _started: dict[str, Stopwatch]
    _facts: dict[str, dict[str, Any]]

    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Trial:
        """Records the metrics of one step; a missing objective shows when the trial ends."""
        with self._lock:
            trial = self.trials[trial_id]
            values = numbers(metrics)
            track(trial, values, int(step), self.objectives)
            self.history.report(int(trial_id), int(step), values)
            return trial

    def facts(
        self,
        trial_id: str,
        *,
        measures: Mapping[str, float] | None = None,
        seconds: float | None = None,
        failure: str | None = None,
        out_of_time: bool | None = None,
        spent: float | None = None,
        metrics: Mapping[str, float] | None = None,
        fidelity: float | None = None,
    ) -> None:
        """What `end_trial` shall write into the journal besides the metrics.

        Args:
            trial_id: A running trial.
            measures: Measured quantities such as `params`, `flops`, `latency_ms`.
            seconds: Wall-clock seconds of the trial; measured by the oracle when not given.
            failure: Why the trial failed, in one sentence.
            out_of_time: Whether it failed because there was too little time left for it.
            spent: Seconds of the whole search so far.
            metrics: Final metrics; otherwise those of the best step that was reported.
            fidelity: Share of a full training that was reached, where it is not the one asked for:
                less when the clock ended it, 1 when there is nothing to continue.
        """
        with self._lock:
            known = self._facts.setdefault(trial_id, {"measures": {}})
            known["measures"].update(measures or {})
            given: dict[str, Any] = {
                "seconds": seconds,
                "failure": failure,
                "out_of_time": out_of_time,
                "spent": spent,
                "fidelity": fidelity,
            }
            given["metrics"] = None if metrics is None else numbers(metrics)
            known.update({k: v for k, v in given.items() if v is not None})

    def end_trial(self, trial: Trial | str, status: str = "COMPLETED") -> None:
        """Records how a trial ended; one without finite objectives counts as failed, with a reason.

        Args:
            trial: The trial, or a copy of it from another process; keras-tuner's older form, an id
                and a status, works too.
            status: With an id: how it ended.

        Raises:
            SearchFailedError: Only when `max_consecutive_failed_trials` is set and reached.
        """
        with self._lock:
            if isinstance(trial, str):
                trial = self.trials[trial]
                trial.status = status
            known = self.trials[trial.trial_id]
            known.hyperparameters, known.status, known.message = (
                trial.hyperparameters,
                trial.status,
                trial.message,
            )
            self.update_space(known.hyperparameters)
            if not self._retry(known):
                self._finish(known)
            self._release(known)
            self._save_trial(known)
            self.save()
            if known.trial_id in self._display.trial_start:
                self._display.on_trial_end(known)
            self._check_consecutive_failures()

    def score_trial(self, trial: Trial) -> None:
        """Sets the score, the first objective at its natural sign, and the step it belongs to."""
        scores = self.history.trials[int(trial.trial_id)].scores
        value = scores.get(self.objective.name)
        trial.score = None if value is None or not math.isfinite(value) else float(value)
        trial.best_step = final_metrics(trial, self.objectives[0])[1]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best feasible trials, paused ones too; of several objectives the front first."""
        with self._lock:
            ranked = pareto_first(self.history.trials, self.objectives, self.constraints)
            return [self.trials[t.trial_id] for t in ranked[:num_trials]]

    def remaining_trials(self) -> int | None:
        """Trials that may still start; `None` without a limit."""
        return None if self.max_trials is None else max(0, self.max_trials - len(self.history))

    def bind(self, history: History) -> None:
        """Adopts a journal, which may hold trials already; it replaces keras-tuner's state files.

        Trials that were running are handed out first again, with their numbers and values.
        """
        with self._lock:
            self.history = history
            self._journaled = True
            noted = history.notes.get(SPACE_NOTE)
            if noted is not None:
                self.seed = noted["seed"] if self.context.seed is None else self.seed
                # The order in which hyperparameters were found is the order they are drawn in.
                known = HyperParameters.from_config({"space": noted["space"], "values": {}})
                found = self.hyperparameters.space
                known.merge([hp for hp in found if not _knows(known, hp)])
                self.hyperparameters = known
            self._adopt_rungs()
            self._rebuild()

    def _adopt_rungs(self) -> None:
        """Takes the rungs of the journal: results lie at them."""
        noted = self.history.notes.get(RUNGS_NOTE)
        if noted is not None:
            self.scheduler = self.scheduler.at_rungs(tuple(noted["shares"]))

    def _note_rungs(self) -> None:
        """Writes into a bound journal where trials may pause."""
        new = self._journaled and RUNGS_NOTE not in self.history.notes
        if new and len(self.scheduler.rungs) > 1:
            self.history.note(RUNGS_NOTE, {"shares": list(self.scheduler.rungs)})

    def _note_space(self) -> None:
        """Writes the space into a bound journal when it has grown since the last note."""
        if not self._journaled:
            return
        space = self.hyperparameters.get_config()["space"]
        noted = self.history.notes.get(SPACE_NOTE)
        if noted is None or noted["space"] != space:
            self.history.note(SPACE_NOTE, {"space": space, "seed": self.seed})

    def get_state(self) -> dict[str, Any]:
        """The history, the space and the seed: all there is."""
        return {
            "kerasnas": 1,
            "seed": self.seed,
            "hyperparameters": self.hyperparameters.get_config(),
            "trials": self.history.events(),
            "ended": [t.number for t in self.history.finished],
            "display": self._display.get_state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes over the history, the space and the seed of another oracle.

        Raises:
            ProjectMismatchError: If the state was written by another kind of oracle.
        """
        if "kerasnas" not in state:
            raise ProjectMismatchError(
                f"`{self._project_dir}` holds a search of another oracle. Choose another "
                "`project_name`, or pass `overwrite=True`."
            )
        with self._lock:
            self.seed = state["seed"]
            self.hyperparameters = HyperParameters.from_config(state["hyperparameters"])
            history = History()
            history.restore(state["trials"], state["ended"])
            self.history = history
            self._display.set_state(state["display"])
            self._rebuild()

    def save(self) -> None:
        """Writes the state file, whole or not at all; nothing when a journal is bound."""
        if self._journaled or self._project_name is None:
            return
        with fresh_file(self._get_oracle_fname()) as fresh:
            fresh.write_text(json.dumps(self.get_state()), encoding="utf-8")

    def reload(self) -> None:
        """Reads the state file; nothing when a journal is bound."""
        if not self._journaled:
            self.set_state(json.loads(Path(self._get_oracle_fname()).read_text(encoding="utf-8")))

    def _save_trial(self, trial: Trial) -> None:
        if not self._journaled and self._project_name is not None:
            super()._save_trial(trial)

    def _rebuild(self) -> None:
        """Trials and their order from the history; what was running waits to be handed out."""
        self.trials = {}
        for record in self.history.trials:
            trial = trial_of(record, self.hyperparameters, self.objectives)
            self.trials[record.trial_id] = trial
            if record.status in ("COMPLETED", "STOPPED"):
                self.score_trial(trial)
        self.start_order = [t.trial_id for t in self.history.trials]
        self.end_order = [t.trial_id for t in self.history.finished]
        self.ongoing_trials: dict[str, Trial] = {}
        self._interrupted = [t.number for t in self.history.running]

    def _finish(self, trial: Trial) -> None:
        record = self.history.trials[int(trial.trial_id)]
        facts = self._facts.pop(trial.trial_id, {"measures": {}})
        metrics = facts.get("metrics")
        if metrics is None:
            metrics, _ = final_metrics(trial, self.objectives[0])
        reached = facts.get("fidelity", record.fidelity)
        failure = facts.get("failure", "")
        if trial.status in ("COMPLETED", "STOPPED"):
            failure = failure or unsound(self.objectives, {**facts["measures"], **metrics})
        elif trial.status == "FAILED":
            failure = failure or crash_reason(trial.message)
        if failure:
            trial.status = "FAILED"
            trial.message = trial.message or failure
        elif trial.status == "COMPLETED" and reached < 1 and len(self.scheduler.rungs) > 1:
            trial.status = "STOPPED"
        watch = self._started.pop(trial.trial_id, Stopwatch())
        self.history.finish(
            record.number,
            trial.status,
            metrics=metrics,
            measures=facts["measures"],
            seconds=facts.get("seconds", watch.seconds),
            failure=failure,
            out_of_time=facts.get("out_of_time", False),
            spent=facts.get("spent", self._spent()),
            values=trial.hyperparameters.values,
            fidelity=reached,
        )
        trial.status = record.status
        self.end_order = [t for t in self.end_order if t != trial.trial_id] + [trial.trial_id]
        if record.status != "FAILED":
            self.score_trial(trial)

    def _spent(self) -> float:
        """Seconds of the search so far; 0 where nobody counts them."""
        return 0.0 if self.context.spent is None else self.context.spent()

    def _retry(self, trial: Trial) -> bool:
        """Whether a crashed trial runs again; it then waits at the head of the queue."""
        if trial.status != "INVALID":
            return False
        self._run_times[trial.trial_id] += 1
        if self._run_times[trial.trial_id] > self.max_retries_per_trial:
            trial.status = "FAILED"
            return False
        logger.warning(
            "Trial %s crashed and runs again: %s", trial.trial_id, crash_reason(trial.message)
        )
        self._interrupted.insert(0, int(trial.trial_id))
        return True

    def _release(self, trial: Trial) -> None:
        for tuner_id, ongoing in list(self.ongoing_trials.items()):
            if ongoing.trial_id == trial.trial_id:
                self.ongoing_trials.pop(tuner_id)

    def _check_consecutive_failures(self) -> None:
        limit = self.max_consecutive_failed_trials
        latest = self.history.finished[-limit:] if limit else []
        if limit and len(latest) == limit and all(t.status == "FAILED" for t in latest):
            raise SearchFailedError(
                f"The last {limit} trials failed, the newest one with: {latest[-1].failure} "
                f"Its values were {latest[-1].values}. Correct the cause, or raise "
                "`max_consecutive_failed_trials`."
            )


def _knows(space: HyperParameters, hp: Any) -> bool:
    return any(k.name == hp.name and k.conditions == hp.conditions for k in space.space)
