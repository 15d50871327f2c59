"""Training one network: by the fast loop, or by Keras's `fit` where it needs that."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnas.problem.view import View
from kerasnas.runner.answers import Predictor, evaluator
from kerasnas.runner.hosted import fit_by_keras
from kerasnas.runner.job import Job
from kerasnas.runner.offers import Offers
from kerasnas.runner.plan import Plan, Trained
from kerasnas.runner.training import Trainer, can_run
from kerasnas.spaces.recipes import Recipe

Answers = Callable[[], np.ndarray]
"""Gives the answers of the trained network to the validation rows."""


class Fitting:
    """Trains networks of one hypermodel.

    Args:
        hypermodel: A keras-tuner hypermodel.
        job: What is trained on and what is optimised.
    """

    def __init__(self, hypermodel: Any, job: Job) -> None:
        self._hypermodel = hypermodel
        self._job = job
        self.offers = Offers(hypermodel)

    def plan(self, recipe: Recipe | None, batch_size: int | None, **rest: Any) -> Plan:
        """The plan of a training, as far as recipe and job say; `rest` are fields of `Plan`."""
        job, monitor = self._job, self._job.monitor
        return Plan(
            batch_size=batch_size or 32,
            monitor=monitor.name if monitor else None,
            sign=1 if monitor is None or monitor.direction == "min" else -1,
            patience=recipe.patience if recipe else job.patience,
            rates=recipe.rates if recipe else None,
            enough=recipe.enough if recipe else 0,
            callbacks=copy.deepcopy(job.callbacks),
            **rest,
        )

    def is_fast(self, model: keras.Model, view: View) -> bool:
        """Whether the fast loop trains as the model and the hypermodel would have it."""
        if self.offers.fits_itself or self._job.fit_kwargs:
            return False
        return can_run(model, (view.x, view.y))

    def fit(
        self, hp: Any, model: keras.Model, view: View, plan: Plan, batch_size: int | None
    ) -> tuple[Trained, Answers | None]:
        """Trains a model.

        Returns:
            What came of it, and what gives its answers where these were already asked for.
        """
        if not self.is_fast(model, view):
            trained = fit_by_keras(self._hypermodel, hp, model, view, self._job, plan, batch_size)
            return trained, None
        validate, predict = _validation(model, view, plan)
        trainer = Trainer(
            self.offers.trained_model(hp, model), view.x, view.y, view.weights, validate
        )
        return trainer.run(plan), predict


def _validation(
    model: keras.Model, view: View, plan: Plan
) -> tuple[Callable[[], dict[str, float]], Answers | None]:
    """What scores a model on the validation rows, and the answers that it scores."""
    if view.validation is None:
        return dict, None
    if view.scorer is None:
        return evaluator(model, view.validation, max(plan.batch_size, 1024)), None
    predict, score = Predictor(model, view.validation[0]), view.scorer.validation
    return lambda: score(predict()), predict
