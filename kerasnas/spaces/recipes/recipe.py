"""A recipe as plain data, and the learning-rate schedules it can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np

from kerasnas.clock import Purpose
from kerasnas.spaces.recipes.grouped_adam import GroupedAdamW

Schedule = Literal["constant", "cosine", "one_cycle", "flat_cos", "coslog4"]

_WARM_UP = 0.1  # share of the steps of a `cosine` schedule
_PEAK = 0.3  # share of the steps before the peak of a `one_cycle` schedule


@dataclass(frozen=True)
class Recipe:
    """What the trainer needs to know besides the compiled model.

    Attributes:
        batch_size: Rows in a step.
        schedule: Name of the course of the learning rate over the whole training.
        patience: Epochs without a better validation score before training ends; `None` never ends
            it early.
        lengths: Epochs that a training may be given when time limits it; `None` for the usual.
        purposes: What the time of the first trial, the second and so on is used for, by the table
            of allotments; the last one counts for all others.
        first_length: Epochs that the first trial gets at most where time limits it, however fast
            it is: it is there for an answer that comes soon.
        enough: Epochs with fewer of which a training is of little use: to have as many, it may take
            more time.
        long: What this time is used for, by the table of allotments.
        dropout: Name of the course of all dropout rates, as `schedule`.
        weight_decay: Name of the course of the weight decay of a `GroupedAdamW`, on top of that of
            the learning rate.
        whole_batches: Whether an epoch leaves out the rows that do not fill a batch: other ones in
            every epoch.
    """

    batch_size: int
    schedule: Schedule = "constant"
    patience: int | None = 16
    lengths: tuple[int, ...] | None = None
    purposes: tuple[Purpose, ...] = (Purpose.TRIAL,)
    first_length: int | None = None
    enough: int = 0
    long: Purpose = Purpose.LONG_TRIAL
    dropout: Schedule = "constant"
    weight_decay: Schedule = "constant"
    whole_batches: bool = False

    def rates(self, steps: int) -> np.ndarray:
        """Learning rate of every step as a share of the compiled one, shape `(steps,)`."""
        return rates(self.schedule, steps)


def rates(schedule: Schedule, steps: int) -> np.ndarray:
    """Learning rate of every step as a share of the peak rate.

    Args:
        schedule: `cosine` warms up linearly and falls along a half cosine (Loshchilov & Hutter
            2017, without restarts); `one_cycle` rises and falls along cosines (Smith & Topin 2018);
            `flat_cos` is constant for half of the steps and falls along half a cosine;
            `coslog4` is four cycles, each twice as long as the one before (Holzmüller et al. 2024).
        steps: Steps of the whole training.

    Returns:
        float32 array of shape `(steps,)`, positive, at most 1.
    """
    progress = (np.arange(steps) + 0.5) / max(steps, 1)
    if schedule == "constant":
        share = np.ones(steps)
    elif schedule == "cosine":
        share = np.minimum(progress / _WARM_UP, 0.5 * (1 + np.cos(np.pi * progress)))
    elif schedule == "flat_cos":
        share = 0.5 * (1 + np.cos(np.pi * np.maximum(2 * progress - 1, 0)))
    elif schedule == "coslog4":
        share = 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * progress)))
    else:
        rise = 0.04 + 0.96 * 0.5 * (1 - np.cos(np.pi * progress / _PEAK))
        fall = 0.5 * (1 + np.cos(np.pi * (progress - _PEAK) / (1 - _PEAK)))
        share = np.where(progress < _PEAK, rise, fall)
    return np.maximum(share, 1e-3).astype("float32")


class ScheduleCallback(keras.callbacks.Callback):
    """Follows a schedule inside Keras's own `fit`, as a stock keras-tuner search runs it.

    Args:
        schedule: As in `rates`.
        epochs: Epochs of this call of `fit`.
        weight_decay: Course of the weight decay, where the optimiser has a share of it to turn.
    """

    def __init__(
        self, schedule: Schedule, epochs: int, weight_decay: Schedule = "constant"
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self._weight_decay = weight_decay
        self._epochs = epochs
        self._rates: np.ndarray | None = None
        self._decays = np.ones(1)
        self._peak = 0.0
        self._step = 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Reads the peak rate from the optimiser."""
        self._peak = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        steps = self.params.get("steps")
        if steps:
            self._rates = rates(self._schedule, int(steps) * self._epochs)
            self._decays = rates(self._weight_decay, int(steps) * self._epochs)

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Sets the rate of this step."""
        if self._rates is not None:
            share = self._rates[min(self._step, len(self._rates) - 1)]
            self.model.optimizer.learning_rate.assign(self._peak * share)
            if isinstance(self.model.optimizer, GroupedAdamW):
                decay = self._decays[min(self._step, len(self._decays) - 1)]
                self.model.optimizer.decay_share.assign(decay)
        self._step += 1
