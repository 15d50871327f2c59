"""Targets, weights and split: what all modalities do alike before any training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.data import (
    ClassTarget,
    MultiLabelTarget,
    RegressionTarget,
    check_same_length,
    fit_class_target,
    fit_multilabel_target,
    is_multilabel,
)
from kerasnas.data.foreign import has_positions, is_one_value
from kerasnas.errors import SchemaError
from kerasnas.problem import folds, holdout

Target = ClassTarget | MultiLabelTarget | RegressionTarget

_FEWEST_ROWS = 2


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows, training rows first where validation data were given.

    Attributes:
        target: Encodes and decodes the targets.
        targets: Integer labels `(rows,)`, a 0/1 matrix `(rows, labels)`, or values `(rows,)`.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        valid: Indices of the validation rows.
        folds: Rows to train on and rows to validate on, of each fold, as places in `train`, which
            is then the same as `valid`: all rows.
        calibration: Indices of rows that are neither trained on nor validated with.
    """

    target: Target
    targets: np.ndarray
    weights: np.ndarray | None
    train: np.ndarray
    valid: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    calibration: np.ndarray = field(default_factory=lambda: np.arange(0))

    @property
    def classes(self) -> int | None:
        """Number of classes or labels; `None` for regression."""
        return None if isinstance(self.target, RegressionTarget) else len(self.target.classes_)

    @property
    def parts(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows to train on and rows to validate on: one pair, or one for each fold."""
        if not self.folds:
            return [(self.train, self.valid)]
        return [(self.train[train], self.train[valid]) for train, valid in self.folds]

    def joined(self, answers: Sequence[np.ndarray]) -> np.ndarray:
        """Answers to the validation rows of each of `parts`, in the order of `valid`."""
        if not self.folds:
            return answers[0]
        order = np.argsort(np.concatenate([valid for _, valid in self.folds]))
        return np.concatenate(answers)[order]

    @property
    def multilabel(self) -> bool:
        """Whether a row may have any number of labels."""
        return isinstance(self.target, MultiLabelTarget)


@dataclass(frozen=True, eq=False)
class Validation:
    """What the user gives as `validation_data`, its inputs not yet read."""

    x: Any
    y: Any
    weights: Any = None


def fit_target(y: Any, *, classify: bool, multilabel: bool = False) -> Target:
    """Learns the labels of a classifier; a regressor's target needs no learning.

    Args:
        y: Targets.
        classify: Whether targets are classes.
        multilabel: Whether the estimator takes several labels a row.
    """
    if not classify:
        return RegressionTarget()
    if multilabel and y is not None and is_multilabel(y):
        return fit_multilabel_target(y)
    return fit_class_target(y)


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


def settle_rows(
    y: Any,
    rows: int,
    target: Target,
    *,
    seed: int,
    validation: Validation | None = None,
    validation_split: float = 0.2,
    sample_weight: Any = None,
    class_weight: Mapping[Any, float] | None = None,
    groups: Any = None,
    count_folds: Callable[[int], int] | None = None,
    calibration: Callable[[int], int] | None = None,
) -> Rows:
    """Encodes targets, checks weights and splits the rows.

    Args:
        y: Targets of the rows given to `fit`.
        rows: Their number, which `y` is to match.
        target: As `fit_target` gives it.
        seed: Seed of the split.
        validation: Rows to validate with; they follow the others. Without it rows are held out.
        validation_split: Share of rows to hold out.
        sample_weight: Weight of each row.
        class_weight: Weight of each class by label.
        groups: Group of each row; no group is on both sides of the split.
        count_folds: From the number of rows to that of folds, below 2 for a single split; without
            `validation` only.
        calibration: From the number of rows to the number that is set apart for intervals or sets,
            at most a half; `None` sets none apart.

    Raises:
        SchemaError: For anything that does not fit.
    """
    if y is not None:
        check_same_length(range(rows), y)
    if rows < _FEWEST_ROWS:
        raise SchemaError(
            f"`x` has {rows} rows (n_samples = {rows}); fitting needs at least {_FEWEST_ROWS}: "
            "some to train on and some to validate with."
        )
    targets = target.encode(y)
    weights = check_weights(sample_weight, rows, "sample_weight")
    parts: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    labels = targets if isinstance(target, ClassTarget) else None
    kept, apart = np.arange(rows), np.arange(0)
    if calibration is not None:
        if isinstance(target, MultiLabelTarget):
            raise SchemaError(
                "`intervals` gives sets of labels for targets with one label a row, and `y` has "
                "several. Pass `intervals=None`."
            )
        share = min(calibration(rows) / rows, 0.5)
        # Another seed than that of the validation rows, which must be no part of these.
        kept, apart = holdout(rows, share, seed=seed + 1, groups=groups)
        labels = None if labels is None else labels[kept]
        groups = None if groups is None else np.asarray(groups)[kept]
    count = count_folds(len(kept)) if count_folds is not None and validation is None else 0
    if count > 1:
        parts = folds(len(kept), count, seed=seed, classes=labels, groups=groups)
        train = valid = kept
    elif validation is None:
        train, valid = (
            kept[part]
            for part in holdout(
                len(kept), validation_split, seed=seed, classes=labels, groups=groups
            )
        )
    else:
        extra = target.encode(validation.y)
        train, valid = kept, rows + np.arange(len(extra))
        targets = np.concatenate([targets, extra])
        further = check_weights(validation.weights, len(extra), "validation_data[2]")
        weights = joined_weights(weights, further, rows, len(extra))
    weights = _with_class_weight(weights, class_weight, target, targets)
    return Rows(target, targets, weights, train, valid, parts, apart)


def check_weights(value: Any, rows: int, name: str) -> np.ndarray | None:
    """Weights of shape `(rows,)` as float64, or `None`; a single number counts for every row."""
    if value is None:
        return None
    weights = np.asarray(value, dtype="float64")
    if weights.ndim == 0:
        weights = np.full(rows, float(weights))
    if weights.shape != (rows,):
        raise SchemaError(
            f"`{name}` must have one weight a row, shape ({rows},), received {weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise SchemaError(f"`{name}` must hold finite numbers of at least 0.")
    if weights.sum() == 0:
        raise SchemaError(f"`{name}` is zero for every row; at least one row must count.")
    return weights


def rows_of(values: Any, index: np.ndarray) -> Any:
    """Some rows of an array, a Series or a list; what is no sequence stays as it is."""
    if values is None or is_one_value(values):
        return values
    if has_positions(values):
        return values.iloc[index]
    if isinstance(values, np.ndarray):
        return values[index]
    return [values[int(i)] for i in index]


def joined_weights(
    first: np.ndarray | None, second: np.ndarray | None, train: int, valid: int
) -> np.ndarray | None:
    """Weights of training rows, then of validation rows; 1 where only the others have weights."""
    if first is None and second is None:
        return None
    return np.concatenate(
        [
            np.ones(train) if first is None else first,
            np.ones(valid) if second is None else second,
        ]
    )


def _with_class_weight(
    weights: np.ndarray | None,
    class_weight: Mapping[Any, float] | None,
    target: Target,
    targets: np.ndarray,
) -> np.ndarray | None:
    if class_weight is None:
        return weights
    if not isinstance(target, ClassTarget):
        raise SchemaError(
            "`class_weight` is for one class a row; use `sample_weight` for other targets."
        )
    known = target.classes_.tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise SchemaError(f"`class_weight` names {unknown}, which `y` does not have: {known}.")
    by_class = np.array([float(class_weight.get(label, 1.0)) for label in known])
    return by_class[targets] * (1.0 if weights is None else weights)
