"""The search space of tables as a keras-tuner hypermodel."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas.clock import Deadline
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces import solved
from kerasnas.spaces.family import Network
from kerasnas.spaces.inputs import embed
from kerasnas.spaces.linear import LIKE_BASELINE
from kerasnas.spaces.method import Method, Solution, Solve, Steps, Training
from kerasnas.spaces.networks import CLASSIC, FAMILIES, NETWORKS, classic
from kerasnas.spaces.recipes import Recipe, for_training, tabular_recipe
from kerasnas.spaces.recipes.tabular import ENOUGH
from kerasnas.spaces.space import Space
from kerasnas.spaces.table import ColumnFilter, narrowed_table, settled_table
from kerasnas.spaces.table_portfolio import Order, known_good


class TabularHyperModel(Space):
    """Networks over a feature matrix, with their recipes, as conditional hyperparameters.

    Args:
        width: Columns of the feature matrix.
        classes: Number of classes; `None` for regression.
        embedded: Number of categories of each column of indices at the end of the matrix.
        rows: Training rows, which set defaults; `None` when unknown.
        families: Which families to search: networks (`spaces.networks`: `realmlp`, `tabm`, `mlp`,
            `resnet`, `mlp_plr`, `ft_transformer`) and those that a library fits (`spaces.solved`:
            `lightgbm`, `extra_trees`, `histgb`, `xgboost`, `catboost`, `linear`). The latter need
            `solve`, which a stock keras-tuner `Tuner` does not call. Beside others, a transformer
            is left out where columns are too many for it.
        codes: Columns of categories at the end of the matrix that trees see.
        sample: Some training rows of the feature matrix. Bins of numbers and initial weights are
            taken from them; without them numbers count as scaled to mean 0 and deviation 1.
        groups: For each column that is no index, the raw column it comes from, so that one-hot
            columns of one category go together.
        column_filter: The columns that are not noise; the hyperparameter `columns` then chooses
            between these and all.
        column_filters_of_folds: The same for each fold, by its own training rows.
        order: Which known-good configurations come first. `learnt` is by what each adds to an
            ensemble, whatever it costs; `simple_first` the same behind the linear model, which is
            hard to beat where rows are few; `quick_first` has those of the first `turns_after`
            before the others that are fitted in seconds; `hurried` all of these, but for the
            slowest, which wait for the first network. `simple_quick_first` is `quick_first` behind
            the linear model. `many_classes` has networks and trees in turns.
        outputs: Number of values a row, for regression.
        multilabel: Whether targets are a 0/1 matrix of `classes` columns.

    Raises:
        SearchSpaceError: If a family is unknown, or its library is not installed.
    """

    turns_after = 6
    """Known-good configurations after which steps from the best ones are tried as well: by then it
    shows whether networks or trees suit the table."""

    def __init__(
        self,
        width: int,
        classes: int | None = None,
        embedded: Sequence[int] = (),
        rows: int | None = None,
        families: Sequence[str] = FAMILIES,
        codes: int = 0,
        sample: np.ndarray | None = None,
        groups: Sequence[str] | None = None,
        column_filter: ColumnFilter | None = None,
        column_filters_of_folds: Sequence[ColumnFilter] = (),
        order: Order = "learnt",
        outputs: int = 1,
        multilabel: bool = False,
    ) -> None:
        super().__init__(name="tabular")
        _check(families)
        self.width = width
        self.classes = classes
        self.embedded = tuple(embedded)
        self.rows = rows
        self.codes = codes
        self.order = order
        self.outputs = outputs
        self.multilabel = multilabel
        self.table = settled_table(
            width, classes, embedded, rows, sample, groups, outputs, multilabel
        )
        fitting = [f for f in families if f not in NETWORKS or NETWORKS[f].fits(self.table)]
        self.families = tuple(fitting or families)
        self._filters_of_folds = tuple(column_filters_of_folds)
        self._of_folds: dict[int, TabularHyperModel] = {}
        self._take_over(column_filter)

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first."""
        useful = self.column_filter is not None
        return known_good(self.families, self.order, self.turns_after, useful)

    def like_baseline(self, name: str) -> list[dict[str, Any]]:
        """The linear model or boosting with their defaults, or the best known forest.

        The linear model of classes is also there as the baseline is fitted.
        """
        if name == "random_forest":
            return [c for c in self.portfolio if c["family"] == "extra_trees"][:1]
        alike = {"linear": (solved.LINEAR,), "hist_gradient_boosting": ("histgb", "lightgbm")}
        known = [{"family": f} for f in alike.get(name, ()) if f in self.families][:1]
        if name == "linear" and known and self.classes is not None:
            return [*known, {**known[0], **LIKE_BASELINE}]
        return list(known)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from a feature matrix to probabilities or to one value.

        A family that only `solve` can fit gives a stand-in with its hyperparameters declared.
        """
        matrix = keras.Input((self.width,), name="features")
        family, column_filter = self.family(hp), self._column_filter(hp)
        for name in self.families:
            if name != family:
                self._declare_inactive(hp, name)
        if family in solved.SOLVED:
            with hp.conditional_scope("family", [family]):
                solved.declare(hp, family, self.classes is not None)
            return solved.stand_in(self.width, self.classes, self.outputs, self.multilabel)
        network = self._network(hp, family, matrix, column_filter)
        self.recipe(hp)
        model = keras.Model(matrix, network.answer)
        metrics = ["accuracy"] if self.classes is not None and not self.multilabel else []
        model.compile(optimizer=network.optimizer, loss=network.loss, metrics=metrics)
        return model

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        family = self.family(hp)
        if family in solved.SOLVED:
            return Recipe(batch_size=256)  # not used: nothing is trained by steps
        if family in CLASSIC:
            with self._classic_scope(hp):
                return tabular_recipe(hp, self.rows, ENOUGH)
        with hp.conditional_scope("family", [family]):
            return NETWORKS[family].recipe(hp, self.table)

    def form(self, hp: keras_tuner.HyperParameters) -> str:
        """`codes` for trees, `features` for all other families."""
        return solved.front_of(self.family(hp))

    def method(self, hp: keras_tuner.HyperParameters) -> Method:
        """A solver for trees and linear models; gradient steps for networks."""
        if self.family(hp) in solved.SOLVED:
            unique = self.family(hp) == solved.LINEAR
            again = partial(self.solve_again, hp)
            return Solve(partial(self.solve, hp), again, unique=unique)
        return Steps(self.recipe(hp), partial(self.training, hp))

    def solves_again(self) -> bool:
        """Whether there are families that a library fits."""
        return any(family in solved.SOLVED for family in self.families)

    def training(self, hp: keras_tuner.HyperParameters, network: keras.Model) -> Training:
        """What is trained in the place of a built network, with the same variables.

        Members of an ensemble are trained one by one there, and dropout may follow a course.
        """
        family = self.family(hp)
        if family in CLASSIC:
            return Training(network)
        model, pacing = for_training(network, self.recipe(hp), members=NETWORKS[family].members)
        return Training(model, pacing)

    def family(self, hp: keras_tuner.HyperParameters) -> str:
        """The family of these hyperparameters."""
        return str(hp.Choice("family", list(self.families), default=self.families[0]))

    def solve(
        self, hp: keras_tuner.HyperParameters, view: Any, seed: int, deadline: Deadline
    ) -> Solution:
        """The fitted network of a family that a library fits.

        Args:
            hp: Hyperparameters.
            view: A `problem.View` in the form of the family.
            seed: Seed of the trial.
            deadline: When the search ends.
        """
        return self._solved(hp, view, seed, deadline)

    def solve_again(
        self, hp: keras_tuner.HyperParameters, view: Any, seed: int, solution: Solution
    ) -> Solution | None:
        """As `solve`, on other rows and as long as before: validation rows are not looked at.

        Args:
            hp: Hyperparameters.
            view: A `problem.View` in the form of the family.
            seed: Seed of the trial.
            solution: What `solve` gave.

        Returns:
            A network of its own; `None` where the solution has no iterations.
        """
        if solution.rounds == 0:
            return None
        return self._solved(hp, view, seed, Deadline(), solution.rounds, solution.rate)

    def _solved(
        self,
        hp: keras_tuner.HyperParameters,
        view: Any,
        seed: int,
        deadline: Deadline,
        rounds: int | None = None,
        rate: float | None = None,
    ) -> Solution:
        family = self.family(hp)
        with hp.conditional_scope("family", [family]):
            values = solved.declare(hp, family, self.classes is not None)
        column_filter = self._column_filter(hp)
        embedded, codes, places = self.embedded, self.codes, None
        if column_filter is not None:
            embedded = self._narrow.embedded
            trees = solved.front_of(family) == "codes"
            places = column_filter.codes if trees else column_filter.features
            codes = int(np.sum(places >= view.x.shape[1] - codes)) if trees else codes
        several = self.multilabel or self.outputs > 1
        how = solved.Solving(self.classes, embedded, codes, seed, deadline, places, rounds, rate)
        return (solved.solve_columns if several else solved.solve)(family, values, view, how)

    def for_fold(self, number: int) -> TabularHyperModel:
        """The space for the networks of a fold, with the columns that its training rows choose."""
        if not self._filters_of_folds:
            return self
        if number not in self._of_folds:  # once a search: it looks at thousands of rows
            own = self._of_folds[number] = copy.copy(self)
            own._take_over(self._filters_of_folds[number])
        return self._of_folds[number]

    def _take_over(self, column_filter: ColumnFilter | None) -> None:
        self.column_filter = column_filter
        self._narrow = (
            self.table
            if column_filter is None
            else narrowed_table(self.table, column_filter.features)
        )

    def _column_filter(self, hp: keras_tuner.HyperParameters) -> ColumnFilter | None:
        """The columns that the model of these hyperparameters sees; `None` for all."""
        if self.column_filter is None:
            return None
        chosen = hp.Choice("columns", ["all", "useful"], default="all")
        return self.column_filter if chosen == "useful" else None

    def _network(
        self,
        hp: keras_tuner.HyperParameters,
        family: str,
        matrix: Any,
        column_filter: ColumnFilter | None,
    ) -> Network:
        table = self.table
        if column_filter is not None:
            table, matrix = self._narrow, keras.ops.take(matrix, column_filter.features, axis=1)
        with hp.conditional_scope("family", [family]):
            if family not in CLASSIC:
                return NETWORKS[family].build(hp, table, matrix)
            x = CLASSIC[family](hp, embed(matrix, table.embedded))
        with self._classic_scope(hp):
            return classic(hp, table, x)

    @contextmanager
    def _classic_scope(self, hp: keras_tuner.HyperParameters) -> Iterator[None]:
        """Hyperparameters that the classic families share, and no other family has."""
        with hp.conditional_scope("family", [f for f in self.families if f in CLASSIC]):
            yield

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
            f'such as space=("realmlp",).'
        )
    absent = [f for f in families if f in solved.SOLVED and not solved.installed(f)]
    if absent:
        raise SearchSpaceError(
            f"`space` names {absent}, which is not installed. "
            f"Run `pip install {' '.join(absent)}`, or leave it out."
        )


def tabular(
    input_shape: tuple[int] | int,
    classes: int | None = None,
    *,
    multilabel: bool = False,
    rows: int | None = None,
    families: Sequence[str] = FAMILIES,
    **settings: Any,
) -> TabularHyperModel:
    """The search space of tables, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: Width of the feature matrix, as an integer or a shape without the batch axis.
        classes: Number of classes, labels being integers; `None` for regression.
        multilabel: Whether targets are a 0/1 matrix of `classes` columns.
        rows: Training rows, which set the default batch size.
        families: As in `TabularHyperModel`.
        **settings: As in `TabularHyperModel`.
    """
    width = input_shape[0] if isinstance(input_shape, Sequence) else input_shape
    return TabularHyperModel(
        int(width), classes, multilabel=multilabel, rows=rows, families=families, **settings
    )
