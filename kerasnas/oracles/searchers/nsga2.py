"""NSGA-II in its ageing form, for several objectives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerasnas.oracles.searchers.evolution import EvolutionSearcher
from kerasnas.oracles.space import ValueSpace


@dataclass(frozen=True)
class Nsga2Searcher(EvolutionSearcher):
    """Mutates the tournament's winner by (front, crowding); the population is the youngest trials.

    Sources: Deb et al., *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, 2002, for
    domination with constraints and crowding; ageing as in regularized evolution, since a
    generation of 50 is random search at the budgets of architecture search.

    Args:
        population: Finished trials that take part.
        sample: Members drawn, without replacement, for each tournament.
    """

    name: str = "nsga2"

    def drawn(self, members: int, rng: np.random.Generator) -> np.ndarray:
        """Members of the population that take part in a tournament."""
        return rng.permutation(members)[: self.sample]

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return f"ageing NSGA-II (population {self.population}, sample {self.sample})"
