"""The steps of one epoch, in stretches short enough to keep an eye on the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.clock import Margin, amount
from kerasnas.trial.answers import numbers
from kerasnas.trial.plan import Plan


class Stretch:
    """Runs the steps of an epoch in stretches short enough to keep an eye on the clock.

    Attributes:
        steps: Steps of an epoch.
    """

    def __init__(
        self,
        run_steps: Callable[..., None],
        steps: int,
        callbacks: keras.callbacks.CallbackList,
        pace: float,
        plan: Plan,
        first: int,
        data: Sequence[Any] = (),
    ) -> None:
        self._first = first
        self._run_steps = run_steps
        self._data = data
        self.steps = steps
        self._callbacks = callbacks
        self._by_batch = any(_wants_batches(callback) for callback in plan.callbacks)
        self._size = (
            1
            if self._by_batch
            else max(1, int(amount(Margin.LOOK_SECONDS) / pace))
            if pace
            else steps
        )
        self._deadline = plan.deadline

    def run(self, order: np.ndarray, rates: np.ndarray, epoch: int) -> bool:
        """Runs one epoch; `False` when the clock ended it early."""
        rows, all_rates = tf.constant(order), tf.constant(rates)
        done = tf.constant((epoch - self._first) * self.steps)
        for start in range(0, self.steps, self._size):
            stop = min(start + self._size, self.steps)
            if self._by_batch:
                self._callbacks.on_train_batch_begin(start)
            ends = tf.constant(start), tf.constant(stop)
            self._run_steps(rows, *ends, all_rates, done, *self._data)
            if self._by_batch:
                model = self._callbacks.model
                self._callbacks.on_train_batch_end(start, numbers(model.get_metrics_result()))
                if model.stop_training:
                    break
            if self._deadline.passed:
                return False
        return True


def _wants_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback has its own code for batches, in its class or put on the object."""
    names = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    stock = [getattr(keras.callbacks.Callback, name) for name in names]
    own = [getattr(callback, name) for name in names]
    return not all(
        isinstance(method, MethodType) and method.__func__ is usual
        for method, usual in zip(own, stock, strict=True)
    )
