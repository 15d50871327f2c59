"""The search space of tables as a keras-tuner hypermodel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import keras_tuner

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces import solved
from kerasnas.spaces.blocks import mlp, tabular_resnet
from kerasnas.spaces.heads import classification_head, regression_head
from kerasnas.spaces.inputs import tabular_input
from kerasnas.spaces.recipes import Recipe, ScheduleCallback, tabular_optimizer, tabular_recipe

FAMILIES = {"mlp": mlp, "resnet": tabular_resnet}

# Known-good configurations, tried first. Their order is their priority; what they do not name
# takes the default of the space.
_PORTFOLIO: tuple[dict[str, Any], ...] = (
    {"family": "histgb"},
    {"family": "mlp"},
    {"family": "linear"},
    {"family": "extra_trees"},
    {"family": "catboost"},
    {"family": "lightgbm"},
    {"family": "resnet"},
    {"family": "xgboost"},
    {"family": "histgb", "histgb_leaves": 8, "histgb_column_share": 0.3},
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
        families: Which of `mlp` and `resnet` to search, and of those that a library fits
            (`spaces.solved`: `histgb`, `extra_trees`, `lightgbm`, `xgboost`, `catboost`, `linear`).
            The latter need `solve`, which a stock keras-tuner `Tuner` does not call.
        codes: Columns of categories at the end of the matrix that trees see.

    Raises:
        SearchSpaceError: If a family is unknown, or its library is not installed.
    """

    def __init__(
        self,
        width: int,
        classes: int | None = None,
        embedded: Sequence[int] = (),
        rows: int | None = None,
        families: Sequence[str] = tuple(FAMILIES),
        codes: int = 0,
    ) -> None:
        super().__init__(name="tabular")
        _check(families)
        self.width = width
        self.classes = classes
        self.embedded = tuple(embedded)
        self.rows = rows
        self.families = tuple(families)
        self.codes = codes

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first."""
        return [dict(c) for c in _PORTFOLIO if c["family"] in self.families]

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from a feature matrix to probabilities or to one value.

        A family that only `solve` can fit gives a stand-in with its hyperparameters declared.
        """
        matrix, x = tabular_input(self.width, self.embedded)
        family = self.family(hp)
        for name in self.families:
            if name == family:
                with hp.conditional_scope("family", [name]):
                    if name in solved.SOLVED:
                        solved.declare(hp, name, self.classes is not None)
                    else:
                        x = FAMILIES[name](hp, x)
            else:
                self._declare_inactive(hp, name)
        if family in solved.SOLVED:
            return solved.stand_in(self.width, self.classes)
        with self._of_networks(hp):
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
        if self.family(hp) in solved.SOLVED:
            return Recipe(batch_size=256)  # not used: nothing is trained by steps
        with self._of_networks(hp):
            return tabular_recipe(hp, self.rows)

    def family(self, hp: keras_tuner.HyperParameters) -> str:
        """The family of these hyperparameters."""
        return str(hp.Choice("family", list(self.families), default=self.families[0]))

    def solve(
        self, hp: keras_tuner.HyperParameters, view: Any, seed: int, seconds_left: float
    ) -> keras.Model | None:
        """The fitted network of a family that a library fits; `None` for all others.

        Args:
            hp: Hyperparameters.
            view: A `runner.View` in the form of the family.
            seed: Seed of the trial.
            seconds_left: Seconds that the search has left.
        """
        family = self.family(hp)
        if family not in solved.SOLVED:
            return None
        with hp.conditional_scope("family", [family]):
            values = solved.declare(hp, family, self.classes is not None)
        return solved.solve(
            family,
            values,
            view,
            classes=self.classes,
            embedded=self.embedded,
            codes=self.codes,
            seed=seed,
            seconds=seconds_left,
        )

    @contextmanager
    def _of_networks(self, hp: keras_tuner.HyperParameters) -> Iterator[None]:
        """Hyperparameters that all families have which are trained by steps, and no other."""
        networks = [name for name in self.families if name not in solved.SOLVED]
        if len(networks) == len(self.families):
            yield
        else:
            with hp.conditional_scope("family", networks):
                yield

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


def _check(families: Sequence[str]) -> None:
    known = [*FAMILIES, *solved.SOLVED]
    unknown = [f for f in families if f not in known]
    if unknown or not families:
        raise SearchSpaceError(
            f"`space` names {unknown or 'no family'}; expected some of {known}, "
            f'such as space=("mlp",).'
        )
    absent = [f for f in families if f in solved.SOLVED and f not in solved.available()]
    if absent:
        raise SearchSpaceError(
            f"`space` names {absent}, which is not installed. "
            f"Run `pip install {' '.join(absent)}`, or leave it out."
        )


def tabular(
    input_shape: tuple[int] | int,
    classes: int | None = None,
    *,
    embedded: Sequence[int] = (),
    rows: int | None = None,
    families: Sequence[str] = tuple(FAMILIES),
    codes: int = 0,
) -> TabularHyperModel:
    """The search space of tables, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: Width of the feature matrix, as an integer or a shape without the batch axis.
        classes: Number of classes, labels being integers; `None` for regression.
        embedded: As in `TabularHyperModel`.
        rows: Training rows, which set the default batch size.
        families: As in `TabularHyperModel`.
        codes: As in `TabularHyperModel`.
    """
    width = input_shape[0] if isinstance(input_shape, Sequence) else input_shape
    return TabularHyperModel(int(width), classes, embedded, rows, families, codes)
