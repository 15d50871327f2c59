"""Scores of predictions with several numbers a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kerasnas.problem.metrics import Scorer


@dataclass(frozen=True)
class ValuesScorer(Scorer):
    """Scores several numbers a row; targets are `(rows, targets)`.

    Every score is the mean of that score over the targets, as scikit-learn has it.
    """

    @cached_property
    def _columns(self) -> list[Scorer]:
        """A scorer for each target."""
        whole = Scorer(self.targets[:, 0], None, self.weights, self.extra)
        return [replace(whole, targets=column) for column in self.targets.T]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`; only those defined for all targets."""
        return tuple(
            name
            for name in self._columns[0].names
            if all(name in column.names for column in self._columns)
        )

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """The scores of these names only."""
        each = [
            column.some(names, answers.reshape(-1, 1))
            for column, answers in zip(self._columns, predictions.T, strict=True)
        ]
        return {name: float(np.mean([scores[name] for scores in each])) for name in names}
