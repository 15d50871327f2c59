"""What a hypermodel may offer beyond keras-tuner's `build` and `fit`."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner

from kerasnas.clock import Deadline
from kerasnas.spaces.recipes import Recipe


class Offers:
    """A hypermodel, asked for what it may have; each method has an answer for one that has it not.

    A space of this package has a `recipe`, and as many of these as it needs:

    * `recipe(hp)`: how to train the model of these hyperparameters.
    * `solve(hp, view, seed, deadline)`: the fitted network of a family that no gradient steps
      train, `None` for other families.
    * `solve_again(hp, view, seed, network)`: as `solve`, for as long as this network of the same
      hyperparameters was fitted, without a look at validation rows.
    * `train_model(hp, network)`: what is trained in the place of the network that is scored and
      exported, such as one with augmentation in front of it.
    * `front_sizes(hp)`: sizes of what the exported model has in front of the network.
    * `for_fold(number)`: the hypermodel for the networks of a fold, where it has learnt something
      from rows.

    Args:
        hypermodel: A keras-tuner hypermodel.
    """

    def __init__(self, hypermodel: Any) -> None:
        self._hypermodel = hypermodel

    @property
    def of_this_package(self) -> bool:
        """Whether the hypermodel says itself how to train its models."""
        return hasattr(self._hypermodel, "recipe")

    @property
    def fits_itself(self) -> bool:
        """Whether its models are to be trained by its own `fit`, written by a user."""
        own = type(self._hypermodel).fit is not keras_tuner.HyperModel.fit
        return own and not self.of_this_package

    def recipe(self, hp: Any) -> Recipe | None:
        """How to train the model of these hyperparameters; `None` where only `compile` says."""
        return self._hypermodel.recipe(hp) if self.of_this_package else None

    def solve(self, hp: Any, view: Any, seed: int, deadline: Deadline) -> keras.Model | None:
        """The fitted network of a family that no gradient steps train, or `None`."""
        solve = getattr(self._hypermodel, "solve", None)
        return None if solve is None else solve(hp, view, seed, deadline)

    @property
    def solves_again(self) -> bool:
        """Whether it can fit once more what it has solved."""
        return hasattr(self._hypermodel, "solve_again")

    def solve_again(
        self, hp: Any, view: Any, seed: int, network: keras.Model
    ) -> keras.Model | None:
        """A network fitted as this one was, on the rows of another view, or `None`."""
        found: keras.Model | None = self._hypermodel.solve_again(hp, view, seed, network)
        return found

    def trained_model(self, hp: Any, network: keras.Model) -> keras.Model:
        """What is trained: the network, or what its hypermodel puts around it."""
        around = getattr(self._hypermodel, "train_model", None)
        return network if around is None else around(hp, network)

    def front_sizes(self, hp: Any) -> dict[str, float] | None:
        """Sizes of what stands in front of the network in the exported model."""
        sizes = getattr(self._hypermodel, "front_sizes", None)
        return None if sizes is None else sizes(hp)

    def of_fold(self, number: int) -> Any:
        """The hypermodel for the networks of a fold."""
        of_fold = getattr(self._hypermodel, "for_fold", None)
        return self._hypermodel if of_fold is None else of_fold(number)
