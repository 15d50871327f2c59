"""What the user gives to `fit`: rows, their targets, and how they are to be split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerasnas.errors import SchemaError
from kerasnas.problem.split import Folding


@dataclass(frozen=True, eq=False)
class Given:
    """The data of `fit`, and how their rows are to be split.

    Attributes:
        x: Inputs.
        y: Targets, or `None` where `x` holds them.
        seed: Seed of the split.
        validation_data: `(x, y)` or `(x, y, weights)`; without it rows are held out.
        validation_split: Share of rows to hold out.
        sample_weight: Weight of each row.
        class_weight: Weight of each class by label, or `"balanced"`; for one head of classes.
        groups: Group of each row; no group is on both sides of the split.
        count_folds: From the numbers of rows, of classes and of groups (of rows where there are
            none) to that of folds, below 2 for a single split; without `validation_data` only.
        calibration: From the number of rows to the number that is set apart for intervals or sets,
            at most a half; `None` sets none apart.
    """

    x: Any
    y: Any = None
    _: KW_ONLY
    seed: int
    validation_data: Any = None
    validation_split: float = 0.2
    sample_weight: Any = None
    class_weight: Mapping[Any, float] | str | None = None
    groups: Any = None
    count_folds: Folding | None = None
    calibration: Callable[[int], int] | None = None


@dataclass(frozen=True, eq=False)
class Validation:
    """What the user gives as `validation_data`, its inputs not yet read."""

    x: Any
    y: Any
    weights: Any = None


def parse_validation(data: Any) -> Validation | None:
    """`validation_data` as its parts.

    Raises:
        SchemaError: If it is no tuple of two or three.
    """
    if data is None:
        return None
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        raise SchemaError(
            "`validation_data` must be a tuple `(x, y)` or `(x, y, sample_weight)`, received "
            f"{type(data).__name__}."
        )
    return Validation(*data)
