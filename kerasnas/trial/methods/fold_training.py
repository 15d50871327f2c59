"""Training the networks of a trial's folds: with one traced step, or all in one program."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from kerasnas.clock import Margin, amount
from kerasnas.problem.view import View
from kerasnas.spaces.method import Training
from kerasnas.trial.answers import Predictor
from kerasnas.trial.epoch_answers import EpochAnswers
from kerasnas.trial.likeness import described
from kerasnas.trial.methods.stacked import StackedMember, StackedTrainer
from kerasnas.trial.plan import Plan, Trained
from kerasnas.trial.training import Trainer

log = logging.getLogger("kerasnas")


@dataclass(frozen=True, eq=False)
class Fold:
    """One network to train.

    Attributes:
        network: The network that answers.
        training: The model whose variables steps change: the network, or one around it.
        part: The rows of the fold.
        plan: How to train.
    """

    network: keras.Model
    training: Training
    part: View
    plan: Plan

    @cached_property
    def epochs(self) -> EpochAnswers:
        """The answers to the held-out rows after each epoch."""
        assert self.part.scorer is not None, "folds belong to an estimator"
        return EpochAnswers(self.part.scorer, self.plan.monitor, self.plan.sign)


@dataclass(frozen=True, eq=False)
class _First:
    """The first fold: its functions are traced, and serve the others.

    Attributes:
        trainer: Its training.
        predict: Its answers to held-out rows.
        form: Layers and connections of its network.
        optimizer: Values of the optimiser's variables before the first step.
    """

    trainer: Trainer
    predict: Predictor
    form: str
    optimizer: list[np.ndarray]


class FoldTrainer:
    """Trains the networks of folds, which differ in weights, seeds and rows alone.

    On the few rows that folds are made of, tracing takes longer than training: the second network
    is trained in the place of the first, and then given the weights, which are those that it would
    have come to itself. Where the clock runs and steps take long, those after the first are trained
    in one program, if a measurement finds that faster on this device.

    Args:
        rows_at_once: Most rows that a network answers in one call.
    """

    def __init__(self, rows_at_once: int | None = None) -> None:
        self._rows_at_once = rows_at_once
        self._first: _First | None = None

    def train(self, fold: Fold) -> tuple[Trained, Any]:
        """Trains on the rows of a fold; the network has the weights of the best epoch then.

        Returns:
            What came of it, and the answers to the held-out rows.
        """
        first = self._first
        if first is not None and _alike(first, fold):
            with _in_place_of(first, fold):
                return first.trainer.run(fold.plan), first.predict()
        training, part, score = fold.training, fold.part, fold.epochs
        predict = Predictor(fold.network, part.validation[0], self._rows_at_once)
        trainer = Trainer(
            training.model,
            part.x,
            part.y,
            part.weights,
            lambda: score(predict()),
            training.pacing,
        )
        if first is None:
            trainer.prepare()
            optimizer = _values(training.model.optimizer.variables)
            form = described(fold.network, seeds=False)
            self._first = _First(trainer, predict, form, optimizer)
        return trainer.run(fold.plan), predict()

    def again(self, end: Trained) -> float:
        """Seconds of the steps of another fold, trained as the first one: they are traced already.

        Args:
            end: What came of the first one.

        Returns:
            Infinity where it is not known.
        """
        if self._first is None:
            return math.inf
        trainer = self._first.trainer
        return trainer.pace * math.ceil(trainer.rows / max(1, trainer.batch)) * end.epochs

    def worth_stacking(self, folds: int, epochs: int) -> bool:
        """Whether one program can be expected to save so many folds more than it costs."""
        return self._first is not None and _worth(self._first.trainer, folds, epochs, xla=False)

    def stacked(self, folds: Sequence[Fold], epochs: int) -> StackedTrainer | None:
        """The training of several folds in one program, after the first one.

        Args:
            folds: The folds.
            epochs: Epochs that each can be expected to take.

        Returns:
            `None`, and nothing is changed, where training one fold after the other is faster or is
            the only way.
        """
        first = self._first
        if first is None or not all(_alike(first, fold) for fold in folds):
            return None
        return _faster(first, folds, epochs)

    def answers(self, fold: Fold) -> Any:
        """Answers to the held-out rows of a trained fold that is like the first one."""
        first = self._first
        assert first is not None, "a fold is trained before another one is answered for"
        place = first.trainer.model.variables
        own = _values(place)
        _assign(place, _values(fold.training.model.variables))
        first.predict.take(fold.part.validation[0])
        try:
            return first.predict()
        finally:
            _assign(place, own)


@contextmanager
def _in_place_of(first: _First, fold: Fold) -> Iterator[None]:
    """Inside, the trainer of the first fold trains another one; that one gets the weights."""
    part, model = fold.part, fold.training.model
    place, predict, score = first.trainer.model, first.predict, fold.epochs
    own = _values(place.variables)
    _assign(place.variables, _values(model.variables))
    _assign(place.optimizer.variables, first.optimizer)
    predict.take(part.validation[0])
    first.trainer.take(part.x, part.y, part.weights, lambda: score(predict()))
    try:
        yield
        _assign(model.variables, _values(place.variables))
    finally:
        _assign(place.variables, own)


def _worth(trainer: Trainer, folds: int, epochs: int, *, xla: bool, pace: float = 0.0) -> bool:
    """Whether a program of all folds can be expected to save more than it costs to trace.

    Args:
        trainer: The training of the first fold.
        folds: Folds that are left.
        epochs: Epochs of each.
        xla: Whether the program is compiled.
        pace: Seconds of a step of all folds by the best form so far; 0 for one after the other.
    """
    steps = epochs * trainer.rows / max(1, trainer.batch)
    share = amount(Margin.STACK_SAVING_XLA if xla else Margin.STACK_SAVING)
    saved = share * (pace or folds * trainer.pace) * steps
    trace = amount(Margin.STACK_TRACE_XLA if xla else Margin.STACK_TRACE)
    return folds > 1 and saved > trace * trainer.tracing


def _faster(first: _First, folds: Sequence[Fold], epochs: int) -> StackedTrainer | None:
    """The fastest program of all folds, if it is faster than one fold after the other."""
    members = []
    for fold in folds:
        part = fold.part
        data, held_out = (part.x, part.y, part.weights), part.validation[0]
        members.append(
            StackedMember(fold.network, fold.training, *data, fold.plan, held_out, fold.epochs)
        )
    best, pace = None, len(folds) * first.trainer.pace
    for xla in (False, True):
        if not _worth(first.trainer, len(folds), epochs, xla=xla, pace=pace):
            break
        try:
            trainer = StackedTrainer(members, xla=xla)
            found = trainer.pace()
        except Exception as error:
            # Whatever the reason, the folds can still be trained one after the other.
            log.debug("%d folds are not trained in one program: %s", len(folds), error)
            break
        log.debug("%d folds, XLA %s: %.4f s a step, before %.4f s", len(folds), xla, found, pace)
        if found < amount(Margin.STACK_FASTER) * pace:
            best, pace = trainer, found
    return best


def _alike(first: _First, fold: Fold) -> bool:
    """Whether a network can be trained in the place of the first one."""
    network, model, part = fold.network, fold.training.model, fold.part
    if not model.built:
        model(keras.tree.map_structure(lambda a: a[:2], part.x), training=False)
    mine, theirs = model.variables, first.trainer.model.variables
    same = [(v.shape, v.dtype) for v in mine] == [(v.shape, v.dtype) for v in theirs]
    return (
        same
        and first.trainer.can_take(part.x, part.y, part.weights)
        and described(network, seeds=False) == first.form
    )


def _values(variables: Iterable[Any]) -> list[np.ndarray]:
    return [np.array(variable.numpy()) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
