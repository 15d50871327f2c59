"""The constructor arguments of an estimator, checked and turned into what a search needs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from kerasnas.data.batches import is_batches
from kerasnas.data.named_columns import (
    Taken,
    drop_columns,
    holds_column,
    in_pandas,
    named_in,
    take_columns,
)
from kerasnas.errors import SearchSpaceError
from kerasnas.problem.given import Given
from kerasnas.results.conformal import calibration_rows, check_level

log = logging.getLogger("kerasnas")


def settle_columns(
    given: Given, unpack: Callable[[Any], Taken] = lambda x: Taken(x, None)
) -> Given:
    """Takes targets, weights and groups out of the inputs where these hold them.

    That is where they are named columns of a table, and where data come batch by batch.

    `validation_data` may be a table that holds the same columns, or name columns of its own. Its
    rows have the weights of the column that `sample_weight` names.

    Args:
        given: As the user gives it to `fit`: targets, weights and groups may be names of columns,
            validation data may be a table, or come batch by batch.
        unpack: Reads data that come batch by batch.

    Raises:
        SchemaError: If there is no such column.
    """
    x, y, sample_weight, groups = given.x, given.y, given.sample_weight, given.groups
    validation_data = given.validation_data
    if is_batches(x) and (y is None or isinstance(y, str)):
        x, y, sample_weight = unpacked(unpack(x), y, sample_weight)
    x = in_pandas(x, y, sample_weight, groups)
    if is_batches(validation_data):
        apart = unpack(validation_data)
        weights = () if apart.weights is None else (apart.weights,)
        validation_data = apart.x if apart.y is None else (apart.x, apart.y, *weights)
    taken = take_columns(x, y, sample_weight, groups)
    names = {
        "y": named_in(x, y),
        "sample_weight": named_in(x, sample_weight),
        "groups": named_in(x, groups),
    }
    alone = not isinstance(validation_data, tuple) and bool(names["y"])
    if alone and holds_column(validation_data, names["y"][0]):
        validation_data = (validation_data, y)
    if isinstance(validation_data, tuple) and len(validation_data) in (2, 3):
        inputs, targets, *rest = validation_data
        further = rest[0] if rest else None
        named = names["sample_weight"]
        if further is None and named and holds_column(inputs, named[0]):
            further = named[0]
        apart = take_columns(inputs, targets, further)
        others = [name for kept in names.values() for name in kept]
        inputs = drop_columns(apart.x, others)
        validation_data = (inputs, apart.y) + (() if apart.weights is None else (apart.weights,))
    return replace(
        given,
        x=taken.x,
        y=taken.y,
        sample_weight=taken.weights,
        groups=taken.groups,
        validation_data=validation_data,
    )


def unpacked(whole: Taken, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of data that came batch by batch.

    Args:
        whole: What they held.
        y: The name of a column of theirs, or `None`.
        sample_weight: Weights, or the name of a column; those of the data where it is `None`.
    """
    weights = whole.weights if sample_weight is None else sample_weight
    return whole.x, y if whole.y is None else whole.y, weights


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


def settle_calibration(level: float | None, classify: bool) -> Callable[[int], int] | None:
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


def settle_augment(augment: Any) -> bool:
    """Whether images may be changed in training.

    Raises:
        SearchSpaceError: If `augment` is neither `True` nor `False`.
    """
    if not isinstance(augment, bool | np.bool_):
        raise SearchSpaceError(f"`augment` must be True or False, received {augment!r}.")
    return bool(augment)


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
