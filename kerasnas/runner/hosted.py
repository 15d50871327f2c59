"""Training through Keras's own `fit`: for hypermodels with a `fit`, custom steps, `tf.data`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras

from kerasnas.runner.training import Plan, Trained
from kerasnas.runner.view import View

if TYPE_CHECKING:
    from kerasnas.runner.tuner import Job


class _Watch(keras.callbacks.Callback):
    """Keeps the best weights, reports epochs, and stops training when the clock says so."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self.result = Trained()
        self.best = math.inf
        self.weights: list[Any] | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the clock."""
        if self._plan.seconds_left() <= 0:
            self.result.out_of_time = True
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the epoch if it is the best so far."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        plan, result = self._plan, self.result
        plan.on_epoch(epoch, numbers)
        result.history.append(numbers)
        result.epochs = epoch + 1
        value = numbers.get(plan.monitor, math.nan) * plan.sign if plan.monitor else -epoch
        if value < self.best or not result.metrics:
            self.best = value if math.isfinite(value) else self.best
            result.metrics, result.epoch = numbers, epoch
            self.weights = self.model.get_weights()
        if plan.patience is not None and epoch - result.epoch >= plan.patience:
            self.model.stop_training = True


def fit_by_keras(
    hypermodel: Any,
    hp: Any,
    model: keras.Model,
    view: View,
    job: Job,
    plan: Plan,
    batch_size: int | None,
) -> Trained:
    """Runs `hypermodel.fit` as keras-tuner does and keeps the best epoch.

    A `fit` that returns a number or a dict instead of a `History` is taken at its word.
    """
    watch = _Watch(plan)
    kwargs = dict(job.fit_kwargs)
    kwargs.setdefault("verbose", 0)
    kwargs["epochs"] = plan.epochs or 1
    kwargs["callbacks"] = [*plan.callbacks, watch]
    if batch_size is not None:
        kwargs["batch_size"] = batch_size
    if view.validation is not None:
        kwargs["validation_data"] = view.validation
    if view.weights is not None:
        kwargs["sample_weight"] = view.weights
    args = (view.x,) if view.y is None else (view.x, view.y)
    returned = hypermodel.fit(hp, model, *args, **kwargs)
    if watch.weights is not None:
        model.set_weights(watch.weights)
    if isinstance(returned, dict):
        watch.result.metrics = {name: float(value) for name, value in returned.items()}
    elif isinstance(returned, int | float):
        name = job.objectives[0].name
        watch.result.metrics = {**watch.result.metrics, name: float(returned)}
    return watch.result
