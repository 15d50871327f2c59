"""Targets, weights and split: what all modalities do alike before any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kerasnas.data import (
    ClassTarget,
    MultiLabelTarget,
    RegressionTarget,
    ValuesTarget,
    check_same_length,
    fit_class_target,
    fit_multilabel_target,
    fit_regression_target,
    fit_values_target,
    is_multilabel,
    is_several,
)
from kerasnas.data.foreign import has_positions, is_one_value
from kerasnas.data.transcripts import Transcripts
from kerasnas.errors import SchemaError
from kerasnas.problem.class_weights import class_weights_by_head, with_class_weight
from kerasnas.problem.given import Given, Validation
from kerasnas.problem.heads import FittedHead, head_of
from kerasnas.problem.heads.head import scoring_weights
from kerasnas.problem.split import Split, split

Target = ClassTarget | MultiLabelTarget | RegressionTarget | ValuesTarget | Transcripts

ANSWER = "answer"
"""Name of the head of a problem that has one head."""

_FEWEST_ROWS = 2


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows, training rows first where validation data were given.

    Attributes:
        heads: Fitted heads by output, with the scale of the training rows.
        encoded: Encoded targets of all rows, by output.
        weights: Weight of every row, or `None`.
        split: Which rows are trained on, and which are held out.
        class_weights: Weight of each class by output, for some of several heads; the weights of
            rows hold that of a head which is alone.
    """

    heads: Mapping[str, FittedHead]
    encoded: Mapping[str, np.ndarray]
    weights: np.ndarray | None
    split: Split
    class_weights: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def train(self) -> np.ndarray:
        """Indices of the training rows."""
        return self.split.train

    @property
    def valid(self) -> np.ndarray:
        """Indices of the validation rows."""
        return self.split.valid

    def weights_of(self, name: str) -> np.ndarray | None:
        """Weight of every row for one head, that of its class included; or `None`."""
        if name not in self.class_weights:
            return self.weights
        own: np.ndarray = self.class_weights[name][self.encoded[name]]
        return own if self.weights is None else own * self.weights

    @property
    def folds(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Rows to train on and rows to validate on, of each fold, as places in `train`, `valid`."""
        return self.split.folds

    @property
    def calibration(self) -> np.ndarray:
        """Indices of rows that are neither trained on nor validated with."""
        return self.split.calibration

    @property
    def head(self) -> FittedHead:
        """The head of a problem with one head."""
        (head,) = self.heads.values()
        return head

    @property
    def targets(self) -> np.ndarray:
        """Encoded targets of the only head."""
        (targets,) = self.encoded.values()
        return targets

    @property
    def target(self) -> Any:
        """What encodes and decodes the targets of the only head."""
        return self.head.target

    @property
    def classes(self) -> int | None:
        """Number of classes or labels of the only head; `None` for regression."""
        return self.head.classes

    @property
    def multilabel(self) -> bool:
        """Whether a row may have any number of labels."""
        return self.head.multilabel

    @property
    def parts(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows to train on and rows to validate on: one pair, or one for each fold."""
        if not self.folds:
            return [(self.train, self.valid)]
        return [(self.train[train], self.valid[valid]) for train, valid in self.folds]

    def joined(self, answers: Sequence[np.ndarray]) -> np.ndarray:
        """Answers to the validation rows of each of `parts`, in the order of `valid`."""
        if not self.folds:
            return answers[0]
        order = np.argsort(np.concatenate([valid for _, valid in self.folds]))
        return np.concatenate(answers)[order]

    def only(self, train: np.ndarray, valid: np.ndarray) -> Rows:
        """These rows, and those for calibration, without the others; places are counted anew."""
        index = self.places(train, valid)
        encoded = {name: targets[index] for name, targets in self.encoded.items()}
        weights = None if self.weights is None else self.weights[index]
        parts = [np.searchsorted(index, part) for part in (train, valid, self.calibration)]
        found = Split(parts[0], parts[1], calibration=parts[2])
        heads = _scaled(self.heads, encoded, weights, found)
        return Rows(heads, encoded, weights, found, self.class_weights)

    def places(self, train: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Indices of the rows that `only` keeps."""
        return np.unique(np.concatenate([train, valid, self.calibration]))


def fit_target(
    y: Any, *, classify: bool, multilabel: bool = False, several: bool = False
) -> Target:
    """Learns the labels of a classifier, or how the numbers of a regressor are written.

    Args:
        y: Targets.
        classify: Whether targets are classes.
        multilabel: Whether the estimator takes several labels a row.
        several: Whether the estimator takes several numbers a row.
    """
    if not classify:
        return fit_values_target(y) if several and is_several(y) else fit_regression_target(y)
    if multilabel and y is not None and is_multilabel(y):
        return fit_multilabel_target(y)
    return fit_class_target(y)


def settle_rows(
    given: Given, rows: int, target: Target, validation: Validation | None = None
) -> Rows:
    """The rows of a problem with one head.

    Args:
        given: What the user gives.
        rows: Number of rows given to `fit`, which the targets are to match.
        target: As `fit_target` gives it.
        validation: Rows to validate with; they follow the others.

    Raises:
        SchemaError: For anything that does not fit.
    """
    if given.y is not None:
        check_same_length(range(rows), given.y)
    given = replace(given, y={ANSWER: given.y})
    if validation is not None:
        validation = replace(validation, y={ANSWER: validation.y})
    return split_rows({ANSWER: head_of(target)}, given, rows, validation)


def split_rows(
    heads: Mapping[str, FittedHead], given: Given, count: int, validation: Validation | None
) -> Rows:
    """Encodes targets, checks weights and splits the rows, stratified by the first head of classes.

    Args:
        heads: Fitted heads by output.
        given: What the user gives, its targets by output.
        count: Number of rows given to `fit`.
        validation: Rows to validate with, their targets by output; they follow the others. Without
            it rows are held out.

    Raises:
        SchemaError: For anything that does not fit.
    """
    if count < _FEWEST_ROWS:
        raise SchemaError(
            f"`x` has {count} rows (n_samples = {count}); fitting needs at least {_FEWEST_ROWS}: "
            "some to train on and some to validate with."
        )
    calibration = given.calibration
    if calibration is not None and not any(head.calibrates for head in heads.values()):
        raise SchemaError(
            "`intervals` gives sets of labels, or an interval, for targets with one label or one "
            "number a row, and `y` has several. Pass `intervals=None`, or fit one estimator a "
            "column."
        )
    encoded = {name: head.encode(given.y[name]) for name, head in heads.items()}
    for targets in encoded.values():
        check_same_length(range(count), targets)
    weights = check_weights(given.sample_weight, count, "sample_weight")
    labels = [head.labels(encoded[name]) for name, head in heads.items()]
    further = None
    if validation is not None:
        extra = {name: head.encode(validation.y[name]) for name, head in heads.items()}
        further = len(next(iter(extra.values())))
        weights = joined_weights(
            weights,
            check_weights(validation.weights, further, "validation_data[2]"),
            count,
            further,
        )
        encoded = {n: head.joined(encoded[n], extra[n]) for n, head in heads.items()}
    found = split(
        count,
        seed=given.seed,
        share=given.validation_split,
        labels=next((of_head for of_head in labels if of_head is not None), None),
        groups=given.groups,
        given=further,
        count_folds=given.count_folds,
        calibration=0 if calibration is None else calibration(count),
    )
    by_head: dict[str, np.ndarray] = {}
    if len(heads) > 1:
        by_head = class_weights_by_head(given.class_weight, heads, encoded, count)
    else:
        weights = with_class_weight(weights, given.class_weight, heads, encoded, count)
    return Rows(_scaled(heads, encoded, weights, found), encoded, weights, found, by_head)


def check_weights(value: Any, rows: int, name: str) -> np.ndarray | None:
    """Weights of shape `(rows,)` as float64, or `None`; a single number counts for every row."""
    if value is None:
        return None
    weights: np.ndarray = np.zeros(0, dtype=object)
    reason = ""
    try:
        weights = np.asarray(value)
        weights = weights if weights.dtype.kind in "mMc" else weights.astype("float64")
    except (TypeError, ValueError) as error:
        reason = f", {error}"
    if weights.dtype != np.float64:
        raise SchemaError(
            f"`{name}` must hold one number a row, received {weights.dtype}{reason}. Convert it, "
            "for example with `pandas.to_numeric`."
        )
    if weights.ndim == 0:
        weights = np.full(rows, float(weights))
    if weights.ndim > 1 and weights.shape[1:] == (1,):
        weights = weights[:, 0]
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


def _scaled(
    heads: Mapping[str, FittedHead],
    encoded: Mapping[str, np.ndarray],
    weights: np.ndarray | None,
    split: Split,
) -> dict[str, FittedHead]:
    """The heads with the scale of the training rows."""
    kept = scoring_weights(None if weights is None else weights[split.train])
    return {name: head.on(encoded[name][split.train], kept) for name, head in heads.items()}
