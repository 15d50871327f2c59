"""The searcher of the default strategy: a model half of the time, small steps the other half."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import infeasibility, positions
from kerasnas.oracles.searchers.bayesian import BayesianSearcher
from kerasnas.oracles.space import Space, Values


@dataclass(frozen=True)
class MixedSearcher:
    """Alternates between one-step mutations of the best trials and a Bayesian model.

    Known-good configurations are hard to beat by random points, and a model has little to go by
    before some ten trials: until then only the mutations make progress.

    Args:
        best: How many of the best trials are mutated.
        startup: As in `BayesianSearcher`.
    """

    best: int = 5
    startup: int = 10
    name: str = "mixed"
    _model: BayesianSearcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_model", BayesianSearcher(self.startup))

    def suggest(
        self,
        space: Space,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """A neighbour of a good trial or a point that the model likes, by the trial's number."""
        done = [t for t in history.finished if math.isfinite(infeasibility(t, constraints))]
        if not done or len(history) % 2:
            return self._model.suggest(space, history, objectives, rng, constraints)
        place = positions(done, objectives, constraints)
        order = sorted(range(len(done)), key=lambda i: place[i])[: self.best]
        # The best is mutated most often: ranks are drawn with weights 1, 1/2, 1/3, …
        weights = 1.0 / np.arange(1, len(order) + 1)
        chosen = int(rng.choice(len(order), p=weights / weights.sum()))
        return space.mutate(done[order[chosen]].values, rng)

    def describe(self, space: Space) -> str:
        """The rule in a few words."""
        return f"steps from the best {self.best} trials, in turn with {self._model.describe(space)}"
