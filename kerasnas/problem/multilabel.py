"""Scores of predictions with any number of labels a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kerasnas.problem.metrics import ClassColumns, Scorer, ranking

MULTI_LABEL = ("log_loss", "accuracy", "auc", "f1", "average_precision")


@dataclass(frozen=True)
class MultiLabelScorer(Scorer):
    """Scores the probability of every label; targets are a 0/1 matrix `(rows, labels)`.

    Log-loss and accuracy are means over rows and labels; F1, the area under the ROC curve and
    average precision are means over the labels that occur and do not always occur.
    """

    @property
    def class_columns(self) -> tuple[ClassColumns, ...]:
        """None: every label has a probability of its own."""
        return ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""
        return (*MULTI_LABEL, *(metric.name for metric in self.own))

    def _classification(self, names: Sequence[str], p: np.ndarray) -> dict[str, float]:
        truth = self.targets.astype(bool)
        said = p > 0.5
        scores = {
            "log_loss": self._mean(
                -np.log(np.clip(np.where(truth, p, 1.0 - p), 1e-7, 1.0)).mean(axis=1)
            ),
            "accuracy": self._mean((said == truth).mean(axis=1)),
        }
        mixed = [i for i in range(truth.shape[1]) if 0 < truth[:, i].sum() < len(truth)]
        if {"auc", "average_precision"} & set(names):
            found = [ranking(truth[:, i], p[:, i], self.weights) for i in mixed] or [(0.5, 0.0)]
            scores["auc"], scores["average_precision"] = (float(v) for v in np.mean(found, axis=0))
        if "f1" in names:
            weight = np.ones(len(truth)) if self.weights is None else self.weights
            both = ((truth & said) * weight[:, None]).sum(axis=0)
            either = ((truth * 1.0 + said) * weight[:, None]).sum(axis=0)
            scores["f1"] = float(
                np.mean([2 * both[i] / max(either[i], 1e-300) for i in mixed] or [0.0])
            )
        return {name: scores[name] for name in names}
