"""What a searcher is: one method to write, and defaults for the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.space import Values, ValueSpace


class Searcher(ABC):
    """A rule that picks the next values.

    Only `name` and `suggest` have to be written.

    `suggest` is a pure function of its arguments: whatever a searcher keeps between calls can be
    rebuilt from the history and never changes an answer. Two calls with equal arguments give
    equal values.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, written into the journal as the origin of a trial."""

    @abstractmethod
    def suggest(
        self,
        space: ValueSpace,
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

    def turn(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Searcher:
        """The searcher that proposes the next trial: of several parts the one whose turn it is."""
        return self

    def beside(self, short: Sequence[TrialRecord]) -> Searcher:
        """The searcher that is told of short trainings as well; most make nothing of them."""
        return self

    def candidates(self, space: ValueSpace, history: History) -> Iterator[Values] | None:
        """All configurations that were not tried, where the searcher has an order of its own.

        A search by such a searcher ends where the order ends. `None` where `suggest` decides.
        """
        return None

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words, for the log."""
        return self.name


def seen_keys(space: ValueSpace, history: History) -> set[str]:
    """Keys of everything tried: running, failed and finished trials alike."""
    return {space.recorded(ValueSpace.key, trial.values) for trial in history.trials}
