"""The search space of tables as a keras-tuner hypermodel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.blocks import mlp, tabular_resnet
from kerasnas.spaces.heads import classification_head, regression_head
from kerasnas.spaces.inputs import tabular_input
from kerasnas.spaces.recipes import Recipe, ScheduleCallback, tabular_optimizer, tabular_recipe

FAMILIES = {"mlp": mlp, "resnet": tabular_resnet}

# Known-good configurations, tried first. Their order is their priority; what they do not name
# takes the default of the space.
_PORTFOLIO: tuple[dict[str, Any], ...] = (
    {"family": "mlp"},
    {"family": "resnet"},
    {"family": "mlp", "mlp_layers": 0, "learning_rate": 5e-3, "weight_decay": 1e-3},
    {"family": "mlp", "mlp_layers": 3, "mlp_width": 512, "mlp_dropout": 0.3, "learning_rate": 1e-3},
    {"family": "mlp", "mlp_layers": 1, "mlp_width": 64, "mlp_dropout": 0.3, "weight_decay": 0.1},
    {"family": "resnet", "resnet_width": 256, "resnet_blocks": 3, "learning_rate": 1e-3},
)


class TabularHyperModel(keras_tuner.HyperModel):
    """Networks over a feature matrix, with their recipes, as conditional hyperparameters.

    Args:
        width: Columns of the feature matrix.
        classes: Number of classes; `None` for regression.
        embedded: Number of categories of each column of indices at the end of the matrix.
        rows: Training rows, which set defaults; `None` when unknown.
        families: Which of `mlp` and `resnet` to search.

    Raises:
        SearchSpaceError: If a family is unknown.
    """

    def __init__(
        self,
        width: int,
        classes: int | None = None,
        embedded: Sequence[int] = (),
        rows: int | None = None,
        families: Sequence[str] = tuple(FAMILIES),
    ) -> None:
        super().__init__(name="tabular")
        unknown = [f for f in families if f not in FAMILIES]
        if unknown or not families:
            raise SearchSpaceError(
                f"`space` names {unknown or 'no family'}; expected some of {list(FAMILIES)}, "
                f'such as space=("mlp",).'
            )
        self.width = width
        self.classes = classes
        self.embedded = tuple(embedded)
        self.rows = rows
        self.families = tuple(families)

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first."""
        return [dict(c) for c in _PORTFOLIO if c["family"] in self.families]

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from a feature matrix to probabilities or to one value."""
        matrix, x = tabular_input(self.width, self.embedded)
        family = hp.Choice("family", list(self.families), default=self.families[0])
        for name in self.families:
            if name == family:
                with hp.conditional_scope("family", [name]):
                    x = FAMILIES[name](hp, x)
            else:
                self._declare_inactive(hp, name)
        if self.classes is None:
            answer, loss = regression_head(hp, x)
        else:
            answer, loss = classification_head(hp, x, self.classes)
        optimizer = tabular_optimizer(hp)
        self.recipe(hp)
        model = keras.Model(matrix, answer)
        metrics = ["accuracy"] if self.classes is not None else []
        model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
        return model

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        return tabular_recipe(hp, self.rows)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> Any:
        """Trains with the recipe in a stock keras-tuner search."""
        recipe = self.recipe(hp)
        kwargs.setdefault("batch_size", recipe.batch_size)
        schedule = ScheduleCallback(recipe.schedule, kwargs.get("epochs", 1))
        kwargs["callbacks"] = [*(kwargs.get("callbacks") or []), schedule]
        return model.fit(*args, **kwargs)

    @staticmethod
    def _declare_inactive(hp: keras_tuner.HyperParameters, family: str) -> None:
        """Announces the scope of a family that is not built, so that keras-tuner explores it."""
        with hp.conditional_scope("family", [family]):
            pass


def tabular(
    input_shape: tuple[int] | int,
    classes: int | None = None,
    *,
    embedded: Sequence[int] = (),
    rows: int | None = None,
    families: Sequence[str] = tuple(FAMILIES),
) -> TabularHyperModel:
    """The search space of tables, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: Width of the feature matrix, as an integer or a shape without the batch axis.
        classes: Number of classes, labels being integers; `None` for regression.
        embedded: As in `TabularHyperModel`.
        rows: Training rows, which set the default batch size.
        families: As in `TabularHyperModel`.
    """
    width = input_shape[0] if isinstance(input_shape, Sequence) else input_shape
    return TabularHyperModel(int(width), classes, embedded, rows, families)
