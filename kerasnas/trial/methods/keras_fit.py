"""Fitting through Keras's own `fit`: a user's `fit`, custom steps, `tf.data`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kerasnas.trial.answers import Predictor
from kerasnas.trial.attempt import Attempt, Outcome
from kerasnas.trial.checkpoint import State, build, optimizer_of
from kerasnas.trial.plan import Plan, Trained, Watch


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


def fit(attempt: Attempt) -> Outcome:
    """Builds the network and calls the user's `fit`."""
    attempt = attempt.on_its_rows()
    network = attempt.build()
    measures = attempt.inherit(network)
    return train(attempt, network, attempt.whole_plan(None), measures)


def train(
    attempt: Attempt, network: keras.Model, plan: Plan, measures: Mapping[str, float]
) -> Outcome:
    """Trains a built network by the `fit` of its space.

    Args:
        attempt: The attempt.
        network: The network.
        plan: How to train.
        measures: What is known of the network besides.
    """
    trained, view = run(attempt, network, plan), attempt.view
    answers = None
    if view.scorer is not None:
        answers = Predictor(network, view.validation[0], attempt.space.rows_at_once(attempt.hp))
    return Outcome(network, trained, answers, measures, plan)


def run(attempt: Attempt, model: keras.Model, plan: Plan) -> Trained:
    """Runs the `fit` of the space as keras-tuner does, and keeps the best epoch.

    A training that had paused goes on with the weights and the optimiser that it had, from
    `initial_epoch`.

    Args:
        attempt: The attempt, whose view is trained on.
        model: A compiled model.
        plan: How to train.
    """
    full = plan.epochs or plan.lengths[0]
    epochs, first = plan.until(full), 0
    if plan.start is not None:
        build(model, attempt.view.x)
        optimizer = optimizer_of(model)
        scheduled = optimizer is not None and attempt.space.recipe(attempt.hp) is not None
        peak = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) if scheduled else 0
        if plan.start.restore(model):
            first = min(plan.start.epochs, epochs)
            if scheduled:  # the restored rate is the end of a schedule, which begins anew in `fit`
                model.optimizer.learning_rate = peak
        else:
            plan = replace(plan, start=None)
    watching = _Watching(plan)
    watch = watching.watch
    with warnings.catch_warnings():
        # Keras warns of its own default for every `tf.data.Dataset`.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed, but will be ignored")
        returned = attempt.space.fit(
            attempt.hp,
            model,
            *_data(attempt),
            **_arguments(attempt, model, plan, epochs, first),
            callbacks=[*_averaging(model), *plan.callbacks, watching],
        )
    result = watch.result
    result.full = full
    result.epochs = result.epochs or epochs
    state = State.of(model, epochs=result.epochs) if plan.keep else None
    if watch.weights is not None:
        model.set_weights(watch.weights)
    result.metrics.update(_told(returned, attempt.job.objectives[0].name))
    if state is not None:
        state.weights = model.get_weights()
        state.epoch, state.best, state.metrics = result.epoch, watch.best, dict(result.metrics)
        result.state = state
    return result


def _data(attempt: Attempt) -> tuple[Any, ...]:
    view = attempt.view
    return (view.x,) if view.y is None else (view.x, view.y)


def _arguments(
    attempt: Attempt, model: keras.Model, plan: Plan, epochs: int, first: int
) -> dict[str, Any]:
    """Arguments of `fit` besides data and callbacks."""
    view = attempt.view
    arguments = {"verbose": 0, **attempt.job.fit_kwargs, "epochs": epochs}
    if first:
        arguments["initial_epoch"] = first
    if attempt.batch_size is not None:
        arguments["batch_size"] = attempt.batch_size
    if view.validation is not None:
        arguments["validation_data"] = view.validation
    if view.weights is not None:
        arguments["sample_weight"] = view.weights
    return arguments


def _averaging(model: keras.Model) -> list[keras.callbacks.Callback]:
    """Makes Keras score the averaged weights where an optimiser keeps such."""
    if not model.compiled or model.optimizer is None or not model.optimizer.use_ema:
        return []
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]


def _told(returned: Any, objective: str) -> dict[str, float]:
    """What a user's `fit` says of its training; a `History` says nothing that is not known.

    A number is the value of the objective, a dict holds metrics. Of a list, as keras-tuner takes
    one for several executions, the mean of each metric counts.

    Args:
        returned: What `fit` has returned.
        objective: Name of the first objective.
    """
    if returned is None or isinstance(returned, keras.callbacks.History | str):
        return {}
    if isinstance(returned, Mapping):
        return {str(name): float(value) for name, value in returned.items()}
    if isinstance(returned, Sequence):
        parts = [_of_one(part, objective) for part in returned]
        names = {name for part in parts for name in part}
        return {n: float(np.mean([part[n] for part in parts if n in part])) for n in sorted(names)}
    return {objective: float(keras.ops.convert_to_numpy(returned))}


def _of_one(part: Any, objective: str) -> dict[str, float]:
    """One execution of several: of a `History`, the epoch in which the objective was best."""
    if not isinstance(part, keras.callbacks.History):
        return _told(part, objective)
    values = part.history.get(objective)
    if not values:
        return {name: float(v[-1]) for name, v in part.history.items() if v}
    largest = any(word in objective for word in ("acc", "auc", "precision", "recall", "f1"))
    best = int((np.argmax if largest else np.argmin)(values))
    return {name: float(v[best]) for name, v in part.history.items() if len(v) > best}
