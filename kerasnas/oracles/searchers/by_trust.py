"""A searcher that is shown short trainings as long as the search has them, else full ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.searcher_view import at_fidelity
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace
from kerasnas.oracles.trust import short_first


@dataclass(frozen=True)
class TrustSearcher(Searcher):
    """Asks a model that sees one fidelity only, see `kerasnas.oracles.trust`.

    Args:
        model: The searcher to ask.
        low: Share of a full training of the short ones.
    """

    model: Searcher
    low: float

    @property
    def name(self) -> str:
        """That of the model: a trial is the proposal of the model."""
        return self.model.name

    def turn(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Searcher:
        """The part of the model whose turn it is."""
        seen = self.shown(history, objectives, constraints)
        return replace(self, model=self.model.turn(space, seen, objectives, rng, constraints))

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """What the model says of what it is shown.

        Once full trainings count, the short ones are told beside them.
        """
        seen, model = self.shown(history, objectives, constraints), self.model
        if not short_first(history, objectives, constraints):
            model = model.beside(at_fidelity(history, self.low).finished)
        return model.suggest(space, seen, objectives, rng, constraints)

    def shown(
        self, history: History, objectives: Sequence[Objective], constraints: Sequence[Constraint]
    ) -> History:
        """The history at the fidelity that counts."""
        low = short_first(history, objectives, constraints)
        return at_fidelity(history, self.low if low else 1.0)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return self.model.describe(space)
