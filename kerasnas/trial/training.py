"""The fast training loop: whole stretches of an epoch as one TensorFlow function.

On small data most of the time of `keras.Model.fit` goes into tracing several functions and building
an input pipeline for every epoch. Here the data lie in memory as tensors, a batch is a gather, and
one traced function runs as many steps as fit between two looks at the clock. Data too large for
memory stay in a file: a batch is read by a thread while the one before it is trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.clock import Margin, Stopwatch, amount, laps_of, seconds_of
from kerasnas.data.stored import Ahead, StoredRows
from kerasnas.spaces.recipes import Pacing
from kerasnas.trial.answers import numbers
from kerasnas.trial.checkpoint import State
from kerasnas.trial.plan import Plan, Trained, Watch
from kerasnas.trial.step_rows import at_hand, joined, taken
from kerasnas.trial.stretch import Stretch

Course = tuple[Any, Callable[[int], np.ndarray]]
"""A scalar variable, and from a number of steps its value in each."""

_PROBE = 8  # steps that are run for their time alone


def can_run(model: Any, x: Any) -> bool:
    """Whether the fast loop gives what `fit` would give for this model and these data."""
    return (
        keras.backend.backend() == "tensorflow"
        and isinstance(model, keras.Model)
        and type(model).train_step is keras.Model.train_step
        and type(model).test_step is keras.Model.test_step
        and type(model).fit is keras.Model.fit
        and not model.run_eagerly
        and not tf.distribute.has_strategy()
        and all(isinstance(a, np.ndarray | tf.Tensor | StoredRows) for a in tf.nest.flatten(x))
    )


class Trainer:
    """Trains one compiled model on data in memory, or on stored rows.

    Args:
        model: A compiled model with Keras's own training step.
        x: Array or structure of arrays with one leading axis of rows.
        y: Targets likewise.
        weights: Weight of each row, or `None`.
        validate: Gives the validation metrics of the model as it is.
        pacing: Further variables that change from step to step, such as a share of dropout.

    Attributes:
        rows: All rows.
        epoch_rows: Rows that an epoch goes through.
        pace: Seconds of a step in the last run, where the clock matters; 0 before it is known.
        tracing: Seconds that tracing a step has taken.
        batch: Rows in a step of the last run.
    """

    def __init__(
        self,
        model: keras.Model,
        x: Any,
        y: Any,
        weights: np.ndarray | None,
        validate: Callable[[], dict[str, float]],
        pacing: Pacing | None = None,
    ) -> None:
        self.model = model
        self._pacing = Pacing() if pacing is None else pacing
        self._steps: tuple[int, Callable[..., None]] | None = None
        self._prepared = False
        self.pace = self.tracing = 0.0
        self.batch = 0
        self.take(x, y, weights, validate)

    def take(
        self,
        x: Any,
        y: Any,
        weights: np.ndarray | None,
        validate: Callable[[], dict[str, float]],
    ) -> None:
        """Goes over to other data of the same form; what is traced serves these as well."""
        self.data = tf.nest.map_structure(at_hand, joined(x, y, weights))
        self.streams = [a for a in tf.nest.flatten(self.data) if isinstance(a, Ahead)]
        self.rows = int(tf.nest.flatten(self.data)[0].shape[0])
        self.epoch_rows = min([s.stored.epoch for s in self.streams], default=self.rows)
        self.validate = validate

    def can_take(self, x: Any, y: Any, weights: np.ndarray | None) -> bool:
        """Whether `take` can be called with these."""
        given = joined(x, y, weights)
        if self.streams or any(isinstance(a, StoredRows) for a in tf.nest.flatten(given)):
            return False
        forms = [
            [(tuple(a.shape[1:]), tf.as_dtype(a.dtype)) for a in tf.nest.flatten(data)]
            for data in (self.data, given)
        ]
        return forms[0] == forms[1]

    def run(self, plan: Plan) -> Trained:
        """Trains as planned and leaves the weights of the best epoch in the model."""
        course = self._course(plan)
        watch, callbacks, took = course.watch, course.callbacks, 0.0
        logs = watch.result.metrics
        self.model.stop_training = False
        callbacks.on_train_begin()
        try:
            for epoch in course.epochs:
                callbacks.on_epoch_begin(epoch)
                self.model.reset_metrics()
                order = order_of_rows(course.plan, epoch, self.rows, self.epoch_rows)
                for stream in self.streams:
                    stream.start(order, self.batch)
                stopwatch = Stopwatch()
                ended = course.stretch.run(order, course.rates, epoch)
                took += stopwatch.seconds
                logs = numbers(self.model.get_metrics_result())
                last = self._average()
                logs.update(self.validate())
                with _loss_of_validation(logs):
                    callbacks.on_epoch_end(epoch, logs)
                over = watch.saw(epoch, logs, self.model.get_weights, ended=ended)
                for variable, own in last:
                    variable.assign(own)
                if over or self.model.stop_training:
                    break
        finally:
            for stream in self.streams:
                stream.stop()
        callbacks.on_train_end(logs)
        if self.pace and watch.result.epochs > course.epochs.start:
            # The first steps, which had to do for a plan, are slower than most.
            done = watch.result.epochs - course.epochs.start
            self.pace = took / course.stretch.steps / done
        if course.plan.keep and watch.weights is not None:
            watch.result.state = State.of(self.model, **watch.facts())
        if watch.weights is not None:
            self.model.set_weights(watch.weights)
        watch.result.full = course.full
        return watch.result

    def _course(self, plan: Plan) -> _Course:
        """Traces the steps, and settles how many epochs there are and what turns in them."""
        self.batch = batch = min(plan.batch_size, self.epoch_rows)
        whole = self._pacing.whole_batches
        steps = self.epoch_rows // batch if whole else math.ceil(self.epoch_rows / batch)
        self.prepare()
        courses = self._courses(plan)
        turned = [variable for variable, _ in courses]
        run_steps, data = self._run_steps(batch, turned)
        full = self._length(plan, run_steps, data, steps, turned)
        epochs, first = plan.until(full), 0
        if plan.start is not None and plan.start.restore(self.model):
            first = min(plan.start.epochs, epochs)
        else:
            plan = replace(plan, start=None)
        rates = np.zeros((0, 0), "float32")
        if courses:
            total = steps * (epochs - first)
            rates = np.stack([course(total) for _, course in courses], axis=1).astype("float32")
        callbacks = keras.callbacks.CallbackList(
            list(plan.callbacks),
            add_history=False,
            add_progbar=False,
            model=self.model,
            epochs=epochs,
            steps=steps,
            verbose=0,
        )
        turns = len(rates) > 0 and bool((np.ptp(rates, axis=0) > 0).any())
        return _Course(
            plan=plan,
            full=full,
            epochs=range(first, epochs),
            rates=rates,
            stretch=Stretch(run_steps, steps, callbacks, self.pace, plan, first, data),
            callbacks=callbacks,
            watch=Watch(plan, anew=turns),
        )

    def _average(self) -> list[tuple[Any, np.ndarray]]:
        """Puts averaged weights in, where the optimiser keeps such, to be scored and kept.

        Returns:
            The variables and the values to train on with; nothing where nothing is averaged.
        """
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return []
        variables = self.model.trainable_variables
        last = [(variable, variable.numpy()) for variable in variables]
        optimizer.finalize_variable_values(variables)
        return last

    def prepare(self) -> None:
        """Creates every variable of optimiser, loss and metrics before anything is traced."""
        if self._prepared:
            return
        self._prepared = True
        x, y, *rest = tf.nest.map_structure(lambda a: tf.convert_to_tensor(a[:2]), self.data)
        answer = self.model(x, training=False)  # builds a model that has no `Input`
        optimizer = self.model.optimizer
        optimizer.build(self.model.trainable_variables)
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            # Summing gradients over one replica changes nothing, but TensorFlow registers a
            # gradient function for it that holds the whole traced graph for as long as the process
            # lives: 3 MB a trial.
            optimizer._all_reduce_sum_gradients = _unchanged
        weight = rest[0] if rest else None
        self.model.compute_loss(x, y, answer, weight, training=False)
        self.model.compute_metrics(x, y, answer, weight)
        self.model.reset_metrics()

    def _courses(self, plan: Plan) -> list[Course]:
        """What changes from step to step: the learning rate, and whatever else the model names."""
        courses: list[Course] = []
        if plan.rates is not None:
            rates = plan.rates
            rate = self.model.optimizer.learning_rate
            # Read now: the rate that the optimiser had when it paused is the end of a course.
            peak = float(rate.numpy())
            courses.append((rate, lambda steps: rates(steps) * peak))
        return [*courses, *self._pacing.courses]

    def _run_steps(
        self, batch: int, turned: Sequence[Any]
    ) -> tuple[Callable[..., None], list[Any]]:
        """The traced steps, and the present data, which are their last arguments."""
        if self._steps is None or self._steps[0] != batch:
            watch = Stopwatch()
            self._steps = batch, self._traced(batch, turned)
            self.tracing = watch.seconds
        return self._steps[1], [a for a in tf.nest.flatten(self.data) if not isinstance(a, Ahead)]

    def _traced(self, batch: int, turned: Sequence[Any]) -> Callable[..., None]:
        model, form = self.model, self.data
        parts = tf.nest.flatten(form)

        # The loop is written out, so that no code, ours or the user's, goes through AutoGraph.
        whole = tf.TensorSpec((), "int32")
        signature = [
            tf.TensorSpec((None,), "int32"),
            whole,
            whole,
            tf.TensorSpec((None, len(turned) or None), "float32"),
            whole,
            *(
                tf.TensorSpec((None, *a.shape[1:]), a.dtype)
                for a in parts
                if not isinstance(a, Ahead)
            ),
        ]
        # Tensors are arguments; rows that are read ahead are not data of a graph.
        streams = [a if isinstance(a, Ahead) else None for a in parts]
        form = tf.nest.map_structure(lambda _: 0, form)
        del parts

        @tf.function(input_signature=signature, autograph=False)
        def run_steps(
            order: Any, start: Any, stop: Any, rates: Any, done: Any, *tensors: Any
        ) -> None:
            given = iter(tensors)
            flat = [next(given) if stream is None else stream for stream in streams]
            data = tf.nest.pack_sequence_as(form, flat)

            def one_step(step: Any) -> Any:
                rows = order[step * batch : (step + 1) * batch]
                for i, variable in enumerate(turned):
                    variable.assign(rates[done + step, i])
                model.train_step(tf.nest.map_structure(lambda a: taken(a, rows), data))
                return step + 1

            tf.while_loop(lambda step: step < stop, one_step, [start], parallel_iterations=1)

        return run_steps.get_concrete_function()  # as in `Predictor`

    def _length(
        self,
        plan: Plan,
        run_steps: Callable[..., None],
        data: Sequence[Any],
        steps: int,
        turned: Sequence[Any],
    ) -> int:
        """The epochs of a full training; where the clock matters, a step is timed as well.

        The first steps are run for their time alone: every variable gets its value back, so that
        the training that follows starts as if nothing had happened.
        """
        if plan.epochs is not None and plan.deadline.endless:
            return plan.epochs
        variables = [*self.model.variables, *self.model.optimizer.variables]
        kept = [variable.numpy() for variable in variables]
        order = tf.range(self.epoch_rows, dtype="int32")
        rates = tf.constant([[float(v.numpy()) for v in turned]] * (steps + 1), "float32")

        def run(count: int) -> None:
            zero = tf.constant(0)
            run_steps(order, zero, tf.constant(count), rates, zero, *data)

        self.pace = laps_of(lambda: run(1), later=1).median
        probe = min(steps, _PROBE, int(amount(Margin.LOOK_SECONDS) / self.pace))
        if probe > 1:  # one slow step tells enough
            self.pace = seconds_of(lambda: run(probe)) / probe
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
        plan.check(self.pace * steps)
        if plan.epochs is not None:
            return plan.epochs
        # The first lap traces, which no epoch of the training pays again.
        scoring = laps_of(self.validate, later=1).median
        plan.check(self.pace * steps, scoring)
        return plan.length(self.pace * steps + scoring)


@dataclass(frozen=True, eq=False)
class _Course:
    """One training, settled.

    Attributes:
        plan: The plan, without a start that does not fit the model.
        full: Epochs of a full training.
        epochs: The epochs to run.
        rates: Values of what is turned, by step, `(steps, variables)`.
        stretch: Runs the steps of an epoch.
        callbacks: Keras callbacks.
        watch: Follows the epochs.
    """

    plan: Plan
    full: int
    epochs: range
    rates: np.ndarray
    stretch: Stretch
    callbacks: keras.callbacks.CallbackList
    watch: Watch


@contextmanager
def _loss_of_validation(logs: dict[str, float]) -> Iterator[None]:
    """Inside, `val_loss` is the first score of the validation rows, where there is no other.

    It is what `EarlyStopping` and `ReduceLROnPlateau` look for.
    """
    scores = [value for name, value in logs.items() if name.startswith("val_")]
    named = "val_loss" in logs or not scores
    if not named:
        logs["val_loss"] = scores[0]
    yield
    if not named:
        logs.pop("val_loss", None)


def order_of_rows(plan: Plan, epoch: int, rows: int, some: int | None = None) -> np.ndarray:
    """The order in which an epoch goes through the rows, int32.

    Args:
        plan: The plan, whose seed decides.
        epoch: The epoch, from 0.
        rows: Number of all rows.
        some: Rows of one epoch; an epoch takes up where the one before has ended.
    """
    parts = rows // (some or rows)  # of one order of all rows; what is left over comes next time
    order = np.random.default_rng([*plan.seed, epoch // parts]).permutation(rows).astype("int32")
    start = epoch % parts * (some or rows)
    return order[start : start + (some or rows)]


def _unchanged(grads_and_vars: Any) -> Any:
    return grads_and_vars
