"""The estimators of all modalities: `fit` reads as its steps."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from kerasnas import artifact
from kerasnas.artifact.export import export
from kerasnas.clock import Budget, Clock
from kerasnas.data import Reader, RegressionTarget, check_same_length
from kerasnas.errors import SchemaError, SearchSpaceError
from kerasnas.estimators.answer import choose_answer, make_ready, train_again
from kerasnas.estimators.member import member_of, restore
from kerasnas.estimators.task import Task
from kerasnas.estimators.wanted import check_metrics, settle_objectives
from kerasnas.history import stored_fingerprint
from kerasnas.objectives import Constraint, ObjectiveLike
from kerasnas.problem import MultiLabelScorer, Scorer
from kerasnas.problem.rows import Target, check_weights
from kerasnas.progress import Verbose
from kerasnas.results.conformal import Conformal, from_json
from kerasnas.results.ensemble import Wish, parse_ensemble
from kerasnas.results.folds import fits_again, parse_folds
from kerasnas.results.honesty import compare
from kerasnas.results.leaderboard import as_frame, rank_rows
from kerasnas.results.threshold import NEEDING, choose_threshold
from kerasnas.runner.answers import call
from kerasnas.runner.offers import Offers
from kerasnas.search import JOURNAL, Plan, run, settle_seed

log = logging.getLogger("kerasnas")


class Estimator(BaseEstimator):
    """What all estimators have in common.

    A modality gives `_prepare`, which makes a `Task` of the user's data, and `_reader_class`.

    Args:
        objective: Validation metric or measure to optimise, an `Objective`, or several.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        ensemble: `"auto"` fuses the best trials into one graph and uses it where it answers better
            than the best of them on rows that it was not chosen on; a number of members; the
            longest latency of one row, such as `"5ms"`; `False` uses the best trial.
        refit: Train the best configuration once more, on all rows, and use that model; without an
            ensemble.
        folds: Number of parts of the rows, of which each is held out once; `"auto"` or `False`.
        space: `"auto"`, or the names of the families to search.
        initial: Configurations to try first, as dicts of hyperparameters.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.

    Attributes:
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model.
    """

    _classify = False
    _fold_pace = 0.0  # rows for each second of the budget, up to which folds are worth their time
    _reader_class: type[Reader]
    _target_classes: tuple[Any, ...] = (RegressionTarget,)

    def __init__(
        self,
        *,
        objective: ObjectiveLike | None = None,
        constraints: Sequence[Constraint] = (),
        oracle: Any = "auto",
        budget: Budget | str | float = "5min",
        ensemble: str | int | bool = "auto",
        refit: bool = False,
        folds: str | int | bool = False,
        space: str | Sequence[str] = "auto",
        initial: Sequence[Mapping[str, Any]] = (),
        directory: str | Path | None = None,
        seed: int | None = None,
        verbose: Verbose = "auto",
    ) -> None:
        self.objective = objective
        self.constraints = constraints
        self.oracle = oracle
        self.budget = budget
        self.ensemble = ensemble
        self.refit = refit
        self.folds = folds
        self.space = space
        self.initial = initial
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
            X: Inputs, as the class says.
            y: Targets of shape `(rows,)`; for a table also the name of a column of `X`.
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
        budget = Budget.parse(self.budget).with_epochs(epochs)
        clock = Clock(budget.seconds)
        objectives = self._objectives()
        wish = parse_ensemble(False if self.refit else self.ensemble)
        seed = settle_seed(self.seed, self.directory)
        task = self._prepare(
            X,
            y,
            seed=seed,
            clock=clock,
            validation_data=validation_data,
            validation_split=validation_split,
            sample_weight=sample_weight,
            class_weight=class_weight,
            groups=groups,
        )
        check_metrics(task, objectives)
        self._remember(task.reader, task.rows.target)
        job = task.job(objectives, clock, seed)
        job.epochs, job.batch_size = budget.epochs, batch_size
        job.callbacks = list(callbacks or [])
        self._threshold: float | None = None
        self._conformal: Conformal | None = None
        make_ready(job, task, wish)
        job.again = self._fits_again(task, budget, wish, validation_data)
        rows = task.baselines(task.scorer(), job.clock, seed)
        plan = Plan(
            objectives=objectives,
            budget=budget,
            oracle=self.oracle,
            constraints=tuple(self.constraints),
            initial=self.initial,
            portfolio=task.hypermodel.portfolio,
            directory=self.directory,
            seed=seed,
            verbose=self.verbose,
            identity=task.identity,
        )
        self.result_ = run(task.hypermodel, job, plan)
        answer = choose_answer(self.result_, task, job, wish)
        self.result_.models.clear()  # their files are enough from here on
        self.result_.solved.clear()
        if self.refit:
            answer = train_again(answer, self.result_, task, job)
        self.model_ = answer.model
        self.result_.baselines = [*rows, *answer.rows]
        self._finish(task, seed, answer.held_out)
        self._rows = rank_rows(self.result_.rows(), self.result_.objectives)
        self._serve()
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

    @property
    def fitted_again(self) -> bool:
        """Whether the model has members that were fitted once more, on the validation rows too."""
        check_is_fitted(self)
        return any(row["hyperparameters"].get("fitted_again") for row in self._rows)

    def export_model(self) -> keras.Model:
        """The Keras model that takes raw data, the same that `save` writes."""
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
        artifact.write(self.model_, path, member_of(self), self._reader.probe())

    def export(self, path: str | Path, format: str = "savedmodel") -> None:
        """Writes the model for another runtime, after comparing what that runtime answers.

        Args:
            path: A folder for `savedmodel`; a file that ends in `.onnx` or `.tflite` else.
            format: `savedmodel`; `onnx` and `litert` need the extras of the same names.

        Raises:
            ArtifactError: If a package is missing, the model cannot be converted, or the other
                runtime gives other answers.
        """
        check_is_fitted(self)
        export(self.model_, path, format, self._reader.probe())

    def _prepare(
        self,
        x: Any,
        y: Any,
        *,
        seed: int,
        clock: Clock,
        validation_data: Any,
        validation_split: float,
        sample_weight: Any,
        class_weight: Mapping[Any, float] | None,
        groups: Any,
    ) -> Task:
        """Checks everything that can be wrong with the data and makes the task of it."""
        raise NotImplementedError

    def _count_folds(self, validation_data: Any) -> Callable[[int], int]:
        """From the number of rows to that of folds, as `folds` says."""
        if validation_data is not None and self.folds not in ("auto", False, None):
            raise SchemaError("`folds` and `validation_data` exclude each other. Pass one of them.")
        if self.folds == "auto" and self.directory is not None:
            begun = stored_fingerprint(Path(self.directory) / JOURNAL)
            if "folds" in begun:  # a larger budget goes on with what the search began with
                return lambda rows: int(begun["folds"])
        return parse_folds(self.folds, Budget.parse(self.budget), self._fold_pace)

    def _fits_again(self, task: Task, budget: Budget, wish: Wish, validation_data: Any) -> bool:
        """Whether members of the ensemble that were solved are to be fitted again, on all rows.

        Rows that the user holds out stay held out, and who bounds what a model may cost gets the
        one that was measured.
        """
        if wish.size < 2 or not Offers(task.hypermodel).solves_again:
            return False
        bound = wish.latency_ms is not None or len(self._objectives()) > 1 or self.constraints
        held_out = validation_data is None and not task.rows.folds
        return held_out and not bound and fits_again(self.folds, budget)

    def _objectives(self) -> tuple[Any, ...]:
        return settle_objectives(self.objective, self._classify)

    def _families(self, known: Sequence[str]) -> Sequence[str]:
        """The families to search of those that the modality has, as `space` says."""
        if self.space == "auto":
            return known
        if isinstance(self.space, str):
            return (self.space,)
        if isinstance(self.space, Sequence):
            return self.space
        raise SearchSpaceError(
            f'`space` must be "auto" or names of families, received {self.space!r}.'
        )

    def _remember(self, reader: Reader, target: Target) -> None:
        """Keeps what `predict` needs besides the model."""
        self._reader = reader
        self._target = target

    def _serve(self) -> None:
        """Makes the model ready to answer."""
        self._call = call(self.model_)
        self._dtypes = artifact.input_dtypes(self.model_)

    def _finish(self, task: Task, seed: int, answers: np.ndarray | None) -> None:
        """What follows from the answers to the validation rows: a threshold, how they compare."""
        scorer, objective = task.scorer(), self.result_.objectives[0]
        if answers is None:
            return
        binary = scorer.classes == 2 and scorer.targets.ndim == 1
        if binary and objective.name in NEEDING:
            self._threshold = choose_threshold(answers, scorer, objective, seed)
        found = compare(answers, task.baseline_answers, scorer, objective, seed)
        if found is not None and not found.beyond_noise:
            log.warning(found.sentence(objective))

    def _decisions(self) -> dict[str, Any]:
        """What a file holds of the way from answers to decisions."""
        conformal = self.__dict__.get("_conformal")
        return {
            "threshold": self.__dict__.get("_threshold"),
            "conformal": None if conformal is None else dataclasses.asdict(conformal),
        }

    def _decide(self, content: Mapping[str, Any]) -> None:
        """Takes over what `_decisions` wrote."""
        threshold, conformal = content.get("threshold"), content.get("conformal")
        self._threshold = None if threshold is None else float(threshold)
        self._conformal = None if conformal is None else from_json(conformal)

    def _answer(self, x: Any) -> Any:
        """Answers of the exported graph to raw data, through one traced function."""
        check_is_fitted(self)
        return self._answer_raw(self._reader.read(x, type(self).__name__))

    def _answer_raw(self, raw: Any) -> Any:
        """Answers to data that the reader has read, without intervals."""
        answers = self._everything(raw)
        return answers if self.__dict__.get("_conformal") is None else answers["prediction"]

    def _everything(self, raw: Any) -> Any:
        """All outputs of the exported graph."""
        parts, places = [], []
        for index, inputs in self._reader.batches(raw):
            parts.append((len(index), self._call(artifact.as_inputs(inputs, self._dtypes))))
            places.append(index)
        order = np.argsort(np.concatenate(places), kind="stable")

        def in_order(*answers: Any) -> np.ndarray:
            cut = [a.numpy()[:rows] for a, (rows, _) in zip(answers, parts, strict=True)]
            return np.concatenate(cut, axis=0)[order]

        return keras.tree.map_structure(in_order, *[answers for _, answers in parts])

    def _scores(self, x: Any, y: Any, sample_weight: Any) -> dict[str, float]:
        check_is_fitted(self)
        if y is None:
            raise SchemaError("`y` is missing. Pass the targets of these rows.")
        answers = self._answer(x)
        check_same_length(answers, y)
        weights = check_weights(sample_weight, len(answers), "sample_weight")
        targets = self._target.encode(y)
        if targets.ndim == 2:
            return MultiLabelScorer(targets, targets.shape[1], weights)(answers)
        classes = answers.shape[1] if self._classify else None
        threshold = self.__dict__.get("_threshold")
        return Scorer(targets, classes, weights, threshold=threshold)(answers)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a model."""
        return hasattr(self, "model_")

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
