"""Fitting by gradient steps on all training rows."""

from __future__ import annotations

from collections.abc import Callable

import keras

from kerasnas.problem.view import View
from kerasnas.spaces.method import Steps
from kerasnas.trial.answers import Predictor, evaluator
from kerasnas.trial.attempt import Answers, Attempt, Outcome
from kerasnas.trial.methods import keras_fit
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer, can_run

_SCORED_ROWS = 1024  # rows of one call, where compiled metrics score the validation rows


def fit(method: Steps, attempt: Attempt) -> Outcome:
    """Builds the network and trains it in the fast loop, or by Keras's `fit` where it cannot."""
    attempt = attempt.on_its_rows()
    network = attempt.build()
    measures = attempt.inherit(network)
    view, plan = attempt.view, attempt.whole_plan(method.recipe)
    if not is_fast(attempt, network, view):
        return keras_fit.train(attempt, network, plan, measures)
    training = method.training(network)
    validate, answers = _validation(network, view, plan, attempt.space.rows_at_once(attempt.hp))
    trainer = Trainer(training.model, view.x, view.y, view.weights, validate, training.pacing)
    return Outcome(network, trainer.run(plan), answers, measures, plan)


def is_fast(attempt: Attempt, network: keras.Model, view: View) -> bool:
    """Whether the fast loop trains as `keras.Model.fit` would with the same arguments."""
    return not attempt.settings.fit_kwargs and can_run(network, (view.x, view.y))


def _validation(
    network: keras.Model, view: View, plan: Plan, rows_at_once: int | None
) -> tuple[Callable[[], dict[str, float]], Answers | None]:
    """What scores a network on the validation rows, and the answers that it scores."""
    if view.validation is None:
        return dict, None
    if view.scorer is None:
        return evaluator(network, view.validation, max(plan.batch_size, _SCORED_ROWS)), None
    predict = Predictor(network, view.validation[0], rows_at_once)
    score = view.scorer.validation
    return lambda: score(predict()), predict
