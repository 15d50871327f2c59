"""The searcher of BOHB: a model of the highest rung that has enough results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.searcher_view import at_highest_rung
from kerasnas.oracles.searchers.bayesian import BayesianSearcher
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace


@dataclass(frozen=True)
class RungSearcher(Searcher):
    """Asks a model that is shown one fidelity only, the highest with more results than dimensions.

    Source: Falkner et al., *BOHB*, ICML 2018, section 3.2. Their two kernel densities are here the
    model that suits the space: a Gaussian process on cells, a Parzen estimator elsewhere.

    Args:
        model: The searcher to ask.
        random_fraction: Share of suggestions that are drawn at random all the same: a low fidelity
            may mislead the model.
    """

    model: Searcher = field(default_factory=lambda: BayesianSearcher(startup=1))
    random_fraction: float = 0.1
    name: str = "bohb"

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """What the model says of the rung, or a random point."""
        draw = rng.random()
        needed = 1 + sum(d.tunable for d in space.active(space.default()))
        seen = at_highest_rung(history, objectives, needed)
        sound = [t for t in seen.finished if t.status != "FAILED"]
        if draw < self.random_fraction or len(sound) < needed:
            return space.random(rng)
        return self.model.suggest(space, seen, objectives, rng, constraints)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return f"{self.model.describe(space)} of the highest rung with enough trials"
