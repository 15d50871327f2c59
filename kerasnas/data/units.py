"""The scale of numbers that are learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Units:
    """The scale of a regression's targets: numbers, or a list of them for several targets.

    Attributes:
        scale: Standard deviation of the training targets.
        mean: Their mean.
        low: Smallest answer that the graph gives.
        high: Largest answer that the graph gives.
        double: Whether float32 would merge the targets, so that answers are float64.
    """

    scale: Any
    mean: Any
    low: Any
    high: Any
    double: bool = False

    def standardise(self, targets: np.ndarray) -> np.ndarray:
        """Targets of shape `(rows,)` or `(rows, targets)` as a network learns them: float32.

        Returns:
            Shape `(rows, 1)` or `(rows, targets)`.
        """
        columns = targets.astype("float64").reshape(len(targets), -1)
        return ((columns - np.asarray(self.mean)) / np.asarray(self.scale)).astype("float32")

    def restore(self, answers: np.ndarray) -> np.ndarray:
        """A network's answers in the target's own units, float64, limited as in the graph."""
        own = np.asarray(answers, "float64") * np.asarray(self.scale) + np.asarray(self.mean)
        return np.clip(own, self.low, self.high)
