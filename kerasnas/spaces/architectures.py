"""Architecture search spaces of pictures as keras-tuner hypermodels: cells and chains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces import cell, chain
from kerasnas.spaces.heads import multilabel_head
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.convolutional import convolutional_optimizer, convolutional_recipe
from kerasnas.spaces.space import Space


class ArchitectureHyperModel(Space):
    """What cells and chains share: input, head, training.

    Args:
        input_shape: Height, width, channels; height and width may be `None`.
        classes: Number of classes, labels being integers; `None` for regression.
        multilabel: Whether `classes` counts labels that do not exclude each other.
        rows: Training rows, which set the batch size.
        tune_training: Whether learning rate and weight decay are searched too.

    Raises:
        SearchSpaceError: If the shape has no three axes.
    """

    zero_cost = True
    """Scores of untrained networks tell its configurations apart."""

    def __init__(
        self,
        input_shape: Sequence[int | None],
        classes: int | None = None,
        *,
        multilabel: bool = False,
        rows: int | None = None,
        tune_training: bool = False,
    ) -> None:
        super().__init__(name="architecture")
        self.input_shape = tuple(input_shape)
        if len(self.input_shape) != 3 or not self.input_shape[2]:
            raise SearchSpaceError(
                "`input_shape` must be (height, width, channels), such as (32, 32, 3); "
                f"received {self.input_shape}."
            )
        self.classes = classes
        self.multilabel = multilabel
        self.rows = rows
        self.tune_training = tune_training

    def features(self, hp: keras_tuner.HyperParameters, x: Any) -> Any:
        """From pictures to one vector each."""
        raise NotImplementedError

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from pictures to probabilities or to one value."""
        image = keras.Input(self.input_shape, name="image")
        x = self.features(hp, image)
        metrics = ["accuracy"]
        if self.classes is None:
            answer, loss = keras.layers.Dense(1, name="value")(x), "mse"
            metrics = []
        elif self.multilabel:
            answer, loss = multilabel_head(x, self.classes)
        else:
            head = keras.layers.Dense(self.classes, activation="softmax", name="probabilities")
            answer, loss = head(x), "sparse_categorical_crossentropy"
        model = keras.Model(image, answer)
        model.compile(convolutional_optimizer(hp, self.tune_training), loss, metrics=metrics)
        return model

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        return convolutional_recipe(self.rows)


class CellHyperModel(ArchitectureHyperModel):
    """Networks of equal cells of four nodes and five operations: six choices, 15,625 cells.

    Args:
        input_shape: As in `ArchitectureHyperModel`.
        classes: As there.
        filters: Filters of the first stage, or several to choose from.
        cells_per_stage: Cells in a row in each stage, or several to choose from.
        stages: Stages; the picture halves between two of them.
        **settings: As there.
    """

    def __init__(
        self,
        input_shape: Sequence[int | None],
        classes: int | None = None,
        *,
        filters: int | Sequence[int] = 16,
        cells_per_stage: int | Sequence[int] = 1,
        stages: int = 3,
        **settings: Any,
    ) -> None:
        super().__init__(input_shape, classes, **settings)
        self.filters = _positive("filters", filters)
        self.cells_per_stage = _positive("cells_per_stage", cells_per_stage)
        self.stages = _positive("stages", stages)[0]

    def features(self, hp: keras_tuner.HyperParameters, x: Any) -> Any:
        """Declares the cell and lays it out."""
        return cell.cell_features(
            x,
            cell.cell_hyperparameters(hp),
            filters=_chosen(hp, "filters", self.filters),
            cells_per_stage=_chosen(hp, "cells_per_stage", self.cells_per_stage),
            stages=self.stages,
        )

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good cells, best first."""
        return [c.values() for c in cell.KNOWN_GOOD]


class ChainHyperModel(ArchitectureHyperModel):
    """Networks of one to eight blocks in a row: how many, which, how wide, in how many stages."""

    def features(self, hp: keras_tuner.HyperParameters, x: Any) -> Any:
        """Declares the chain and lays it out."""
        return chain.chain_features(x, chain.chain_hyperparameters(hp))

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good chains, best first."""
        return [c.values() for c in chain.KNOWN_GOOD]


def cells(
    input_shape: Sequence[int | None], classes: int | None = None, **settings: Any
) -> CellHyperModel:
    """The space of cells, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: Height, width, channels.
        classes: Number of classes, labels being integers; `None` for regression.
        **settings: As in `CellHyperModel`.
    """
    return CellHyperModel(input_shape, classes, **settings)


def chains(
    input_shape: Sequence[int | None], classes: int | None = None, **settings: Any
) -> ChainHyperModel:
    """The space of chains, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: Height, width, channels.
        classes: Number of classes, labels being integers; `None` for regression.
        **settings: As in `ArchitectureHyperModel`.
    """
    return ChainHyperModel(input_shape, classes, **settings)


def _positive(name: str, given: int | Sequence[int]) -> tuple[int, ...]:
    options = tuple(given) if isinstance(given, Sequence) else (given,)
    if not options or any(isinstance(o, bool) or int(o) != o or o < 1 for o in options):
        raise SearchSpaceError(
            f"`{name}` must be whole numbers of at least 1, such as 16 or (8, 16); "
            f"received {given!r}."
        )
    return tuple(int(o) for o in options)


def _chosen(hp: keras_tuner.HyperParameters, name: str, options: tuple[int, ...]) -> int:
    return options[0] if len(options) == 1 else int(hp.Choice(name, list(options)))
