"""The constructor arguments of an estimator, checked and turned into what a search needs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from kerasnas.clock import Budget
from kerasnas.errors import SchemaError, SearchSpaceError
from kerasnas.journal import begun_in
from kerasnas.results.conformal import calibration_rows, check_level
from kerasnas.results.folds import FoldCount, parse_folds

log = logging.getLogger("kerasnas")

RowCount = Callable[[int], int]
"""From the number of rows given to `fit` to the number of rows to set apart."""


def settle_folds(
    folds: Any,
    budget: Budget,
    pace: float,
    directory: Any,
    validation_data: Any,
    *,
    small: int = 0,
) -> FoldCount:
    """From the numbers of rows, classes and groups to the number of folds, 0 for a single split.

    Args:
        folds: The argument `folds`.
        budget: The budget of the fit.
        pace: Rows for each second of the budget, up to which `"auto"` makes folds.
        directory: The argument `directory`: a search in it goes on with the folds that it has.
        validation_data: Rows that the user holds out; these exclude folds.
        small: Rows up to which `"auto"` makes folds whatever the budget is.

    Raises:
        SchemaError: If folds and validation rows are both given.
        SearchSpaceError: If `folds` has none of its forms.
    """
    if validation_data is not None and folds not in ("auto", False, None):
        raise SchemaError("`folds` and `validation_data` exclude each other. Pass one of them.")
    begun = begun_in(directory) if folds == "auto" else {}
    if "folds" in begun:
        return lambda rows, classes, units: int(begun["folds"])
    return parse_folds(folds, budget, pace, small)


def settle_level(intervals: Any, refit: bool) -> float | None:
    """The probability of intervals or sets; `None` without them.

    Args:
        intervals: The argument `intervals`.
        refit: The argument `refit`.

    Raises:
        SearchSpaceError: If it is no probability, or no rows are left to measure errors on.
    """
    level = check_level(intervals)
    if level is not None and refit:
        raise SearchSpaceError(
            "`intervals` need rows that the model was not trained on, `refit` trains on all "
            "rows. Pass one of them."
        )
    return level


def settle_calibration(level: float | None, classify: bool) -> RowCount | None:
    """From the number of rows to the number that is set apart; `None` sets none apart.

    Args:
        level: What `settle_level` gives.
        classify: Whether targets are classes.
    """
    return None if level is None else partial(calibration_rows, level=level, classify=classify)


def settle_families(space: Any, known: Sequence[str]) -> Sequence[str]:
    """The families to search.

    Args:
        space: The argument `space`.
        known: The families of the modality.

    Raises:
        SearchSpaceError: If `space` has none of its forms.
    """
    if space == "auto":
        return known
    if isinstance(space, str):
        return (space,)
    if isinstance(space, Sequence):
        return space
    raise SearchSpaceError(f'`space` must be "auto" or names of families, received {space!r}.')


def settle_families_with(
    space: Any, known: Iterable[str], pretrained: str, there: bool, missing: str
) -> Sequence[str]:
    """The families to search, one of which needs pretrained weights.

    Args:
        space: The argument `space`.
        known: The families that need none.
        pretrained: The family that needs them.
        there: Whether the weights are at hand.
        missing: A sentence without its full stop for a user who names that family without weights.

    Raises:
        SearchSpaceError: If no other family is left, or `space` has none of its forms.
    """
    families = settle_families(space, [*known, *([pretrained] if there else [])])
    if there or pretrained not in families:
        return families
    rest = [name for name in families if name != pretrained]
    if not rest:
        raise SearchSpaceError(f"{missing}, or choose other families.")
    log.warning("%s. The family %r is left out; %s are searched.", missing, pretrained, rest)
    return rest


def plain_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that JSON can hold; objects (an oracle, a budget) are left out."""
    found = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in arguments.items()
    }
    return {name: value for name, value in found.items() if is_plain(value)}


def is_plain(value: Any) -> bool:
    """Whether JSON has a word for a value, and for everything that it holds."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and is_plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, str | int | float | bool)
