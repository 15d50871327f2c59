"""The form in which the networks of a space see the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.data.stored import StoredRows
from kerasnas.errors import SearchSpaceError
from kerasnas.problem.answer_scorer import AnswerScorer


def as_it_is(network: keras.Model) -> keras.Model:
    """Nothing stands in front of the network."""
    return network


def no_latency() -> float:
    """What stands in front of the network takes no time."""
    return 0.0


@dataclass(frozen=True, eq=False)
class View:
    """One form of the data: what a trial trains on, is validated with and is exported behind.

    A space whose front end depends on hyperparameters has one view for every setting of it.

    Attributes:
        x: Training inputs: an array, a structure of arrays, or anything Keras's `fit` takes.
        y: Training targets, `None` where `x` holds them.
        weights: Weight of each training row, or `None`.
        validation: `(x, y)` or `(x, y, weights)`, anything Keras takes, or `None`. Where there is
            a `scorer`, it holds the targets to score; solvers use `y` and `weights` here to stop.
        scorer: Scores validation predictions; `None` lets the compiled metrics do it.
        assemble: From the trained network to the model that is exported.
        example: Input of one row for the latency of the network.
        extra_latency: Measures the latency in ms of what `assemble` puts in front, once.
        folds: Rows to train on and rows to validate on, of each fold. With folds `x` and
            `validation` hold all rows, a network is trained on each fold, and the mean of these
            networks is what a trial gives.
    """

    x: Any
    y: Any = None
    weights: np.ndarray | None = None
    validation: Any = None
    scorer: AnswerScorer | None = None
    assemble: Callable[[keras.Model], keras.Model] = as_it_is
    example: Any = None
    extra_latency: Callable[[], float] = no_latency
    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = ()

    def fold(self, number: int) -> View:
        """The view of one fold: trained on its rows, validated on the rows it holds out."""
        train, valid = self.folds[number]
        assert self.scorer is not None, "folds belong to an estimator"

        def take(data: Any, rows: np.ndarray) -> Any:
            return tf.nest.map_structure(lambda a: None if a is None else a[rows], data)

        return replace(
            self,
            x=take(self.x, train),
            y=take(self.y, train),
            weights=take(self.weights, train),
            validation=take(self.validation, valid),
            scorer=self.scorer.of(valid),
            folds=(),
        )


def part_of(view: View, share: float, seed: int) -> View:
    """The view with a random part of its training rows; a smaller part lies within a larger one.

    Raises:
        SearchSpaceError: If the training rows cannot be picked one by one.
    """
    arrays = tf.nest.flatten((view.x, view.y))
    if view.y is None or not all(
        isinstance(a, np.ndarray | tf.Tensor | StoredRows) for a in arrays
    ):
        raise SearchSpaceError(
            "`fidelity='rows'` needs training data in arrays, received "
            f"{type(view.x).__name__}. Pass arrays, or `fidelity='epochs'`."
        )
    rows = len(arrays[0])
    order = np.random.default_rng([seed % 2**63, rows]).permutation(rows)
    kept = np.sort(order[: max(1, round(rows * share))])

    def take(a: Any) -> Any:
        return tf.gather(a, kept) if isinstance(a, tf.Tensor) else a[kept]

    x, y = tf.nest.map_structure(take, (view.x, view.y))
    return replace(view, x=x, y=y, weights=None if view.weights is None else view.weights[kept])
