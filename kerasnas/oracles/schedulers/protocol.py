"""What a scheduler is: one method to write, and defaults for the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective


@dataclass(frozen=True)
class Start:
    """A new configuration.

    Attributes:
        rung: Level of successive halving that it is trained to.
        fidelity: The share of a full training at this level.
        bracket: Which of several successive halvings it belongs to.
    """

    rung: int = 0
    fidelity: float = 1.0
    bracket: int = 0


@dataclass(frozen=True)
class Promote:
    """A paused trial goes on.

    Attributes:
        number: The trial.
        rung: The level that it is trained to.
        fidelity: The share of a full training at this level.
    """

    number: int
    rung: int
    fidelity: float


@dataclass(frozen=True)
class Done:
    """There is nothing to do for who asks.

    Trials that still run may open more work: who runs them asks again when they end. A worker
    that has died can therefore hold up nobody.
    """


Decision = Start | Promote | Done
Verdict = Literal["continue", "pause", "stop"]


class Scheduler(ABC):
    """A rule that decides how far each trial is trained. Pure functions of the history.

    Only `name`, `rungs` and `next` have to be written. The defaults are those of a rule that lets
    every training run to the fidelity that it was started for.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name."""

    @property
    @abstractmethod
    def rungs(self) -> tuple[float, ...]:
        """The shares of a full training at which trials may pause, ascending; the last is 1."""

    @abstractmethod
    def next(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        may_start: bool = True,
    ) -> Decision:
        """What who asks shall do next; never to wait.

        Args:
            history: All trials so far.
            objectives: What to optimise.
            constraints: Bounds; trials outside are worse than any trial inside.
            may_start: Whether new configurations are left, in the budget and in the space.
        """

    def fitted(self, epochs: int | None) -> Scheduler:
        """This scheduler, for trainings of so many epochs at most; `None` when not known."""
        return self

    def at_rungs(self, shares: tuple[float, ...]) -> Scheduler:
        """This scheduler with the rungs at which the results of a journal lie."""
        return self

    def finish(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
    ) -> Decision:
        """What to train in full when the time that is left suffices for that and no more."""
        return Done()

    def on_report(self, history: History, number: int, objectives: Sequence[Objective]) -> Verdict:
        """Whether a running trial goes on after what it has just reported."""
        return "continue"

    def promotable(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        max_trials: int | None = None,
    ) -> set[int]:
        """Numbers of paused trials that may still be promoted: whose checkpoints are to be kept."""
        return set()

    def describe(self) -> str:
        """The rule in a few words; empty where there is nothing to say."""
        return ""
