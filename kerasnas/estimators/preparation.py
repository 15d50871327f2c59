"""From what the user hands to `fit` to arrays that trials train on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.data import (
    ClassTarget,
    RegressionTarget,
    Schema,
    check_same_length,
    fit_class_target,
    holdout,
    infer_schema,
    ingest,
    split_target,
    to_frame,
)
from kerasnas.errors import SchemaError
from kerasnas.preprocessing import Preprocessing, fit_preprocessing

_FEWEST_ROWS = 2


@dataclass
class Prepared:
    """A checked table, split and turned into features.

    Attributes:
        schema: The columns.
        named: Whether the table came with column names.
        target: Encodes and decodes the targets.
        raw: Raw columns of all rows.
        targets: Integer labels or values of all rows.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        valid: Indices of the validation rows.
        preprocessing: Fitted on the training rows.
        matrix: Features of all rows.
    """

    schema: Schema
    named: bool
    target: ClassTarget | RegressionTarget
    raw: Mapping[str, np.ndarray]
    targets: np.ndarray
    weights: np.ndarray | None
    train: np.ndarray
    valid: np.ndarray
    preprocessing: Preprocessing
    matrix: np.ndarray

    @property
    def classes(self) -> int | None:
        """Number of classes; `None` for regression."""
        return len(self.target.classes_) if isinstance(self.target, ClassTarget) else None


def prepare(
    x: Any,
    y: Any,
    *,
    classify: bool,
    seed: int,
    column_kinds: Mapping[str, str] | None = None,
    validation_data: Any = None,
    validation_split: float = 0.2,
    sample_weight: Any = None,
    class_weight: Mapping[Any, float] | None = None,
    groups: Any = None,
) -> Prepared:
    """Checks everything that can be wrong with the data, before any training.

    Args:
        x: Table of any kind that `data.to_frame` reads.
        y: Targets, or the name of a column of `x`.
        classify: Whether targets are classes.
        seed: Seed of the split.
        column_kinds: Kinds of columns that are not to be guessed.
        validation_data: `(x, y)` or `(x, y, weights)`; without it rows are held out.
        validation_split: Share of rows to hold out.
        sample_weight: Weight of each row of `x`.
        class_weight: Weight of each class by label.
        groups: Group of each row; no group is on both sides of the split.
    """
    x, y = split_target(x, y)
    frame, named = to_frame(x)
    if y is not None:
        check_same_length(frame, y)
    if len(frame) < _FEWEST_ROWS:
        raise SchemaError(
            f"`x` has {len(frame)} rows (n_samples = {len(frame)}); fitting needs at least "
            f"{_FEWEST_ROWS}: some to train on and some to validate with."
        )
    target = fit_class_target(y) if classify else RegressionTarget()
    targets = target.encode(y)
    schema = infer_schema(frame, column_kinds, named=named)
    raw = ingest(frame, schema, named=named)
    weights = check_weights(sample_weight, len(frame), "sample_weight")
    if validation_data is None:
        labels = targets if classify else None
        train, valid = holdout(
            len(frame), validation_split, seed=seed, classes=labels, groups=groups
        )
    else:
        extra, extra_targets, extra_weights = _validation(validation_data, schema, target)
        train = np.arange(len(frame))
        valid = len(frame) + np.arange(len(extra_targets))
        raw = {name: np.concatenate([values, extra[name]]) for name, values in raw.items()}
        targets = np.concatenate([targets, extra_targets])
        weights = _joined(weights, extra_weights, len(train), len(valid))
    weights = _with_class_weight(weights, class_weight, target, targets)
    preprocessing = fit_preprocessing({n: v[train] for n, v in raw.items()}, schema)
    return Prepared(
        schema=schema,
        named=named,
        target=target,
        raw=raw,
        targets=targets,
        weights=weights,
        train=train,
        valid=valid,
        preprocessing=preprocessing,
        matrix=preprocessing.transform(raw),
    )


def _validation(
    data: Any, schema: Schema, target: ClassTarget | RegressionTarget
) -> tuple[Mapping[str, np.ndarray], np.ndarray, np.ndarray | None]:
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        raise SchemaError(
            "`validation_data` must be a tuple `(x, y)` or `(x, y, sample_weight)`, received "
            f"{type(data).__name__}."
        )
    x, y = split_target(data[0], data[1])
    frame, named = to_frame(x)
    check_same_length(frame, y, "validation_data[1]")
    weights = check_weights(data[2] if len(data) == 3 else None, len(frame), "validation_data[2]")
    return ingest(frame, schema, named=named), target.encode(y), weights


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


def _joined(
    first: np.ndarray | None, second: np.ndarray | None, train: int, valid: int
) -> np.ndarray | None:
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
    target: ClassTarget | RegressionTarget,
    targets: np.ndarray,
) -> np.ndarray | None:
    if class_weight is None:
        return weights
    if not isinstance(target, ClassTarget):
        raise SchemaError("`class_weight` is for classification; use `sample_weight` instead.")
    known = target.classes_.tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise SchemaError(f"`class_weight` names {unknown}, which `y` does not have: {known}.")
    by_class = np.array([float(class_weight.get(label, 1.0)) for label in known])
    return by_class[targets] * (1.0 if weights is None else weights)
