"""The head of one class a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.data import ClassTarget
from kerasnas.problem.heads.head import FittedHead


@dataclass(frozen=True, eq=False)
class ClassHead(FittedHead):
    """Probabilities of classes, `(rows, classes)`."""

    target: ClassTarget

    @property
    def width(self) -> int:
        """As `FittedHead.width`."""
        return len(self.target.classes_)

    @property
    def classes(self) -> int:
        """As `FittedHead.classes`."""
        return len(self.target.classes_)

    def labels(self, targets: np.ndarray) -> np.ndarray:
        """As `FittedHead.labels`."""
        return targets

    @property
    def calibrates(self) -> bool:
        """As `FittedHead.calibrates`."""
        return True

    def decode(self, answers: np.ndarray, threshold: float | None = None) -> Any:
        """The most probable label of each row, in the type of the user's labels."""
        if threshold is not None and self.width == 2:
            return self.target.decode((answers[:, 1] >= threshold).astype("int64"))
        return self.target.decode(answers.argmax(axis=1))

    def learnt(self, targets: np.ndarray) -> np.ndarray:
        """As `FittedHead.learnt`."""
        return targets.astype("int32")

    def constant(self, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The share of every class."""
        counts = np.bincount(targets, weights=weights, minlength=self.width)
        return counts / counts.sum()
