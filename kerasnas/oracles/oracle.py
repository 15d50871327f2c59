"""The adapter between searchers and keras-tuner: an oracle whose only state is a history."""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial

from kerasnas.errors import ProjectMismatchError, SearchFailedError
from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective, ObjectiveLike, parse_objectives
from kerasnas.oracles.filters import Proposal, Proposer
from kerasnas.oracles.ranking import pareto_first
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Space, Values
from kerasnas.oracles.trials import final_metrics, make_trial, numbers, track, trial_of

logger = logging.getLogger("kerasnas")

IDLE_SECONDS = 0.05
"""How long an oracle that waits holds back its answer: keras-tuner asks again without a pause."""


class Oracle(keras_tuner.Oracle):
    """Proposes trials and records them; works in any `keras_tuner.Tuner`.

    Args:
        objective: A name, an `Objective` of kerasnas or keras-tuner, or a list of these. `None`
            when `run_trial` returns one float to minimise. Several objectives stay a vector;
            keras-tuner is shown the first.
        max_trials: Most configurations to start; `None` for no limit.
        seed: Any whole number, 0 too; `None` draws one.
        searcher: The rule that picks values.
        constraints: Bounds that a trial must keep to be among the best.
        portfolio: Known-good configurations to begin with; names that the space lacks are ignored.
        initial: Configurations to try before all others; checked against the space.
        hyperparameters: Hyperparameters to override or to register in advance.
        allow_new_entries: Whether a build may ask for hyperparameters that are not registered.
        tune_new_entries: Whether such hyperparameters are tuned or stay at their defaults.
        accept: Whether values meet what is known without training; others are drawn again.
        max_retries_per_trial: How often a crashed trial runs again before it counts as failed.
        max_consecutive_failed_trials: So many failures in a row end the search with an error;
            `None`: a failed trial never does.

    Raises:
        ObjectiveError: If the direction of an objective is not known.
        SearchSpaceError: If `initial` does not fit; as soon as the space is known.
    """

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        searcher: Searcher,
        constraints: Sequence[Constraint] = (),
        portfolio: Sequence[Mapping[str, Any]] = (),
        initial: Sequence[Mapping[str, Any]] = (),
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        accept: Callable[[Values], bool] | None = None,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int | None = None,
    ) -> None:
        objectives = () if objective is None else parse_objectives(objective)
        facade = (
            keras_tuner.Objective(objectives[0].name, objectives[0].direction)
            if objectives
            else None
        )
        super().__init__(
            objective=facade,
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            allow_new_entries=allow_new_entries,
            tune_new_entries=tune_new_entries,
            max_retries_per_trial=max_retries_per_trial,
        )
        self.objectives: tuple[Objective, ...] = objectives or (
            Objective(self.objective.name, self.objective.direction),
        )
        self.constraints = tuple(constraints)
        self.seed = secrets.randbelow(2**31) if seed is None else int(seed)
        self.max_consecutive_failed_trials = max_consecutive_failed_trials
        self.proposer = Proposer(searcher, tuple(initial), tuple(portfolio), accept)
        self.history = History()
        self.stop_reason = ""
        self.clock: Callable[[], float] | None = None
        self._lock = threading.RLock()
        self._journaled = False
        self._interrupted: list[int] = []
        self._started: dict[str, float] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._space: tuple[Any, int, Space] | None = None
        self._checked = False

    # ---- what is searched --------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The search space as it is known now; it may grow while trials ask for more."""
        known = self.hyperparameters
        if self._space is None or self._space[0] is not known or self._space[1] != len(known.space):
            self._space = (known, len(known.space), Space(known))
            self._checked = False
        return self._space[2]

    def check_initial(self) -> None:
        """Checks `initial` against the space; done before the first trial in any case.

        Raises:
            SearchSpaceError: If a configuration does not fit.
        """
        if not self._checked and len(self.space):
            self.proposer.check(self.space)
            self._checked = True

    def describe(self) -> str:
        """The strategy in one line, for the log."""
        parts = [f"{len(self.proposer.initial)} initial"] if self.proposer.initial else []
        if self.proposer.portfolio:
            parts.append(f"{len(self.proposer.portfolio)} known-good configurations")
        explain = getattr(self.proposer.searcher, "describe", None)
        parts.append(explain(self.space) if explain else self.proposer.searcher.name)
        aims = ", ".join(f"{o.name} ({o.direction})" for o in self.objectives)
        return f"{', then '.join(parts)}; objective {aims}; seed {self.seed}"

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Adds hyperparameters that the space does not have yet."""
        with self._lock:
            super().update_space(hyperparameters)

    # ---- the life of a trial -----------------------------------------------------------------

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for the next trial.

        Returns:
            `status` RUNNING with `values` and their `origin`, IDLE when a running trial may still
            widen an empty space, or STOPPED when nothing unseen is left.
        """
        self.check_initial()
        number = len(self.history)
        rng = np.random.default_rng([self.seed % 2**63, number])
        proposal = self.proposer.propose(
            self.space, self.history, self.objectives, rng, self.constraints
        )
        if proposal is not None:
            return {"status": "RUNNING", "values": proposal.values, "origin": proposal.origin}
        if not len(self.space) and self.history.running:
            return {"status": "IDLE"}
        self.stop_reason = f"the search space is exhausted after {number} trials"
        return {"status": "STOPPED"}

    def create_trial(self, tuner_id: str) -> Trial:
        """Starts the next trial: an interrupted one first, else a new one.

        Args:
            tuner_id: Who asks; who has a running trial is given the same one again.

        Returns:
            A trial with status RUNNING, or an empty one with IDLE or STOPPED.
        """
        with self._lock:
            if tuner_id in self.ongoing_trials:
                return self.ongoing_trials[tuner_id]
            self.tuner_ids.add(tuner_id)
            trial = self._restart() or self._begin()
            if trial.status == "RUNNING":
                self.ongoing_trials[tuner_id] = trial
                self._started[trial.trial_id] = time.monotonic()
                self._save_trial(trial)
                self.save()
                self._display.on_trial_begin(trial)
            elif trial.status == "STOPPED":
                self.tuner_ids.discard(tuner_id)
        if trial.status == "IDLE":
            time.sleep(IDLE_SECONDS)
        return trial

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
        spent: float | None = None,
    ) -> None:
        """What `end_trial` shall write into the journal besides the metrics.

        Args:
            trial_id: A running trial.
            measures: Measured quantities such as `params`, `flops`, `latency_ms`.
            seconds: Wall-clock seconds of the trial; measured by the oracle when not given.
            failure: Why the trial failed, in one sentence.
            spent: Seconds of the whole search so far.
        """
        with self._lock:
            known = self._facts.setdefault(trial_id, {"measures": {}})
            known["measures"].update(measures or {})
            given = {"seconds": seconds, "failure": failure, "spent": spent}
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
        """The best feasible, completed trials; of several objectives the Pareto front first."""
        with self._lock:
            ranked = pareto_first(self.history.trials, self.objectives, self.constraints)
            return [self.trials[t.trial_id] for t in ranked[:num_trials]]

    def remaining_trials(self) -> int | None:
        """Trials that may still start; `None` without a limit."""
        return None if self.max_trials is None else max(0, self.max_trials - len(self.history))

    # ---- the journal and keras-tuner's own files ---------------------------------------------

    def bind(self, history: History) -> None:
        """Adopts a journal, which may hold trials already; it replaces keras-tuner's state files.

        Trials that were running are handed out first again, with their numbers and values.
        """
        with self._lock:
            self.history = history
            self._journaled = True
            self._rebuild()

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
        if self._journaled or not hasattr(self, "_project_name"):
            return
        path = Path(self._get_oracle_fname())
        fresh = path.with_suffix(".tmp")
        fresh.write_text(json.dumps(self.get_state()), encoding="utf-8")
        os.replace(fresh, path)

    def reload(self) -> None:
        """Reads the state file; nothing when a journal is bound."""
        if not self._journaled:
            self.set_state(json.loads(Path(self._get_oracle_fname()).read_text(encoding="utf-8")))

    def _save_trial(self, trial: Trial) -> None:
        if not self._journaled and hasattr(self, "_project_name"):
            super()._save_trial(trial)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_space")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock(), _space=None)

    # ---- steps -------------------------------------------------------------------------------

    def _restart(self) -> Trial | None:
        """An interrupted trial, or one to be tried again."""
        if not self._interrupted:
            return None
        number = self._interrupted.pop(0)
        record = self.history.trials[number]
        self._start(Proposal(record.values, record.origin), again=record)
        return self.trials[record.trial_id]

    def _begin(self) -> Trial:
        number = len(self.history)
        if self.max_trials is not None and number >= self.max_trials:
            self.stop_reason = f"all {self.max_trials} trials have started"
            return Trial(self.get_space(), trial_id=f"{number:04d}", status="STOPPED")
        answer = self.populate_space(f"{number:04d}")
        if answer["status"] != "RUNNING":
            return Trial(self.get_space(), trial_id=f"{number:04d}", status=answer["status"])
        record = self._start(Proposal(answer["values"], answer.get("origin", "")))
        return self.trials[record.trial_id]

    def _start(self, proposal: Proposal, again: TrialRecord | None = None) -> TrialRecord:
        facts: dict[str, Any] = {}
        if again is not None:
            facts = {k: getattr(again, k) for k in ("number", "rung", "parent", "fidelity")}
        spent = self.clock() if self.clock else 0.0
        record = self.history.start(proposal.values, origin=proposal.origin, spent=spent, **facts)
        trial = make_trial(self.hyperparameters, record.values, record.trial_id)
        self.trials[record.trial_id] = trial
        if again is None:
            self.start_order.append(record.trial_id)
        return record

    def _retry(self, trial: Trial) -> bool:
        """Whether a crashed trial runs again; it then waits at the head of the queue."""
        if trial.status != "INVALID":
            return False
        self._run_times[trial.trial_id] += 1
        if self._run_times[trial.trial_id] > self.max_retries_per_trial:
            trial.status = "FAILED"
            return False
        logger.warning(
            "Trial %s crashed and runs again: %s", trial.trial_id, _reason(trial.message)
        )
        self._interrupted.insert(0, int(trial.trial_id))
        return True

    def _finish(self, trial: Trial) -> None:
        facts = self._facts.pop(trial.trial_id, {"measures": {}})
        metrics, _ = final_metrics(trial, self.objectives[0])
        failure = facts.get("failure", "")
        if trial.status == "COMPLETED":
            failure = failure or _unsound(self.objectives, {**facts["measures"], **metrics})
        elif trial.status == "FAILED":
            failure = failure or _reason(trial.message)
        if failure:
            trial.status = "FAILED"
            trial.message = trial.message or failure
        begun = self._started.pop(trial.trial_id, time.monotonic())
        self.history.finish(
            int(trial.trial_id),
            trial.status,
            metrics=metrics,
            measures=facts["measures"],
            seconds=facts.get("seconds", time.monotonic() - begun),
            failure=failure,
            spent=facts.get("spent", self.clock() if self.clock else 0.0),
            values=trial.hyperparameters.values,
        )
        self.end_order.append(trial.trial_id)
        if trial.status == "COMPLETED":
            self.score_trial(trial)

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

    def _rebuild(self) -> None:
        """Trials and their order from the history; what was running waits to be handed out."""
        self.trials = {}
        for record in self.history.trials:
            trial = trial_of(record, self.hyperparameters, self.objectives)
            self.trials[record.trial_id] = trial
            if record.status == "COMPLETED":
                self.score_trial(trial)
        self.start_order = [t.trial_id for t in self.history.trials]
        self.end_order = [t.trial_id for t in self.history.finished]
        self.ongoing_trials: dict[str, Trial] = {}
        self._interrupted = [t.number for t in self.history.running]


def _unsound(objectives: Sequence[Objective], scores: Mapping[str, float]) -> str:
    """Why a trial that ran to its end has no usable score, or an empty string."""
    for objective in objectives:
        if objective.name not in scores:
            had = ", ".join(sorted(scores)) or "nothing"
            return f"The objective `{objective.name}` was not among the results: {had}."
        if not math.isfinite(scores[objective.name]):
            return (
                f"The objective `{objective.name}` is {scores[objective.name]}: training diverged."
            )
    return ""


def _reason(message: str | None) -> str:
    """The last line of a traceback."""
    lines = (message or "").strip().splitlines()
    return lines[-1].strip() if lines else "The trial crashed without a message."
