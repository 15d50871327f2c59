"""Asynchronous successive halving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.schedulers.halving import Halving, climb
from kerasnas.oracles.schedulers.protocol import Decision, Promote, Start
from kerasnas.oracles.schedulers.rungs import MOST_KEPT, ladder, standings, survivors

LEAST = 1 / 9
"""Share of a full training at the lowest rung, where nothing else is said."""


@dataclass(frozen=True)
class AshaScheduler(Halving):
    """Promotes whoever is in the best 1/eta of a rung as it stands; never waits for the rest.

    Source: Li et al., *A System for Massively Parallel Hyperparameter Tuning*, MLSys 2020,
    algorithm 2. With several objectives a rung is ordered by non-dominated sorting and, inside a
    front, by an epsilon net: MO-ASHA (Schmucker et al., *Multi-objective Asynchronous Successive
    Halving*, 2021).

    When no configuration is left to start, the best trial goes on to the top, so that a search
    always ends with a full training.

    Args:
        eta: Factor between rungs, and the inverse share that is promoted.
        least: Share of a full training at the lowest rung; never less than one epoch.
        fixed: All shares, instead of `eta` and `least`: their ratios are the factors.
        epochs: Epochs of a full training, when known.
    """

    name: str = "asha"

    @property
    def rungs(self) -> tuple[float, ...]:
        """The shares of a full training, ascending."""
        if self.fixed is not None:
            return self.fixed
        return ladder(self.eta, self.epochs, LEAST if self.least is None else self.least)

    def next(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        may_start: bool = True,
    ) -> Decision:
        """A promotion from the highest rung that has one, else a new configuration."""
        rungs = self.rungs
        for rung in reversed(range(len(rungs) - 1)):
            results = standings(history, rung, rungs[rung], objectives, constraints)
            for result in results[: survivors(len(results), rungs[rung + 1] / rungs[rung])]:
                if result.waits(objectives):
                    return Promote(result.trial.number, rung + 1, rungs[rung + 1])
        if may_start:
            return Start(0, rungs[0])
        return climb(history, rungs, objectives, constraints)

    def promotable(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        max_trials: int | None = None,
    ) -> set[int]:
        """Who is or may come into the best 1/eta of a rung, by what has been seen of it."""
        rungs, kept = self.rungs, set()
        most = max_trials
        for rung in range(len(rungs) - 1):
            factor = rungs[rung + 1] / rungs[rung]
            most = None if most is None else max(1, survivors(most, factor))
            results = standings(history, rung, rungs[rung], objectives, constraints)
            room = MOST_KEPT if most is None else min(MOST_KEPT, most)
            kept |= {r.trial.number for r in results[:room] if r.waits(objectives)}
        return kept

    def describe(self) -> str:
        """The rule in a few words."""
        return f"asynchronous successive halving ({_listed(self.rungs)})"


def _listed(rungs: Sequence[float]) -> str:
    return "trained to " + ", ".join(f"{100 * share:.3g}" for share in rungs) + " %"
