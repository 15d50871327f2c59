"""The head of quantiles of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerasnas.data import RegressionTarget
from kerasnas.errors import SchemaError
from kerasnas.problem.heads.head import FittedHead, scoring_weights
from kerasnas.problem.heads.value import ValueHead
from kerasnas.problem.metrics import Scorer


@dataclass(frozen=True)
class QuantileTarget(RegressionTarget):
    """Numbers, of which quantiles are answered.

    Attributes:
        quantiles: Their levels, increasing.
    """

    quantiles: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The levels."""
        return {"quantiles": list(self.quantiles)}

    @classmethod
    def from_json(cls, content: Any) -> QuantileTarget:
        """The target that `to_json` wrote, or `SchemaError`."""
        levels = content.get("quantiles") if isinstance(content, Mapping) else None
        if not isinstance(levels, list) or not all(isinstance(q, float) for q in levels):
            raise SchemaError("A quantile target must be a dict with a list of quantiles.")
        return cls(tuple(levels))


@dataclass(frozen=True)
class QuantileScorer(Scorer):
    """Scores quantiles by the pinball loss.

    Attributes:
        levels: Levels of the columns of the answers.
    """

    levels: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""
        return ("pinball",)

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """As `Scorer.some`."""
        if not np.isfinite(predictions).all():
            return dict.fromkeys(names, float("nan"))
        levels = np.array(self.levels)
        error = self.targets[:, None] - predictions
        losses = np.maximum(levels * error, (levels - 1) * error).mean(axis=1)
        return dict.fromkeys(names, float(np.average(losses, weights=self.weights)))


@dataclass(frozen=True, eq=False)
class QuantilesHead(ValueHead):
    """Quantiles of a number in the target's units, `(rows, quantiles)`."""

    target: QuantileTarget

    scores: ClassVar[tuple[str, ...]] = ("pinball",)

    @property
    def width(self) -> int:
        """As `FittedHead.width`."""
        return len(self.target.quantiles)

    @property
    def calibrates(self) -> bool:
        """As `FittedHead.calibrates`."""
        return False

    def decode(self, answers: np.ndarray, threshold: float | None = None) -> Any:
        """As `FittedHead.decode`."""
        return FittedHead.decode(self, answers)

    def scorer(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
        extra: tuple[str, ...] = (),
    ) -> QuantileScorer:
        """As `FittedHead.scorer`."""
        return QuantileScorer(
            targets, None, scoring_weights(weights), units=self.units, levels=self.target.quantiles
        )

    def loss(self, scores: Mapping[str, float]) -> float:
        """The pinball loss of standardised targets."""
        assert self.units is not None, "the scale comes from the training rows"
        return scores["pinball"] / self.units.scale

    def constant(self, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The quantiles of the targets."""
        if weights is None:
            return np.quantile(targets, self.target.quantiles)
        return np.quantile(targets, self.target.quantiles, weights=weights, method="inverted_cdf")
