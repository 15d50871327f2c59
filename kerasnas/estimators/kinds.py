"""Classifiers and regressors: what `predict` makes of the answers of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score

from kerasnas.data import ClassTarget, MultiLabelTarget
from kerasnas.data.one_hot import class_labels
from kerasnas.errors import SchemaError
from kerasnas.estimators.estimator import Estimator
from kerasnas.results.conformal import interval_of, labels_of


class Classifier(ClassifierMixin, Estimator):
    """What classifiers of all modalities have in common.

    Attributes:
        classes_: The labels, sorted; columns of `predict_proba` are in this order.
    """

    _classify = True
    target_classes = (ClassTarget, MultiLabelTarget)

    def predict_proba(self, X: Any, *, model: str | None = None) -> np.ndarray:
        """Probabilities of shape `(rows, classes)`, columns in the order of `classes_`.

        Args:
            X: Rows of the form that `fit` takes.
            model: Another row of the leaderboard to answer, such as `"0003"`.
        """
        return self._answering(model).answer(self._stored(X))

    def predict(self, X: Any, *, model: str | None = None) -> Any:
        """The most probable label of each row, in the type the labels had in `fit`.

        With several labels a row, those of a probability above one half, in the form of `y`.

        Args:
            X: Rows of the form that `fit` takes.
            model: Another row of the leaderboard to answer, such as `"0003"`.
        """
        fitted = self._answering(model)
        return fitted.decide(fitted.answer(self._stored(X)))

    def predict_set(self, X: Any) -> list[np.ndarray]:
        """The labels of each row among which the true one is, as often as `intervals` says.

        At least the most probable label belongs to it.

        Raises:
            SearchSpaceError: If `intervals` was not set.
        """
        return labels_of(self._outputs(X), self.classes_)

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """All scores of classes on other rows, by name: log-loss, accuracy and others.

        Args:
            X: Inputs as in `fit`.
            y: Labels, the name of a column of `X`, or `None` where `X` holds them.
            sample_weight: Weight of each row, or the name of a column of `X`.
        """
        return self._scores(X, y, sample_weight)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of rows whose labels are all answered rightly; takes what `evaluate` takes."""
        rows = self._rows_of(X, y, sample_weight)
        target: Any = self.fitted_.target
        truth, said = class_labels(rows.y), self.predict(rows.x)
        try:  # in the form in which `fit` compares them, where it knows all labels
            truth, said = target.encode(rows.y), target.encode(said)
        except SchemaError:
            if isinstance(target, MultiLabelTarget):
                raise
        try:
            return float(accuracy_score(truth, said, sample_weight=rows.weights))
        except (TypeError, ValueError) as error:  # such as texts among whole numbers
            raise SchemaError(
                f"`y` cannot be compared with the answers ({error}). Pass labels of the type that "
                f"they had in fit, such as {self.classes_.tolist()[0]!r}."
            ) from error

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        classes: np.ndarray = self.fitted_.target.classes_
        return classes


class Regressor(RegressorMixin, Estimator):
    """What regressors of all modalities have in common."""

    def predict(self, X: Any, *, model: str | None = None) -> np.ndarray:
        """Values of shape `(rows,)`, float64, in the units of the targets.

        Of several targets, values of shape `(rows, targets)`.

        Args:
            X: Rows of the form that `fit` takes.
            model: Another row of the leaderboard to answer, such as `"0003"`.
        """
        fitted = self._answering(model)
        answers: np.ndarray = fitted.decide(fitted.answer(self._stored(X)))
        return answers

    def predict_interval(self, X: Any) -> np.ndarray:
        """Lower and upper end of what holds the true value, as often as `intervals` says.

        Returns:
            float64, shape `(rows, 2)`.

        Raises:
            SearchSpaceError: If `intervals` was not set.
        """
        return interval_of(self._outputs(X))

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """All scores of numbers on other rows, by name: RMSE, mean absolute error and others.

        Args:
            X: Inputs as in `fit`.
            y: Values, the name of a column of `X`, or `None` where `X` holds them.
            sample_weight: Weight of each row, or the name of a column of `X`.
        """
        return self._scores(X, y, sample_weight)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The coefficient of determination, R2; takes what `evaluate` takes."""
        rows = self._rows_of(X, y, sample_weight)
        truth = self.fitted_.target.encode(rows.y)
        return float(r2_score(truth, self.predict(rows.x), sample_weight=rows.weights))
