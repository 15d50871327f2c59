"""Families of the tabular space that a library fits, without gradient steps: trees, linear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import keras_tuner
import numpy as np

from kerasnas.clock import Deadline
from kerasnas.spaces.linear import declare_linear, solve_linear
from kerasnas.spaces.trees import TREE_FAMILIES, Rows, Trees, fit_trees, network_of

LINEAR = "linear"
SOLVED = (*TREE_FAMILIES, LINEAR)
_DEFAULT = ("histgb", "extra_trees", LINEAR)  # need nothing but scikit-learn


class View(Protocol):
    """What is read of `runner.View`: targets as a network learns them, on both sides."""

    x: Any
    y: Any
    weights: np.ndarray | None
    validation: Any


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
) -> keras.Model:
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
        return linear if places is None else _behind(linear, width, places)
    rest = [*view.validation, None][:3]
    if places is not None:
        rest[0] = rest[0][:, places]
    rows = Rows(
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
    network = network_of(trees)
    network.kerasnas_trees = trees  # so that several can be walked as one: `mean_of`
    return network


def _behind(network: keras.Model, width: int, places: np.ndarray) -> keras.Model:
    """A network over some columns as one over the whole matrix."""
    matrix = keras.Input((width,), name="features")
    return keras.Model(matrix, network(keras.ops.take(matrix, places, axis=1)))


def mean_of_trees(networks: Sequence[keras.Model]) -> keras.Model | None:
    """One network that walks the trees of all, `None` where these are no trees."""
    found = [getattr(network, "kerasnas_trees", None) for network in networks]
    trees = [one for one in found if isinstance(one, Trees)]
    return network_of(*trees) if len(trees) == len(networks) else None


def rounds_of(network: keras.Model) -> int | None:
    """Iterations that a network of trees was fitted with, `None` for any other network."""
    trees = getattr(network, "kerasnas_trees", None)
    return trees.rounds if isinstance(trees, Trees) else None


def answers_of_trees(network: keras.Model, x: Any) -> np.ndarray | None:
    """The answers of a network of trees without tracing it, `None` for any other network."""
    trees = getattr(network, "kerasnas_trees", None)
    return trees.answer(x) if isinstance(trees, Trees) else None


def front_of(family: str) -> str:
    """The form of the data that a family sees: `codes` for trees, `features` for all others."""
    return "codes" if family in TREE_FAMILIES else "features"
