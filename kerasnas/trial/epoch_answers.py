"""Answers to the held-out rows of folds, each fold by an epoch that the other folds chose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnas.problem import AnswerScorer

_MOST_BYTES = 2**25  # of kept answers of one fold; choosing by more rows flatters little


class EpochAnswers:
    """Scores every epoch of a fold, and keeps its answers to the held-out rows.

    Args:
        scorer: Scores answers to the held-out rows.
        monitor: The metric that epochs are chosen by, with the prefix `val_`; `None` for the last.
        sign: 1 where less of it is better, -1 where more is.
    """

    def __init__(self, scorer: AnswerScorer, monitor: str | None, sign: int) -> None:
        self._scorer = scorer
        self._monitor = monitor or ""
        self._sign = sign
        self._bytes = 0
        self.rows = scorer.rows
        self.losses: list[float] = []
        self.answers: list[Any] = []

    def __call__(self, answers: Any) -> dict[str, float]:
        """The validation metrics of an epoch, from its answers."""
        metrics: dict[str, float] = self._scorer.validation(answers)
        self._bytes += sum(part.nbytes for part in keras.tree.flatten(answers))
        if self._bytes > _MOST_BYTES:
            self.losses, self.answers = [], []
        elif self._monitor in metrics:
            self.losses.append(self._sign * metrics[self._monitor])
            self.answers.append(keras.tree.map_structure(np.array, answers))
        return metrics

    def end(self, epochs: int) -> None:
        """Forgets what was scored before the first epoch, to time it.

        Args:
            epochs: Epochs that were run.
        """
        self.losses, self.answers = self.losses[-epochs:], self.answers[-epochs:]


def by_other_folds(folds: Sequence[EpochAnswers], answers: Sequence[Any]) -> list[Any]:
    """The answers to the held-out rows of every fold by an epoch that the other folds chose.

    A network trains for up to 256 epochs and keeps the best one. On the few rows of a fold that it
    was chosen by, the best of so many looks much better than it is: networks on breast_cancer had a
    log loss of 0.06 to 0.10 there, and 0.12 to 0.16 on new rows. So a fold is scored at the epoch
    that is best for the others on average. Its network keeps the weights of its own best epoch.

    Args:
        folds: What was kept of each fold.
        answers: The answers of each network as it is, which stay where a fold kept nothing.
    """
    if len(folds) < 2 or len(folds) != len(answers) or not all(fold.losses for fold in folds):
        return list(answers)
    longest = max(len(fold.losses) for fold in folds)
    # A training that has ended stays at its last score, which was no better than its best.
    rest = [longest - len(fold.losses) for fold in folds]
    curves = np.array([f.losses + f.losses[-1:] * n for f, n in zip(folds, rest, strict=True)])
    curves = np.where(np.isfinite(curves), curves, math.inf)
    weights = np.array([float(fold.rows) for fold in folds])
    found = []
    for i, fold in enumerate(folds):
        others = np.arange(len(folds)) != i
        mean = (weights[others, None] * curves[others]).sum(axis=0)
        epoch = min(int(np.argmin(mean)), len(fold.answers) - 1)
        found.append(fold.answers[epoch])
    return found
