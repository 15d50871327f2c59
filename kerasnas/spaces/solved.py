"""Families of the tabular space that a library fits, without gradient steps: trees, linear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
_SUPERFLUOUS = ("histgb",)  # LightGBM fits the same kind of trees in a fraction of the time


class TreesSolution(Solution):
    """Fitted trees and the network that walks them, which is built when it is first asked for.

    Args:
        trees: The trees, so that those of several solutions can be walked as one ensemble.
    """

    trees: Trees

    def __init__(self, trees: Trees) -> None:
        object.__setattr__(self, "trees", trees)

    @cached_property
    def network(self) -> keras.Model:
        """The network; trees of several folds are walked together, without one for each."""
        return network_of(self.trees)

    @property
    def rounds(self) -> int | None:
        """Iterations of boosting, or trees of a forest."""
        return self.trees.rounds

    @property
    def rate(self) -> float | None:
        """Learning rate that boosting went on with for want of time."""
        return self.trees.rate

    def answer(self, x: Any) -> np.ndarray:
        """Answers of the trees themselves: tracing the network takes longer."""
        return self.trees.answer(x)


@dataclass(frozen=True, eq=False)
class ColumnsSolution(Solution):
    """Solutions for each of several targets, and one network of all.

    Attributes:
        parts: One solution a column of the answers.
        chosen: For each, the columns of its answers that count.
    """

    parts: Sequence[Solution]
    chosen: slice

    @property
    def rounds(self) -> int | None:
        """0: such models are not fitted again."""
        return 0

    def answer(self, x: Any) -> np.ndarray | None:
        """Answers of the solvers themselves, where all of them have some."""
        found = [part.answer(x) for part in self.parts]
        known = [one[:, self.chosen] for one in found if one is not None]
        return np.concatenate(known, axis=1) if len(known) == len(found) else None


def installed(family: str) -> bool:
    """Whether the library that fits a family is there."""
    return family == LINEAR or TREE_FAMILIES[family].installed


def available() -> tuple[str, ...]:
    """The families whose libraries are installed, without those that others make superfluous."""
    return tuple(name for name in SOLVED if installed(name) and name not in _SUPERFLUOUS)


def declare(hp: keras_tuner.HyperParameters, family: str, classify: bool) -> Any:
    """Declares the hyperparameters of a family and reads their values."""
    if family == LINEAR:
        return declare_linear(hp, classify)
    return TREE_FAMILIES[family].declare(hp, classify)


def stand_in(
    width: int, classes: int | None, outputs: int = 1, multilabel: bool = False
) -> keras.Model:
    """What `build` answers for a family that only `solve` can fit: the least compiled model."""
    matrix = keras.Input((width,), name="features")
    if classes is None or multilabel:
        activation = "sigmoid" if multilabel else None
        dense = keras.layers.Dense(classes or outputs, activation=activation)
        model = keras.Model(matrix, dense(matrix))
        model.compile(optimizer="adam", loss="binary_crossentropy" if multilabel else "mse")
        return model
    model = keras.Model(matrix, keras.layers.Dense(classes, activation="softmax")(matrix))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@dataclass(frozen=True, eq=False)
class Solving:
    """What a family is fitted with, besides its hyperparameters and the data.

    Attributes:
        classes: Number of classes, or of labels of which each is present or not; `None` for
            regression.
        embedded: Number of categories of each column of indices at the end of a linear model's
            matrix.
        codes: Columns of categories at the end of the trees' matrix.
        seed: Seed.
        deadline: When the search ends.
        places: Columns of the matrix that it is to see; `None` for all. `embedded` and `codes`
            count those of them only.
        rounds: Iterations of boosting, or trees of a forest; `None` stops by the validation rows.
        rate: Learning rate of boosting after the first rounds; `None` for that of the
            hyperparameters.
    """

    classes: int | None
    embedded: Sequence[int]
    codes: int
    seed: int
    deadline: Deadline
    places: np.ndarray | None = None
    rounds: int | None = None
    rate: float | None = None


def solve(family: str, values: Any, view: View, how: Solving) -> Solution:
    """Fits a family and gives its network.

    Args:
        family: One of `SOLVED`.
        values: As `declare` gives them.
        view: Data in the form of the family.
        how: What it is fitted with.
    """
    width, places = view.x.shape[1], how.places
    x = view.x if places is None else view.x[:, places]
    if family == LINEAR:
        linear = solve_linear(
            x, view.y, view.weights, how.embedded, how.classes, values, how.deadline
        )
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
        classes=how.classes,
        codes=how.codes,
        seed=how.seed,
        deadline=how.deadline,
        rounds=how.rounds,
        rate=how.rate,
    )
    trees = fit_trees(family, rows, values)
    if places is not None:
        trees = trees.within(width, places)
    return TreesSolution(trees)


def solve_columns(family: str, values: Any, view: View, how: Solving) -> Solution:
    """Fits a family to each of several targets, and gives one network of all.

    Args:
        family: One of `SOLVED`.
        values: As `declare` gives them.
        view: Data in the form of the family; targets are a matrix.
        how: What it is fitted with; the columns share the time.
    """
    columns, classes = view.y.shape[1], how.classes
    chosen = slice(0, 1) if classes is None else slice(1, 2)
    parts: list[Solution] = []
    for i in range(columns):
        own = _column(view, i, classes is not None)
        share = how.deadline.part(1 / (columns - i))
        if classes is not None and len(np.unique(own.y)) < 2:
            parts.append(Solution(_constant(view.x.shape[1], float(own.y[0, 0]))))
            continue
        binary = None if classes is None else 2
        parts.append(solve(family, values, own, replace(how, classes=binary, deadline=share)))
    network = _side_by_side([part.network for part in parts], chosen)
    return ColumnsSolution(network, parts, chosen)


def _side_by_side(networks: Sequence[keras.Model], chosen: slice) -> keras.Model:
    """One network whose answers are some columns of those of each."""
    matrix = keras.Input(networks[0].input.shape[1:], name="features")
    answers = [network(matrix)[:, chosen] for network in networks]
    return keras.Model(matrix, keras.layers.Concatenate()(answers))


def _column(view: View, place: int, labels: bool) -> View:
    """A view of one of several targets."""
    dtype = "int32" if labels else "float32"
    x_valid, y_valid, *weights = view.validation
    return replace(
        view,
        y=view.y[:, place : place + 1].astype(dtype),
        validation=(x_valid, y_valid[:, place : place + 1].astype(dtype), *weights),
    )


def _constant(width: int, share: float) -> keras.Model:
    """Two probabilities that are the same for every row."""
    matrix = keras.Input((width,), name="features")
    nothing = keras.ops.zeros_like(matrix[:, :1])
    return keras.Model(
        matrix, keras.layers.Concatenate()([nothing + (1.0 - share), nothing + share])
    )


def _behind(network: keras.Model, width: int, places: np.ndarray) -> keras.Model:
    """A network over some columns as one over the whole matrix."""
    matrix = keras.Input((width,), name="features")
    return keras.Model(matrix, network(keras.ops.take(matrix, places, axis=1)))


def mean_of_trees(solutions: Sequence[Solution]) -> keras.Model | None:
    """One network that walks the trees of all solutions; `None` where some are no trees."""
    several = [one for one in solutions if isinstance(one, ColumnsSolution)]
    if several and len(several) == len(solutions):
        means = [mean_of_trees(column) for column in zip(*(s.parts for s in several), strict=True)]
        known = [mean for mean in means if mean is not None]
        return _side_by_side(known, several[0].chosen) if len(known) == len(means) else None
    trees = [one.trees for one in solutions if isinstance(one, TreesSolution)]
    return network_of(*trees) if len(trees) == len(solutions) else None


def front_of(family: str) -> str:
    """The form of the data that a family sees: `codes` for trees, `features` for all others."""
    return "codes" if family in TREE_FAMILIES else "features"
