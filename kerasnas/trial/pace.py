"""How long trainings may be, for the time that is left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kerasnas.clock import ALLOTMENTS, Deadline, Margin, Purpose, amount
from kerasnas.oracles import Context
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.space import Space
from kerasnas.trial.job import Job
from kerasnas.trial.plan import LENGTHS

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


@dataclass
class Times:
    """What an execution of a trial has taken until now.

    Attributes:
        building: Seconds of building the network; `None` before it was built.
        epoch: Seconds of an epoch after the first one; `None` before there were two.
        start: Seconds before the first epoch: the network was built and traced.
    """

    building: float | None = None
    epoch: float | None = None
    start: float = 0.0


@dataclass(frozen=True)
class Allowance:
    """How long one execution of a trial may take: all that it has to know of time and of others.

    Attributes:
        deadline: Until when trials may go on.
        number: The number of the trial.
        objectives: How many objectives there are.
        given: Epochs of a full training; `None` where the clock chooses them.
        noted: Epochs that an earlier trial was given, by the numbers that it could be given.
        pauses: Whether trials may pause.
        scored: Whether the search has an answer.
        last: Whether this is the last part of a trial, where trials pause.
        kept: Seconds that the best paused trial needs to be trained in full.
        tracing: Times its building that a network takes before its first epoch.
    """

    deadline: Deadline = field(default_factory=Deadline)
    number: int = 0
    objectives: int = 1
    given: int | None = None
    noted: Mapping[str, int] = field(default_factory=dict)
    pauses: bool = False
    scored: bool = False
    last: bool = False
    kept: float = 0.0
    tracing: float = 0.0

    def share(self, recipe: Recipe | None) -> float:
        """Seconds that the trial should take."""
        return self.deadline.allot(purpose_of(recipe, self.number, self.objectives)).left

    def most(self, recipe: Recipe | None) -> float:
        """Seconds that the trial may take to have enough epochs."""
        if recipe is None or not recipe.enough:
            return 0.0
        return self.deadline.allot(recipe.long).left

    def lengths(self, recipe: Recipe | None) -> Sequence[int]:
        """Epochs to choose from; where trials pause, the length of the first is that of all."""
        lengths = lengths_of(recipe)
        most = recipe.first_length if recipe else None
        if self.number or most is None or self.pauses:
            return lengths
        return [n for n in lengths if n <= most] or lengths[:1]

    def epochs(self, lengths: Sequence[int]) -> int | None:
        """Epochs of a full training; `None` where they are chosen by the clock."""
        return self.noted.get(str(list(lengths))) if self.given is None else self.given

    def planned(self, share: float) -> float:
        """Seconds of a share that a full training should take."""
        return share * amount(Margin.PAUSING_TRIAL) if self.pauses else share

    def limit(self, share: float, building: float) -> Deadline:
        """Until when the trial may go on: without an answer yet, to the end; later a few shares.

        A network that takes long to trace has a share for its training besides. Where trials pause,
        the last part of one has all the time that is left, and a shorter part leaves what the best
        one needs to be trained in full.

        Args:
            share: Seconds that the trial should take.
            building: Seconds that building its network has taken.
        """
        if not self.scored or math.isinf(share) or self.last:
            return self.deadline
        kept = self.kept
        if kept >= self.deadline.allot(Purpose.LAST_TRAINING).left:
            kept = 0.0  # it is not to be had any more
        longest = max(amount(Margin.TRIAL_OVERRUN) * share, self.tracing * building + share)
        return self.deadline.minus(kept).at_most(longest)

    def check_start(self, building: float) -> None:
        """Gives up a network that would take all the time that is left before its first step.

        Args:
            building: Seconds that building it has taken.

        Raises:
            OutOfTime: If it is given up.
        """
        self.deadline.require(self.tracing * building, "to trace a network of so many layers")


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

    def saw(self, number: int, times: Times) -> None:
        """Takes note of what an execution of a trial has taken.

        Args:
            number: The number of the trial.
            times: The times of the execution.
        """
        if times.building is not None:
            self._building[number] = times.building
        if times.epoch is not None:
            self._epoch_seconds[number] = times.epoch
            self._starts.setdefault(number, times.start)

    def allow(self, record: Any) -> Allowance:
        """How long the execution of a trial that begins now may take.

        Args:
            record: The trial in the history.
        """
        scored, pauses = bool(self._oracle.history.scored()), self.pauses
        return Allowance(
            deadline=self._job.deadline,
            number=record.number,
            objectives=len(self._job.objectives),
            given=self._epochs(),
            noted=self._noted(),
            pauses=pauses,
            scored=scored,
            last=pauses and record.fidelity == 1,
            kept=self._finishing() if scored and pauses else 0.0,
            tracing=self._tracing(),
        )

    def note(self, lengths: Sequence[int], full: int) -> None:
        """Where trials pause, all of them take the length that the first one was given.

        Args:
            lengths: Epochs that the trial could be given.
            full: Epochs that it was given.
        """
        noted = self._noted()
        if self.pauses and str(list(lengths)) not in noted:
            noted[str(list(lengths))] = full
            self._oracle.history.note(_LENGTHS_NOTE, {"epochs": noted})

    def _tracing(self) -> float:
        """Times its building that a network takes before its first epoch, by earlier ones.

        How many times depends on the space.
        """
        seen = [self._starts[n] / self._building[n] for n in self._starts if n in self._building]
        return max(amount(Margin.TRACE), float(np.median(seen)) if seen else 0.0)

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
