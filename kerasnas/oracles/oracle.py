"""The adapter between searchers and keras-tuner: an oracle whose only state is a history."""

from __future__ import annotations

import secrets
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import keras_tuner
import numpy as np
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective, ObjectiveLike, parse_objectives
from kerasnas.oracles.filters import Accept, Proposal, Proposer
from kerasnas.oracles.relatives import parent_of
from kerasnas.oracles.schedulers import Done, Full, Promote, Scheduler, Start
from kerasnas.oracles.schedulers.asha import finish
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Space
from kerasnas.oracles.state import HistoryKeeper
from kerasnas.oracles.trials import make_trial, trial_of

IDLE_SECONDS = 0.05
"""How long an oracle that waits holds back its answer: keras-tuner asks again without a pause."""


class Oracle(HistoryKeeper):
    """Proposes trials and records them; works in any `keras_tuner.Tuner`.

    Args:
        objective: A name, an `Objective` of kerasnas or keras-tuner, or a list of these. `None`
            when `run_trial` returns one float to minimise. Several objectives stay a vector;
            keras-tuner is shown the first.
        max_trials: Most configurations to start; `None` for no limit.
        seed: Any whole number, 0 too; `None` draws one.
        searcher: The rule that picks values.
        scheduler: The rule that decides how far each trial is trained. In a tuner that cannot
            pause trials, such as keras-tuner's own, every trial is trained in full.
        fidelity: What a part of a full training is a part of: `"epochs"` or training `"rows"`.
        constraints: Bounds that a trial must keep to be among the best.
        portfolio: Known-good configurations to begin with; names that the space lacks are ignored.
        initial: Configurations to try before all others; checked against the space.
        hyperparameters: Hyperparameters to override or to register in advance.
        allow_new_entries: Whether a build may ask for hyperparameters that are not registered.
        tune_new_entries: Whether such hyperparameters are tuned or stay at their defaults.
        accept: Whether values meet what is known without training, or the measures that tell;
            others are drawn again.
        max_retries_per_trial: How often a crashed trial runs again before it counts as failed.
        max_consecutive_failed_trials: So many failures in a row end the search with an error;
            `None`: a failed trial never does.

    Raises:
        ObjectiveError: If the direction of an objective is not known.
        SearchSpaceError: If `initial` does not fit; as soon as the space is known.
    """

    short_name: ClassVar[str] = ""
    inherit = False
    """Whether a trial begins with the weights of a recent one that is one edit away."""

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        searcher: Searcher,
        scheduler: Scheduler | None = None,
        fidelity: str = "epochs",
        constraints: Sequence[Constraint] = (),
        portfolio: Sequence[Mapping[str, Any]] = (),
        initial: Sequence[Mapping[str, Any]] = (),
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        accept: Accept | None = None,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int | None = None,
    ) -> None:
        super().__init__(
            objective=None,
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            allow_new_entries=allow_new_entries,
            tune_new_entries=tune_new_entries,
            max_retries_per_trial=max_retries_per_trial,
        )
        self._objective_given = False
        self.objectives: tuple[Objective, ...] = (
            Objective(self.objective.name, self.objective.direction),
        )
        if objective is not None:
            self._optimise(objective)
        self.constraints = tuple(constraints)
        self.seed = secrets.randbelow(2**31) if seed is None else int(seed)
        self.max_consecutive_failed_trials = max_consecutive_failed_trials
        self.proposer = Proposer(searcher, tuple(initial), tuple(portfolio), accept)
        self.scheduler: Scheduler = Full() if scheduler is None else scheduler
        self.fidelity = fidelity
        self.pausing = False
        self.history = History()
        self.stop_reason = ""
        self.clock: Callable[[], float] | None = None
        self._lock = threading.RLock()
        self._journaled = False
        self._seed_given = seed is not None
        self._interrupted: list[int] = []
        self._started: dict[str, float] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._space: tuple[Any, int, Space] | None = None
        self._checked = False
        self._warned = False

    def fill(
        self,
        *,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        constraints: Sequence[Constraint] = (),
        portfolio: Sequence[Mapping[str, Any]] = (),
        initial: Sequence[Mapping[str, Any]] = (),
        accept: Accept | None = None,
        turns_after: int | None = None,
        seconds_left: Callable[[], float] | None = None,
    ) -> None:
        """Sets what the oracle was made without; its own settings stay.

        Arguments as above; `turns_after` and `seconds_left` as in `Proposer`.
        """
        if objective is not None and not self._objective_given:
            self._optimise(objective)
        if seed is not None and not self._seed_given:
            self.seed, self._seed_given = int(seed), True
        if self.max_trials is None:
            self.max_trials = max_trials
        self.constraints = self.constraints or tuple(constraints)
        self.proposer.fill(tuple(initial), tuple(portfolio), accept, turns_after, seconds_left)
        self._checked = False

    def allow_pausing(self, epochs: int | None = None) -> None:
        """Tells the oracle that who runs its trials can pause and continue them.

        Such a runner looks at `history.trials[number]` of the trial it is given: `rung` and
        `fidelity`, the share of a full training that this execution has to reach. It ends the
        execution as COMPLETED; the oracle records it as STOPPED where it is a pause. The same trial
        comes again when it is promoted. When the answer is STOPPED while other trials run, it asks
        again after the next one has ended.

        Args:
            epochs: Epochs of a full training, when they are known: no rung is shorter than one.
        """
        self.pausing = True
        if self.fidelity == "epochs":
            self.scheduler = self.scheduler.fitted(epochs)

    def hopeless(self, trial_id: str) -> bool:
        """Whether a running trial should be ended after what it has just reported."""
        with self._lock:
            if not self.pausing:
                return False
            verdict = self.scheduler.on_report(self.history, int(trial_id), self.objectives)
            return verdict != "continue"

    def promotable(self) -> set[str]:
        """Ids of the paused trials that may still go on: their checkpoints are worth keeping."""
        with self._lock:
            numbers = self.scheduler.promotable(
                self.history, self.objectives, self.constraints, max_trials=self.max_trials
            )
            return {self.history.trials[n].trial_id for n in numbers}

    def _optimise(self, objective: ObjectiveLike) -> None:
        """Keeps all objectives; keras-tuner, which would add them up, is shown the first."""
        self.objectives = parse_objectives(objective)
        first = self.objectives[0]
        self.objective = keras_tuner.Objective(first.name, first.direction)
        self._objective_given = True

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
        """The strategy in one line, for the log: short name, colon, explanation."""
        parts = [f"{len(self.proposer.initial)} initial"] if self.proposer.initial else []
        if self.proposer.portfolio:
            parts.append(f"{len(self.proposer.portfolio)} known-good configurations")
        explain = getattr(self.proposer.searcher, "describe", None)
        parts.append(explain(self.space) if explain else self.proposer.searcher.name)
        how_far = self.scheduler.describe()
        if how_far and self.pausing:
            parts[-1] += f"; {how_far}"
        return f"{self.short_name or self.proposer.searcher.name}: {', then '.join(parts)}"

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Adds hyperparameters that the space does not have yet."""
        with self._lock:
            super().update_space(hyperparameters)

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
        for values, measures in self.proposer.turned_down:
            self.history.reject(values, measures)
        self.proposer.forget_turned_down()
        if proposal is not None:
            return {"status": "RUNNING", "values": proposal.values, "origin": proposal.origin}
        if not len(self.space) and self.history.running:
            return {"status": "IDLE"}
        self.stop_reason = f"the search space is exhausted after {number} trials"
        if self.proposer.rejected:
            self.stop_reason = (
                f"no unseen configuration that meets the constraints was found after {number} "
                f"trials ({self.proposer.rejected} turned down)"
            )
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

    def _restart(self) -> Trial | None:
        """An interrupted trial, or one to be tried again."""
        if not self._interrupted:
            return None
        number = self._interrupted.pop(0)
        record = self.history.trials[number]
        again = Promote(number, record.rung, record.fidelity)
        self._start(Proposal(record.values, record.origin), again)
        return self.trials[record.trial_id]

    def _begin(self) -> Trial:
        number = len(self.history)
        limited = self.max_trials is not None and number >= self.max_trials
        if limited:
            self.stop_reason = f"all {self.max_trials} trials have started"
        decision = self._decision(may_start=not limited)
        if isinstance(decision, Start):
            self._note_space()
            self._note_rungs()
            answer = self.populate_space(f"{number:04d}")
            if answer["status"] == "RUNNING":
                proposal = Proposal(answer["values"], answer.get("origin", ""))
                return self.trials[self._start(proposal, decision).trial_id]
            if answer["status"] == "IDLE":
                return Trial(self.get_space(), trial_id=f"{number:04d}", status="IDLE")
            # Nothing new is left; what is paused may still go on.
            decision = self._decision(may_start=False)
        if isinstance(decision, Promote):
            record = self.history.trials[decision.number]
            self._start(Proposal(record.values, record.origin), decision)
            return self.trials[record.trial_id]
        return Trial(self.get_space(), trial_id=f"{number:04d}", status="STOPPED")

    def _decision(self, may_start: bool) -> Start | Promote | Done:
        if self.pausing:
            if self.hurry is not None and hasattr(self.scheduler, "fixed") and self.hurry():
                rungs = self.scheduler.rungs
                last = finish(self.history, rungs, self.objectives, self.constraints)
                if isinstance(last, Promote):
                    return last
            return self.scheduler.next(
                self.history, self.objectives, self.constraints, may_start=may_start
            )
        if len(self.scheduler.rungs) > 1 and not self._warned:
            self._warned = True
            warnings.warn(
                f"`{type(self).__name__}` runs in a tuner that cannot pause and continue trials: "
                "every trial is trained at full fidelity. `kerasnas.search` can pause them.",
                stacklevel=2,
            )
        return Start(len(self.scheduler.rungs) - 1) if may_start else Done()

    def _start(self, proposal: Proposal, decision: Start | Promote) -> TrialRecord:
        facts: dict[str, Any] = {"rung": decision.rung, "fidelity": decision.fidelity}
        if isinstance(decision, Promote):
            known = self.history.trials[decision.number]
            facts |= {"number": known.number, "parent": known.parent, "bracket": known.bracket}
        else:
            facts["bracket"] = decision.bracket
            if self.inherit:
                facts["parent"] = parent_of(
                    proposal.values, self.history, self.objectives, self.constraints
                )
        spent = self.clock() if self.clock else 0.0
        record = self.history.start(proposal.values, origin=proposal.origin, spent=spent, **facts)
        if isinstance(decision, Promote):
            trial = trial_of(record, self.hyperparameters, self.objectives)
        else:
            trial = make_trial(self.hyperparameters, record.values, record.trial_id)
            self.start_order.append(record.trial_id)
        self.trials[record.trial_id] = trial
        return record
