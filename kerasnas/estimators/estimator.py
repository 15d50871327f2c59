"""How estimators of all modalities are fitted: `fit` reads as its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import keras

from kerasnas.baselines import Baselines
from kerasnas.callbacks.callback import SearchCallback, settle_search_callbacks
from kerasnas.clock import Budget, Clock, Purpose
from kerasnas.data.room import most_bytes
from kerasnas.estimators.after_fit import AnsweringEstimator
from kerasnas.estimators.answer_choice import (
    as_fitted,
    choose_answer,
    fitted_on_all,
    keeping_of,
    train_again,
    twins_of,
)
from kerasnas.estimators.arguments import (
    settle_calibration,
    settle_columns,
    settle_level,
)
from kerasnas.estimators.feature_cache import front_latency
from kerasnas.estimators.folds import fits_again, settle_folds
from kerasnas.estimators.loaded_tables import COPIES, LoadedTables, load_tables
from kerasnas.estimators.objective_names import score_names, settle_objectives, with_metrics
from kerasnas.estimators.preflight import check_arguments, check_steps
from kerasnas.estimators.task import Task
from kerasnas.objectives import Constraint, ObjectiveLike
from kerasnas.problem.given import Given
from kerasnas.problem.split import Folding
from kerasnas.progress import Progress, Stage, Verbose
from kerasnas.results.ensemble import Building, Wish, parse_ensemble
from kerasnas.results.fitted import Fitted
from kerasnas.results.result import SearchResult
from kerasnas.searching import SearchPlan, run, searching_in, settle_seed
from kerasnas.trial import Job
from kerasnas.trial.callbacks import settle_callbacks
from kerasnas.trial.executors import executor_of


@dataclass(kw_only=True, eq=False, repr=False)
class Estimator(AnsweringEstimator):
    """What all estimators have in common.

    A modality gives `_prepare`, which makes a `Task` of the user's data, `_split_targets`, and
    `reader_class`.

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
            indices. Each part is held out once, and a model is trained on
            the others. `"auto"` makes folds where they are worth their time; `False` makes none.
        intervals: Probability such as 0.9. Rows are set apart, and by them `predict_interval` or
            `predict_set` gives what holds the truth with this probability. The exported graph
            answers with a dict.
        space: `"auto"`, or the names of the families to search.
        initial: Configurations to try first, as dicts of hyperparameters.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes; Keras
            callbacks go to `fit`.
    """

    _classify = False
    _small = 0  # rows up to which `folds="auto"` makes folds whatever the budget is
    _fold_pace = 0.0  # rows for each second of the budget, up to which folds are worth their time
    _group_pace = 0.0  # the same, up to which each of a few groups is a fold
    _copies = COPIES  # of a row in files, that a fit holds at the same time
    _keeps_rows = False  # whether methods ask for the rows of `fit` afterwards

    objective: ObjectiveLike | None = None
    constraints: Sequence[Constraint] = ()
    oracle: Any = "auto"
    budget: Budget | str | float = "5min"
    ensemble: str | int | bool = "auto"
    refit: bool = False
    folds: Any = False
    intervals: float | None = None
    space: str | Sequence[str] = "auto"
    initial: Sequence[Mapping[str, Any]] = ()
    directory: str | Path | None = None
    executor: Any = "inline"
    memory: str | float | None = field(default=None, init=False)
    seed: int | None = None
    verbose: Verbose = "auto"
    callbacks: Sequence[SearchCallback] = ()

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        validation_data: Any = None,
        validation_split: float = 0.2,
        sample_weight: Any = None,
        class_weight: Mapping[Any, float] | str | None = None,
        groups: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.Callback | None = None,
    ) -> Self:
        """Searches for the best model within the budget.

        Args:
            X: Inputs, as the class says.
            y: Targets of shape `(rows,)`, or the name of a column of `X`; one-hot rows are classes.
            validation_data: `(X, y)` or `(X, y, sample_weight)`, or a table that holds the columns
                that are named; without it rows are held out.
            validation_split: Share of rows to hold out, at random and stratified by class.
            sample_weight: Weight of each row, shape `(rows,)`, in training and in every score, or
                the name of a column, which is no feature then.
            class_weight: Weight by label, in training and in every score; `"balanced"` lets all
                classes weigh the same.
            groups: Group of each row, or names of columns, which are no features then; no group is
                both trained on and validated with.
            epochs: Most epochs of one trial; the same as `Budget(epochs=…)`.
            batch_size: Rows in a step; the recipes search it otherwise.
            callbacks: Keras callbacks, or one, copied for every trial; the files that Keras's own
                callbacks write get the number of the trial in their names.

        Returns:
            The estimator itself.

        Raises:
            SchemaError: If the data cannot be used; all problems at once, before any training.
            SearchFailedError: If no trial came to a good end.
        """
        budget = Budget.parse(self.budget).with_epochs(epochs)
        clock = Clock(budget.seconds)
        objectives, constraints = self._objectives(), self.check_arguments()
        check_steps(validation_split, batch_size)
        executor = executor_of(self.executor)
        executor.check({"callbacks": callbacks, **self._sent()})
        wish, level = self._wish(), settle_level(self.intervals, self.refit)
        with searching_in(self.directory, clock, self.verbose, budget.trials) as (
            interruption,
            progress,
        ):
            seed = settle_seed(self.seed, self.directory)
            callbacks = settle_callbacks(callbacks)
            given = Given(
                X,
                y,
                seed=seed,
                validation_data=validation_data,
                validation_split=validation_split,
                sample_weight=sample_weight,
                class_weight=class_weight,
                groups=groups,
                count_folds=self._folds(budget, validation_data),
                calibration=self._calibration(level),
            )
            loaded = load_tables(given, self._stored, self.memory, self.directory, self._copies)
            task = self._prepare(settle_columns(loaded.given, self._unpacked), clock)
            task = self._with_rest(task, loaded, clock)
            for note in task.notes:
                progress.say(note)
            task, objectives = with_metrics(task, objectives, constraints)
            clock.keep(Purpose.ANSWER)
            if self.refit:
                clock.keep(Purpose.REFIT)
            again = self._fits_again(task, budget, wish, validation_data)
            job = Job(
                view=task.problem.view,
                assembler=task.problem.assembler,
                objectives=objectives,
                seed=seed,
                clock=clock,
                epochs=budget.epochs,
                batch_size=batch_size,
                callbacks=callbacks,
                keeping=keeping_of(wish, again),
                front_latency=front_latency(task.problem, task.hypermodel),
            )
            progress.enter(Stage.BASELINES)
            baselines = task.baselines(task.problem.scorer(), job.clock, seed)
            plan = SearchPlan(
                objectives=objectives,
                budget=budget,
                oracle=self.oracle,
                constraints=constraints,
                initial=self.initial,
                portfolio=task.portfolio(baselines, objectives[0]),
                directory=self.directory,
                seed=seed,
                callbacks=settle_search_callbacks(self.callbacks),
                executor=executor,
                identity=lambda: {**task.problem.identity(), **loaded.identity},
            )
            result = run(task.hypermodel, job, plan, interruption, progress)
            self.fitted_ = interruption.finish(
                lambda: self._finished(result, task, job, wish, baselines, level, progress)
            )
            progress.say(str(self.fitted_.verdict))
        return self

    def _finished(
        self,
        result: SearchResult,
        task: Task,
        job: Job,
        wish: Wish,
        baselines: Baselines,
        level: float | None,
        progress: Progress,
    ) -> Fitted:
        """The answer of a search, by what the clock has left."""
        progress.enter(Stage.ENSEMBLE)
        deadline = job.clock.deadline.minus(job.clock.kept(Purpose.ANSWER))
        building = Building(
            deadline,
            result.member_seconds,
            task.problem.reader.probe(),
            twins_of(result, task, job),
        )
        answer = choose_answer(result, task.problem.scorer(), wish, building)
        progress.enter(Stage.WRITING)
        result.measure_sizes(deadline)
        result.networks.release()
        result.solved.clear()
        if self.refit:
            answer = train_again(answer, result, task.hypermodel, job, task.problem.whole)
        else:
            answer = fitted_on_all(answer, result, task, job)
        result.baselines = [*baselines.rows, *answer.rows]
        return as_fitted(
            type(self).__name__,
            answer,
            result,
            task.problem,
            baselines,
            level=level,
            keep=self._keeps_rows,
        )

    def check_arguments(self) -> tuple[Constraint, ...]:
        """Whether `fit` can begin with the arguments of the constructor, as it checks itself.

        Returns:
            The constraints, with the score itself in the place of its alias `val_loss`.

        Raises:
            KerasNASError: If an argument cannot be read, is unknown, or no file can be written to
                `directory`.
        """
        settle_search_callbacks(self.callbacks)
        most_bytes(self.memory)
        return check_arguments(self, self._objectives(), self._score_names())

    def _prepare(self, given: Given, clock: Clock) -> Task:
        """Checks everything that can be wrong with the data and makes the task of it."""
        raise NotImplementedError

    def _with_rest(self, task: Task, loaded: LoadedTables, clock: Clock) -> Task:
        """The task with what can be done with the rows that were left in files, and says it."""
        loaded.say()
        return task

    def _folds(self, budget: Budget, validation_data: Any) -> Folding:
        """From the numbers of rows, classes and groups to the number of folds."""
        return settle_folds(
            self.folds,
            budget,
            self._fold_pace,
            self.directory,
            validation_data,
            small=self._small,
            grouped=self._group_pace,
        )

    def _fits_again(self, task: Task, budget: Budget, wish: Wish, validation_data: Any) -> bool:
        """Whether members of the ensemble that were solved are to be fitted again, on all rows.

        Rows that the user holds out stay held out. With a limit on cost the model that was measured
        is used unchanged.
        """
        if wish.size < 2 or not task.hypermodel.solves_again():
            return False
        bound = wish.latency_ms is not None or len(self._objectives()) > 1 or self.constraints
        held_out = validation_data is None and not task.problem.rows.folds
        return held_out and not bound and fits_again(self.folds, budget)

    def _calibration(self, level: float | None) -> Callable[[int], int] | None:
        """From the number of rows to the number that is set apart for intervals or sets."""
        return settle_calibration(level, self._classify)

    def _wish(self) -> Wish:
        """The ensemble to choose; `refit` trains one configuration again."""
        return parse_ensemble(False if self.refit else self.ensemble)

    def _sent(self) -> dict[str, Any]:
        """Arguments that trials need, wherever they run: objects of the user may be among them."""
        return {"objective": self.objective}

    def _objectives(self) -> tuple[Any, ...]:
        return settle_objectives(self.objective, self._classify)

    def _score_names(self) -> list[str]:
        """The metrics that trials are scored by, the default objective first."""
        return score_names(self._classify)
