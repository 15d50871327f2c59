"""Heads: what a model answers, the loss it learns by, and the scores it is judged by."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasnas.auto_model.nodes import Part
from kerasnas.data import fit_class_target, fit_multilabel_target
from kerasnas.errors import SearchSpaceError
from kerasnas.problem.heads import (
    ArrayTarget,
    ClassHead,
    FittedHead,
    LabelsHead,
    OwnLossHead,
    QuantilesHead,
    QuantileTarget,
    ValueHead,
)

__all__ = ["ClassificationHead", "LossHead", "MultiLabelHead", "QuantileHead", "RegressionHead"]


class Head(Part):
    """The end of a graph: answers of one kind.

    Args:
        dropout: Share of the features dropped in front of the answer; searched if left open.
        loss_weight: Weight of this head's loss in training: a number, or a hyperparameter to tune.
        name: Name of the part; the name of the answer is its key in `AutoModel(outputs=…)`.
    """

    takes = ("features",)
    gives = "answer"
    scores: tuple[str, ...] = ClassHead.scores
    """Names of the scores."""
    around = ""
    """What `intervals=` gives around an answer: `interval`, `set`, or nothing."""

    def __init__(
        self, *, dropout: Any = None, loss_weight: Any = 1.0, name: str | None = None
    ) -> None:
        settings = {} if dropout is None else {"dropout": dropout}
        if not isinstance(loss_weight, int | float):
            settings["loss_weight"] = loss_weight
        super().__init__(name, **settings)
        self.fixed_weight = float(loss_weight) if isinstance(loss_weight, int | float) else None

    @property
    def given_weight(self) -> float:
        """Weight in the combined score: the given one; 1 where the weight is tuned."""
        return 1.0 if self.fixed_weight is None else self.fixed_weight

    def weight(self, hp: Any) -> float:
        """Weight of the loss in training."""
        if self.fixed_weight is not None:
            return self.fixed_weight
        return float(hp.Float("loss_weight", 0.1, 10.0, sampling="log", default=1.0))

    def fit(self, y: Any) -> FittedHead:
        """What the targets of all rows say: how to encode them and what to answer with."""
        raise NotImplementedError

    def build(self, hp: Any, inputs: Any, width: int) -> tuple[Any, Any]:
        """A tensor of shape `(batch, width)` from features, and the loss it learns by."""
        raise NotImplementedError

    def _dropped(self, hp: Any, x: Any) -> Any:
        rate = hp.Choice("dropout", [0.0, 0.2, 0.5], default=0.0)
        return layers.Dropout(rate)(x) if rate else x


class ClassificationHead(Head):
    """Answers with the probability of each class, `(batch, classes)`, for two classes too."""

    around = "set"

    def fit(self, y: Any) -> FittedHead:
        """Learns the labels."""
        return ClassHead(fit_class_target(y))

    def build(self, hp: Any, inputs: Any, width: int) -> tuple[Any, Any]:
        """Probabilities and their loss."""
        answer = layers.Dense(width, activation="softmax")(self._dropped(hp, inputs))
        return answer, keras.losses.SparseCategoricalCrossentropy()


class MultiLabelHead(Head):
    """Answers with the probability of every label by itself, `(batch, labels)`."""

    scores = LabelsHead.scores

    def fit(self, y: Any) -> FittedHead:
        """Learns the labels."""
        return LabelsHead(fit_multilabel_target(y))

    def build(self, hp: Any, inputs: Any, width: int) -> tuple[Any, Any]:
        """Probabilities and their loss."""
        answer = layers.Dense(width, activation="sigmoid")(self._dropped(hp, inputs))
        return answer, keras.losses.BinaryCrossentropy()


class RegressionHead(Head):
    """Answers with one number, `(batch, 1)`, in the units of the target."""

    scores = ValueHead.scores
    around = "interval"

    def fit(self, y: Any) -> FittedHead:
        """Checks the numbers."""
        return ValueHead()

    def build(self, hp: Any, inputs: Any, width: int) -> tuple[Any, Any]:
        """A value and its loss."""
        loss = hp.Choice("loss", ["mse", "huber"], default="mse")
        answer = layers.Dense(1)(self._dropped(hp, inputs))
        return answer, keras.losses.Huber() if loss == "huber" else keras.losses.MeanSquaredError()


class QuantileHead(Head):
    """Answers with quantiles of a number, `(batch, quantiles)`, in its units and in order.

    Trained with the pinball loss (Koenker & Bassett 1978). Quantiles never cross: each is the one
    below it plus a positive step.

    Args:
        quantiles: Increasing, in (0, 1).
        dropout: As in `Head`.
        loss_weight: As in `Head`.
        name: As in `Head`.
    """

    scores = QuantilesHead.scores

    def __init__(
        self,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        *,
        dropout: Any = None,
        loss_weight: Any = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(dropout=dropout, loss_weight=loss_weight, name=name)
        self.quantiles = tuple(float(q) for q in quantiles)
        bounds = (0.0, *self.quantiles, 1.0)
        if not self.quantiles or any(a >= b for a, b in itertools.pairwise(bounds)):
            raise SearchSpaceError(
                "`quantiles` must be increasing numbers between 0 and 1, such as "
                f"(0.1, 0.5, 0.9), received {quantiles!r}."
            )

    def fit(self, y: Any) -> FittedHead:
        """Checks the numbers."""
        return QuantilesHead(QuantileTarget(self.quantiles))

    def build(self, hp: Any, inputs: Any, width: int) -> tuple[Any, Any]:
        """Quantiles and their loss."""
        x = self._dropped(hp, inputs)
        answer = layers.Dense(1)(x)
        if width > 1:
            steps = ops.cumsum(layers.Dense(width - 1, activation="softplus")(x), axis=-1)
            answer = layers.Concatenate()([answer, answer + steps])
        levels = np.array(self.quantiles, dtype="float32")

        def pinball(y_true: Any, y_pred: Any) -> Any:
            error = y_true - y_pred
            return ops.mean(ops.maximum(levels * error, (levels - 1.0) * error), axis=-1)

        return answer, pinball


class LossHead(Head):
    """Answers with what your own Keras loss asks for.

    Args:
        loss: A Keras loss, its name, or a function of `(y_true, y_pred)`.
        activation: Of the answer, as in `keras.layers.Dense`.
        units: Numbers a row; `None` for as many as the targets have.
        dropout: As in `Head`.
        loss_weight: As in `Head`.
        name: As in `Head`.
    """

    scores = OwnLossHead.scores

    def __init__(
        self,
        loss: Any,
        *,
        activation: str | None = None,
        units: int | None = None,
        dropout: Any = None,
        loss_weight: Any = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(dropout=dropout, loss_weight=loss_weight, name=name)
        self.keras_loss = keras.losses.get(loss) if isinstance(loss, str) else loss
        self.activation = activation
        self.units = units

    def fit(self, y: Any) -> FittedHead:
        """Takes the targets as they are: finite numbers, any number of columns."""
        target = ArrayTarget(int(np.prod(np.shape(y)[1:], dtype=int)))
        return OwnLossHead(
            target, answer_width=self.units or target.width, keras_loss=self.keras_loss
        )

    def build(self, hp: Any, inputs: Any, width: int) -> tuple[Any, Any]:
        """The answer and the given loss."""
        answer = layers.Dense(width, activation=self.activation)(self._dropped(hp, inputs))
        return answer, self.keras_loss
