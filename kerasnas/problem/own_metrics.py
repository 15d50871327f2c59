"""Metrics of the user's own: functions, scikit-learn's scorers, Keras's metrics."""

from __future__ import annotations

import copy
import inspect
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from kerasnas.errors import ObjectiveError
from kerasnas.objectives import Direction, Objective

log = logging.getLogger("kerasnas")

_OF_PROBABILITIES = re.compile(r"prob|scores?$|pred_decision")
"""In the name of the second argument of functions that take probabilities: `y_score`, `y_proba`."""

_LOG_LOSSES = {"log_loss", "d2_log_loss_score"}
"""Functions of scikit-learn that call probabilities `y_pred`."""

_OF_ONE_COLUMN = (
    keras.metrics.AUC,
    keras.metrics.BinaryAccuracy,
    keras.metrics.BinaryCrossentropy,
    keras.metrics.FalseNegatives,
    keras.metrics.FalsePositives,
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
    keras.metrics.TrueNegatives,
    keras.metrics.TruePositives,
)
"""Keras's metrics that take the probability of the second of two classes."""

_OF_LABELS = (keras.metrics.Accuracy, keras.metrics.MeanIoU, keras.metrics.IoU)
"""Keras's metrics that compare labels with labels: of probabilities they say 0."""

_SHUFFLE_SEED = 0


@dataclass(frozen=True, eq=False)
class OwnMetric:
    """A metric of the user's own as a score of answers.

    Attributes:
        name: What the leaderboard calls it, after `val_`.
        metric: A function `f(y_true, y_pred)`, a scorer `f(estimator, X, y)`, or a Keras metric.
        target: Decodes targets and answers to the user's own labels; `None` before it is known.
    """

    name: str
    metric: Any
    target: Any = None

    def __call__(self, *rows: Any) -> float:
        """As `value`; NaN where it is not defined for these rows, such as rows of one class."""
        try:
            return self.value(*rows)
        except Exception as error:  # whatever a function of the user raises
            log.debug("`%s` is not defined for some rows: %s", self.name, error)
            return float("nan")

    def value(
        self,
        targets: np.ndarray,
        predictions: np.ndarray,
        weights: np.ndarray | None,
        classes: int | None,
        threshold: float | None = None,
    ) -> float:
        """The value for some rows.

        Args:
            targets: Encoded targets.
            predictions: Probabilities `(rows, classes)` or values `(rows, targets)`.
            weights: Weight of each row, or `None`.
            classes: Number of classes or labels; `None` for regression.
            threshold: Probability from which the second of two classes is chosen.

        Raises:
            ObjectiveError: If it is no single number.
        """
        if isinstance(self.metric, keras.metrics.Metric):
            value = self._of_keras(targets, predictions, weights, classes, threshold)
        else:
            several = classes is not None and targets.ndim == 2
            truth = targets if classes is None or several else self.target.decode(targets)
            said: Any = predictions if truth.ndim > 1 else predictions.reshape(-1)
            if several:
                said = (predictions > 0.5).astype(targets.dtype)
            elif classes is not None:
                said = self.target.decode(_chosen(predictions, threshold))
            value = self._of_function(truth, said, predictions, weights, classes)
        array = np.asarray(value, dtype="float64")
        if array.size != 1:
            raise ObjectiveError(
                f"`objective` {self.name!r} gives {array.size} numbers, expected one. Take their "
                'mean, such as `average="macro"`.'
            )
        return float(array.reshape(()))

    def _of_function(
        self,
        truth: Any,
        said: Any,
        predictions: np.ndarray,
        weights: np.ndarray | None,
        classes: int | None,
    ) -> Any:
        weighted = {} if weights is None else {"sample_weight": weights}
        probable = predictions[:, 1] if classes == 2 and truth.ndim == 1 else predictions
        if is_scorer(self.metric):
            answered = _answered(said, predictions, self.target, classes, truth.ndim > 1)
            places = np.arange(len(truth)).reshape(-1, 1)
            return self.metric(answered, places, truth, **weighted)
        if classes is not None and _is_loss(self.metric):
            raise ObjectiveError(
                f"`objective` {self.name!r} is a loss of Keras, and a classifier is scored by "
                "metrics. Pass the metric, such as `keras.metrics.BinaryCrossentropy()`, or "
                "'val_log_loss'."
            )
        takes = _arguments_of(self.metric)
        if weighted and "sample_weight" not in takes:
            raise ObjectiveError(
                f"`objective` {self.name!r} takes no `sample_weight`, and rows have weights. Give "
                "the function an argument `sample_weight`, or leave the weights out."
            )
        scored = len(takes) > 1 and _OF_PROBABILITIES.search(takes[1].lower()) is not None
        if classes is not None and (scored or self.name in _LOG_LOSSES):
            return self.metric(truth, probable, **weighted)
        return self.metric(truth, said, **weighted)

    def _of_keras(
        self,
        targets: np.ndarray,
        predictions: np.ndarray,
        weights: np.ndarray | None,
        classes: int | None,
        threshold: float | None,
    ) -> Any:
        metric = self.metric
        metric.reset_state()
        truth: Any = targets
        labels = type(metric) in _OF_LABELS
        if classes is None and labels:
            raise ObjectiveError(
                f"`objective` {self.name!r} compares labels, and no number is answered exactly. "
                "Use a metric of numbers, such as `keras.metrics.MeanAbsoluteError()`."
            )
        if classes is None:
            truth = targets.reshape(len(targets), -1)
        elif labels:
            several = targets.ndim == 2
            predictions = predictions > 0.5 if several else _chosen(predictions, threshold)
        elif targets.ndim == 1:
            if classes == 2 and isinstance(metric, _OF_ONE_COLUMN):
                predictions = predictions[:, 1]
            elif not _takes_numbers(metric):
                truth = np.eye(classes)[targets]
        metric.update_state(truth, predictions.astype("float32"), sample_weight=weights)
        return keras.ops.convert_to_numpy(metric.result())


def own_metric(objective: Objective) -> OwnMetric:
    """The metric of an objective that is one's own."""
    metric = objective.metric
    if isinstance(metric, keras.metrics.Metric):
        metric = copy.deepcopy(metric)
    return OwnMetric(objective.name.removeprefix("val_"), metric)


def is_scorer(metric: Any) -> bool:
    """Whether it is called with an estimator, as scikit-learn's scorers are."""
    if isinstance(metric, keras.metrics.Metric):
        return False
    takes = _arguments_of(metric)
    return len(takes) > 2 and takes[0].lower() in ("estimator", "est", "model", "clf", "reg")


def direction_of(
    metric: OwnMetric,
    targets: np.ndarray,
    classes: int | None,
    weights: np.ndarray | None,
    given: Direction | None = None,
) -> Direction:
    """Whether more of a metric is better, by what it says of perfect answers and of shuffled ones.

    Args:
        metric: The metric.
        targets: Encoded targets of some rows.
        classes: Number of classes or labels; `None` for regression.
        weights: Weight of each row, or `None`.
        given: The direction, where the user says it: the metric need only be computable.

    Returns:
        `"max"` or `"min"`.

    Raises:
        ObjectiveError: If it cannot be computed, or says the same of both.
    """
    if classes is None:
        perfect = targets.reshape(len(targets), -1).astype("float64")
    elif targets.ndim == 2:
        perfect = targets.astype("float64")
    else:
        perfect = np.eye(classes)[targets]
    order = np.random.default_rng(_SHUFFLE_SEED).permutation(len(perfect))
    good = perfect.copy()
    some = order[: len(order) // 4]
    good[some] = perfect[np.roll(some, 1)]
    try:
        best, better, worse = (
            metric.value(targets, answers, weights, classes)
            for answers in (perfect, good, perfect[order])
        )
    except ObjectiveError:
        raise
    except Exception as error:  # whatever a function of the user raises
        raise ObjectiveError(
            f"`objective` {metric.name!r} cannot be computed for these targets: {error}"
        ) from error
    if given is not None:
        return given
    if best == worse or not np.isfinite([best, worse]).all():
        raise ObjectiveError(
            f"Whether more of `objective` {metric.name!r} is better is not known: it says {best:g} "
            f"of perfect answers and {worse:g} of shuffled ones. Write "
            f"`kerasnas.Objective({metric.name}, direction='max')` or 'min'."
        )
    if best < worse < better and is_scorer(metric.metric):
        return "max"  # as all scorers: this one is not defined where no answer is wrong
    return "max" if best > worse else "min"


class _AnsweredClasses(ClassifierMixin, BaseEstimator):
    """What a scorer asks for its answers, which are known already."""

    def __init__(self, said: Any = None, probabilities: Any = None, classes: Any = None) -> None:
        self.said = said
        self.probabilities = probabilities
        self.classes = classes

    @property
    def classes_(self) -> Any:
        """The labels."""
        return self.classes

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        """The labels of the rows."""
        return self.said

    def predict_proba(self, X: Any) -> Any:
        """The probabilities of the rows."""
        return self.probabilities


class _AnsweredValues(RegressorMixin, BaseEstimator):
    """The same for values."""

    def __init__(self, said: Any = None) -> None:
        self.said = said

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        """The values of the rows."""
        return self.said


def _answered(
    said: Any, predictions: np.ndarray, target: Any, classes: int | None, several: bool
) -> Any:
    if classes is None:
        return _AnsweredValues(said)
    whole = predictions
    if not several:  # rounded to float32, rows do not add up to 1, which scikit-learn warns of
        whole = predictions / predictions.sum(axis=1, keepdims=True)
    return _AnsweredClasses(said, whole, target.classes_)


def _chosen(predictions: np.ndarray, threshold: float | None) -> np.ndarray:
    """The index of the chosen class of each row."""
    if threshold is not None and predictions.shape[1] == 2:
        return (predictions[:, 1] >= threshold).astype("int64")
    return predictions.argmax(axis=1)


def _takes_numbers(metric: keras.metrics.Metric) -> bool:
    """Whether a metric compares numbers of classes with probabilities, as the sparse ones do."""
    own = not type(metric).__module__.startswith("keras.")
    return own or type(metric).__name__.startswith("Sparse")


def _is_loss(metric: Any) -> bool:
    """Whether it is a loss of Keras: labels, which functions get, mean nothing to it."""
    module = inspect.getmodule(metric)
    parts = [] if module is None else module.__name__.split(".")
    return isinstance(metric, keras.losses.Loss) or (parts[:1] == ["keras"] and "losses" in parts)


def _arguments_of(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # compiled functions do not say
        return []
