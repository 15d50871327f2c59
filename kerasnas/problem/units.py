"""The scale of numbers that are learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Units:
    """The scale of a regression's targets.

    Attributes:
        scale: Standard deviation of the training targets.
        mean: Their mean.
        low: Smallest answer that the graph gives.
        high: Largest answer that the graph gives.
    """

    scale: float
    mean: float
    low: float
    high: float

    def standardise(self, targets: np.ndarray) -> np.ndarray:
        """Targets of shape `(rows,)` as a network learns them: float32, shape `(rows, 1)`."""
        return ((targets - self.mean) / self.scale).astype("float32")[:, None]

    def restore(self, answers: np.ndarray) -> np.ndarray:
        """A network's answers in the target's own units, limited as in the graph."""
        return np.clip(answers * self.scale + self.mean, self.low, self.high)
