"""What a search gives to each of its trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from kerasnas.clock import Clock, Deadline
from kerasnas.objectives import Objective
from kerasnas.problem.view import View, as_it_is
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


@dataclass(frozen=True)
class Keeping:
    """What a search keeps of its trials, and for what it leaves time after them.

    Attributes:
        candidates: Trials, the best ones, of which the files are kept; with more than one also
            their answers to the validation rows, so that an ensemble can be chosen.
        members: Members of an ensemble to leave time for, if there are as many trials.
        again: Whether members that a solver fitted are to be fitted once more, on all rows.
        timed: Whether the latency of every trial is measured, because the ensemble has a limit.
    """

    candidates: int = 1
    members: int = 0
    again: bool = False
    timed: bool = False


@dataclass(frozen=True, eq=False)
class TrialSettings:
    """What all trials of a search have in common and any process can hold: no rows and no clock.

    Attributes:
        objectives: As in `Job`, and so are `seed`, `callbacks`, `fit_kwargs`, `patience` and
            `keeping`.
        folder: Where the files of trials go.
        timed: Whether the latency of every trial is measured.
    """

    objectives: tuple[Objective, ...]
    seed: int
    folder: Path
    callbacks: tuple[keras.callbacks.Callback, ...] = ()
    fit_kwargs: Mapping[str, Any] = field(default_factory=dict)
    patience: int | None = None
    keeping: Keeping = field(default_factory=Keeping)
    timed: bool = False

    @property
    def monitor(self) -> Objective | None:
        """The first objective that training changes."""
        measured = {"params", "flops", "size_bytes", "train_seconds", "peak_memory_bytes"}
        trained = [o for o in self.objectives if o.name not in measured and "latency" not in o.name]
        return trained[0] if trained else None


@dataclass(frozen=True, eq=False)
class Job:
    """The data and the settings of all trials of a search.

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
        keeping: What is kept of trials.
        assembler: From hyperparameters to what makes the exported model of a network; it needs
            neither the rows nor the clock. By default a network is exported as it is.
        front_latency: From hyperparameters to the milliseconds that a row takes in the large part
            in front of their network, without any rows.
    """

    view: Callable[[Any], View]
    objectives: tuple[Objective, ...]
    seed: int
    clock: Clock
    epochs: int | None = None
    batch_size: int | None = None
    callbacks: tuple[keras.callbacks.Callback, ...] = ()
    fit_kwargs: Mapping[str, Any] = field(default_factory=dict)
    patience: int | None = None
    keeping: Keeping = field(default_factory=Keeping)
    assembler: Callable[[Any], Callable[[keras.Model], keras.Model]] = lambda hp: as_it_is
    front_latency: Callable[[Any], float] = lambda hp: 0.0

    @property
    def deadline(self) -> Deadline:
        """Until when trials may go on."""
        return self.clock.for_trials

    def settings(self, folder: Path, timed: bool) -> TrialSettings:
        """The settings without the rows and the clock.

        Args:
            folder: Where the files of trials go.
            timed: Whether an objective or a constraint needs the latency of every trial.
        """
        return TrialSettings(
            objectives=self.objectives,
            seed=self.seed,
            folder=folder,
            callbacks=self.callbacks,
            fit_kwargs=self.fit_kwargs,
            patience=self.patience,
            keeping=self.keeping,
            timed=timed or self.keeping.timed,
        )
