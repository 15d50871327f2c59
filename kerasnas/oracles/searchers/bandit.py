"""Several searchers that share one history; whoever brought good trials is asked more often."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import positions
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace

GOOD = 0.1
"""A trial is a success when it is in the best tenth of all trials up to it, and always when it is
the best of them."""


@dataclass(frozen=True)
class BanditSearcher(Searcher):
    """Gives each of its parts a turn as often as it is likely to be the best of them.

    Every trial carries the name of the part that proposed it. A part whose trials are good more
    often is drawn more often, by Thompson sampling; every part learns from the trials of all.
    Source: Chapelle and Li, *An Empirical Evaluation of Thompson Sampling*, NeurIPS 2011.

    Args:
        parts: The searchers; their names differ.
        startup: Trials before the first turn is drawn: until then the first part is asked.
    """

    parts: tuple[Searcher, ...]
    startup: int = 10
    name: str = "bandit"

    def turn(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Searcher:
        """The part that proposes the next trial."""
        if len(history.finished) < self.startup:
            return self.parts[0]
        record = self.record(history, objectives, constraints)
        drawn = [rng.beta(1 + good, 1 + bad) for good, bad in record.values()]
        return self.parts[int(np.argmax(drawn))]

    def record(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
    ) -> dict[str, tuple[int, int]]:
        """How many trials of each part were good and how many were not."""
        place = positions(history.finished, objectives, constraints)
        counts = {part.name: [0, 0] for part in self.parts}
        earlier: list[tuple[float, ...]] = []
        for i, trial in enumerate(history.finished):
            ahead = bisect.bisect_right(earlier, place[i])
            earlier.insert(ahead, place[i])
            if trial.origin in counts and i >= self.startup:
                counts[trial.origin][ahead > GOOD * i] += 1
        return {name: (good, bad) for name, (good, bad) in counts.items()}

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """What the part says whose turn it is."""
        part = self.turn(space, history, objectives, rng, constraints)
        return part.suggest(space, history, objectives, rng, constraints)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return ", ".join(part.describe(space) for part in self.parts) + " by their success"
