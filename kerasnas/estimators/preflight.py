"""What can be wrong with an estimator's arguments, found out before any data are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from kerasnas.clock import Budget
from kerasnas.estimators.arguments import settle_level
from kerasnas.estimators.wanted import MEASURED
from kerasnas.files import check_directory
from kerasnas.objectives import Constraint, Objective, check_constraints
from kerasnas.problem.metrics import is_quantile_loss
from kerasnas.process_state import check_single_precision
from kerasnas.results.ensemble import parse_ensemble
from kerasnas.results.folds import parse_folds
from kerasnas.searching import check_oracle, check_seed

_COUNTED = ("epochs", "best_epoch")  # of a trial; no objectives, but limits can be set on them


class HasArguments(Protocol):
    """The arguments of an estimator that can be wrong."""

    constraints: Any
    ensemble: Any
    intervals: Any
    refit: Any
    folds: Any
    budget: Any
    seed: Any
    oracle: Any
    directory: Any


def check_arguments(
    estimator: HasArguments, objectives: Sequence[Objective], scores: Sequence[str]
) -> tuple[Constraint, ...]:
    """Whether a fit with the estimator's arguments can begin.

    Args:
        estimator: An estimator, fitted or not.
        objectives: Its objectives.
        scores: The metrics that its trials are scored by, the default objective first.

    Returns:
        Its constraints, with the score itself in the place of its alias `val_loss`.

    Raises:
        KerasNASError: If an argument cannot be read, is unknown, or no file can be written to
            `directory`.
    """
    check_single_precision()
    constraints = _settled(estimator.constraints, scores)
    parse_ensemble(estimator.ensemble)
    settle_level(estimator.intervals, estimator.refit)
    parse_folds(estimator.folds, Budget.parse(estimator.budget), 0.0)
    check_seed(estimator.seed)
    check_constraints(constraints, _known(constraints, scores))
    check_oracle(estimator.oracle, objectives)
    if estimator.directory is not None:
        check_directory(estimator.directory)
    return constraints


def _settled(given: Sequence[Constraint], scores: Sequence[str]) -> tuple[Constraint, ...]:
    constraints = (given,) if isinstance(given, Constraint) else tuple(given)
    alias = {} if "val_loss" in scores else {"val_loss": scores[0]}
    return tuple(
        replace(c, name=alias[c.name]) if isinstance(c, Constraint) and c.name in alias else c
        for c in constraints
    )


def _known(constraints: Sequence[Constraint], scores: Sequence[str]) -> list[str]:
    asked = [c.name for c in constraints if isinstance(c, Constraint)]
    quantiles = [n for n in asked if is_quantile_loss(n.removeprefix("val_"))]
    return [*scores, *MEASURED, *_COUNTED, *(quantiles if "val_mae" in scores else [])]
