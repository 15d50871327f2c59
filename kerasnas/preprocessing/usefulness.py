"""Which raw columns say something about the target: permutation importance out of fold.

A column is shuffled in rows that a model has not seen; what the loss rises by is its importance
(Breiman 2001). How large importance gets by luck alone is read from shadows, shuffled copies of
columns that the model is given too (Kursa and Rudnicki 2010, Boruta): what is not more important
than most of them is noise. Columns that say the same hide behind each other, so
what is left has to prove at last that it answers as well as everything does.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from kerasnas.clock import ENDLESS, Deadline

LEAST_ROWS = 200
LEAST_COLUMNS = 4

_MOST_ROWS = 2000
_MOST_FEATURES = 400
_FOLDS = 3
_SHADOWS = 20
_LUCK = 0.8  # of the shadows a column has to beat: the best one would take weak columns for noise
_WIDEST_SHADOW = 16  # features of one raw column; texts have hundreds
_REPEATS = 2
_TREES = 40
_PRIOR = 10.0  # rows that the mean target of a category is drawn to the mean of all by
_TAIL = 0.01  # of the targets of a regression on either side, which would decide everything


@dataclass(frozen=True, eq=False)
class Sample:
    """Training rows to judge columns by.

    Attributes:
        matrix: The form that trees see: the last columns are codes of categories.
        owners: The raw column of each feature.
        codes: How many columns of codes there are.
        targets: Labels from 0 on, or values.
        classes: Number of classes; `None` for regression.
        weights: Weight of each row, or `None`.
    """

    matrix: np.ndarray
    owners: Sequence[str]
    codes: int
    targets: np.ndarray
    classes: int | None
    weights: np.ndarray | None = None


def useful_columns(
    sample: Sample, seed: int, deadline: Deadline = ENDLESS, *, prove: bool = True
) -> tuple[str, ...] | None:
    """The raw columns that are not noise, or `None` where all are useful or it cannot be told.

    Args:
        sample: Training rows; at most some thousand of them are looked at.
        seed: Seed of rows, folds and shuffles.
        deadline: Until when it may go on.
        prove: Whether what is left has to answer as well as all columns do.

    Raises:
        OutOfTime: After the deadline.
    """
    owners = tuple(dict.fromkeys(sample.owners))
    enough = len(sample.matrix) >= LEAST_ROWS and len(owners) >= LEAST_COLUMNS
    if not enough or sample.matrix.shape[1] > _MOST_FEATURES:
        return None
    judge = _ColumnJudge(sample, seed, deadline)
    with threadpool_limits(1, user_api="openmp"):  # so few rows are slower on more
        importance, luck = judge.importance(owners)
        kept = tuple(o for o in owners if importance[o] > luck)
        if len(kept) == len(owners) or not kept or (prove and not judge.enough(kept)):
            return None
    return kept


class _ColumnJudge:
    """A few trees on a few rows, out of fold."""

    def __init__(self, sample: Sample, seed: int, deadline: Deadline) -> None:
        self._rng = np.random.default_rng([seed % 2**63, 0xF1])
        self._deadline = deadline
        rows = len(sample.matrix)
        # In random order, so that the folds below are contiguous.
        picked = self._rng.permutation(rows)[:_MOST_ROWS]
        self._matrix = np.asarray(sample.matrix[picked], dtype="float32")
        self._targets = sample.targets[picked]
        if sample.classes is None:
            low, high = np.quantile(self._targets, [_TAIL, 1 - _TAIL])
            clipped = np.clip(self._targets.astype("float64"), low, high)
            self._targets = (clipped - clipped.mean()) / (clipped.std() or 1.0)
        else:  # labels without a gap
            self._targets = np.unique(self._targets, return_inverse=True)[1]
        self._classes = sample.classes
        weights = np.ones(rows) if sample.weights is None else sample.weights
        self._weights = weights[picked] + 1e-12 * weights.mean()
        self._plain = self._matrix.shape[1] - sample.codes
        self._places: dict[str, list[int]] = {}
        for place, owner in enumerate(sample.owners):
            self._places.setdefault(owner, []).append(place)
        self._folds = np.array_split(np.arange(len(picked)), _FOLDS)
        self._state = int(self._rng.integers(2**31 - 1))

    def importance(self, owners: Sequence[str]) -> tuple[dict[str, float], float]:
        """Importance of each column, and what most shadows stay below."""
        small = [o for o in owners if len(self._places[o]) <= _WIDEST_SHADOW] or list(owners)[:1]
        cast = [small[i % len(small)] for i in self._rng.permutation(max(_SHADOWS, len(small)))]
        places = list(range(self._matrix.shape[1]))
        shuffled: list[list[int]] = []
        parts, width = [self._matrix], len(places)
        for owner in cast[:_SHADOWS]:
            own = self._places[owner]
            parts.append(self._matrix[self._rng.permutation(len(self._matrix))][:, own])
            shuffled.append(list(range(width, width + len(own))))
            places += own
            width += len(own)
        full = np.concatenate(parts, axis=1)
        groups = [self._places[o] for o in owners] + shuffled
        rises = np.zeros(len(groups))
        for fold in self._folds:
            x = self._ordered(full, places, fold)
            answer = self._fit(x, fold)
            base = self._losses(answer(x[fold]), fold)
            for number, columns in enumerate(groups):
                for _ in range(_REPEATS):
                    other = x[fold]
                    other[:, columns] = other[self._rng.permutation(len(fold))][:, columns]
                    rise = self._losses(answer(other), fold) - base
                    rises[number] += float(np.sum(rise))
        rises /= _REPEATS * self._weights.sum()
        luck = max(0.0, float(np.quantile(rises[len(owners) :], _LUCK)))
        return dict(zip(owners, rises[: len(owners)].tolist(), strict=True)), luck

    def enough(self, kept: Sequence[str]) -> bool:
        """Whether some columns answer as well as all, but for one standard error."""
        everything = list(range(self._matrix.shape[1]))
        some = [place for place in everything if any(place in self._places[o] for o in kept)]
        gaps = []
        for fold in self._folds:
            by = []
            for places in (some, everything):
                x = self._ordered(self._matrix[:, places], places, fold)
                by.append(self._losses(self._fit(x, fold)(x[fold]), fold))
            gaps.append(by[0] - by[1])
        gap = np.concatenate(gaps)
        return float(gap.mean()) <= float(gap.std(ddof=1)) / math.sqrt(len(gap))

    def _ordered(self, x: np.ndarray, places: Sequence[int], fold: np.ndarray) -> np.ndarray:
        """Codes replaced by the mean target of their category, which trees split best along.

        Means are of the rows outside a fold, and drawn to the mean of all where rows are few. The
        target of several classes is whether a row has the most frequent one.
        """
        targets = self._targets
        if self._classes is not None and self._classes > 2:
            targets = targets == np.argmax(np.bincount(targets))
        rest = np.setdiff1d(np.arange(len(x)), fold)
        mean = float(np.mean(targets[rest]))
        x = x.copy()
        for column in [i for i, place in enumerate(places) if place >= self._plain]:
            known = np.isfinite(x[:, column])
            code = np.where(known, x[:, column], -1).astype("int64") + 1
            count = np.bincount(code[rest], minlength=code.max() + 1)
            total = np.bincount(code[rest], targets[rest] - mean, minlength=code.max() + 1)
            x[:, column] = (total / (count + _PRIOR))[code]
        return x

    def _fit(self, x: np.ndarray, fold: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Trees fitted on all rows but those of a fold."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self._deadline.require(0.0, "to tell which columns are noise")
        cls: Any = (
            HistGradientBoostingRegressor
            if self._classes is None
            else HistGradientBoostingClassifier
        )
        model = cls(
            max_iter=max(10, round(_TREES / max(1.0, (self._classes or 2) / 3))),
            max_leaf_nodes=15,
            learning_rate=0.15,
            # Columns that say the same share the work, instead of one doing all of it.
            max_features=0.5,
            early_stopping=False,
            random_state=self._state,
        )
        rest = np.setdiff1d(np.arange(len(x)), fold)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # columns that a fold leaves empty
            model.fit(x[rest], self._targets[rest])  # weights, which the losses have, are slow
        if self._classes is None:
            return model.predict

        def probabilities(rows: np.ndarray) -> np.ndarray:
            found = np.zeros((len(rows), int(self._targets.max()) + 1))
            found[:, model.classes_] = model.predict_proba(rows)
            return found

        return probabilities

    def _losses(self, answers: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Weighted loss of each row of a fold."""
        self._deadline.require(0.0, "to tell which columns are noise")
        targets = self._targets[fold]
        if self._classes is None:
            losses = (answers - targets) ** 2
        else:
            losses = -np.log(np.clip(answers[np.arange(len(fold)), targets], 1e-6, 1.0))
        return losses * self._weights[fold]
