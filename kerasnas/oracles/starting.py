"""The part of an oracle that hands out trials: new ones, paused ones, interrupted ones."""

from __future__ import annotations

import warnings
from typing import Any

from keras_tuner.engine.trial import Trial

from kerasnas.clock import Margin, Stopwatch, amount, pause
from kerasnas.history import TrialRecord
from kerasnas.oracles.filters import Proposal
from kerasnas.oracles.relatives import parent_of
from kerasnas.oracles.schedulers import Done, Promote, Start
from kerasnas.oracles.state import HistoryKeeper
from kerasnas.oracles.trials import make_trial, trial_of


class TrialStarter(HistoryKeeper):
    """Asks the scheduler what to do next, and makes a trial of the answer."""

    inherit = False
    """Whether a trial begins with the weights of a recent one that is one edit away."""

    _warned: bool

    @property
    def pausing(self) -> bool:
        """Whether who runs its trials can pause and continue them."""
        return self.context.pausing

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
                self._started[trial.trial_id] = Stopwatch()
                self._save_trial(trial)
                self.save()
                self._display.on_trial_begin(trial)
            elif trial.status == "STOPPED":
                self.tuner_ids.discard(tuner_id)
        if trial.status == "IDLE":
            pause(amount(Margin.IDLE_SECONDS))
        return trial

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
            hurry = self.context.must_finish if len(self.scheduler.rungs) > 1 else None
            if hurry is not None and hurry():
                last = self.scheduler.finish(self.history, self.objectives, self.constraints)
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
        spent = self._spent()
        record = self.history.start(proposal.values, origin=proposal.origin, spent=spent, **facts)
        if isinstance(decision, Promote):
            trial = trial_of(record, self.hyperparameters, self.objectives)
        else:
            trial = make_trial(self.hyperparameters, record.values, record.trial_id)
            self.start_order.append(record.trial_id)
        self.trials[record.trial_id] = trial
        return record
