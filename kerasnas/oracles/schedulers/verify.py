"""Short trainings first, then the best few in full."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import is_sound
from kerasnas.oracles.schedulers.protocol import Decision, Done, Promote, Scheduler, Start
from kerasnas.oracles.schedulers.rungs import standings

Order = Callable[[History, Sequence[Objective], Sequence[Constraint]], Sequence[TrialRecord]]
"""Puts the trials of the lower rung in the order in which they deserve a full training."""

FEWEST = 5
"""Fewer full trainings cost more search than they choose better: with two or three of them a search
of ten full trainings' time ends behind one with none (`benchmarks/search.py`, CIFAR-100)."""

MOST = 5


@dataclass(frozen=True)
class VerifyScheduler(Scheduler):
    """Searches with short trainings and keeps the end of the budget for full ones of the best.

    If `share` of the budget is too short for five full trainings, the search gets all of it.

    Args:
        low: Share of a full training while searching.
        seconds: Seconds of the search; `None` for no limit.
        share: Most of the budget that full trainings may take.
        order: Who goes first; by score where it is not given.
    """

    low: float
    seconds: float | None = None
    share: float = 0.3
    order: Order | None = field(default=None, compare=False)
    name: str = "verify"

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
        """A new configuration until the rest of the budget is what the best few need."""
        left = math.inf if self.seconds is None else self.seconds - history.spent
        ranked = self._ranked(history, objectives, constraints)
        verified = sum(trial.rung == 1 for trial in history.trials)
        if may_start and not verified:
            needed = sum(map(self._cost, self._affordable(ranked)))
            longest = max((t.seconds for t in ranked), default=0.0)
            if not needed or left > needed + longest:
                return Start(0, self.low)
        if self.seconds is not None or verified < MOST:
            if self.order is not None and ranked:
                sound = {t.number for t in ranked}
                chosen = self.order(history, objectives, constraints)
                ranked = [t for t in chosen if t.number in sound]
            for trial in ranked:
                if trial.rung == 0 and trial.status == "STOPPED" and self._cost(trial) <= left:
                    return Promote(trial.number, 1, 1.0)
        return Done()

    def promotable(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        max_trials: int | None = None,
    ) -> set[int]:
        """Those that would be chosen now, and as many again that they may be pushed out by."""
        ranked = self._ranked(history, objectives, constraints)
        return {t.number for t in ranked[: 2 * MOST] if t.rung == 0 and t.status == "STOPPED"}

    def describe(self) -> str:
        """The rule in a few words."""
        return f"{100 * self.low:.3g} % of a full training first, then the best few in full"

    def _ranked(
        self, history: History, objectives: Sequence[Objective], constraints: Sequence[Constraint]
    ) -> list[TrialRecord]:
        """Everything that has been at the lower rung, the best score first."""
        results = standings(history, 0, self.low, objectives, constraints)
        return [r.trial for r in results if is_sound(r.execution, objectives)]

    def _affordable(self, ranked: Sequence[TrialRecord]) -> list[TrialRecord]:
        """The best few that a share of the budget pays for; none where they would be too few."""
        room = math.inf if self.seconds is None else self.share * self.seconds
        chosen: list[TrialRecord] = []
        for trial in ranked[:MOST]:
            room -= self._cost(trial)
            if room < 0:
                break
            chosen.append(trial)
        return chosen if len(chosen) >= FEWEST else []

    def _cost(self, trial: TrialRecord) -> float:
        """Seconds of a full training, by those of the short one."""
        first = next((e.seconds for e in trial.executions if e.rung == 0), trial.seconds)
        return first / self.low
