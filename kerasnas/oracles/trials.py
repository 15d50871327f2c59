"""Trials of keras-tuner made from the records of a history, and the other way round."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial

from kerasnas.history import TrialRecord
from kerasnas.objectives import Objective


def make_trial(space: HyperParameters, values: Mapping[str, Any], trial_id: str) -> Trial:
    """A running trial with these active values."""
    hyperparameters = HyperParameters()
    hyperparameters.merge(space)  # a copy as well, in a fifth of the time that `copy` takes
    hyperparameters.values = dict(values)
    return Trial(hyperparameters=hyperparameters, trial_id=trial_id, status="RUNNING")


def trial_of(record: TrialRecord, space: HyperParameters, objectives: Sequence[Objective]) -> Trial:
    """The trial that a record tells of, with its metrics by epoch."""
    trial = make_trial(space, record.values, record.trial_id)
    for step, metrics in record.reports:
        track(trial, metrics, step, objectives)
    last = record.reports[-1][0] if record.reports else 0
    missing = {k: v for k, v in record.metrics.items() if not trial.metrics.exists(k)}
    track(trial, missing, last, objectives)
    trial.status = record.status
    trial.message = record.failure or None
    return trial


def track(
    trial: Trial, metrics: Mapping[str, float], step: int, objectives: Sequence[Objective]
) -> None:
    """Adds the metrics of one step to a trial."""
    directions = {o.name: o.direction for o in objectives}
    for name, value in metrics.items():
        if not trial.metrics.exists(name):
            trial.metrics.register(name, direction=directions.get(name))
        # Not through the tracker: it compares with the best so far and warns of NaN.
        trial.metrics.metrics[name].update(float(value), step=step)


def final_metrics(trial: Trial, objective: Objective) -> tuple[dict[str, float], int]:
    """All metrics at the best step of the first objective, and that step.

    A metric that was not reported at that step counts with its last value.
    """
    step = best_step(trial, objective)
    metrics = {}
    for name in trial.metrics.metrics:
        observations = trial.metrics.get_history(name)
        at_step = [o for o in observations if o.step == step] or observations[-1:]
        metrics[name] = float(at_step[0].mean())
    return metrics, step


def best_step(trial: Trial, objective: Objective) -> int:
    """The step at which an objective was best; the last one when none was finite."""
    if not trial.metrics.exists(objective.name):
        steps = [o.step for n in trial.metrics.metrics for o in trial.metrics.get_history(n)]
        return max(steps, default=0)
    observations = trial.metrics.get_history(objective.name)
    finite = [o for o in observations if math.isfinite(o.mean())]
    if not finite:
        return observations[-1].step if observations else 0
    sign = 1.0 if objective.direction == "min" else -1.0
    return min(finite, key=lambda o: sign * o.mean()).step


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The entries that are numbers, as floats."""
    found = {}
    for name, value in metrics.items():
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            continue
    return found


def unsound(objectives: Sequence[Objective], scores: Mapping[str, float]) -> str:
    """Why a trial that ran to its end has no usable score, or an empty string."""
    for objective in objectives:
        if objective.name not in scores:
            had = ", ".join(sorted(scores)) or "nothing"
            return f"The objective `{objective.name}` was not among the results: {had}."
        if not math.isfinite(scores[objective.name]):
            return (
                f"The objective `{objective.name}` is {scores[objective.name]}: training diverged."
            )
    return ""


def crash_reason(message: str | None) -> str:
    """The last line of a traceback."""
    lines = (message or "").strip().splitlines()
    return lines[-1].strip() if lines else "The trial crashed without a message."
