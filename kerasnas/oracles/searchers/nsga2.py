"""NSGA-II in its ageing form, for several objectives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import infeasibility, positions
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace


@dataclass(frozen=True)
class Nsga2Searcher(Searcher):
    """Mutates the tournament's winner by (front, crowding); the population is the youngest trials.

    Sources: Deb et al., *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, 2002, for
    domination with constraints and crowding; ageing as in regularized evolution, since a
    generation of 50 is random search at the budgets of architecture search.

    Args:
        population: Finished trials that take part.
        sample: Members drawn, without replacement, for each tournament.
    """

    population: int = 20
    sample: int = 5
    name: str = "nsga2"

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """A child of the winner of a tournament."""
        window = history.finished[-self.population :]
        if len(history) < self.population or not window:
            return space.random(rng)
        place = positions(window, objectives, constraints)
        drawn = rng.permutation(len(window))[: self.sample]
        best = min((int(i) for i in drawn), key=lambda i: place[i])
        if not math.isfinite(infeasibility(window[best], constraints)):
            return space.random(rng)
        return space.mutate(window[best].values, rng)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return f"ageing NSGA-II (population {self.population}, sample {self.sample})"
