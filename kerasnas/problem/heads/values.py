"""The head of several numbers a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from kerasnas.data import ValuesTarget
from kerasnas.data.units import Units
from kerasnas.problem.heads.head import FittedHead
from kerasnas.problem.heads.value import units_of
from kerasnas.problem.metrics import REGRESSION, Scorer
from kerasnas.problem.values import ValuesScorer


@dataclass(frozen=True, eq=False)
class ValuesHead(FittedHead):
    """Several numbers in the units of their targets, `(rows, targets)`."""

    target: ValuesTarget

    scores: ClassVar[tuple[str, ...]] = REGRESSION
    scorer_class: ClassVar[type[Scorer]] = ValuesScorer

    @property
    def width(self) -> int:
        """As `FittedHead.width`."""
        return len(self.target.names)

    def on(self, targets: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """As `FittedHead.on`: every column has its own scale."""
        each = [units_of(column, weights) for column in targets.T]
        joined = Units(
            scale=[units.scale for units in each],
            mean=[units.mean for units in each],
            low=[units.low for units in each],
            high=[units.high for units in each],
            double=any(units.double for units in each),
        )
        return replace(self, units=joined)

    def learnt(self, targets: np.ndarray) -> np.ndarray:
        """As `FittedHead.learnt`."""
        assert self.units is not None, "the scale comes from the training rows"
        return self.units.standardise(targets)

    def loss(self, scores: Mapping[str, float]) -> float:
        """The mean of the columns' RMSE, in their mean deviation."""
        assert self.units is not None, "the scale comes from the training rows"
        return scores["rmse"] / float(np.mean(self.units.scale))
