"""The head of one number a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from kerasnas.data import RegressionTarget
from kerasnas.data.float32_loss import loses_digits, merges_whole_numbers
from kerasnas.data.units import Units
from kerasnas.problem.heads.head import FittedHead
from kerasnas.problem.metrics import REGRESSION

MARGIN_OF_RANGE = 0.05  # of the range of the training targets, by which answers may leave it


@dataclass(frozen=True, eq=False)
class ValueHead(FittedHead):
    """One number in the target's units, `(rows, 1)`."""

    target: Any = field(default_factory=RegressionTarget)

    scores: ClassVar[tuple[str, ...]] = REGRESSION

    @property
    def width(self) -> int:
        """As `FittedHead.width`."""
        return 1

    def on(self, targets: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """As `FittedHead.on`."""
        return replace(self, units=units_of(targets, weights))

    @property
    def calibrates(self) -> bool:
        """As `FittedHead.calibrates`."""
        return self.width == 1

    def decode(self, answers: np.ndarray, threshold: float | None = None) -> Any:
        """Values of shape `(rows,)`, float64."""
        return answers.reshape(-1).astype("float64")

    def learnt(self, targets: np.ndarray) -> np.ndarray:
        """As `FittedHead.learnt`."""
        assert self.units is not None, "the scale comes from the training rows"
        return self.units.standardise(targets)

    def loss(self, scores: Mapping[str, float]) -> float:
        """The mean squared error of standardised targets."""
        assert self.units is not None, "the scale comes from the training rows"
        return (scores["rmse"] / self.units.scale) ** 2


def units_of(values: np.ndarray, weights: np.ndarray | None = None) -> Units:
    """The scale of training targets.

    Args:
        values: Targets of shape `(rows,)`.
        weights: Weight of each row, or `None`.
    """
    mean = float(np.average(values, weights=weights))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    margin = MARGIN_OF_RANGE * float(np.ptp(values))
    return Units(
        scale=deviation if deviation > 0 else 1.0,
        mean=mean,
        low=float(values.min()) - margin,
        high=float(values.max()) + margin,
        double=needs_double(values),
    )


def needs_double(values: np.ndarray) -> bool:
    """Whether float32 would merge targets, or cannot hold them."""
    return loses_digits(values) or merges_whole_numbers(values)
