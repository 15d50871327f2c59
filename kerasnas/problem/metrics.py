"""Scores of predictions, under the names that leaderboards and objectives use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from kerasnas.data.units import Units
from kerasnas.problem.own_metrics import OwnMetric

CLASSIFICATION = ("log_loss", "accuracy", "balanced_accuracy", "auc", "f1", "average_precision")
REGRESSION = ("rmse", "mae", "r2", "rmsle")
_QUANTILE = re.compile(r"quantile_loss_(\d{1,2})")


def is_quantile_loss(name: str) -> bool:
    """Whether a metric is the loss of a quantile, such as `quantile_loss_90` of the 90th one."""
    found = _QUANTILE.fullmatch(name)
    return found is not None and int(found[1]) > 0


@dataclass(frozen=True, eq=False)
class ClassColumns:
    """The columns of a matrix of answers that hold the probabilities of one head's classes.

    Attributes:
        head: Name of the head; empty where there is one head.
        start: The first column.
        stop: One behind the last column.
        scorer: Scores these columns alone; its targets are integer labels.
    """

    head: str
    start: int
    stop: int
    scorer: Scorer

    def of(self, answers: np.ndarray) -> np.ndarray:
        """The probabilities in a matrix of answers."""
        return answers[:, self.start : self.stop]


@dataclass(frozen=True)
class Scorer:
    """Scores the answers of one head for fixed targets.

    `HeadsScorer` has the same members, for the answers of several heads.

    Attributes:
        targets: Integer labels or values, shape `(rows,)`.
        classes: Number of classes; `None` for regression.
        weights: Weight of each row, shape `(rows,)`, or `None`.
        extra: Further metrics: losses of quantiles, for regression.
        threshold: Probability from which the second of two classes is chosen; `None` chooses the
            most probable class.
        units: The scale in which a network gives its values; `None` where it gives the user's.
        own: Metrics of the user's own.
    """

    targets: np.ndarray
    classes: int | None = None
    weights: np.ndarray | None = None
    extra: tuple[str, ...] = ()
    threshold: float | None = None
    units: Units | None = None
    own: tuple[OwnMetric, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows that are scored."""
        return len(self.targets)

    @property
    def class_columns(self) -> tuple[ClassColumns, ...]:
        """The columns of answers that one temperature can calibrate."""
        return () if self.classes is None else (ClassColumns("", 0, self.classes, self),)

    def at(self, threshold: float) -> Self:
        """The scorer of decisions by another threshold."""
        return replace(self, threshold=threshold)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`; only those defined for these targets."""
        own = tuple(metric.name for metric in self.own)
        if self.classes is not None:
            return (*CLASSIFICATION, *own)
        positive = len(self.targets) > 0 and float(np.min(self.targets)) > -1.0
        return (*(n for n in REGRESSION if positive or n != "rmsle"), *self.extra, *own)

    def __call__(self, predictions: np.ndarray) -> dict[str, float]:
        """Scores probabilities `(rows, classes)` or values `(rows, 1)`.

        Returns:
            Scores by name; NaN where a prediction is not finite.
        """
        return self.some(self.names, predictions)

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """The scores of these names only."""
        if not np.isfinite(predictions).all():
            return dict.fromkeys(names, float("nan"))
        predictions = predictions.astype(np.float64)
        own = {metric.name: metric for metric in self.own if metric.name in names}
        usual = [name for name in names if name not in own]
        if self.classes is not None:
            scores = self._classification(usual, predictions)
        else:
            values = predictions.reshape(-1)
            scores = {name: self._regression(name, values) for name in usual}
        for name, metric in own.items():
            scores[name] = metric(
                self.targets, predictions, self.weights, self.classes, self.threshold
            )
        return {name: scores[name] for name in names}

    def validation(self, predictions: Any) -> dict[str, float]:
        """The same scores as Keras would name them: `val_log_loss` and so on."""
        return validated(self(self.answers(predictions)))

    def of(self, rows: np.ndarray) -> Self:
        """The scorer of some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        if weights is not None and weights.sum() == 0:
            weights = None
        return replace(self, targets=self.targets[rows], weights=weights)

    def answers(self, predictions: Any) -> np.ndarray:
        """A network's output as the exported graph gives it: a matrix in the user's units."""
        return predictions if self.units is None else self.units.restore(predictions)

    def _mean(self, values: np.ndarray) -> float:
        return float(np.average(values, weights=self.weights))

    def _classification(self, names: Sequence[str], p: np.ndarray) -> dict[str, float]:
        scores: dict[str, float] = {}
        if "log_loss" in names:
            picked = p[np.arange(len(self.targets)), self.targets]
            # Probabilities are float32, which rounds to 0 and 1: the usual clip of log-loss.
            scores["log_loss"] = self._mean(-np.log(np.clip(picked, 1e-7, 1.0)))
        if {"accuracy", "balanced_accuracy", "f1"} & set(names):
            above = self.threshold is not None and self.classes == 2
            chosen = (p[:, 1] >= self.threshold).astype("int64") if above else p.argmax(axis=1)
            scores.update(self._decisions(chosen))
        if {"auc", "average_precision"} & set(names):
            scores.update(self._rankings(p))
        return {name: scores[name] for name in names}

    def _decisions(self, chosen: np.ndarray) -> dict[str, float]:
        """Scores of the most probable labels."""
        assert self.classes is not None
        table = confusion(self.targets, chosen, self.classes, self.weights)
        right: np.ndarray = np.diag(table)
        truly: np.ndarray = table.sum(axis=1)
        said: np.ndarray = table.sum(axis=0)
        present = truly > 0
        recall = right[present] / truly[present]
        f1: np.ndarray = np.divide(2.0 * right, np.maximum(truly + said, 1e-300))
        return {
            "accuracy": float(np.sum(right)) / float(np.sum(table)),
            "balanced_accuracy": float(recall.mean()),
            # Of two classes that of the second; of more the mean over those that occur.
            "f1": float(f1[1]) if self.classes == 2 else float(f1[(truly + said) > 0].mean()),
        }

    def _rankings(self, p: np.ndarray) -> dict[str, float]:
        """Scores of the order of rows; for several classes the mean of one against the rest."""
        present = np.unique(self.targets)
        if len(present) < 2:
            return {"auc": 0.5, "average_precision": float(present[0] == 1)}
        columns = [1] if self.classes == 2 else present.tolist()
        found = [ranking(self.targets == c, p[:, c], self.weights) for c in columns]
        auc, precision = np.mean(found, axis=0)
        return {"auc": float(auc), "average_precision": float(precision)}

    def _regression(self, name: str, values: np.ndarray) -> float:
        error = values - self.targets
        if name == "mae":
            return self._mean(np.abs(error))
        if name == "rmsle":
            logs = np.log1p(np.maximum(values, -1.0 + 1e-9)) - np.log1p(self.targets)
            return float(np.sqrt(self._mean(logs**2)))
        if is_quantile_loss(name):
            level = int(name.rsplit("_", 1)[1]) / 100
            return self._mean(np.maximum(-level * error, (1.0 - level) * error))
        squared = self._mean(error**2)
        if name == "rmse":
            return float(np.sqrt(squared))
        spread = self._mean((self.targets - self._mean(self.targets)) ** 2)
        # Of constant targets, as scikit-learn has it.
        return 1.0 - squared / spread if spread > 0 else float(squared == 0)


def validated(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores of validation rows under the names that objectives use: `val_log_loss` and so on."""
    return {f"val_{name}": value for name, value in scores.items()}


def confusion(
    truth: np.ndarray, said: np.ndarray, classes: int, weights: np.ndarray | None
) -> np.ndarray:
    """Weight of rows by true and chosen label, shape `(classes, classes)`."""
    cells = np.bincount(truth * classes + said, weights=weights, minlength=classes**2)
    return cells.reshape(classes, classes).astype("float64")


def ranking(
    positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None
) -> tuple[float, float]:
    """Area under the ROC curve, ties counted half, and average precision."""
    weight = np.ones(len(score)) if weights is None else weights
    _, rank = np.unique(score, return_inverse=True)
    above = np.bincount(rank, weights=weight * positive)
    below = np.bincount(rank, weights=weight * ~positive)
    total, rest = above.sum(), below.sum()
    if total == 0 or rest == 0:
        return 0.5, float(total > 0)
    area = float(np.sum(above * (np.cumsum(below) - below / 2)) / (total * rest))
    hits, seen = np.cumsum(above[::-1]), np.cumsum((above + below)[::-1])
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    return area, float(np.sum(precision * above[::-1]) / total)
