"""What a search gives to each of its trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from kerasnas.clock import Clock, Deadline, Margin, Purpose, amount
from kerasnas.objectives import Objective
from kerasnas.problem.view import View
from kerasnas.spaces.method import Solution


@dataclass(frozen=True, eq=False)
class Solved:
    """A solution, and how long it took.

    Attributes:
        solution: The solution.
        seconds: Seconds of its solver.
    """

    solution: Solution
    seconds: float


@dataclass
class Job:
    """What every trial of a search trains on and is judged by.

    Attributes:
        view: From hyperparameters to the data in the form that their network takes.
        objectives: What is optimised; the first one chooses the best epoch where it can.
        seed: Seed of the search.
        clock: The wall clock of the whole fit.
        epochs: Epochs of one trial, or `None`.
        batch_size: Rows in a step where the hypermodel has no recipe.
        callbacks: Keras callbacks, copied for every trial.
        fit_kwargs: Further arguments of Keras's `fit`.
        patience: Epochs without improvement before a training ends; a recipe's own goes first.
        candidates: Trials, the best ones, of which the files are kept; with more than one also
            their answers to the validation rows, so that an ensemble can be chosen.
        members: Members of an ensemble to keep time for, if there are as many trials.
        finished: Trials that have come to a good end so far.
        member_seconds: Seconds that a member needs to be built in: at first a guess, then what the
            trials so far tell.
        again: Whether members that were solved are to be fitted once more, on all rows.
    """

    view: Callable[[Any], View]
    objectives: tuple[Objective, ...]
    seed: int
    clock: Clock
    epochs: int | None = None
    batch_size: int | None = None
    callbacks: list[keras.callbacks.Callback] = field(default_factory=list)
    fit_kwargs: dict[str, Any] = field(default_factory=dict)
    patience: int | None = None
    candidates: int = 1
    members: int = 0
    finished: int = 0
    member_seconds: float = amount(Margin.MEMBER_SECONDS)
    again: bool = False

    @property
    def deadline(self) -> Deadline:
        """Until when trials may go on."""
        members = min(self.members, self.finished + 1)  # with the trial that is running
        self.clock.keep(Purpose.ENSEMBLE, members * self.member_seconds)
        return self.clock.for_trials

    def keep_for_again(self, seconds: Sequence[float]) -> None:
        """Keeps time for fitting members once more, but for those that would take too much of it.

        Args:
            seconds: What each would take, the best one first.
        """
        room, kept = self.clock.most(Purpose.SECOND_FIT), 0.0
        for one in seconds:
            if kept + one <= room:
                kept += one
        self.clock.keep(Purpose.SECOND_FIT, kept)

    @property
    def monitor(self) -> Objective | None:
        """The first objective that training changes."""
        measured = {"params", "flops", "size_bytes", "train_seconds", "peak_memory_bytes"}
        trained = [o for o in self.objectives if o.name not in measured and "latency" not in o.name]
        return trained[0] if trained else None
