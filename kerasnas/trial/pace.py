"""How long trainings may be, for the time that is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kerasnas.clock import ALLOTMENTS, Deadline, Margin, Purpose, amount
from kerasnas.oracles import Context
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.space import Space
from kerasnas.trial.job import Job
from kerasnas.trial.plan import LENGTHS, Plan

# Epochs where neither the space nor the budget says how many; early stopping ends most sooner.
_DEFAULT_EPOCHS = 64
_LENGTHS_NOTE = "lengths"


def purpose_of(recipe: Recipe | None, number: int, objectives: int) -> Purpose:
    """What the time of a trial is used for, by its number.

    A front is made of many trials: with several objectives none has a larger share than the first.
    """
    purposes = recipe.purposes if recipe is not None else (Purpose.TRIAL,)
    purpose = purposes[min(number, len(purposes) - 1)]
    several = objectives > 1 and ALLOTMENTS[purpose].share > ALLOTMENTS[purposes[0]].share
    return purposes[0] if several else purpose


class Pace:
    """Deals the time of a search out to its trials.

    Args:
        oracle: A kerasnas oracle, whose history tells what trainings have taken.
        job: What is trained on, with the clock.
        space: The search space, whose recipes may say how long to train.
    """

    def __init__(self, oracle: Any, job: Job, space: Space) -> None:
        self._oracle = oracle
        self._job = job
        self._space = space
        self._epoch_seconds: dict[int, float] = {}
        self._building: dict[int, float] = {}
        self._starts: dict[int, float] = {}

    def context(self, context: Context) -> Context:
        """Adds the time of the search, and that trials may pause, to the context of an oracle."""
        job = self._job
        context = replace(
            context, pausing=True, epochs=self._epochs(), spent=lambda: job.clock.spent
        )
        if job.clock.seconds is None:
            return context
        return replace(
            context, must_finish=self._must_finish, seconds_left=lambda: job.deadline.left
        )

    @property
    def pauses(self) -> bool:
        """Whether trials may pause."""
        return len(self._oracle.scheduler.rungs) > 1

    def another(self) -> bool:
        """Whether there is time for another trial; the first one always runs."""
        history, left = self._oracle.history, self._job.deadline.left
        if math.isinf(left):
            return True
        known = [e.seconds for t in history.finished for e in t.executions if e.status != "FAILED"]
        if not known:
            return left > 0 or not history.finished
        # A trial must have time to be traced, and then a chance to come to its end.
        quickest = min(self._starts.values(), default=0.0)
        return left > max(amount(Margin.ANOTHER_TRIAL) * float(np.median(known)), quickest)

    def built(self, number: int, seconds: float) -> None:
        """Takes note of what building the network of a trial has taken."""
        self._building[number] = seconds

    def check_start(self, number: int) -> None:
        """Gives up a network that would take all the time that is left before its first step.

        Args:
            number: The number of its trial.

        Raises:
            OutOfTime: If it is given up.
        """
        self._job.deadline.require(self._start(number), "to trace a network of so many layers")

    def saw(self, number: int, epoch_seconds: float, start: float) -> None:
        """Takes note of what an epoch of a trial takes.

        Args:
            number: The number of the trial.
            epoch_seconds: Seconds of an epoch after the first one.
            start: Seconds of the trial before its first epoch: the network was built and traced.
        """
        self._epoch_seconds[number] = epoch_seconds
        self._starts.setdefault(number, start)

    def share(self, recipe: Recipe | None, record: Any) -> float:
        """Seconds that a trial should take."""
        purpose = purpose_of(recipe, record.number, len(self._job.objectives))
        return self._job.deadline.allot(purpose).left

    def most(self, recipe: Recipe | None) -> float:
        """Seconds that a trial may take to have enough epochs."""
        if recipe is None or not recipe.enough:
            return 0.0
        return self._job.deadline.allot(Purpose.LONG_TRIAL).left

    def lengths(self, recipe: Recipe | None, record: Any) -> Sequence[int]:
        """Epochs to choose from; where trials pause, the length of the first is that of all."""
        lengths = lengths_of(recipe)
        most = recipe.first_length if recipe else None
        if record.number or most is None or self.pauses:
            return lengths
        return [n for n in lengths if n <= most] or lengths[:1]

    def epochs(self, lengths: Sequence[int]) -> int | None:
        """Epochs of a full training; `None` where they are chosen by the clock."""
        if self._epochs() is None:
            return self._noted().get(str(list(lengths)))
        return self._epochs()

    def planned(self, share: float) -> float:
        """Seconds of a share that a full training should take."""
        return share * amount(Margin.PAUSING_TRIAL) if self.pauses else share

    def limit(self, share: float, record: Any) -> Deadline:
        """Until when a trial may go on: without an answer yet, to the end; later a few shares.

        A network that takes long to trace has a share for its training besides. Where trials pause,
        the last part of one has all the time that is left, and a shorter part leaves what the best
        one needs to be trained in full.
        """
        deadline = self._job.deadline
        last = self.pauses and record.fidelity == 1
        if not self._oracle.history.scored() or math.isinf(share) or last:
            return deadline
        kept = self._finishing() if self.pauses else 0.0
        if kept >= deadline.allot(Purpose.LAST_TRAINING).left:
            kept = 0.0  # it is not to be had any more
        longest = max(amount(Margin.TRIAL_OVERRUN) * share, self._start(record.number) + share)
        return deadline.minus(kept).at_most(longest)

    def note(self, plan: Plan, full: int) -> None:
        """Where trials pause, all of them take the length that the first one was given."""
        if self.pauses and plan.epochs is None:
            noted = {**self._noted(), str(list(plan.lengths)): full}
            self._oracle.history.note(_LENGTHS_NOTE, {"epochs": noted})

    def _start(self, number: int) -> float:
        """Seconds from the first layer of a network to its first epoch, by those of earlier ones.

        Tracing takes so many times longer than building; how many depends on the space.
        """
        seen = [self._starts[n] / self._building[n] for n in self._starts if n in self._building]
        usual = float(np.median(seen)) if seen else 0.0
        return max(amount(Margin.TRACE), usual) * self._building.get(number, 0.0)

    def _epochs(self) -> int | None:
        if self._job.epochs is not None:
            return self._job.epochs
        if self._space.default_epochs is not None:
            return self._space.default_epochs
        return None if self._job.clock.seconds is not None else _DEFAULT_EPOCHS

    def _noted(self) -> dict[str, int]:
        return dict(self._oracle.history.notes.get(_LENGTHS_NOTE, {}).get("epochs", {}))

    def _must_finish(self) -> bool:
        """Whether a short training more would leave no time to train the best one in full."""
        needed = self._finishing()
        if not needed:
            return False
        history = self._oracle.history
        first = [e.seconds for t in history.scored() for e in t.executions if e.rung == 0]
        longest = max(first, default=0.0)  # all trials of the lowest rung may have failed
        return self._job.deadline.left < needed + longest

    def _finishing(self) -> float:
        """Seconds that the rest of a full training of the best paused trial needs."""
        waiting = [t for t in self._oracle.history.scored() if t.status == "STOPPED"]
        if not waiting:
            return 0.0
        best = min(waiting, key=lambda t: (-t.rung, self._oracle.objectives[0].loss(t.scores)))
        last = best.executions[-1]
        epochs = best.measures.get("epochs", 0.0)
        if best.number in self._epoch_seconds and self._oracle.fidelity == "epochs":
            pace = self._epoch_seconds[best.number]
            part = epochs / best.fidelity * (1.0 - best.fidelity)
            needed = pace * part + max(0.0, last.seconds - pace * epochs)
        else:
            needed = last.seconds / best.fidelity * (1.0 - best.fidelity)
        return amount(Margin.LAST_TRAINING) * needed


def lengths_of(recipe: Recipe | None) -> Sequence[int]:
    """Epochs that a training may be given where the clock chooses."""
    return (recipe.lengths if recipe else None) or LENGTHS
