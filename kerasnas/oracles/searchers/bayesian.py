"""The model that suits the space: a Gaussian process or a Parzen estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.searchers.gp import GpSearcher
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.searchers.tpe import TpeSearcher
from kerasnas.oracles.space import Values, ValueSpace


@dataclass(frozen=True)
class BayesianSearcher(Searcher):
    """A Gaussian process for one objective, a Parzen estimator for several.

    Args:
        startup: Random suggestions before the model takes over.
    """

    startup: int = 10
    name: str = "bayesian"
    _tpe: TpeSearcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tpe", TpeSearcher(startup=self.startup))

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """Asks the model that suits."""
        if len(objectives) == 1:
            searcher: GpSearcher | TpeSearcher = GpSearcher(startup=self.startup)
        else:
            searcher = self._tpe
        return searcher.suggest(space, history, objectives, rng, constraints)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return GpSearcher().describe(space)
