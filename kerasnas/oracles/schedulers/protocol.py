"""What a scheduler is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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


class Scheduler(Protocol):
    """A rule that decides how far each trial is trained. Pure functions of the history."""

    @property
    def name(self) -> str:
        """Short name."""

    @property
    def rungs(self) -> tuple[float, ...]:
        """The shares of a full training at which trials may pause, ascending; the last is 1."""

    def fitted(self, epochs: int | None) -> Scheduler:
        """This scheduler, for trainings of so many epochs at most; `None` when not known."""

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

    def on_report(self, history: History, number: int, objectives: Sequence[Objective]) -> Verdict:
        """Whether a running trial goes on after what it has just reported."""

    def promotable(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        max_trials: int | None = None,
    ) -> set[int]:
        """Numbers of paused trials that may still be promoted: whose checkpoints are to be kept."""

    def describe(self) -> str:
        """The rule in a few words."""
