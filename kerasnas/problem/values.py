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

    Every score is the mean of that score over the targets, as scikit-learn has it. A metric of the
    user's own sees all targets at once.
    """

    @cached_property
    def _columns(self) -> list[Scorer]:
        """A scorer for each target."""
        whole = Scorer(self.targets[:, 0], None, self.weights, self.extra)
        return [replace(whole, targets=column) for column in self.targets.T]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`; only those defined for all targets."""
        usual = tuple(
            name
            for name in self._columns[0].names
            if all(name in column.names for column in self._columns)
        )
        return (*usual, *(metric.name for metric in self.own))

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """The scores of these names only."""
        if not np.isfinite(predictions).all():
            return dict.fromkeys(names, float("nan"))
        own = {metric.name: metric for metric in self.own if metric.name in names}
        usual = [name for name in names if name not in own]
        each = [
            column.some(usual, answers.reshape(-1, 1))
            for column, answers in zip(self._columns, predictions.T, strict=True)
        ]
        found = {name: float(np.mean([scores[name] for scores in each])) for name in usual}
        whole = predictions.astype(np.float64)
        found |= {name: one(self.targets, whole, self.weights, None) for name, one in own.items()}
        return {name: found[name] for name in names}
