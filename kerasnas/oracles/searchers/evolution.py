"""Regularized (ageing) evolution."""

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
class EvolutionSearcher(Searcher):
    """Mutates the best of a random sample of the youngest trials; the oldest die, good or not.

    Source: Real et al., *Regularized Evolution for Image Classifier Architecture Search*, AAAI
    2019, algorithm 1. With parallel trials the population is the last `population` finished ones.

    Args:
        population: Size of the population, which starts at random.
        sample: Members drawn, with replacement, for each tournament.
    """

    population: int = 20
    sample: int = 5
    name: str = "evolution"

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """A child of the best of a sample."""
        window = history.finished[-self.population :]
        if len(history) < self.population or not window:
            return space.random(rng)
        place = positions(window, objectives, constraints)
        best = min((int(i) for i in self.drawn(len(window), rng)), key=lambda i: place[i])
        if not math.isfinite(infeasibility(window[best], constraints)):
            return space.random(rng)
        return space.mutate(window[best].values, rng)

    def drawn(self, members: int, rng: np.random.Generator) -> np.ndarray:
        """Members of the population that take part in a tournament."""
        return rng.integers(members, size=self.sample)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return f"regularized evolution (population {self.population}, sample {self.sample})"
