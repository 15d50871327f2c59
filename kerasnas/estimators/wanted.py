"""What is to be optimised, and whether the targets have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kerasnas.errors import ObjectiveError
from kerasnas.estimators.task import Task
from kerasnas.objectives import Constraint, Objective, ObjectiveLike, listed, parse_objectives
from kerasnas.problem import CLASSIFICATION, REGRESSION
from kerasnas.problem.metrics import is_quantile_loss
from kerasnas.results.leaderboard import MEASURES

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
    items = listed(default if given is None else given)
    if not classify:
        asked = [item if isinstance(item, str) else str(item.name) for item in items]
        known += [name for name in asked if is_quantile_loss(name.removeprefix("val_"))]
    return parse_objectives([default if i == "val_loss" else i for i in items], known)


def with_metrics(
    task: Task, objectives: Sequence[Objective], constraints: Sequence[Constraint] = ()
) -> Task:
    """The task whose scorer gives the metrics that objectives and constraints ask for.

    Raises:
        ObjectiveError: If the targets do not have one of them.
    """
    asked = [(f"`objective` {o.name!r}", o.name) for o in objectives]
    asked += [(f"`Constraint({c.name!r})`", c.name) for c in constraints]
    scores = [name.removeprefix("val_") for _, name in asked if name.startswith("val_")]
    extra = tuple(dict.fromkeys(name for name in scores if is_quantile_loss(name)))
    if extra:
        task = replace(task, problem=task.problem.with_metrics(extra))
    known = [f"val_{name}" for name in task.problem.scorer().names]
    for what, name in asked:
        if name.startswith("val_") and name not in known:
            raise ObjectiveError(
                f"{what} is not defined for these targets. Known: {', '.join(known)}."
            )
    return task
