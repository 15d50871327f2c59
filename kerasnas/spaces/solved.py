"""Families of the tabular space that a library fits, without gradient steps: trees, linear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas.clock import Deadline
from kerasnas.problem import View
from kerasnas.spaces.linear import declare_linear, solve_linear
from kerasnas.spaces.method import Solution
from kerasnas.spaces.trees import TREE_FAMILIES, TreeRows, Trees, fit_trees, network_of

LINEAR = "linear"
SOLVED = (*TREE_FAMILIES, LINEAR)
_DEFAULT = ("histgb", "extra_trees", LINEAR)  # need nothing but scikit-learn


@dataclass(frozen=True, eq=False)
class TreesSolution(Solution):
    """Fitted trees and the network that walks them.

    Attributes:
        trees: The trees, so that those of several solutions can be walked as one ensemble.
    """

    trees: Trees

    @property
    def rounds(self) -> int | None:
        """Iterations of boosting, or trees of a forest."""
        return self.trees.rounds

    def answer(self, x: Any) -> np.ndarray:
        """Answers of the trees themselves: tracing the network takes longer."""
        return self.trees.answer(x)


def available() -> tuple[str, ...]:
    """The families whose libraries are installed, without those that others make superfluous."""
    more = [name for name, family in TREE_FAMILIES.items() if family.installed]
    return tuple(dict.fromkeys([*_DEFAULT, *more]))


def declare(hp: keras_tuner.HyperParameters, family: str, classify: bool) -> Any:
    """Declares the hyperparameters of a family and reads their values."""
    if family == LINEAR:
        return declare_linear(hp)
    return TREE_FAMILIES[family].declare(hp, classify)


def stand_in(width: int, classes: int | None) -> keras.Model:
    """What `build` answers for a family that only `solve` can fit: the least compiled model."""
    matrix = keras.Input((width,), name="features")
    if classes is None:
        model = keras.Model(matrix, keras.layers.Dense(1)(matrix))
        model.compile(optimizer="adam", loss="mse")
        return model
    model = keras.Model(matrix, keras.layers.Dense(classes, activation="softmax")(matrix))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def solve(
    family: str,
    values: Any,
    view: View,
    *,
    classes: int | None,
    embedded: Sequence[int],
    codes: int,
    seed: int,
    deadline: Deadline,
    places: np.ndarray | None = None,
    rounds: int | None = None,
) -> Solution:
    """Fits a family and gives its network.

    Args:
        family: One of `SOLVED`.
        values: As `declare` gives them.
        view: Data in the form of the family.
        classes: Number of classes; `None` for regression.
        embedded: Number of categories of each column of indices at the end of a linear model's
            matrix.
        codes: Columns of categories at the end of the trees' matrix.
        seed: Seed.
        deadline: When the search ends.
        places: Columns of the matrix that it is to see; `None` for all. `embedded` and `codes`
            count those of them only.
        rounds: Iterations of boosting, or trees of a forest; `None` stops by the validation rows.
    """
    width = view.x.shape[1]
    x = view.x if places is None else view.x[:, places]
    if family == LINEAR:
        linear = solve_linear(x, view.y, view.weights, embedded, classes, values, deadline)
        return Solution(linear if places is None else _behind(linear, width, places))
    rest = [*view.validation, None][:3]
    if places is not None:
        rest[0] = rest[0][:, places]
    rows = TreeRows(
        x=x,
        y=view.y.reshape(-1),
        weights=view.weights,
        x_valid=rest[0],
        y_valid=rest[1].reshape(-1),
        weights_valid=rest[2],
        classes=classes,
        codes=codes,
        seed=seed,
        deadline=deadline,
        rounds=rounds,
    )
    trees = fit_trees(family, rows, values)
    if places is not None:
        trees = trees.within(width, places)
    return TreesSolution(network_of(trees), trees)


def _behind(network: keras.Model, width: int, places: np.ndarray) -> keras.Model:
    """A network over some columns as one over the whole matrix."""
    matrix = keras.Input((width,), name="features")
    return keras.Model(matrix, network(keras.ops.take(matrix, places, axis=1)))


def mean_of_trees(solutions: Sequence[Solution]) -> keras.Model | None:
    """One network that walks the trees of all solutions; `None` where some are no trees."""
    trees = [one.trees for one in solutions if isinstance(one, TreesSolution)]
    return network_of(*trees) if len(trees) == len(solutions) else None


def front_of(family: str) -> str:
    """The form of the data that a family sees: `codes` for trees, `features` for all others."""
    return "codes" if family in TREE_FAMILIES else "features"
