"""What all rules of successive halving have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.schedulers.protocol import Decision, Done, Promote, Scheduler
from kerasnas.oracles.schedulers.rungs import standings


@dataclass(frozen=True)
class Halving(Scheduler):
    """A rule that trains many trials a little, and the best of them further.

    Args:
        eta: Factor between rungs, and the inverse share that is promoted.
        least: Share of a full training at the lowest rung; the subclass says what `None` means.
        fixed: All shares, instead of `eta` and `least`: their ratios are the factors.
        epochs: Epochs of a full training, when known.
    """

    eta: float = 3
    least: float | None = None
    fixed: tuple[float, ...] | None = None
    epochs: int | None = None

    def fitted(self, epochs: int | None) -> Self:
        """The same with rungs of whole epochs."""
        return replace(self, epochs=epochs)

    def at_rungs(self, shares: tuple[float, ...]) -> Self:
        """The same with other rungs."""
        return replace(self, fixed=shares)

    def finish(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
    ) -> Decision:
        """The best trial of the highest rung, to the top."""
        return straight_to_the_top(history, self.rungs, objectives, constraints)


def climb(
    history: History,
    rungs: Sequence[float],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
) -> Decision:
    """Takes the best trial of the highest rung one up, unless another is on its way or there."""
    top = len(rungs) - 1
    for rung in reversed(range(top + 1)):
        results = standings(history, rung, rungs[rung], objectives, constraints)
        if any(t.status == "RUNNING" and t.rung == rung and rung for t in history.trials):
            return Done()
        if any(r.execution.status == "COMPLETED" for r in results):
            return Done()
        for result in results:
            if result.waits(objectives):
                return Promote(result.trial.number, rung + 1, rungs[rung + 1])
    return Done()


def straight_to_the_top(
    history: History,
    rungs: Sequence[float],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
) -> Decision:
    """Takes the best trial of the highest rung right to the top, unless one is there or on its way.

    For searches whose time runs out: a full training of what is best so far is a better answer than
    one more short one.
    """
    top = len(rungs) - 1
    for trial in history.trials:
        whole = trial.status == "COMPLETED" and trial.fidelity >= 1
        if whole or (trial.status == "RUNNING" and trial.rung == top):
            return Done()
    for rung in reversed(range(top)):
        for result in standings(history, rung, rungs[rung], objectives, constraints):
            if result.waits(objectives):
                return Promote(result.trial.number, top, rungs[top])
    return Done()
