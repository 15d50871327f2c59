"""`TabularClassifier` and `TabularRegressor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from rich.console import Console
from sklearn.utils.validation import check_is_fitted

from kerasnas.clock import Budget, Clock
from kerasnas.data import (
    MultiLabelTarget,
    RegressionTarget,
    Schema,
    TableReader,
    ValuesTarget,
    check_same_length,
    split_target,
)
from kerasnas.data.dataset_parts import dataset_parts
from kerasnas.data.foreign import is_arrow_stream, to_pandas
from kerasnas.data.named_columns import Taken
from kerasnas.data.stored_tables import stored_table
from kerasnas.errors import AbsentError, SchemaError
from kerasnas.estimators.arguments import settle_families
from kerasnas.estimators.column_filter import filter_seconds
from kerasnas.estimators.distil import distilled
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.folds import SMALL_TABLE_ROWS
from kerasnas.estimators.kinds import Classifier, Regressor
from kerasnas.estimators.loaded_tables import LoadedTables
from kerasnas.estimators.streamed_rows import can_stream, streamed
from kerasnas.estimators.table_task import prepare
from kerasnas.estimators.task import Task
from kerasnas.problem.given import Given
from kerasnas.problem.heads import head_of
from kerasnas.results.importance import permutation_importance
from kerasnas.spaces.networks import FAMILIES as NETWORKS
from kerasnas.spaces.solved import available


@dataclass(kw_only=True, eq=False, repr=False)
class TabularEstimator(Estimator):
    """What the classifier and the regressor of tables have in common.

    `X` may be a DataFrame, a dict of columns, a 2-D array, a sparse matrix, a list of rows, or rows
    batch by batch in a `tf.data.Dataset`, a `keras.utils.PyDataset`, a loader or a generator. It
    may be CSV or Parquet files of any size: a path, a folder, a glob such as `"data/*.parquet"`, a
    list of paths; or a dataset of pyarrow or of Hugging Face.

    Args:
        objective: Validation metric or measure to optimise, an `Objective`, or several.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        ensemble: `"auto"` fuses the best trials into one graph, and uses it if it answers rows that
            did not choose it better than the best trial does. A number is the most members. A
            duration such as `"5ms"` is the longest latency of one row. `False` uses the best trial.
        refit: Whether the best configuration is trained once more, on all rows, and answers. There
            is no ensemble then.
        folds: Number of parts of the rows, a splitter such as `TimeSeriesSplit(5)`, or pairs of
            indices. Each part is held out once, and a network is trained on the other parts. Each
            row is scored by the network that has not seen it. The mean of the networks answers.
            `"auto"` makes folds for up to 2,000 rows, and for more rows if the budget has enough
            seconds for them, but not beside `validation_data`. If there are many rows, trees and
            linear models of an ensemble are fitted once more on all rows at the end. `False` holds
            out `validation_split` once.
        intervals: Probability such as 0.9. Rows are set apart, and by them `predict_interval` or
            `predict_set` gives what holds the truth with this probability. The exported graph
            answers with a dict.
        space: `"auto"`, or the names of the families to search: networks (`realmlp`, `tabm`, `mlp`,
            `resnet`, `mlp_plr`, `ft_transformer`), trees (`lightgbm`, `extra_trees`;
            `xgboost`, `catboost` where installed; scikit-learn's `histgb` where it is named),
            `linear`.
        initial: Configurations to try first, as dicts of hyperparameters.
        column_kinds: Kind by column, where it is not to be guessed: `numeric`, `boolean`,
            `categorical`, `datetime`, `text`.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        memory: Most memory that the process may take if `X` is in files, such as `"4GB"`. If more
            rows are there than fit, a sample is drawn, and one line says so. `None` allows what the
            process has and most of what is free.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes; Keras
            callbacks go to `fit`.

    Attributes:
        n_features_in_: Number of columns seen in `fit`.
        feature_names_in_: Their names, where the table had names.
        schema_: What each column was taken for, and why.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model.
    """

    _small = SMALL_TABLE_ROWS
    _fold_pace = 35.0
    _keeps_rows = True
    reader_class = TableReader
    _takes: ClassVar[Mapping[str, bool]] = {
        "allow_nan": True,
        "sparse": True,
        "string": True,
        "categorical": True,
    }

    folds: Any = "auto"
    column_kinds: Mapping[str, str] | None = None
    memory: str | float | None = None

    def _prepare(self, given: Given, clock: Clock) -> Task:
        prepared = prepare(given, classify=self._classify, column_kinds=self.column_kinds)
        return prepared.task(
            settle_families(self.space, (*NETWORKS, *available())),
            seed=given.seed,
            seconds=clock.seconds,
            filter_seconds=filter_seconds(Budget.parse(self.budget), self.directory),
        )

    def _unpacked(self, x: Any) -> Taken:
        return dataset_parts(x)

    def _stored(self, x: Any) -> Any:
        table = stored_table(x)
        if table is None:
            return to_pandas(x) if is_arrow_stream(x) else x  # which may be read once
        known = self.schema_.used if self.__sklearn_is_fitted__() else ()
        return table.with_texts([c.name for c in known if c.holds_strings])

    def _with_rest(self, task: Task, loaded: LoadedTables, clock: Clock) -> Task:
        if loaded.rest is None or not can_stream(task, loaded.rest):
            return super()._with_rest(task, loaded, clock)
        loaded.say("Networks train on all rows in turn, everything else on these.")
        return streamed(task, loaded.rest, clock)

    def _split_targets(self, x: Any, y: Any) -> tuple[Any, Any]:
        return split_target(x, y)

    @property
    def schema_(self) -> Schema:
        """What each column was taken for, and why."""
        reader: Any = self.fitted_.reader
        schema: Schema = reader.schema
        return schema

    @property
    def n_features_in_(self) -> int:
        """Number of columns seen in `fit`."""
        return len(self.schema_)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns, where the table had names."""
        if not self.schema_.named:
            raise AbsentError("The table of `fit` had no names of columns.")
        return np.array(self.schema_.names, dtype=object)

    def feature_importance(
        self, X: Any = None, y: Any = None, *, repeats: int = 5, seed: int = 0
    ) -> pd.DataFrame:
        """How much worse the score gets when a column is shuffled (Breiman 2001, section 10).

        Columns that say the same share their importance: shuffling one leaves the other.

        Args:
            X: Table; `None` for the validation rows of `fit`, which a loaded estimator lacks.
            y: Targets, or the name of a column of `X`.
            repeats: Shuffles of each column.
            seed: Seed of the shuffles.

        Returns:
            One row a column that the model uses, most important first: `feature`, `importance`
            (mean change for the worse) and `std`. `attrs["metric"]` names the score.

        Raises:
            SchemaError: If there are no rows to shuffle.
        """
        check_is_fitted(self)
        fitted, origin = self.fitted_, self.fitted_.origin
        if X is not None:
            X, y = split_target(X, y)
            raw = fitted.reader.read(X, fitted.kind)
            targets = fitted.target.encode(y)
            check_same_length(next(iter(raw.values())), targets)
            scorer = head_of(fitted.target).scorer(targets)
        elif origin is not None:
            raw, scorer = fitted.reader.take(origin.raw, origin.rows.valid), origin.scorer
        else:
            raise SchemaError(
                "A loaded estimator has no rows of its own: call `feature_importance(X, y)`."
            )
        return permutation_importance(fitted.answer_raw, raw, scorer, repeats, seed)

    def distil(self, *, seconds: float = 30.0, seed: int = 0) -> Self:
        """One small network that has learnt to answer as this model does, as an estimator.

        It learns from the rows of `fit`, and from rows that are made of these and that this model
        answers; it is scored on the same validation rows. What it gives up is printed, and it is a
        row of the leaderboard of both estimators. This one keeps its model.

        With folds, with `refit` or with members that were fitted again, there are no rows that this
        model has not learnt from: those that the small network does not learn from score both too
        well, which is printed as well. `evaluate` them on others.

        Args:
            seconds: Seconds for making rows, asking this model and training.
            seed: Seed.

        Returns:
            A fitted estimator of the same class; `save` writes the small network.

        Raises:
            SchemaError: If the estimator was loaded: its rows are not in the file.
            BudgetError: If `seconds` is no positive number.
        """
        check_is_fitted(self)
        origin = self.fitted_.origin
        if origin is None:
            raise SchemaError(
                "A loaded estimator has no rows of its own to learn from: call `distil` after "
                "`fit`, before saving."
            )
        target = self.fitted_.target
        if isinstance(target, MultiLabelTarget | ValuesTarget):
            raise SchemaError(
                "`distil` is for one target, and `y` had several columns in `fit`. Fit one "
                "estimator for each, and distil these."
            )
        seen = self.refit or self.fitted_again
        small, sentence = distilled(
            self.fitted_, origin, seconds, seed, constraints=self.constraints, seen=seen
        )
        self.fitted_ = replace(self.fitted_, rows=small.rows)
        Console(stderr=True, highlight=False, quiet=not self.verbose).print(
            sentence, markup=False, soft_wrap=True
        )
        student = type(self)(**self.get_params(deep=False))
        student.fitted_ = small
        return student


class TabularClassifier(Classifier, TabularEstimator):
    """Finds a classifier for a table within a time budget, and saves it as one `.keras` file.

    `y` may be one label a row, a 0/1 matrix of several labels, or lists of labels.

    Examples:
        >>> clf = TabularClassifier(budget="10min", seed=0).fit(frame, "churn")  # doctest: +SKIP
        >>> clf.predict_proba(new)  # doctest: +SKIP
        >>> clf.save("churn.keras")  # doctest: +SKIP
    """


class TabularRegressor(Regressor, TabularEstimator):
    """Finds a regressor for a table within a time budget, and saves it as one `.keras` file.

    `y` may have several columns: every one is answered, and scores are means over them.

    Examples:
        >>> reg = TabularRegressor(budget="10min", seed=0).fit(frame, "price")  # doctest: +SKIP
        >>> reg.predict(new)  # doctest: +SKIP
    """

    target_classes = (RegressionTarget, ValuesTarget)
