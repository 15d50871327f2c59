"""Training the best configuration once more, on all rows."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas.history import TrialRecord
from kerasnas.results.result import SearchResult
from kerasnas.runner import Job, View
from kerasnas.runner.offers import Offers
from kerasnas.runner.plan import Plan
from kerasnas.runner.seeding import seed_of, seeded
from kerasnas.runner.training import Trainer

log = logging.getLogger("kerasnas")


def refit_best(
    result: SearchResult,
    hypermodel: Any,
    job: Job,
    features: Callable[[Any], Any],
    targets: np.ndarray,
    weights: np.ndarray | None,
) -> tuple[keras.Model | None, dict[str, Any]]:
    """Trains the best configuration on all rows, for as many epochs as were best in its trial.

    Args:
        result: The search.
        hypermodel: What the trials were built with.
        job: What the trials trained on.
        features: From hyperparameters to the features of all rows.
        targets: Targets of all rows, as trials take them.
        weights: Weight of every row, or `None`.

    Returns:
        The exported model, `None` when time has run out, and a row of the leaderboard without a
        score: no rows are left to score it on.
    """
    best = result.best_trial
    if job.clock.left < 1.3 * best.seconds:
        log.warning("No time left in the budget to refit; the best trial is used as it is.")
        return None, _row(best.values, 0.0, "no time left in the budget")
    begin = time.perf_counter()
    hp = keras_tuner.HyperParameters()
    hp.values = dict(best.values)
    kept = None if weights is None else (weights / weights.mean()).astype("float32")
    view = job.view(hp)
    rows = dataclasses.replace(view, x=features(hp), y=targets, weights=kept)
    with seeded(job.seed, best.number):
        network = _train(hypermodel, hp, job, rows, best)
    return view.assemble(network), _row(best.values, time.perf_counter() - begin, "")


def _train(hypermodel: Any, hp: Any, job: Job, rows: View, best: TrialRecord) -> keras.Model:
    """A network of the best configuration, trained on all rows."""
    offers, seed = Offers(hypermodel), seed_of(job.seed, best.number)
    left = job.clock.left - job.reserve
    solved = offers.solve(hp, _with_a_rest(rows, seed), seed, left)
    if solved is not None:
        return solved
    network, recipe = hypermodel.build(hp), hypermodel.recipe(hp)
    trained = offers.trained_model(hp, network)
    Trainer(trained, rows.x, rows.y, rows.weights, dict).run(
        Plan(
            batch_size=job.batch_size or recipe.batch_size,
            epochs=int(best.measures["best_epoch"]),
            monitor=None,
            rates=recipe.rates,
            seconds_left=lambda: job.clock.left - job.reserve,
            seed=(job.seed, best.number),
        )
    )
    return network


def _with_a_rest(view: View, seed: int) -> View:
    """The view with a tenth of its rows to stop by: all others have been trained on."""
    rows = len(view.y)
    order = np.random.default_rng(seed).permutation(rows)
    held, kept = np.sort(order[: max(1, rows // 10)]), np.sort(order[max(1, rows // 10) :])

    def take(data: Any, index: np.ndarray) -> Any:
        return keras.tree.map_structure(lambda a: a[index], data)

    weights = view.weights
    return dataclasses.replace(
        view,
        x=take(view.x, kept),
        y=view.y[kept],
        weights=None if weights is None else weights[kept],
        validation=(
            take(view.x, held),
            view.y[held],
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
