"""Classifiers and regressors: what `predict` makes of the answers of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from kerasnas.data import ClassTarget, MultiLabelTarget
from kerasnas.estimators.estimator import Estimator


class Classifier(ClassifierMixin, Estimator):
    """What classifiers of all modalities have in common.

    Attributes:
        classes_: The labels, sorted; columns of `predict_proba` are in this order.
    """

    _classify = True
    target_classes = (ClassTarget, MultiLabelTarget)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of shape `(rows, classes)`, columns in the order of `classes_`."""
        return self._answer(X)

    def predict(self, X: Any) -> Any:
        """The most probable label of each row, in the type the labels had in `fit`.

        With several labels a row, those of a probability above one half, in the form of `y`.
        """
        answers = self._answer(X)
        return self.fitted_.decide(answers)

    def predict_set(self, X: Any) -> list[np.ndarray]:
        """The labels of each row among which the true one is, as often as `intervals` says.

        At least the most probable label belongs to it.

        Raises:
            SearchSpaceError: If `intervals` was not set.
        """
        chosen = self._outputs(X)["set"].astype(bool)
        return [self.classes_[row] for row in chosen]

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """All scores of classes on other rows, by name: log-loss, accuracy and others."""
        return self._scores(X, y, sample_weight)

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        classes: np.ndarray = self.fitted_.target.classes_
        return classes


class Regressor(RegressorMixin, Estimator):
    """What regressors of all modalities have in common."""

    def predict(self, X: Any) -> np.ndarray:
        """Values of shape `(rows,)`, float64, in the units of the targets."""
        return self._answer(X).reshape(-1).astype("float64")

    def predict_interval(self, X: Any) -> np.ndarray:
        """Lower and upper end of what holds the true value, as often as `intervals` says.

        Returns:
            float64, shape `(rows, 2)`.

        Raises:
            SearchSpaceError: If `intervals` was not set.
        """
        answers = self._outputs(X)
        return np.concatenate([answers["lower"], answers["upper"]], axis=1).astype("float64")

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """All scores of numbers on other rows, by name: RMSE, mean absolute error and others."""
        return self._scores(X, y, sample_weight)
