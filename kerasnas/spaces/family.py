"""What a family of networks on tables brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner

from kerasnas.spaces.recipes.recipe import Recipe
from kerasnas.spaces.table import Table


@dataclass(frozen=True, eq=False)
class Network:
    """A network that is to be compiled.

    Attributes:
        answer: Tensor of probabilities `(batch, classes)` or values `(batch, 1)`.
        loss: Loss of `answer`.
        optimizer: Optimiser.
    """

    answer: Any
    loss: keras.losses.Loss
    optimizer: keras.optimizers.Optimizer


@dataclass(frozen=True)
class NetworkFamily:
    """How a family is built and trained.

    Attributes:
        build: From hyperparameters, what is known of the table and the symbolic feature matrix to
            a network. Declares hyperparameters that start with the family's name.
        recipe: From hyperparameters to the recipe, as for `build`.
        fits: Whether the family is worth trying on a table.
        members: Whether the answer is a mean over members, which are trained one by one.
    """

    build: Callable[[keras_tuner.HyperParameters, Table, Any], Network]
    recipe: Callable[[keras_tuner.HyperParameters, Table], Recipe]
    fits: Callable[[Table], bool] = lambda table: True
    members: bool = False
