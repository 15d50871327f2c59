"""Grid search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.searchers.protocol import Searcher, seen_keys
from kerasnas.oracles.space import CONTINUOUS_POINTS, Values, ValueSpace


@dataclass(frozen=True)
class GridSearcher(Searcher):
    """Every configuration once, in lexicographic order; the last hyperparameter changes fastest.

    Args:
        points: Points on each continuous range.
    """

    points: int = CONTINUOUS_POINTS
    name: str = "grid"

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """The first configuration of the grid that was not tried."""
        return next(self.candidates(space, history), None)

    def candidates(self, space: ValueSpace, history: History) -> Iterator[Values]:
        """All configurations that were not tried, in order."""
        seen = seen_keys(space, history)
        return (v for v in space.grid(self.points) if space.key(v) not in seen)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return "grid search"
