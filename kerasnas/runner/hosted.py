"""Training through Keras's own `fit`: for hypermodels with a `fit`, custom steps, `tf.data`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import keras

from kerasnas.problem.view import View
from kerasnas.runner.checkpoint import State, build
from kerasnas.runner.job import Job
from kerasnas.runner.plan import Plan, Trained, Watch


class _Watching(keras.callbacks.Callback):
    """Follows the epochs, and stops training when they or the clock say so."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self._ended = True
        self.watch = Watch(plan)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the clock."""
        if self._plan.deadline.passed:
            self._ended = False
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the epoch if it is the best so far."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        if self.watch.saw(epoch, numbers, self.model.get_weights, ended=self._ended):
            self.model.stop_training = True


def _averaging(model: keras.Model) -> list[keras.callbacks.Callback]:
    """Makes Keras score the averaged weights where an optimiser keeps such."""
    if not getattr(getattr(model, "optimizer", None), "use_ema", False):
        return []
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]


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

    A `fit` that returns a number or a dict instead of a `History` is taken at its word. A training
    that had paused goes on with the weights and the optimiser that it had, from `initial_epoch`.
    """
    full = plan.epochs or plan.lengths[0]
    epochs, first = plan.until(full), 0
    if plan.start is not None:
        build(model, view.x)
        if plan.start.restore(model):
            first = min(plan.start.epochs, epochs)
        else:
            plan = replace(plan, start=None)
    watching = _Watching(plan)
    watch = watching.watch
    kwargs = dict(job.fit_kwargs)
    kwargs.setdefault("verbose", 0)
    kwargs["epochs"] = epochs
    if first:
        kwargs["initial_epoch"] = first
    kwargs["callbacks"] = [*_averaging(model), *plan.callbacks, watching]
    if batch_size is not None:
        kwargs["batch_size"] = batch_size
    if view.validation is not None:
        kwargs["validation_data"] = view.validation
    if view.weights is not None:
        kwargs["sample_weight"] = view.weights
    args = (view.x,) if view.y is None else (view.x, view.y)
    with warnings.catch_warnings():
        # Keras warns of its own default for every `tf.data.Dataset`.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed, but will be ignored")
        returned = hypermodel.fit(hp, model, *args, **kwargs)
    result = watch.result
    result.full = full
    result.epochs = result.epochs or epochs
    state = State.of(model, epochs=result.epochs) if plan.keep else None
    if watch.weights is not None:
        model.set_weights(watch.weights)
    if isinstance(returned, dict):
        result.metrics = {name: float(value) for name, value in returned.items()}
    elif isinstance(returned, int | float):
        name = job.objectives[0].name
        result.metrics = {**result.metrics, name: float(returned)}
    if state is not None:
        state.weights = model.get_weights()
        state.epoch, state.best, state.metrics = result.epoch, watch.best, dict(result.metrics)
        result.state = state
    return result
