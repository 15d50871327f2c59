"""One trial, from hyperparameters to a measured model in a file: the `keras_tuner.Tuner`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerasnas import artifact
from kerasnas.clock import Stopwatch
from kerasnas.errors import ObjectiveError
from kerasnas.objectives import FREE_MEASURES, near_metric
from kerasnas.oracles import Context
from kerasnas.spaces.method import Counted
from kerasnas.spaces.space import UserSpace, as_space
from kerasnas.trial import housekeeping
from kerasnas.trial.attempt import Attempt, Continuation
from kerasnas.trial.checkpoint import checkpoint_path
from kerasnas.trial.execution import FATAL, ExecutionReport, check_room, failed
from kerasnas.trial.executors.executor import Executor, Inline, Pool
from kerasnas.trial.exploring import explore
from kerasnas.trial.job import Job, Solved
from kerasnas.trial.memory import Keeper
from kerasnas.trial.networks import Networks
from kerasnas.trial.pace import Pace
from kerasnas.trial.rebuilt import Rebuild, RebuildBySpace
from kerasnas.trial.reserve import Reserve
from kerasnas.trial.screen import screened
from kerasnas.trial.seeding import seeded
from kerasnas.trial.suitable import check_network

log = logging.getLogger("kerasnas")

_AGAIN = 3  # best trials, for which time is kept to fit them once more


@dataclass(frozen=True, eq=False)
class _Begun:
    """A trial that runs.

    Attributes:
        trial: The trial as keras-tuner has it.
        attempt: What is carried out.
        seconds: Seconds before its training: its data were brought into their form.
    """

    trial: Any
    attempt: Attempt
    seconds: float


class Tuner(keras_tuner.Tuner):
    """Runs the trials that an oracle proposes, in the place that its executor names.

    Differs from keras-tuner's: the seconds of a budget are kept, what a trial trained is written as
    one whole `.keras` file, a failed trial never ends the search, and tensorboard is not needed.

    Args:
        oracle: A kerasnas oracle, which keeps the history.
        hypermodel: Any hypermodel or build function.
        job: What to train on.
        folder: Where the files of trials go.
        scratch: Folder for keras-tuner's own files, which nothing depends on.
        on_event: Told `("start" | "epoch" | "end", trial record, details)` for the progress line.
        breakable: Makes a context in which a signal may break off the trials that run.
        executor: Where trials run; in this process, where none is given.

    Attributes:
        networks: The networks of trials.
        solved: Those that a solver fitted, that are in memory and that may be fitted again.
        first_traceback: The traceback of the first failed trial, empty without one.
        reserve: The time that trials leave for what comes after them.
    """

    def __init__(
        self,
        oracle: Any,
        hypermodel: Any,
        job: Job,
        folder: Path,
        scratch: Path,
        on_event: Callable[[str, Any, Mapping[str, Any]], None] = lambda *_: None,
        breakable: Callable[[], AbstractContextManager[None]] = nullcontext,
        executor: Executor | None = None,
    ) -> None:
        self.job = job
        self.folder = folder
        self.space = as_space(hypermodel)
        self.networks = Networks(folder, job.assembler, self._rebuild())
        self.solved: dict[str, Solved] = {}
        self.first_traceback = ""
        self._on_event = on_event
        self._breakable = breakable
        self._memory = Keeper()
        self._executor = executor or Inline()
        self._pool: Pool | None = None
        self._begun: dict[str, _Begun] = {}
        self.reserve = Reserve(job.clock, job.keeping)
        with seeded(job.seed, 2**31 - 1):
            super().__init__(
                oracle=oracle,
                hypermodel=self.space,
                directory=str(scratch),
                project_name="keras_tuner",
                overwrite=True,
            )
        self.oracle.verbose = 0
        self._pace = Pace(oracle, job, self.space)

    def _rebuild(self) -> Rebuild | None:
        """Builds networks of a user's `build` again. Networks of kerasnas are read from files."""
        if not isinstance(self.space, UserSpace):
            return None
        return RebuildBySpace(self.space, self.job.view, self.job.seed)

    def begin(self, context: Context) -> None:
        """Tells the oracle about its search: what is given, and what is known here."""
        context = self._pace.context(context)
        self._keep_time()
        self.oracle.begin(screened(context, self.oracle, self.space, self.job))

    def _populate_initial_space(self) -> None:
        """As keras-tuner's method of this name, but with the same result in every run."""
        explore(self.space, self.oracle, self._check)

    def _check(self, network: Any) -> None:
        """Ends the search before its first trial where a user's `build` fits no trial."""
        if isinstance(self.space, UserSpace):
            check_network(self.space, network, self.job.view(self.oracle.get_space()))

    def save(self) -> None:
        """Writes nothing, because the history is the only state."""

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs trials until the oracle or the clock says stop."""
        try:
            for attempt in self.attempts():
                with self._breakable():
                    execution = self.pool.submit(attempt)
                self.took(attempt, execution)
        finally:
            self.close()

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Not how trials run here.

        Raises:
            NotImplementedError: Always: attempts are carried out by the pool of an executor.
        """
        raise NotImplementedError("Trials are carried out by an executor: call `search()`.")

    def close(self) -> None:
        """Ends the trials that are under way."""
        self._begun.clear()
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def attempts(self) -> Iterator[Attempt]:
        """Yields attempts until the oracle or the clock says stop, each when a worker is free.

        Whoever iterates hands each attempt to the `pool`, and what that answers to `took`. What is
        under way in the end comes to its end before the iterator does.
        """
        while self._pace.another():
            if self._begun and len(self._begun) == self.pool.size:
                self._await_one()
                continue
            trial = self.oracle.create_trial(self._free_worker())
            if trial.status == "RUNNING":
                attempt = self._attempt_at(trial)
                if attempt is not None:
                    yield attempt
                self._memory.after_trial()
            elif self._begun:
                self._await_one()  # when it ends, the oracle may have a trial to propose
            elif trial.status == "STOPPED":
                return
            # Else it is IDLE, and the oracle has waited.
        while self._begun:
            self._await_one()

    def took(self, attempt: Attempt, execution: ExecutionReport | None) -> None:
        """Records how an attempt ended; `None` means that it still runs.

        A failure is shown in the leaderboard, and the search goes on.
        """
        if execution is not None:
            self._end(self._begun.pop(attempt.record.trial_id), execution)

    def _await_one(self) -> None:
        """Waits until one of the trials that run has ended, and records it."""
        with self._breakable():
            trial_id, execution = self.pool.wait()
        self._end(self._begun.pop(trial_id), execution)

    def _attempt_at(self, trial: Any) -> Attempt | None:
        """The attempt of a trial; `None` if its data could not be made."""
        stopwatch = Stopwatch()
        record = self.oracle.history.trials[int(trial.trial_id)]
        self._on_event("start", record, {})
        try:
            with self._breakable(), seeded(self.job.seed, record.number):
                attempt = self._attempt(trial, record)
        except FATAL:
            raise
        except Exception as error:
            check_room(error, record, self.folder)
            self._record(trial, record, failed(error), stopwatch.seconds)
            return None
        self._begun[record.trial_id] = _Begun(trial, attempt, stopwatch.seconds)
        return attempt

    @property
    def pool(self) -> Pool:
        """The pool of the executor, which is made when the first trial begins."""
        if self._pool is None:
            settings = self.job.settings(self.folder, timed=self._asked("latency"))
            self._pool = self._executor.open(settings, self.folder.parent)
        return self._pool

    def _free_worker(self) -> str:
        """The name of the worker that runs the next trial, for the oracle."""
        names = (
            f"{self.tuner_id}.{i}" if i else self.tuner_id for i in range(len(self._begun) + 1)
        )
        return next(name for name in names if name not in self.oracle.ongoing_trials)

    def load_model(self, trial: Any) -> keras.Model:
        """The model of a trial as it was scored, from its file; `build` is not called."""
        return self.networks.model(self.oracle.history.trials[int(trial.trial_id)])

    def _batch_size(self, hp: Any) -> int | None:
        if self.job.batch_size is not None:
            return self.job.batch_size
        recipe = self.space.recipe(hp)
        return recipe.batch_size if recipe else None

    def _attempt(self, trial: Any, record: Any) -> Attempt:
        """Everything that a method needs for this execution of the trial."""
        history, hp = self.oracle.history, trial.hyperparameters
        return Attempt(
            settings=self.job.settings(self.folder, timed=self._asked("latency")),
            space=self.space,
            allowance=self._pace.allow(record),
            record=record,
            hp=hp,
            view=self.job.view(hp),
            batch_size=self._batch_size(hp),
            optional=bool(history.scored()) and not record.executions,
            answered=bool(history.completed()),
            continuation=self._continuation(record),
            on_epoch=self._reports(record),
        )

    @property
    def _by_rows(self) -> bool:
        """Whether a short training uses fewer rows instead of fewer epochs."""
        return bool(self.oracle.fidelity == "rows")

    def _continuation(self, record: Any) -> Continuation:
        """How far this execution trains, and where the one before it ended."""
        parent = None
        if record.parent is not None:
            parent = self.networks.path(self.oracle.history.trials[record.parent].trial_id)
        begun = Continuation(
            fidelity=1.0 if self._by_rows else record.fidelity,
            rows=record.fidelity if self._by_rows else 1.0,
            keep=self._pace.pauses and record.fidelity < 1,
            by_rows=self._by_rows,
            parent=parent,
        )
        if not record.executions:
            return begun
        rung = record.executions[-1].rung
        return replace(begun, paused=checkpoint_path(self.folder, record.trial_id, rung))

    def _reports(self, record: Any) -> Callable[[int, dict[str, float]], bool]:
        """The function that receives each epoch of a trial, and may stop a hopeless trial."""
        # With more rows, the epochs begin again at 0.
        before = record.reports[-1][0] + 1 if record.reports else 0
        offset = before if self._by_rows else 0

        def on_epoch(epoch: int, logs: dict[str, float]) -> bool:
            self._on_event("epoch", record, {"epoch": epoch, "logs": logs})
            step = epoch + offset
            if record.reports and step <= record.reports[-1][0]:
                return False  # repeated, because a checkpoint, memory or a worker was missing
            self.oracle.update_trial(record.trial_id, logs, step=step)
            return bool(self.oracle.hopeless(record.trial_id))

        return on_epoch

    def _end(self, begun: _Begun, execution: ExecutionReport) -> None:
        """Keeps the files of an execution, and records how it ended."""
        stopwatch, record = Stopwatch(), begun.attempt.record
        if execution.hyperparameters is not None:
            begun.trial.hyperparameters = execution.hyperparameters
        self._pace.saw(record.number, execution.times)
        if execution.status != "FAILED":
            try:
                execution = self._took_over(begun.attempt, execution)
            except FATAL:
                raise
            except Exception as error:
                check_room(error, record, self.folder)
                execution = failed(error)
        seconds = begun.seconds + execution.seconds + stopwatch.seconds
        self._record(begun.trial, record, execution, seconds)

    def _took_over(self, attempt: Attempt, execution: ExecutionReport) -> ExecutionReport:
        """Keeps the files of an execution, and adds measures that the network does not tell."""
        stopwatch, record, view = Stopwatch(), attempt.record, attempt.view
        measures, network = execution.measures, execution.network
        if execution.lengths:
            self._pace.note(execution.lengths, execution.full)
        known = execution.repeatable
        if known is not None:
            if network is None:  # another process has fitted it
                network = artifact.load_written(self.networks.path(record.trial_id))
            solution = execution.solution or Counted(network, known.rounds, known.rate)
            self.solved[record.trial_id] = Solved(solution, known.seconds)
        held = network if self.job.keeping.members > 1 else None
        self.networks.written(record.trial_id, view.assemble, held)
        timed = [name for name in measures if "latency" in name]
        if timed:
            extra = view.extra_latency()
            measures |= {name: measures[name] + extra for name in timed}
        seconds = execution.writing + stopwatch.seconds
        self.reserve.wrote(seconds + self.networks.seconds_of_assembling(record))
        if self._asked("size_bytes"):
            measures["size_bytes"] = float(artifact.size_of(self.networks.model(record)))
        self._check_objectives({**(execution.metrics or {}), **measures})
        return execution

    def _asked(self, measure: str) -> bool:
        """Whether an objective or a constraint needs a measure of every trial."""
        bounds: list[Any] = [*self.oracle.objectives, *self.oracle.constraints]
        return any(measure in bound.name for bound in bounds)

    def _check_objectives(self, scores: Mapping[str, float]) -> None:
        """Ends a search at its first trial if no trial can have the metric of an objective."""
        known = {**scores, **dict.fromkeys(FREE_MEASURES, 0.0), "train_seconds": 0.0}
        asked = [("objective", o.name) for o in self.job.objectives]
        asked += [("constraints", c.name) for c in self.oracle.constraints]
        absent = [(argument, name) for argument, name in asked if name not in known]
        if absent and not self.oracle.history.scored():
            argument, name = absent[0]
            near = near_metric(name, sorted(scores, key=lambda n: n.startswith("val_")))
            hint = f" Did you mean '{near}'?" if near else ""
            raise ObjectiveError(
                f"`{argument}` {name!r} was not among what the first trial logged.{hint} "
                f"Logged: {', '.join(sorted(scores))}."
            )

    def _record(self, trial: Any, record: Any, execution: ExecutionReport, seconds: float) -> None:
        """Tells the oracle how the execution ended, and deletes files that nobody will need."""
        oracle, trial_id = self.oracle, trial.trial_id
        if execution.metrics is not None and not record.reports:
            oracle.update_trial(trial_id, execution.metrics)
        trial.status, trial.message = execution.status, execution.traceback or None
        self.first_traceback = self.first_traceback or execution.traceback
        if execution.failure:
            # Lack of time needs no warning: the user has set the budget.
            level = logging.INFO if execution.out_of_time else logging.WARNING
            log.log(level, "Trial %s failed. %s", trial_id, execution.failure)
        oracle.facts(
            trial_id,
            metrics=execution.metrics,
            measures={**execution.measures, "train_seconds": record.seconds + seconds},
            fidelity=execution.fidelity,
            seconds=seconds,
            failure=execution.failure,
            out_of_time=execution.out_of_time,
            spent=self.job.clock.spent,
        )
        oracle.end_trial(trial)
        housekeeping.keep_the_best(self.networks, oracle, self.job.keeping.candidates)
        housekeeping.keep_checkpoints(self.folder, oracle)
        self._keep_time()
        self._on_event("end", record, {})

    def _keep_time(self) -> None:
        """Reserves time for the steps after the trials, by the durations measured so far."""
        # Only networks that are still in memory can be fitted again.
        self.solved = {k: v for k, v in self.solved.items() if k in self.networks.held}
        best = [t.trial_id for t in self.oracle.get_best_trials(_AGAIN)] if self.solved else []
        again = [self.solved[k].seconds for k in best if k in self.solved]
        self.reserve.finished(len(self.oracle.history.completed()), again)
