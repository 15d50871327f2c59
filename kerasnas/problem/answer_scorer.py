"""What scores answers, whatever they answer: of one head or of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np

from kerasnas.problem.metrics import ClassColumns


class AnswerScorer(Protocol):
    """Scores answers to fixed rows. Answers are one matrix `(rows, columns)` in the user's units.

    `Scorer` is one for the answers of one head, `HeadsScorer` for those of several.
    """

    @property
    def rows(self) -> int:
        """Number of rows that are scored."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""

    @property
    def weights(self) -> np.ndarray | None:
        """Weight of each row, or `None`."""

    @property
    def class_columns(self) -> tuple[ClassColumns, ...]:
        """The columns of answers that one temperature can calibrate, for each head of classes."""

    def __call__(self, predictions: np.ndarray) -> dict[str, float]:
        """All scores of answers, by name."""

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """The scores of these names only."""

    def of(self, rows: np.ndarray) -> Self:
        """The scorer of some of the rows."""

    def answers(self, predictions: Any) -> np.ndarray:
        """A network's output as answers."""

    def validation(self, predictions: Any) -> dict[str, float]:
        """Scores of a network's output, under the names that objectives use."""
