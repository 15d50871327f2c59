"""Short trainings first, some of them tested by full ones; full ones after that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.schedulers.protocol import Decision, Done, Promote, Scheduler, Start
from kerasnas.oracles.schedulers.rungs import standings
from kerasnas.oracles.trust import short_first

FIRST_PROOF = 4
"""Short trainings before the first full one that tests them."""

APART = 1
"""Short trainings between two of these (`benchmarks/search.py`, made curves 0 and 1)."""


@dataclass(frozen=True)
class ProveScheduler(Scheduler):
    """Chooses by short trainings which of the first configurations are trained in full.

    The best one that waits and a middling one are tested in turn: among the best alone the order
    is luck. Short trainings end when enough are tested, and sooner where they mislead, see
    `kerasnas.oracles.trust`. From then on every configuration is trained in full.

    Args:
        low: Share of a full training of the short ones.
    """

    low: float
    name: str = "prove"

    @property
    def rungs(self) -> tuple[float, ...]:
        """The two shares of a full training."""
        return (self.low, 1.0)

    def next(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        may_start: bool = True,
    ) -> Decision:
        """A test when it is due, else a new configuration."""
        short = short_first(history, objectives, constraints)
        if short:
            tested = sum(t.rung == 1 for t in history.trials)
            waiting = self._waiting(history, objectives, constraints)
            due = len(waiting) + tested >= FIRST_PROOF + APART * tested
            if waiting and (due or not may_start):
                proof = waiting[0 if tested % 2 == 0 else len(waiting) // 2]
                return Promote(proof.number, 1, 1.0)
        if not may_start:
            return Done()
        return Start(0, self.low) if short else Start(1, 1.0)

    def promotable(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        max_trials: int | None = None,
    ) -> set[int]:
        """All that wait, as long as there are tests."""
        if not short_first(history, objectives, constraints):
            return set()
        return {t.number for t in self._waiting(history, objectives, constraints)}

    def describe(self) -> str:
        """The rule in a few words."""
        return f"{100 * self.low:.3g} % of a full training first, tested by full ones"

    def _waiting(
        self, history: History, objectives: Sequence[Objective], constraints: Sequence[Constraint]
    ) -> list[TrialRecord]:
        results = standings(history, 0, self.low, objectives, constraints)
        return [r.trial for r in results if r.waits(objectives)]
