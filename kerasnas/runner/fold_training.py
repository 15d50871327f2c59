"""Training the networks of a trial's folds with one traced step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnas.runner.answers import Predictor
from kerasnas.runner.likeness import described
from kerasnas.runner.training import Plan, Trained, Trainer
from kerasnas.runner.view import View


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
    """Trains the networks of folds one after the other.

    On the few rows that folds are made of, tracing takes longer than training. Networks of one
    configuration differ in weights, seeds and rows alone: the second one is trained in the place
    of the first, and then given the weights, which are those that it would have come to itself.
    """

    def __init__(self) -> None:
        self._first: _First | None = None

    def train(
        self, network: keras.Model, model: keras.Model, part: View, plan: Plan
    ) -> tuple[Trained, np.ndarray]:
        """Trains on the rows of a fold; the network has the weights of the best epoch then.

        Args:
            network: What answers.
            model: What is trained: the network, or a compiled model around it.
            part: The fold.
            plan: How to train.

        Returns:
            What came of it, and the answers to the held-out rows.
        """
        assert part.scorer is not None, "folds belong to an estimator"
        score, held_out = part.scorer.validation, part.validation[0]
        first = self._first
        if first is not None and _alike(first, network, model, part):
            return self._in_place_of(first, model, part, plan)
        predict = Predictor(network, held_out)
        trainer = Trainer(model, part.x, part.y, part.weights, lambda: score(predict()))
        if first is None:
            trainer.prepare()
            optimizer = _values(model.optimizer.variables)
            form = described(network, seeds=False)
            self._first = _First(trainer, predict, form, optimizer)
        return trainer.run(plan), predict()

    def _in_place_of(
        self, first: _First, model: keras.Model, part: View, plan: Plan
    ) -> tuple[Trained, np.ndarray]:
        assert part.scorer is not None
        place, predict, score = first.trainer.model, first.predict, part.scorer.validation
        own = _values(place.variables)
        _assign(place.variables, _values(model.variables))
        _assign(place.optimizer.variables, first.optimizer)
        predict.take(part.validation[0])
        first.trainer.take(part.x, part.y, part.weights, lambda: score(predict()))
        try:
            trained, answers = first.trainer.run(plan), predict()
            _assign(model.variables, _values(place.variables))
        finally:
            _assign(place.variables, own)
        return trained, answers


def _alike(first: _First, network: keras.Model, model: keras.Model, part: View) -> bool:
    """Whether a network can be trained in the place of the first one."""
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
