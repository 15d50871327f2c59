"""The methods of fitting, one a module; each carries out an `Attempt`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kerasnas.spaces.method import Solve, Steps
from kerasnas.trial.attempt import Attempt, Outcome
from kerasnas.trial.methods import keras_fit, solve, steps
from kerasnas.trial.methods.on_folds import OnFolds

__all__ = ["fitting_of"]


def fitting_of(attempt: Attempt) -> Callable[[], Outcome]:
    """What carries an attempt out: on folds, by a solver, by steps, or by the user's `fit`."""
    if attempt.view.folds:
        return OnFolds(attempt).fit
    method = attempt.space.method(attempt.hp)
    if isinstance(method, Solve):
        return partial(solve.fit, method, attempt)
    if isinstance(method, Steps):
        return partial(steps.fit, method, attempt)
    return partial(keras_fit.fit, attempt)
