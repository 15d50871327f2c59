"""What is to be optimised, and whether the targets have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasnas.errors import ObjectiveError
from kerasnas.estimators.task import Task
from kerasnas.objectives import Objective, ObjectiveLike, parse_objectives
from kerasnas.problem import CLASSIFICATION, REGRESSION, Scorer
from kerasnas.problem.metrics import is_quantile_loss
from kerasnas.results.leaderboard import MEASURES

MEASURED = (*MEASURES, "train_seconds")
"""What is measured of every trial, whatever it answers."""


def settle_objectives(given: ObjectiveLike | None, classify: bool) -> tuple[Objective, ...]:
    """The objectives that `objective=` asks for, those of the kind of task where it is `None`.

    Args:
        given: Name of a metric or measure, an `Objective`, or several.
        classify: Whether targets are classes.

    Raises:
        ObjectiveError: If one is unknown.
    """
    names = CLASSIFICATION if classify else REGRESSION
    default = f"val_{names[0]}"
    known = [*(f"val_{name}" for name in names), *MEASURED]
    wanted: Any = default if given is None else given
    single = isinstance(wanted, str) or hasattr(wanted, "name")
    items: list[Any] = [wanted] if single else list(wanted)
    asked = [getattr(item, "name", item) for item in items]
    if not classify:
        known += [n for n in asked if is_quantile_loss(str(n).removeprefix("val_"))]
    return parse_objectives([default if i == "val_loss" else i for i in items], known)


def check_metrics(task: Task, objectives: Sequence[Objective]) -> None:
    """Tells a task the metrics that objectives ask for, before any training.

    Raises:
        ObjectiveError: If the targets do not have one of them.
    """
    scorer = task.scorer()
    if not isinstance(scorer, Scorer):
        return  # several heads: their metrics go by the names of the heads
    names = [o.name.removeprefix("val_") for o in objectives if o.name.startswith("val_")]
    task.extra = tuple(name for name in names if is_quantile_loss(name))
    undefined = [name for name in names if name not in task.scorer().names]
    if undefined:
        raise ObjectiveError(
            f"`objective` 'val_{undefined[0]}' is not defined for these targets. "
            f"Known: {', '.join(f'val_{n}' for n in task.scorer().names)}."
        )
