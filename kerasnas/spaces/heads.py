"""From a block's tensor to answers, with the loss that belongs to them."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner
from keras import layers, ops


@keras.saving.register_keras_serializable("kerasnas")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy on integer labels, smoothed towards the uniform distribution.

    Only used in training; an exported model is not compiled.

    Args:
        classes: Number of classes.
        smoothing: Share of the probability that is spread over all classes.
        name: As in `keras.losses.Loss`.
        **kwargs: As in `keras.losses.Loss`.
    """

    def __init__(
        self, classes: int, smoothing: float, name: str = "smoothed_crossentropy", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._classes = classes
        self._smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each row; `y_true` of shape `(batch,)` or `(batch, 1)`."""
        hot = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), self._classes)
        smooth = hot * (1.0 - self._smoothing) + self._smoothing / self._classes
        return keras.losses.categorical_crossentropy(smooth, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for a compiled model in a file."""
        return {**super().get_config(), "classes": self._classes, "smoothing": self._smoothing}


def classification_head(
    hp: keras_tuner.HyperParameters, x: Any, classes: int
) -> tuple[Any, keras.losses.Loss]:
    """Probabilities `(batch, classes)`, for two classes too, and the loss on integer labels."""
    smoothing = hp.Choice("label_smoothing", [0.0, 0.05, 0.1], default=0.0)
    answer = layers.Dense(int(classes), activation="softmax", name="probabilities")(x)
    if smoothing:
        return answer, SmoothedCrossentropy(int(classes), smoothing)
    return answer, keras.losses.SparseCategoricalCrossentropy()


def multilabel_head(x: Any, labels: int) -> tuple[Any, keras.losses.Loss]:
    """The probability of every label by itself, `(batch, labels)`, and the loss on a 0/1 matrix."""
    answer = layers.Dense(int(labels), activation="sigmoid", name="probabilities")(x)
    return answer, keras.losses.BinaryCrossentropy()


def regression_head(
    hp: keras_tuner.HyperParameters, x: Any, outputs: int = 1
) -> tuple[Any, keras.losses.Loss]:
    """Values `(batch, outputs)` and their loss: squared error, or Huber's for outliers."""
    loss = hp.Choice("loss", ["mse", "huber"], default="mse")
    answer = layers.Dense(int(outputs), name="value")(x)
    return answer, keras.losses.Huber() if loss == "huber" else keras.losses.MeanSquaredError()
