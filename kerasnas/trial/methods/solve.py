"""Fitting by a solver, without gradient steps."""

from __future__ import annotations

from kerasnas.clock import Stopwatch
from kerasnas.spaces.method import Solve
from kerasnas.trial.answers import answers_of
from kerasnas.trial.attempt import Attempt, Outcome
from kerasnas.trial.methods import steps
from kerasnas.trial.plan import Trained


def fit(method: Solve, attempt: Attempt) -> Outcome:
    """Solves; where there is no time for it, fits by steps."""
    view, stopwatch = attempt.view, Stopwatch()
    solution = method.fit(view, attempt.seed, attempt.allowance.deadline)
    if solution is None:
        return steps.fit(method.otherwise, attempt)
    seconds = stopwatch.seconds
    assert view.scorer is not None, "a space with a solver belongs to an estimator"
    answers = answers_of(solution, view.validation[0])
    trained = Trained(metrics=view.scorer.validation(answers), epochs=1)
    return Outcome(solution.network, trained, lambda: answers, solution=solution, seconds=seconds)
