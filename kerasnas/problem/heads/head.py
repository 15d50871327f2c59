"""A head that has seen its targets: how they are encoded, learnt, scored and given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from kerasnas.data.units import Units
from kerasnas.problem.metrics import CLASSIFICATION, Scorer


@dataclass(frozen=True, eq=False)
class FittedHead:
    """One target of a problem, and everything that follows from it.

    Attributes:
        target: Encodes the user's targets; its JSON stands in saved files.
        units: The scale of the training targets; `None` where there is none.
    """

    target: Any
    units: Units | None = None

    scores: ClassVar[tuple[str, ...]] = CLASSIFICATION
    """Names of the scores of any targets of this kind, the first of which training improves."""

    scorer_class: ClassVar[type[Scorer]] = Scorer

    @property
    def width(self) -> int:
        """Numbers a row that a network gives."""
        raise NotImplementedError

    @property
    def classes(self) -> int | None:
        """Number of classes or labels; `None` for numbers."""
        return None

    @property
    def multilabel(self) -> bool:
        """Whether a row may have any number of labels."""
        return False

    @property
    def calibrates(self) -> bool:
        """Whether there are intervals or sets around its answers."""
        return False

    def on(self, targets: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """The head with the scale of these training targets, where it has a scale."""
        return self

    def encode(self, y: Any) -> np.ndarray:
        """The user's targets as numbers with a leading axis of rows.

        Raises:
            SchemaError: If there are targets that the head cannot have.
        """
        encoded: np.ndarray = self.target.encode(y)
        return encoded

    def joined(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Encoded targets of some rows, then of others."""
        return np.concatenate([first, second])

    def decode(self, answers: np.ndarray, threshold: float | None = None) -> Any:
        """Answers in the form of the user's targets.

        Args:
            answers: Answers in the user's units, `(rows, width)`.
            threshold: Probability from which the second of two classes is chosen.
        """
        return answers.astype("float64")

    def labels(self, targets: np.ndarray) -> np.ndarray | None:
        """One integer label a row, by which a split can be stratified; `None` without classes."""
        return None

    def learnt(self, targets: np.ndarray) -> np.ndarray:
        """Encoded targets as a network learns them."""
        raise NotImplementedError

    def scorer(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
        extra: tuple[str, ...] = (),
    ) -> Scorer:
        """Scores answers to rows with these targets.

        Args:
            targets: Encoded targets.
            weights: Weight of each row, or `None`; weights that are all 0 do not count.
            extra: Further metrics that an objective asks for.
        """
        return self.scorer_class(
            targets, self.classes, scoring_weights(weights), extra, units=self.units
        )

    def loss(self, scores: Mapping[str, float]) -> float:
        """The score that counts in a sum over heads, free of the target's units."""
        return scores[self.scores[0]]

    def constant(self, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The best answer that is the same for every row, shape `(width,)`."""
        return np.reshape(np.average(targets, axis=0, weights=weights), (self.width,))


def scoring_weights(weights: np.ndarray | None) -> np.ndarray | None:
    """Weights of rows to score; `None` where they are all 0, so that every row counts."""
    return None if weights is None or weights.sum() == 0 else weights
