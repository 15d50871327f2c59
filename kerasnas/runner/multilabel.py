"""Scores of predictions with any number of labels a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerasnas.runner.metrics import Scorer, area


@dataclass(frozen=True)
class MultiLabelScorer(Scorer):
    """Scores the probability of every label; targets are a 0/1 matrix `(rows, labels)`.

    Log-loss and accuracy are means over rows and labels, the area under the ROC curve is the mean
    over the labels that occur and do not always occur.
    """

    def _classification(self, probabilities: np.ndarray) -> dict[str, float]:
        truth = self.targets.astype(bool)
        right = np.clip(np.where(truth, probabilities, 1.0 - probabilities), 1e-7, 1.0)
        areas = [
            area(truth[:, i], probabilities[:, i], self.weights)
            for i in range(truth.shape[1])
            if 0 < truth[:, i].sum() < len(truth)
        ]
        return {
            "log_loss": self._mean(-np.log(right).mean(axis=1)),
            "accuracy": self._mean(((probabilities > 0.5) == truth).mean(axis=1)),
            "auc": float(np.mean(areas)) if areas else 0.5,
        }
