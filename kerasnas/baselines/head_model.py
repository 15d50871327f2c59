"""One head as a classical model learns it, and the model that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kerasnas.baselines.evidence import Evidence
from kerasnas.clock import ENDLESS, Deadline
from kerasnas.problem.heads import FittedHead


@dataclass(frozen=True, eq=False)
class HeadLesson:
    """One head, and the rows that one model learns it from.

    Attributes:
        evidence: Features of all rows.
        head: What is to be answered.
        encoded: Encoded targets of all rows.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        deadline: When the model has to be fitted.
    """

    evidence: Evidence
    head: FittedHead
    encoded: np.ndarray
    weights: np.ndarray | None
    train: np.ndarray
    deadline: Deadline = ENDLESS

    @cached_property
    def targets(self) -> np.ndarray:
        """Encoded targets of the training rows."""
        found: np.ndarray = self.encoded[self.train]
        return found

    @cached_property
    def train_weights(self) -> np.ndarray | None:
        """Weights of the training rows."""
        return None if self.weights is None else self.weights[self.train]


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A fitted model of one head. It holds no rows.

    Attributes:
        answer: From features of any rows, and the indices of some of them, to `(rows, width)`.
        size_bytes: About how much memory it takes.
    """

    answer: Callable[[Evidence, np.ndarray], np.ndarray]
    size_bytes: int = 0


def constant_head_model(lesson: HeadLesson) -> HeadModel:
    """The model that gives every row the best constant answer."""
    constant = lesson.head.constant(lesson.targets, lesson.train_weights)
    return HeadModel(lambda evidence, asked: np.tile(constant, (len(asked), 1)))
