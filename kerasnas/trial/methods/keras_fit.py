"""Fitting through Keras's own `fit`: a user's `fit`, custom steps, `tf.data`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.objectives import Objective
from kerasnas.problem.own_data import is_arrays
from kerasnas.trial.answers import Predictor, numbers
from kerasnas.trial.attempt import Attempt, Outcome
from kerasnas.trial.checkpoint import State, build, optimizer_of
from kerasnas.trial.plan import Plan, Trained, Watch

_SAME = 1e-5  # two scores of the same network differ by rounding: batches of other sizes


class _Watching(keras.callbacks.Callback):
    """Follows the epochs, and stops training when they or the clock say so.

    A user's `fit` may train several times, such as once for each fold: every training is followed
    by itself.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self._ended = True
        self._begun = False
        self.watches = [Watch(plan)]

    @property
    def watch(self) -> Watch:
        """What came of the last training."""
        return self.watches[-1]

    @property
    def begun(self) -> bool:
        """Whether any training has begun."""
        return self._begun

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begins to follow another training."""
        if self._begun:
            self.watches.append(Watch(replace(self.plan, start=None)))
        self._begun = True

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the clock."""
        if self.plan.deadline.passed:
            self._ended = False
            self.model.stop_training = True

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the clock: rows to validate with may have no end."""
        if self.plan.deadline.passed:
            self._ended = False
            self.model.stop_training = self.model.stop_evaluating = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the epoch if it is the best so far."""
        logs = numbers(logs or {})
        if self.watch.saw(epoch, logs, self.model.get_weights, ended=self._ended):
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
    return Outcome(network, trained, answers, measures, None if trained.whole else plan)


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
    with warnings.catch_warnings():
        # Keras warns of its own default for every `tf.data.Dataset`.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed, but will be ignored")
        arguments = _arguments(attempt, model, plan, epochs, first)
        returned, whole = _fitted(attempt, model, arguments, watching)
    watch = watching.watch
    result = watch.result
    result.full, result.whole = full, whole
    result.epochs = result.epochs or epochs
    state = State.of(model, epochs=result.epochs) if plan.keep and not whole else None
    objective = attempt.settings.objectives[0]
    told = _told(returned, objective)
    if isinstance(returned, keras.callbacks.History) and not watching.begun:
        told = _unwatched(returned, model)
    if _is_of_the_end(told, objective, watching, model):
        result.metrics, result.epoch = dict(result.history[-1]), result.epochs - 1
        watch.weights = None  # those of another epoch
    _take_weights(attempt, model, watch)
    if isinstance(returned, list | tuple):
        ends = [w.result.metrics for w in watching.watches if w.result.metrics]
        result.metrics = _means(ends) if len(ends) == len(returned) else dict(result.metrics)
    result.metrics = {**result.metrics, **told}
    if state is not None:
        state.weights = model.get_weights()
        state.epoch, state.best, state.metrics = result.epoch, watch.best, dict(result.metrics)
        result.state = state
    return result


def _fitted(
    attempt: Attempt, model: keras.Model, arguments: Mapping[str, Any], watching: _Watching
) -> tuple[Any, bool]:
    """What the `fit` of the space returns, and whether it sets the number of epochs by itself.

    A `fit` of the user's own may give `verbose` or `epochs` to `model.fit` besides passing on what
    it is handed, or may have no room for them. KerasTuner hands it neither, so that it works there.
    Python refuses such a call before any training: the next call leaves out more.
    """
    callbacks = [*_averaging(model), *watching.plan.callbacks, watching]
    lengths = ("verbose", "epochs", "initial_epoch")
    refused: TypeError | None = None
    for left_out in ((), lengths[:1], lengths) if attempt.space.has_own_fit else ((),):
        given = {name: value for name, value in arguments.items() if name not in left_out}
        try:
            returned = attempt.space.fit(
                attempt.hp, model, *_data(attempt), **given, callbacks=callbacks
            )
        except TypeError as error:
            if watching.begun:
                raise
            refused = refused or error
        else:
            return returned, left_out == lengths
    assert refused is not None, "no call has returned, so that one was refused"
    raise refused


def _unwatched(history: keras.callbacks.History, model: keras.Model) -> dict[str, float]:
    """The last epoch of a training that was not given our callbacks; its model is that epoch's."""
    weights = [] if history.model is model else history.model.get_weights()
    if weights and [w.shape for w in weights] == [w.shape for w in model.get_weights()]:
        model.set_weights(weights)
    return numbers({name: values[-1] for name, values in history.history.items() if values})


def _is_of_the_end(
    told: Mapping[str, float], objective: Objective, watching: _Watching, model: keras.Model
) -> bool:
    """Whether a score that `fit` returns is that of the network as `fit` leaves it.

    It is not where it is the score of the best epoch, such as `max(history.history[...])`; nor
    where other networks were trained, such as one for each fold.
    """
    result = watching.watch.result
    if objective.name not in told or watching.model is not model or not result.history:
        return False
    best = result.metrics.get(objective.name, math.nan)
    return not math.isclose(told[objective.name], best, rel_tol=_SAME, abs_tol=_SAME)


def _take_weights(attempt: Attempt, model: keras.Model, watch: Watch) -> None:
    """Puts the weights of the best epoch into the model, whichever model was trained."""
    x = attempt.view.x
    if not model.built and (is_arrays(x) or isinstance(x, tf.data.Dataset)):
        build(model, x)
    if watch.weights is None:
        return
    if [w.shape for w in watch.weights] == [w.shape for w in model.get_weights()]:
        model.set_weights(watch.weights)


def _data(attempt: Attempt) -> tuple[Any, ...]:
    view = attempt.view
    return (view.x,) if view.y is None else (view.x, view.y)


def _arguments(
    attempt: Attempt, model: keras.Model, plan: Plan, epochs: int, first: int
) -> dict[str, Any]:
    """Arguments of `fit` besides data and callbacks."""
    view = attempt.view
    arguments = {"verbose": 0, **attempt.settings.fit_kwargs, "epochs": epochs}
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


def _told(returned: Any, objective: Objective) -> dict[str, float]:
    """What a user's `fit` says of its training; a `History` says nothing that is not known.

    A number is the value of the objective, a dict holds metrics. Of a list, as keras-tuner takes
    one for several executions, the mean of each metric counts.

    Args:
        returned: What `fit` has returned.
        objective: The first objective.
    """
    if returned is None or isinstance(returned, keras.callbacks.History | str):
        return {}
    if isinstance(returned, Mapping):
        return numbers({str(name): _plain(value) for name, value in returned.items()})
    if isinstance(returned, list | tuple):
        return _means([_of_one(part, objective) for part in returned])
    value = np.asarray(_plain(returned), dtype="float64")
    return {objective.name: float(value.mean())}


def _of_one(part: Any, objective: Objective) -> dict[str, float]:
    """One execution of several: of a `History`, the epoch in which the objective was best."""
    if not isinstance(part, keras.callbacks.History):
        return _told(part, objective)
    epochs = max((len(values) for values in part.history.values()), default=0)
    logs = [
        numbers({name: v[epoch] for name, v in part.history.items() if len(v) > epoch})
        for epoch in range(epochs)
    ]
    # Without the objective every epoch is as good, and the last one counts.
    return min(reversed(logs), key=objective.loss) if logs else {}


def _means(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric over the executions that have it."""
    names = {name for part in parts for name in part}
    return {n: float(np.mean([part[n] for part in parts if n in part])) for n in sorted(names)}


def _plain(value: Any) -> Any:
    return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value
