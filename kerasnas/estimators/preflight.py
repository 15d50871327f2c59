"""What can be wrong with an estimator's arguments, found out before any data are read."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from kerasnas.clock import Budget
from kerasnas.errors import ObjectiveError, SchemaError, SearchSpaceError, shown
from kerasnas.estimators.arguments import settle_level
from kerasnas.estimators.folds import parse_folds
from kerasnas.estimators.objective_names import MEASURED
from kerasnas.files import check_directory
from kerasnas.objectives import Constraint, Objective, check_constraints
from kerasnas.problem.metrics import is_quantile_loss
from kerasnas.process_state import check_single_precision
from kerasnas.results.ensemble import parse_ensemble
from kerasnas.searching import check_oracle, check_seed
from kerasnas.trial.executors import executor_of

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
    executor: Any
    verbose: Any


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
    _check_choices(estimator)
    parse_ensemble(estimator.ensemble)
    settle_level(estimator.intervals, estimator.refit)
    parse_folds(estimator.folds, Budget.parse(estimator.budget), 0.0)
    check_seed(estimator.seed)
    check_constraints(constraints, _known(constraints, scores))
    check_oracle(estimator.oracle, objectives)
    executor_of(estimator.executor)
    if estimator.directory is not None:
        check_directory(estimator.directory)
    return constraints


def check_steps(validation_split: Any, batch_size: Any) -> None:
    """Whether numbers that `fit` is given can be used, whatever the data make of them.

    Raises:
        SchemaError: If `validation_split` cannot.
        SearchSpaceError: If `batch_size` cannot.
    """
    number = isinstance(validation_split, numbers.Real) and not isinstance(validation_split, bool)
    if not number or not 0 < validation_split < 1:
        raise SchemaError(
            f"`validation_split` must lie between 0 and 1, received {shown(validation_split)}. "
            "Write `validation_split=0.2`."
        )
    whole = isinstance(batch_size, numbers.Integral) and not isinstance(batch_size, bool)
    if batch_size is not None and not (whole and batch_size > 0):
        raise SearchSpaceError(
            f"`batch_size` must be a whole number of at least 1, or None, received "
            f"{shown(batch_size)}. Write `batch_size=32`."
        )


def _check_choices(estimator: HasArguments) -> None:
    for name, value, known in (
        ("refit", estimator.refit, (True, False)),
        ("verbose", estimator.verbose, ("auto", 0, 1, 2)),
    ):
        if not any(type(value) in (type(k), bool) and value == k for k in known):
            raise SearchSpaceError(
                f"`{name}` must be one of {', '.join(map(repr, known))}, received {shown(value)}."
            )


def _settled(given: Any, scores: Sequence[str]) -> tuple[Constraint, ...]:
    if isinstance(given, Mapping):  # whose names alone would be left of it
        check_constraints(given)
    try:
        constraints = (given,) if isinstance(given, Constraint) else tuple(given)
    except TypeError:
        raise ObjectiveError(
            f"`constraints` must be a `Constraint` or several of them, received {shown(given)}. "
            "Write `constraints=[kerasnas.Constraint('params', max=100_000)]`."
        ) from None
    alias = {} if "val_loss" in scores else {"val_loss": scores[0]}
    return tuple(
        replace(c, name=alias[c.name]) if isinstance(c, Constraint) and c.name in alias else c
        for c in constraints
    )


def _known(constraints: Sequence[Constraint], scores: Sequence[str]) -> list[str]:
    asked = [c.name for c in constraints if isinstance(c, Constraint)]
    quantiles = [n for n in asked if is_quantile_loss(n.removeprefix("val_"))]
    return [*scores, *MEASURED, *_COUNTED, *(quantiles if "val_mae" in scores else [])]
