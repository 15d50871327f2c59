"""Training the configuration of a trial once more, on all rows."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import keras
import numpy as np

from kerasnas.clock import Margin, Purpose, Stopwatch, amount
from kerasnas.history import TrialRecord
from kerasnas.problem import View
from kerasnas.spaces.method import Solve, Steps
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.space import Space
from kerasnas.trial import Job
from kerasnas.trial.networks import hyperparameters
from kerasnas.trial.plan import Plan
from kerasnas.trial.seeding import seed_of, seeded
from kerasnas.trial.training import Trainer

log = logging.getLogger("kerasnas")


def refit(
    trial: TrialRecord,
    space: Space,
    job: Job,
    rows: View,
) -> tuple[keras.Model | None, dict[str, Any]]:
    """Trains a trial's configuration on all rows, for as many epochs as were best in it.

    Args:
        trial: The trial.
        space: The search space of the trials.
        job: What the trials trained on.
        rows: The view of the trial, with all rows among those to train on.

    Returns:
        The exported model, `None` when time has run out, and a row of the leaderboard without a
        score: no rows are left to score it on.
    """
    if job.clock.left < amount(Margin.REFIT) * trial.seconds:
        log.warning("No time left in the budget to refit; the best trial is used as it is.")
        return None, _row(trial.values, 0.0, "no time left in the budget")
    watch = Stopwatch()
    with seeded(job.seed, trial.number):
        network = _train(space, hyperparameters(trial), job, rows, trial)
    return rows.assemble(network), _row(trial.values, watch.seconds, "")


def _train(space: Space, hp: Any, job: Job, rows: View, trial: TrialRecord) -> keras.Model:
    """A network of the configuration, fitted on all rows."""
    method, seed = space.method(hp), seed_of(job.seed, trial.number)
    deadline = job.clock.deadline.minus(job.clock.kept(Purpose.ANSWER))
    if isinstance(method, Solve):
        solution = method.fit(_with_a_rest(rows, seed), seed, deadline)
        if solution is not None:
            return solution.network
        method = method.otherwise
    assert isinstance(method, Steps), "only spaces of estimators are fitted once more"
    network, recipe = space.build(hp), method.recipe or Recipe(batch_size=32)
    training = method.training(network)
    Trainer(training.model, rows.x, rows.y, rows.weights, dict, training.pacing).run(
        Plan(
            batch_size=job.batch_size or recipe.batch_size,
            epochs=int(trial.measures["best_epoch"]),
            monitor=None,
            rates=recipe.rates,
            deadline=deadline,
            seed=(job.seed, trial.number),
        )
    )
    return network


def _with_a_rest(view: View, seed: int) -> View:
    """The view with a tenth of its rows to stop by: all others have been trained on."""
    rows = len(keras.tree.flatten(view.y)[0])
    order = np.random.default_rng(seed).permutation(rows)
    held, kept = np.sort(order[: max(1, rows // 10)]), np.sort(order[max(1, rows // 10) :])

    def take(data: Any, index: np.ndarray) -> Any:
        return keras.tree.map_structure(lambda a: a[index], data)

    weights = view.weights
    return dataclasses.replace(
        view,
        x=take(view.x, kept),
        y=take(view.y, kept),
        weights=None if weights is None else weights[kept],
        validation=(
            take(view.x, held),
            take(view.y, held),
            None if weights is None else weights[held],
        ),
    )


def _row(values: dict[str, Any], seconds: float, failure: str) -> dict[str, Any]:
    return {
        "trial_id": "refit",
        "kind": "refit",
        "status": "FAILED" if failure else "COMPLETED",
        "seconds": seconds,
        "feasible": False,
        "hyperparameters": dict(values),
        "failure": failure,
    }
