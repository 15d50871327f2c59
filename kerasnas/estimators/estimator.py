"""The estimators of tables: `fit` reads as its steps."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from kerasnas import artifact
from kerasnas.budget import Budget, Clock
from kerasnas.data import (
    ClassTarget,
    RegressionTarget,
    Schema,
    check_same_length,
    ingest,
    split_target,
    to_frame,
)
from kerasnas.errors import SearchSpaceError
from kerasnas.estimators.member import member_of, restore
from kerasnas.estimators.preparation import Prepared, check_weights, prepare
from kerasnas.estimators.task import baselines, identity, learnt, target_units, trial_job
from kerasnas.objectives import Constraint, ObjectiveLike, parse_objectives
from kerasnas.preprocessing import input_dtype
from kerasnas.progress import Verbose
from kerasnas.results import SearchResult
from kerasnas.results.leaderboard import as_frame, rank_rows
from kerasnas.results.refit import refit_best
from kerasnas.runner import CLASSIFICATION, REGRESSION, Job, Scorer
from kerasnas.runner.training import call
from kerasnas.search import Plan, run, settle_seed
from kerasnas.spaces import TabularHyperModel, tabular

log = logging.getLogger("kerasnas")

_CHUNK = 4096  # rows predicted in one call
_BLOCK = 64  # what their number is rounded up to
_MEASURES = ("params", "flops", "latency_ms", "latency_p95_ms", "size_bytes", "train_seconds")


class TabularEstimator(BaseEstimator):
    """What the classifier and the regressor of tables have in common.

    Args:
        objective: Validation metric or measure to optimise, an `Objective`, or several.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        refit: Train the best configuration once more, on all rows, and use that model.
        space: `"auto"`, or the names of the families to search (`mlp`, `resnet`).
        initial: Configurations to try first, as dicts of hyperparameters.
        column_kinds: Kind by column, where it is not to be guessed: `numeric`, `boolean`,
            `categorical`, `datetime`, `text`.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.

    Attributes:
        n_features_in_: Number of columns seen in `fit`.
        feature_names_in_: Their names, where the table had names.
        schema_: What each column was taken for, and why.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model.
    """

    _classify = False

    def __init__(
        self,
        *,
        objective: ObjectiveLike | None = None,
        constraints: Sequence[Constraint] = (),
        oracle: Any = "auto",
        budget: Budget | str | float = "5min",
        refit: bool = False,
        space: str | Sequence[str] = "auto",
        initial: Sequence[Mapping[str, Any]] = (),
        column_kinds: Mapping[str, str] | None = None,
        directory: str | Path | None = None,
        seed: int | None = None,
        verbose: Verbose = "auto",
    ) -> None:
        self.objective = objective
        self.constraints = constraints
        self.oracle = oracle
        self.budget = budget
        self.refit = refit
        self.space = space
        self.initial = initial
        self.column_kinds = column_kinds
        self.directory = directory
        self.seed = seed
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        validation_data: Any = None,
        validation_split: float = 0.2,
        sample_weight: Any = None,
        class_weight: Mapping[Any, float] | None = None,
        groups: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
    ) -> Self:
        """Searches for the best model within the budget.

        Args:
            X: Table: a DataFrame, a dict of columns, a 2-D array, a list of rows.
            y: Targets of shape `(rows,)`, or the name of a column of `X`.
            validation_data: `(X, y)` or `(X, y, sample_weight)`; without it rows are held out.
            validation_split: Share of rows to hold out, at random and stratified by class.
            sample_weight: Weight of each row, shape `(rows,)`, in training and in every score.
            class_weight: Weight by label, in training and in every score.
            groups: Group of each row; no group is both trained on and validated with.
            epochs: Most epochs of one trial; the same as `Budget(epochs=…)`.
            batch_size: Rows in a step; the recipes search it otherwise.
            callbacks: Keras callbacks, copied for every trial.

        Returns:
            The estimator itself.

        Raises:
            SchemaError: If the data cannot be used; all problems at once, before any training.
            SearchFailedError: If no trial came to a good end.
        """
        begin = time.monotonic()
        budget = Budget.parse(self.budget).with_epochs(epochs)
        objectives = self._objectives()
        seed = settle_seed(self.seed, self.directory)
        data = prepare(
            X,
            y,
            classify=self._classify,
            seed=seed,
            column_kinds=self.column_kinds,
            validation_data=validation_data,
            validation_split=validation_split,
            sample_weight=sample_weight,
            class_weight=class_weight,
            groups=groups,
        )
        self._remember(data)
        hypermodel = self._hypermodel(data)
        units = target_units(data)
        job = trial_job(data, objectives, Clock(budget.seconds, started=begin), seed, units)
        job.epochs, job.batch_size = budget.epochs, batch_size
        job.callbacks = list(callbacks or [])
        rows = baselines(data, job, seed)
        plan = Plan(
            objectives=objectives,
            budget=budget,
            oracle=self.oracle,
            constraints=tuple(self.constraints),
            initial=self.initial,
            portfolio=hypermodel.portfolio,
            directory=self.directory,
            seed=seed,
            verbose=self.verbose,
            identity=identity(data),
        )
        self.result_ = run(hypermodel, job, plan)
        self.result_.baselines = rows
        self._take(self.result_, hypermodel, job, data)
        return self

    def leaderboard(self) -> pd.DataFrame:
        """Trials and baselines, best first; failed trials with their reasons at the end."""
        check_is_fitted(self)
        return as_frame(self._rows)

    def pareto_front(self) -> pd.DataFrame:
        """The trials that no other trial beats in every objective."""
        table = self.leaderboard()
        return table[table["on_front"]].reset_index(drop=True)

    @property
    def best_hyperparameters(self) -> dict[str, Any]:
        """Values of the best trial."""
        check_is_fitted(self)
        trials = [row for row in self._rows if row["kind"] == "trial" and row["feasible"]]
        return dict(trials[0]["hyperparameters"])

    def export_model(self) -> keras.Model:
        """The Keras model that takes raw columns, the same that `save` writes."""
        check_is_fitted(self)
        return self.model_

    def save(self, path: str | Path) -> None:
        """Writes one `.keras` file that plain Keras can load.

        An older file at `path` is replaced only after the new one has been loaded again and has
        given the same answers.

        Raises:
            ArtifactError: If the file cannot be written or does not answer as the model does.
        """
        check_is_fitted(self)
        artifact.write(self.model_, path, member_of(self), check=True)

    def _objectives(self) -> tuple[Any, ...]:
        names = CLASSIFICATION if self._classify else REGRESSION
        default = f"val_{names[0]}"
        known = [*(f"val_{name}" for name in names), *_MEASURES]
        given = default if self.objective is None else self.objective
        items: list[Any] = (
            [given] if isinstance(given, str) or hasattr(given, "name") else list(given)
        )
        return parse_objectives([default if i == "val_loss" else i for i in items], known)

    def _hypermodel(self, data: Prepared) -> TabularHyperModel:
        if self.space == "auto":
            families: Sequence[str] = ("mlp", "resnet")
        elif isinstance(self.space, str):
            families = (self.space,)
        elif isinstance(self.space, Sequence):
            families = self.space
        else:
            raise SearchSpaceError(
                f'`space` must be "auto" or names of families, received {self.space!r}.'
            )
        return tabular(
            data.preprocessing.width,
            data.classes,
            embedded=tuple(data.preprocessing.embedded.values()),
            rows=len(data.train),
            families=families,
        )

    def _remember(self, data: Prepared) -> None:
        self.schema_: Schema = data.schema
        self.n_features_in_ = len(data.schema.columns)
        if data.named:
            self._name_features()
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self._target: ClassTarget | RegressionTarget = data.target
        self._dtypes = {c.name: input_dtype(c) for c in data.preprocessing.columns}
        self._probe = dict(data.preprocessing.probe)

    def _name_features(self) -> None:
        self.feature_names_in_ = np.array(self.schema_.names, dtype=object)

    def _take(
        self, result: SearchResult, hypermodel: TabularHyperModel, job: Job, data: Prepared
    ) -> None:
        """Makes the best trial the model of this estimator."""
        self.model_ = result.best_model()
        if self.refit:
            targets = learnt(data.targets, target_units(data))
            model, row = refit_best(result, hypermodel, job, data.matrix, targets, data.weights)
            result.baselines.append(row)
            self.model_ = model if model is not None else self.model_
        self._rows = rank_rows(result.rows(), result.objectives)
        self._call = call(self.model_)

    def _answer(self, x: Any) -> np.ndarray:
        """Answers of the exported graph to raw rows, through one traced function."""
        check_is_fitted(self)
        frame, named = to_frame(x)
        raw = ingest(frame, self.schema_, named=named, estimator=type(self).__name__)
        rows = len(frame)
        # Whole blocks: a row gets the same answer alone as in company, to the last bit, where
        # matrix products of another shape would round differently.
        padded = np.minimum(np.arange(-(-rows // _BLOCK) * _BLOCK), rows - 1)
        parts = [
            self._call(
                artifact.as_inputs(
                    {n: v[padded[start : start + _CHUNK]] for n, v in raw.items()}, self._dtypes
                )
            ).numpy()
            for start in range(0, rows, _CHUNK)
        ]
        return np.concatenate(parts, axis=0)[:rows]

    def _scores(self, x: Any, y: Any, sample_weight: Any) -> dict[str, float]:
        check_is_fitted(self)
        x, y = split_target(x, y)
        answers = self._answer(x)
        check_same_length(answers, y)
        weights = check_weights(sample_weight, len(answers), "sample_weight")
        classes = len(self._target.classes_) if isinstance(self._target, ClassTarget) else None
        return Scorer(self._target.encode(y), classes, weights)(answers)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a model."""
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        """scikit-learn's description of what this estimator can take."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Constructor arguments, and the file that `save` would write."""
        state: dict[str, Any] = {"_arguments": self.get_params(deep=False)}
        if self.__sklearn_is_fitted__():
            with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
                path = Path(folder) / "estimator.keras"
                artifact.write(self.model_, path, member_of(self))
                state["_artifact"] = path.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuilds the estimator from the bytes of its file."""
        self.__init__(**state["_arguments"])  # type: ignore[misc]
        if "_artifact" in state:
            with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
                path = Path(folder) / "estimator.keras"
                path.write_bytes(state["_artifact"])
                restore(self, artifact.read_member(path), artifact.load_model(path))
