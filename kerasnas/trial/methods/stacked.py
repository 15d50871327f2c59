"""Training of several networks of equal structure in one program.

What is a member's own besides its rows (first weights, random masks, order of rows, learning rate,
share of dropout, clip norm, best epoch, early stop) stays its own: each comes to the weights that
it would come to alone, up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.clock import laps_of
from kerasnas.spaces.method import Training
from kerasnas.trial.methods.stacked_step import CannotStackError, StackedStep
from kerasnas.trial.plan import Plan, Trained, Watch
from kerasnas.trial.step_rows import joined
from kerasnas.trial.stretch import Stretch
from kerasnas.trial.training import order_of_rows

_PROBE = 8  # steps in one measurement
_REPEATS = 3  # measurements, of which the fastest counts


@dataclass(frozen=True, eq=False)
class StackedMember:
    """One of the networks.

    Attributes:
        network: What answers.
        training: The compiled and built model that is trained: the network, or another one with
            its variables. It has the weights of the best epoch afterwards.
        x: Array or structure of arrays with one leading axis of rows.
        y: Targets likewise.
        weights: Weight of each row, or `None`.
        plan: How to train, with a number of epochs and without callbacks.
        held_out: Inputs to answer after each epoch.
        score: From the answers to validation metrics.
    """

    network: keras.Model
    training: Training
    x: Any
    y: Any
    weights: np.ndarray | None
    plan: Plan
    held_out: Any
    score: Callable[[np.ndarray], dict[str, float]]


class StackedTrainer:
    """Trains members in one program.

    Args:
        members: The members: models of one structure (`likeness.described`).
        xla: Whether to compile with XLA.

    Raises:
        CannotStackError: If something about the networks, their optimisers, plans or data does not
            allow it.
    """

    def __init__(self, members: Sequence[StackedMember], xla: bool = False) -> None:
        self._members = members
        data = [joined(m.x, m.y, m.weights) for m in members]
        self._rows = np.array([len(tf.nest.flatten(d)[0]) for d in data])
        batch, whole, self._steps = _steps(members, self._rows)
        # An epoch of whole batches leaves out the rows that do not fill one.
        self._used = np.minimum(self._rows, self._steps * batch)
        self.whole = whole
        trainings = [member.training for member in members]
        network = members[0].network
        self._step = StackedStep(trainings, _stacked(data), self._rows, batch, whole, network, xla)
        held_out = [member.held_out for member in members]
        self._held_out = _stacked(held_out)
        self._answers = [len(tf.nest.flatten(x)[0]) for x in held_out]
        self._rates = self._all_rates()
        self._pace = 0.0

    def pace(self) -> float:
        """Seconds of a step of all members together, the first one, which compiles, left out."""
        order, rates = tf.constant(self._order(0)), tf.constant(self._rates)
        zero = tf.constant(0)
        steps = min(_PROBE, self.whole)

        def some_steps() -> None:
            self._step.run(order, zero, tf.constant(steps), rates, zero)
            self._step.losses()  # waits for a device that has only taken note so far

        # The later laps are faster, as the steps of a long training are.
        self._pace = laps_of(some_steps, later=_REPEATS).fastest / steps
        self._step.reset()
        return self._pace

    def run(self) -> list[Trained]:
        """Trains as planned, and leaves the weights of its best epoch in each model."""
        plans = [member.plan for member in self._members]
        watches = [Watch(plan) for plan in plans]
        going = list(range(len(plans)))
        nobody = keras.callbacks.CallbackList([], model=self._members[0].training.model)
        stretch = Stretch(self._step.run, self._steps, nobody, self._pace, plans[0], 0)
        for epoch in range(max(_until(plan) for plan in plans)):
            ended = stretch.run(self._order(epoch), self._rates, epoch)
            losses, answers = self._step.losses() / self._used, self._step.answers(self._held_out)
            values = cache(self._step.values)
            for i in list(going):
                own = tf.nest.map_structure(lambda a, i=i: a[i, : self._answers[i]], answers)
                logs = {"loss": float(losses[i]), **self._members[i].score(own)}
                weights = partial(_of_member, values, i)
                over = watches[i].saw(epoch, logs, weights, ended=ended)
                if over or epoch + 1 >= _until(plans[i]):
                    going.remove(i)
            if not going:
                break
        for member, watch in zip(self._members, watches, strict=True):
            watch.result.full = member.plan.epochs or 1
            for variable, value in zip(
                member.training.model.variables, watch.weights or (), strict=True
            ):
                variable.assign(value)
        return [watch.result for watch in watches]

    def _order(self, epoch: int) -> Any:
        orders = np.zeros((len(self._members), self._rows.max()), "int32")
        for i, (member, rows) in enumerate(zip(self._members, self._rows, strict=True)):
            orders[i, :rows] = order_of_rows(member.plan, epoch, int(rows))
        return orders

    def _all_rates(self) -> np.ndarray:
        """Learning rate and courses of each step and member, `(steps, 1 + courses, members)`."""
        of_members = []
        for member in self._members:
            plan, total = member.plan, self._steps * _until(member.plan)
            training = member.training
            rate = float(training.model.optimizer.learning_rate.numpy())
            courses = [course(total) for _, course in training.pacing.courses]
            if plan.rates is None:
                rates = np.full(total, rate)
            else:
                rates = (plan.rates(total) * rate).astype("float32")
            of_members.append(np.stack([rates, *courses], axis=1))
        longest = max(len(rates) for rates in of_members)
        padded = [np.pad(r, ((0, longest - len(r)), (0, 0)), mode="edge") for r in of_members]
        return np.stack(padded, axis=2).astype(keras.config.floatx())


def _of_member(values: Callable[[], list[np.ndarray]], number: int) -> list[np.ndarray]:
    return [value[number] for value in values()]


def _until(plan: Plan) -> int:
    return plan.until(plan.epochs or 1)


def _steps(members: Sequence[StackedMember], rows: np.ndarray) -> tuple[int, int, int]:
    """Rows in a step, steps in which all members have that many, and all steps of an epoch."""
    batches = {min(m.plan.batch_size, int(n)) for m, n in zip(members, rows, strict=True)}
    only_whole = {member.training.pacing.whole_batches for member in members}
    if len(batches) > 1 or len(only_whole) > 1:
        raise CannotStackError("batches differ in size")
    batch, whole = batches.pop(), only_whole.pop()
    steps = {int(n) // batch if whole else math.ceil(n / batch) for n in rows}
    if len(steps) > 1:
        raise CannotStackError("epochs differ in their number of steps")
    if any(m.plan.callbacks or m.plan.start or m.plan.keep or not m.plan.epochs for m in members):
        raise CannotStackError("callbacks, pauses and open lengths belong to one network")
    return batch, int(rows.min()) // batch, steps.pop()


def _stacked(data: Sequence[Any]) -> Any:
    """Data of members along a new first axis, filled up to the most rows."""
    forms = [[(a.shape[1:], a.dtype) for a in tf.nest.flatten(d)] for d in data]
    if any(form != forms[0] for form in forms):
        raise CannotStackError("the data differ in form")

    def stack(*parts: Any) -> Any:
        most = max(len(part) for part in parts)
        filled = np.zeros((len(parts), most, *parts[0].shape[1:]), np.asarray(parts[0]).dtype)
        for i, part in enumerate(parts):
            filled[i, : len(part)] = part
        return tf.constant(filled)

    return tf.nest.map_structure(stack, *data)
