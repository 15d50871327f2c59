"""The head of any number of labels a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerasnas.data import MultiLabelTarget
from kerasnas.problem.heads.head import FittedHead
from kerasnas.problem.metrics import Scorer
from kerasnas.problem.multilabel import MULTI_LABEL, MultiLabelScorer


@dataclass(frozen=True, eq=False)
class LabelsHead(FittedHead):
    """The probability of every label by itself, `(rows, labels)`."""

    target: MultiLabelTarget

    scores: ClassVar[tuple[str, ...]] = MULTI_LABEL
    scorer_class: ClassVar[type[Scorer]] = MultiLabelScorer

    @property
    def width(self) -> int:
        """As `FittedHead.width`."""
        return len(self.target.labels)

    @property
    def classes(self) -> int:
        """As `FittedHead.classes`."""
        return len(self.target.labels)

    @property
    def multilabel(self) -> bool:
        """As `FittedHead.multilabel`."""
        return True

    def decode(self, answers: np.ndarray, threshold: float | None = None) -> Any:
        """The labels of a probability above one half, in the form of the user's targets."""
        return self.target.decode(answers > 0.5)

    def learnt(self, targets: np.ndarray) -> np.ndarray:
        """As `FittedHead.learnt`."""
        return targets.astype("float32")
