"""`TabularClassifier` and `TabularRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from kerasnas.data import ClassTarget
from kerasnas.estimators.estimator import TabularEstimator
from kerasnas.estimators.preparation import Prepared


class TabularClassifier(ClassifierMixin, TabularEstimator):
    """Finds a classifier for a table within a time budget, and saves it as one `.keras` file.

    Example:
        >>> clf = TabularClassifier(budget="10min", seed=0).fit(frame, "churn")  # doctest: +SKIP
        >>> clf.predict_proba(new)  # doctest: +SKIP
        >>> clf.save("churn.keras")  # doctest: +SKIP

    Attributes:
        classes_: The labels, sorted; columns of `predict_proba` are in this order.
    """

    _classify = True

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of shape `(rows, classes)`, columns in the order of `classes_`."""
        return self._answer(X)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each row, in the type the labels had in `fit`."""
        best = self._answer(X).argmax(axis=1)
        return self._target.decode(best)  # type: ignore[union-attr]

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Log-loss, accuracy and area under the ROC curve on other rows."""
        return self._scores(X, y, sample_weight)

    def _remember(self, data: Prepared) -> None:
        super()._remember(data)
        assert isinstance(data.target, ClassTarget)
        self.classes_ = data.target.classes_


class TabularRegressor(RegressorMixin, TabularEstimator):
    """Finds a regressor for a table within a time budget, and saves it as one `.keras` file.

    Example:
        >>> reg = TabularRegressor(budget="10min", seed=0).fit(frame, "price")  # doctest: +SKIP
        >>> reg.predict(new)  # doctest: +SKIP
    """

    def predict(self, X: Any) -> np.ndarray:
        """Values of shape `(rows,)`, float64, in the units of the targets."""
        return self._answer(X).reshape(-1).astype("float64")

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Root mean squared error, mean absolute error and R² on other rows."""
        return self._scores(X, y, sample_weight)
