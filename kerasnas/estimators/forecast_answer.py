"""What answers for a forecaster: the best trial or the mean of several, trained again if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from kerasnas.clock import Stopwatch
from kerasnas.errors import SchemaError
from kerasnas.estimators.forecast_task import ForecastTask
from kerasnas.history import TrialRecord
from kerasnas.objectives import Objective
from kerasnas.results.refit import hyperparameters, refit
from kerasnas.results.result import SearchResult
from kerasnas.trial import Job
from kerasnas.trial.forecasts import FORECAST


@dataclass(frozen=True)
class Answer:
    """What answers, and what it is made of.

    Attributes:
        model: The exported model.
        trials: Its members.
        counts: Weight of each of them, whole numbers.
        rows: What the leaderboard says of it beside the trials.
    """

    model: keras.Model
    trials: Sequence[TrialRecord]
    counts: Sequence[int]
    rows: Sequence[dict[str, Any]] = ()


def blending_metric(
    ensemble: str | int | bool, objectives: Sequence[Objective], bound: bool
) -> str | None:
    """The metric to choose an ensemble by; `None` where the best trial is to answer alone.

    Args:
        ensemble: What the user asked for.
        objectives: What the search optimises.
        bound: Whether there are constraints.

    Raises:
        SchemaError: If `ensemble` is none of its forms.
    """
    whole = isinstance(ensemble, int) and ensemble >= 0
    if ensemble != "auto" and not whole:
        raise SchemaError(
            f'`ensemble` must be "auto", False or a number of trials, received {ensemble!r}.'
        )
    name = str(objectives[0].name)
    scored = name.removeprefix("val_") in FORECAST
    single = ensemble is not True and ensemble in (0, 1)
    return None if single or bound or len(objectives) > 1 or not scored else name


def choose_answer(
    task: ForecastTask, result: SearchResult, ensemble: str | int | bool, metric: str | None
) -> Answer:
    """The mean of several trials where it scores better than the best trial, which it is else.

    Args:
        task: The series and the space.
        result: The search.
        ensemble: What the user asked for.
        metric: What `blending_metric` says.
    """
    best = result.best_trial
    alone = Answer(result.best_model(), [best], [1])
    watch = Stopwatch()
    pool = task.members(result, metric) if metric is not None else []
    if metric is None or len(pool) < 2:
        return alone
    most = None if isinstance(ensemble, str | bool) else ensemble
    members, counts, scores = task.ensemble(pool, metric, most)
    if len(members) < 2 or scores[metric] >= best.scores[metric]:
        return alone
    model = task.blend([m.model for m in members], counts)
    trials = [m.trial for m in members]
    row = {
        "trial_id": "ensemble",
        "kind": "ensemble",
        "status": "COMPLETED",
        **scores,
        "params": float(model.count_params()),
        "seconds": watch.seconds,
        "feasible": True,
        "hyperparameters": {
            "members": {t.trial_id: n for t, n in zip(trials, counts, strict=True)}
        },
        "failure": "",
    }
    return Answer(model, trials, counts, [row])


def train_again(answer: Answer, task: ForecastTask, job: Job) -> Answer:
    """The same, trained on all steps; as it was where the time does not reach for all of it."""
    models: list[keras.Model] = []
    row: dict[str, Any] = {}
    for trial in answer.trials:
        x, y, weights = task.everything(hyperparameters(trial))
        model, row = refit(trial, task.hypermodel, job, x, y, weights)
        if model is None:
            return replace(answer, rows=[*answer.rows, row])
        models.append(model)
    whole = models[0] if len(models) == 1 else task.blend(models, answer.counts)
    return replace(answer, model=whole, rows=[*answer.rows, row])
