"""How one training is to run, what came of it, and which of its epochs is the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnas.clock import Deadline, Margin, amount
from kerasnas.trial.checkpoint import State

LENGTHS = (16, 32, 64, 128, 256)
"""Epochs that a trial may be given when time is what limits it."""


@dataclass
class Plan:
    """How one training is to run.

    Attributes:
        batch_size: Rows in a step.
        epochs: Epochs of a full training; `None` chooses from `lengths` by the speed of the first
            steps.
        monitor: Name of the metric that chooses the best epoch; `None` keeps the last one.
        sign: 1 to minimise the monitored metric, -1 to maximise it.
        patience: Epochs without improvement before training ends; `None` for no early stop.
        rates: From a number of steps to the learning rate of each as a share of the compiled one;
            `None` leaves the optimiser's own rate alone.
        lengths: Numbers of epochs to choose from.
        deadline: Until when training must end.
        share: Seconds that this training should take at most, for the choice of `epochs`.
        enough: Epochs for which it may take more than `share`.
        most: Seconds that it may take to reach `enough` epochs.
        parts: Trainings of this length, this one included, for which there has to be time: those of
            the folds that are left.
        must_end: Whether the trial is given up if one of its parts cannot finish.
        optional: Whether to give up where there is no time for anything worth having.
        seed: Entropy of the order of rows.
        callbacks: Keras callbacks.
        on_epoch: Told the epoch (from 0) and its metrics; ends the training by answering `True`.
        fidelity: Share of the epochs of a full training after which to pause.
        start: Where an earlier training paused.
        keep: Whether to keep the state at the end, to go on from it.
    """

    batch_size: int
    epochs: int | None
    monitor: str | None
    sign: int = 1
    patience: int | None = None
    rates: Callable[[int], np.ndarray] | None = None
    lengths: Sequence[int] = LENGTHS
    deadline: Deadline = field(default_factory=Deadline)
    share: float = math.inf
    enough: int = 0
    most: float = 0.0
    parts: int = 1
    must_end: bool = False
    optional: bool = False
    seed: Sequence[int] = (0,)
    callbacks: Sequence[keras.callbacks.Callback] = ()
    on_epoch: Callable[[int, dict[str, float]], bool | None] = lambda epoch, logs: None
    fidelity: float = 1.0
    start: State | None = None
    keep: bool = False

    def check(self, steps: float, scoring: float = 0.0) -> None:
        """Gives up what is optional where a tenth of an epoch and its scores take too long.

        Args:
            steps: Seconds of the steps of an epoch.
            scoring: Seconds of scoring the validation rows.

        Raises:
            OutOfTime: If it is given up.
        """
        if self.optional:
            self.deadline.require(
                amount(Margin.LEAST_EPOCH) * steps + scoring, "for a tenth of an epoch"
            )

    def length(self, epoch: float) -> int:
        """The number of epochs to choose where one takes so many seconds.

        Raises:
            OutOfTime: If all parts must come to their end, and not even the shortest would.
        """
        if self.must_end:
            what = f"for {self.lengths[0]} epochs on {self.parts} folds"
            self.deadline.require(self.parts * self.lengths[0] * epoch, what)
        left = self.deadline.left / self.parts
        fitting = [
            n
            for n in self.lengths
            if n * epoch <= min(self.share, left)
            or (n <= self.enough and n * epoch <= min(self.most, left))
        ]
        return max(fitting, default=self.lengths[0])

    def until(self, full: int) -> int:
        """The number of epochs after which to end, of so many of a full training."""
        return max(1, round(full * self.fidelity))


@dataclass
class Trained:
    """What came of a training; the model holds the weights of the best epoch.

    Attributes:
        metrics: Metrics of the best epoch.
        epoch: The best epoch, from 0.
        epochs: Epochs that were run, a broken-off one and those before a pause included.
        out_of_time: Whether the clock ended it.
        history: Metrics of every epoch.
        full: Epochs of a full training.
        hopeless: Whether `on_epoch` ended it.
        state: Where to go on from, if it was asked for.
        whole: Whether a `fit` of the user's own has set the number of epochs: it is a full training
            at any rung.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    epoch: int = 0
    epochs: int = 0
    out_of_time: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    full: int = 1
    hopeless: bool = False
    state: State | None = None
    whole: bool = False


class Watch:
    """Follows a training: keeps its best epoch, and says when another one is not worth it.

    Args:
        plan: The plan; where it goes on from a state, the best epoch so far is that of the state.
        anew: Whether patience counts anew where it goes on: after a learning rate has risen again
            scores are worse for a while.

    Attributes:
        result: What came of it so far.
        best: The best value of the monitored metric, to minimise.
        weights: The weights of the best epoch; `None` before there is one.
    """

    def __init__(self, plan: Plan, anew: bool = False) -> None:
        self._plan = plan
        self.result, self.best = Trained(), math.inf
        self.weights: list[np.ndarray] | None = None
        self._since, self._recent = 0, math.inf
        state = plan.start
        if state is None:
            return
        self.result = Trained(metrics=dict(state.metrics), epoch=state.epoch, epochs=state.epochs)
        self.best, self.weights = state.best, list(state.weights)
        self._since = state.epochs
        if state.epochs and not anew:
            self._since, self._recent = state.epoch, state.best

    def saw(
        self,
        epoch: int,
        logs: dict[str, float],
        weights: Callable[[], list[np.ndarray]],
        ended: bool = True,
    ) -> bool:
        """Takes note of an epoch; `True` if training is to end.

        Args:
            epoch: The epoch, from 0.
            logs: Its metrics.
            weights: Gives the weights at its end.
            ended: Whether it was run to its end, before the clock's.
        """
        plan, result = self._plan, self.result
        result.hopeless = bool(plan.on_epoch(epoch, logs))
        result.history.append(logs)
        result.epochs = epoch + 1
        value = logs.get(plan.monitor, math.nan) * plan.sign if plan.monitor else -epoch
        if value < self._recent:
            self._recent, self._since = value, epoch
        if value < self.best or not result.metrics:
            self.best = value if math.isfinite(value) else self.best
            result.metrics, result.epoch = logs, epoch
            self.weights = weights()
        result.out_of_time = not ended
        diverged = not math.isfinite(logs.get("loss", 0.0))
        tired = plan.patience is not None and epoch - self._since >= plan.patience
        return not ended or tired or diverged or result.hopeless

    def facts(self) -> dict[str, Any]:
        """What a state remembers of the epochs."""
        result = self.result
        return {
            "epochs": result.epochs,
            "epoch": result.epoch,
            "best": self.best,
            "metrics": result.metrics,
            "weights": self.weights,
        }
