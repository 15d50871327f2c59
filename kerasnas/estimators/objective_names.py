"""What is to be optimised, and whether the targets have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kerasnas.errors import ObjectiveError
from kerasnas.estimators.task import Task
from kerasnas.objectives import (
    Constraint,
    Objective,
    ObjectiveLike,
    listed,
    objective_name,
    parse_objectives,
)
from kerasnas.problem import CLASSIFICATION, REGRESSION, Problem
from kerasnas.problem.heads.head import scoring_weights
from kerasnas.problem.metrics import is_quantile_loss
from kerasnas.problem.own_metrics import direction_of, own_metric
from kerasnas.results.leaderboard import MEASURES

_OWN = (
    " For a metric of your own pass a function `f(y_true, y_pred)`, a scorer such as "
    "`sklearn.metrics.get_scorer('recall_macro')`, or one of Keras such as "
    "`keras.metrics.Recall()`."
)

MEASURED = (*MEASURES, "train_seconds")
"""What is measured of every trial, whatever it answers."""


def score_names(classify: bool) -> list[str]:
    """What targets are scored by on validation rows, the default objective first.

    Args:
        classify: Whether targets are classes.
    """
    return [f"val_{name}" for name in (CLASSIFICATION if classify else REGRESSION)]


def settle_objectives(given: ObjectiveLike | None, classify: bool) -> tuple[Objective, ...]:
    """The objectives that `objective=` asks for, those of the kind of task where it is `None`.

    Args:
        given: Name of a metric or measure, an `Objective`, or several.
        classify: Whether targets are classes.

    Raises:
        ObjectiveError: If one is unknown.
    """
    known = [*score_names(classify), *MEASURED]
    default = known[0]
    items = [_without_alias(item, default) for item in listed(default if given is None else given)]
    if not classify:
        asked = [item if isinstance(item, str) else objective_name(item) for item in items]
        known += [name for name in asked if is_quantile_loss(name.removeprefix("val_"))]
    return parse_objectives(items, known, _OWN)


def _without_alias(item: Any, default: str) -> Any:
    """An objective with the score itself in the place of its alias `val_loss`."""
    if isinstance(item, str):
        return default if item == "val_loss" else item
    named = not callable(item) and objective_name(item) == "val_loss"
    return Objective(default, item.direction) if named else item


def with_metrics(
    task: Task, objectives: Sequence[Objective], constraints: Sequence[Constraint] = ()
) -> tuple[Task, tuple[Objective, ...]]:
    """The task whose scorer gives what objectives and constraints ask for, and their directions.

    Raises:
        ObjectiveError: If the targets do not have one of them.
    """
    asked = [(f"`objective` {o.name!r}", o.name) for o in objectives]
    asked += [(f"`Constraint({c.name!r})`", c.name) for c in constraints]
    scores = [name.removeprefix("val_") for _, name in asked if name.startswith("val_")]
    extra = tuple(dict.fromkeys(name for name in scores if is_quantile_loss(name)))
    if extra:
        task = replace(task, problem=task.problem.with_metrics(extra))
    own = {o.name: own_metric(o) for o in objectives if o.metric is not None}
    if own:
        problem = task.problem
        if not isinstance(problem, Problem) or problem.loss_weights is not None:
            raise ObjectiveError(
                "A metric of one's own is for estimators of classes and numbers. Name one of the "
                "metrics here: "
                f"{', '.join(f'val_{name}' for name in problem.scorer().names)}."
            )
        problem = problem.with_own(tuple(own.values()))
        task = replace(task, problem=problem)
        objectives = [_settled(o, problem) for o in objectives]
    known = [f"val_{name}" for name in task.problem.scorer().names]
    for what, name in asked:
        if name.startswith("val_") and name not in known:
            raise ObjectiveError(
                f"{what} is not defined for these targets. Known: {', '.join(known)}."
            )
    return task, tuple(objectives)


def _settled(objective: Objective, problem: Problem) -> Objective:
    """An objective with the direction of its metric, which is computed once to find out."""
    if objective.metric is None:
        return objective
    rows = problem.rows
    weights = None if rows.weights is None else rows.weights[rows.valid]
    metric = next(m for m in problem.own if f"val_{m.name}" == objective.name)
    targets, counted = rows.targets[rows.valid], scoring_weights(weights)
    found = direction_of(metric, targets, rows.classes, counted, objective.direction)
    return replace(objective, direction=found)
