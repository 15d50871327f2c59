"""Scores of predictions, under the names that leaderboards and objectives use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLASSIFICATION = ("log_loss", "accuracy", "auc")
REGRESSION = ("rmse", "mae", "r2")


@dataclass(frozen=True)
class Scorer:
    """Scores predictions for fixed targets.

    Attributes:
        targets: Integer labels or values, shape `(rows,)`.
        classes: Number of classes; `None` for regression.
        weights: Weight of each row, shape `(rows,)`, or `None`.
    """

    targets: np.ndarray
    classes: int | None = None
    weights: np.ndarray | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""
        return CLASSIFICATION if self.classes is not None else REGRESSION

    def __call__(self, predictions: np.ndarray) -> dict[str, float]:
        """Scores probabilities `(rows, classes)` or values `(rows, 1)`.

        Returns:
            Scores by name; NaN where a prediction is not finite.
        """
        if not np.isfinite(predictions).all():
            return dict.fromkeys(self.names, float("nan"))
        if self.classes is not None:
            return self._classification(predictions.astype(np.float64))
        return self._regression(predictions.reshape(-1).astype(np.float64))

    def validation(self, predictions: np.ndarray) -> dict[str, float]:
        """The same scores as Keras would name them: `val_log_loss` and so on."""
        return {f"val_{name}": value for name, value in self(predictions).items()}

    def _mean(self, values: np.ndarray) -> float:
        return float(np.average(values, weights=self.weights))

    def _classification(self, probabilities: np.ndarray) -> dict[str, float]:
        picked = probabilities[np.arange(len(self.targets)), self.targets]
        # Probabilities are float32, which rounds to 0 and 1: the usual clip of log-loss.
        clipped = np.clip(picked, 1e-7, 1.0)
        return {
            "log_loss": self._mean(-np.log(clipped)),
            "accuracy": self._mean(probabilities.argmax(axis=1) == self.targets),
            "auc": self._auc(probabilities),
        }

    def _auc(self, probabilities: np.ndarray) -> float:
        """Area under the ROC curve; for several classes the mean of one against the rest."""
        present = np.unique(self.targets)
        if len(present) < 2:
            return 0.5
        columns = [1] if self.classes == 2 else present.tolist()
        areas = [
            area(self.targets == column, probabilities[:, column], self.weights)
            for column in columns
        ]
        return float(np.mean(areas))

    def _regression(self, values: np.ndarray) -> dict[str, float]:
        error = values - self.targets
        squared = self._mean(error**2)
        spread = self._mean((self.targets - self._mean(self.targets)) ** 2)
        return {
            "rmse": float(np.sqrt(squared)),
            "mae": self._mean(np.abs(error)),
            # Of constant targets, as scikit-learn has it.
            "r2": 1.0 - squared / spread if spread > 0 else float(squared == 0),
        }


def area(positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> float:
    """Weighted share of pairs in the right order, ties counted half."""
    weight = np.ones(len(score)) if weights is None else weights
    _, rank = np.unique(score, return_inverse=True)
    above = np.bincount(rank, weights=weight * positive)
    below = np.bincount(rank, weights=weight * ~positive)
    right = np.sum(above * (np.cumsum(below) - below / 2))
    total = above.sum() * below.sum()
    return float(right / total) if total > 0 else 0.5
