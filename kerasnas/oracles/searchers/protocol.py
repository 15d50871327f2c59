"""What a searcher is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.space import Space, Values


class Searcher(Protocol):
    """A rule that picks the next values.

    `suggest` is a pure function of its arguments: whatever a searcher keeps between calls can be
    rebuilt from the history and never changes an answer. Two calls with equal arguments give
    equal values.
    """

    @property
    def name(self) -> str:
        """Short name, written into the journal as the origin of a trial."""

    def suggest(
        self,
        space: Space,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """Proposes values for the next trial.

        Args:
            space: The search space.
            history: All trials so far; running ones have values but no scores.
            objectives: What to optimise.
            rng: The only source of randomness.
            constraints: Bounds; trials outside are worse than any trial inside.

        Returns:
            Active values, possibly ones already tried, or `None` when nothing unseen is left.
        """


def seen_keys(space: Space, history: History) -> set[str]:
    """Keys of everything tried: running, failed and finished trials alike."""
    return {space.key(trial.values) for trial in history.trials}
