"""Random search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace


@dataclass(frozen=True)
class RandomSearcher(Searcher):
    """Independent draws, each from its own generator.

    Source: Bergstra and Bengio, *Random Search for Hyper-Parameter Optimization*, JMLR 2012.
    """

    name: str = "random"

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """Draws values at random."""
        return space.random(rng)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return "random search"
