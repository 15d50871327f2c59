"""One trial, from hyperparameters to a measured model in a file: the `keras_tuner.Tuner`."""

from __future__ import annotations

import difflib
import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerasnas import artifact
from kerasnas.clock import OutOfTime, Stopwatch
from kerasnas.directories import is_full
from kerasnas.errors import DirectoryError, ObjectiveError
from kerasnas.objectives import FREE_MEASURES
from kerasnas.oracles import Context
from kerasnas.spaces.space import UserSpace, as_space
from kerasnas.trial import failures, housekeeping, measure
from kerasnas.trial.attempt import Attempt, Continuation, Outcome
from kerasnas.trial.candidates import write_answers
from kerasnas.trial.checkpoint import State, build, checkpoint_path
from kerasnas.trial.exploring import explore
from kerasnas.trial.job import Job, Solved
from kerasnas.trial.memory import Keeper
from kerasnas.trial.methods import fitting_of
from kerasnas.trial.networks import Networks
from kerasnas.trial.pace import Pace
from kerasnas.trial.plan import Trained
from kerasnas.trial.rebuilt import Rebuild
from kerasnas.trial.reserve import Reserve
from kerasnas.trial.screen import screened
from kerasnas.trial.seeding import seeded
from kerasnas.trial.session import forget_layers

log = logging.getLogger("kerasnas")

_NO_ROOM = (
    "Trial {} cannot be kept: nothing more can be written to '{}'. It does not count as failed. "
    "Make room there; with `directory` the same call goes on from it."
)

_AGAIN = 3  # trials, the best ones, that time is kept for to fit them once more


@dataclass
class _Execution:
    """What is recorded of one execution of a trial when it has ended.

    Attributes:
        status: COMPLETED, STOPPED or FAILED.
        metrics: Metrics of the best epoch.
        measures: Measured quantities.
        fidelity: Share of a full training that was reached, where it is not the one asked for.
        failure: Why it failed, in one line.
        traceback: The whole traceback of a failure.
        out_of_time: Whether it was given up for want of time.
    """

    status: str = "COMPLETED"
    metrics: Mapping[str, float] | None = None
    measures: dict[str, float] = field(default_factory=dict)
    fidelity: float | None = None
    failure: str = ""
    traceback: str = ""
    out_of_time: bool = False


class Tuner(keras_tuner.Tuner):
    """Runs the trials that an oracle proposes, one after the other, in this process.

    Differs from keras-tuner's: the seconds of a budget are kept, what a trial trained is written as
    one whole `.keras` file, a failed trial never ends the search, and tensorboard is not needed.

    Args:
        oracle: A kerasnas oracle, which keeps the history.
        hypermodel: Any hypermodel or build function.
        job: What to train on.
        folder: Where the files of trials go.
        scratch: Folder for keras-tuner's own files, which nothing depends on.
        on_event: Told `("start" | "epoch" | "end", trial record, details)` for the progress line.
        breakable: Makes a context in which a signal may break off the trial that runs.

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
        """Builds networks of a user's own `build` anew; those of kerasnas are in their files."""
        if not isinstance(self.space, UserSpace):
            return None
        space, view = self.space, self.job.view

        def rebuild(hp: keras_tuner.HyperParameters) -> keras.Model:
            network: keras.Model = space.build(hp)
            build(network, view(hp).x)
            return network

        return rebuild

    def begin(self, context: Context) -> None:
        """Tells the oracle about its search: what is given, and what is known here."""
        context = self._pace.context(context)
        self._keep_time()
        self.oracle.begin(screened(context, self.oracle, self.space, self.job))

    def _populate_initial_space(self) -> None:
        """As keras-tuner's, which leaves it to be overridden, but the same in every run."""
        explore(self.space, self.oracle)

    def save(self) -> None:
        """Nothing to write: the history is the only state."""

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs trials until the oracle or the clock says stop."""
        for trial in self.trials():
            self.run_trial(trial)

    def trials(self) -> Iterator[Any]:
        """The trials that the oracle proposes, until it or the clock says stop."""
        while self._pace.another():
            trial = self.oracle.create_trial(self.tuner_id)
            if trial.status == "STOPPED":
                return
            if trial.status == "IDLE":
                continue  # the oracle has waited
            yield trial
            self._memory.after_trial()

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Builds, fits, measures, writes and records the model of one trial.

        A failure is recorded, shown in the leaderboard, and the search goes on.
        """
        stopwatch, execution = Stopwatch(), _Execution()
        record = self.oracle.history.trials[int(trial.trial_id)]
        self._on_event("start", record, {})
        batch_size = self._batch_size(trial.hyperparameters)
        for halved in (False, True):
            forget_layers()
            try:
                with self._breakable():
                    with seeded(self.job.seed, record.number):
                        attempt = self._attempt(trial, record, batch_size)
                        outcome = fitting_of(attempt)()
                    execution = self._kept(attempt, outcome)
            except (keras_tuner.errors.FatalError, ObjectiveError, DirectoryError):
                raise
            except Exception as error:
                if failures.is_out_of_memory(error) and not halved:
                    batch_size = self._halved(record, batch_size)
                    continue
                if is_full(error, self.folder):
                    raise DirectoryError(_NO_ROOM.format(record.trial_id, self.folder)) from error
                execution = _failed(error)
            break
        self._record(trial, record, execution, stopwatch.seconds)
        self._on_event("end", record, {})

    def load_model(self, trial: Any) -> keras.Model:
        """The model of a trial as it was scored, from its file; `build` is not called."""
        return self.networks.model(self.oracle.history.trials[int(trial.trial_id)])

    def _batch_size(self, hp: Any) -> int | None:
        if self.job.batch_size is not None:
            return self.job.batch_size
        recipe = self.space.recipe(hp)
        return recipe.batch_size if recipe else None

    @staticmethod
    def _halved(record: Any, batch_size: int | None) -> int:
        """Half the rows of a step, after the memory has run out."""
        half = max(1, (batch_size or 32) // 2)
        log.warning("Trial %s ran out of memory; again with batch size %d.", record.trial_id, half)
        gc.collect()
        return half

    def _attempt(self, trial: Any, record: Any, batch_size: int | None) -> Attempt:
        """Everything that a method needs for this execution of the trial."""
        history, hp = self.oracle.history, trial.hyperparameters
        return Attempt(
            job=self.job,
            space=self.space,
            pace=self._pace,
            record=record,
            hp=hp,
            view=self.job.view(hp),
            batch_size=batch_size,
            optional=bool(history.scored()) and not record.executions,
            answered=bool(history.completed()),
            continuation=self._continuation(record),
            on_epoch=self._reports(record),
        )

    @property
    def _by_rows(self) -> bool:
        """Whether a part of a full training is one on a part of the rows."""
        return bool(self.oracle.fidelity == "rows")

    def _continuation(self, record: Any) -> Continuation:
        """How far this execution goes, and where the last one has ended."""
        parent = None
        if record.parent is not None:
            parent = self.networks.path(self.oracle.history.trials[record.parent].trial_id)
        begun = Continuation(
            fidelity=1.0 if self._by_rows else record.fidelity,
            rows=record.fidelity if self._by_rows else 1.0,
            keep=self._pace.pauses and record.fidelity < 1,
            parent=parent,
        )
        if not record.executions:
            return begun
        rung = record.executions[-1].rung
        start = State.read(checkpoint_path(self.folder, record.trial_id, rung))
        if start is None:
            log.warning("The checkpoint of trial %s is gone: it starts again.", record.trial_id)
        elif self._by_rows:
            return replace(begun, start=replace(start, epochs=0), seed=(record.rung,))
        return replace(begun, start=start)

    def _reports(self, record: Any) -> Callable[[int, dict[str, float]], bool]:
        """What is told the epochs of a trial and says whether it is hopeless."""
        # Trained on more rows the epochs begin anew.
        before = record.reports[-1][0] + 1 if record.reports else 0
        offset = before if self._by_rows else 0
        stopwatch, times = Stopwatch(), list[float]()

        def on_epoch(epoch: int, logs: dict[str, float]) -> bool:
            times.append(stopwatch.seconds)
            if len(times) > 1:  # the first one is mostly tracing
                usual = (times[-1] - times[0]) / (len(times) - 1)
                self._pace.saw(record.number, usual, max(0.0, times[0] - usual))
            self._on_event("epoch", record, {"epoch": epoch, "logs": logs})
            step = epoch + offset
            if record.reports and step <= record.reports[-1][0]:
                return False  # repeated, for want of a checkpoint or of memory
            self.oracle.update_trial(record.trial_id, logs, step=step)
            return bool(self.oracle.hopeless(record.trial_id))

        return on_epoch

    def _kept(self, attempt: Attempt, outcome: Outcome) -> _Execution:
        """Measures a fitted network and writes what is asked for later."""
        job, record, view = self.job, attempt.record, attempt.view
        network, trained = outcome.network, outcome.trained
        if outcome.plan is not None:
            self._pace.note(outcome.plan, trained.full)
        if trained.state is not None and not trained.out_of_time:
            trained.state.write(checkpoint_path(self.folder, record.trial_id, record.rung))
        if outcome.solution is not None and job.keeping.again:
            self.solved[record.trial_id] = Solved(outcome.solution, outcome.seconds)
        stopwatch, front = Stopwatch(), self.space.front_sizes(attempt.hp)
        measures = {
            **measure.sizes(network, view.example, front),
            **outcome.measures,
            "epochs": float(trained.epochs),
            "best_epoch": float(trained.epoch + 1),
        }
        if view.example is not None and (job.keeping.timed or self._asked("latency")):
            timed, extra = measure.latency(network, view.example), view.extra_latency()
            measures.update({k: v + extra for k, v in timed.items()})
        held = job.keeping.members > 1
        self.networks.keep(record.trial_id, network, view.assemble, held)
        keeps = job.keeping.candidates > 1 and view.scorer is not None
        if keeps and outcome.answers is not None:
            assert view.scorer is not None
            write_answers(self.folder, record.trial_id, view.scorer.answers(outcome.answers()))
        seconds = stopwatch.seconds
        assembling = self.networks.seconds_of_assembling(record)
        self.reserve.wrote(seconds + assembling)
        if self._asked("size_bytes"):
            measures["size_bytes"] = float(artifact.size_of(self.networks.model(record)))
        self._check_objectives({**trained.metrics, **measures})
        return _Execution(
            status="STOPPED" if trained.hopeless else "COMPLETED",
            metrics=trained.metrics,
            measures=measures,
            # What a solver or folds have fitted cannot go on: it is a full training at any rung.
            fidelity=1.0 if outcome.plan is None else _reached(record, trained, self._by_rows),
        )

    def _asked(self, measure: str) -> bool:
        """Whether an objective or a constraint needs a measure of every trial."""
        bounds: list[Any] = [*self.oracle.objectives, *self.oracle.constraints]
        return any(measure in bound.name for bound in bounds)

    def _check_objectives(self, scores: Mapping[str, float]) -> None:
        """Ends a search at its first trial when no trial will have what it is judged by."""
        known = {**scores, **dict.fromkeys(FREE_MEASURES, 0.0), "train_seconds": 0.0}
        asked = [("objective", o.name) for o in self.job.objectives]
        asked += [("constraints", c.name) for c in self.oracle.constraints]
        absent = [(argument, name) for argument, name in asked if name not in known]
        if absent and not self.oracle.history.scored():
            argument, name = absent[0]
            near = difflib.get_close_matches(name, scores, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ObjectiveError(
                f"`{argument}` {name!r} was not among what the first trial logged.{hint} "
                f"Logged: {', '.join(sorted(scores))}."
            )

    def _record(self, trial: Any, record: Any, execution: _Execution, seconds: float) -> None:
        """Tells the oracle how the execution ended, and lets go of what nobody will ask for."""
        oracle, trial_id = self.oracle, trial.trial_id
        if execution.metrics is not None and not record.reports:
            oracle.update_trial(trial_id, execution.metrics)
        trial.status, trial.message = execution.status, execution.traceback or None
        self.first_traceback = self.first_traceback or execution.traceback
        if execution.failure:
            # That time is short is no news to who has set the budget.
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

    def _keep_time(self) -> None:
        """Keeps time for what comes after the trials, by what is known of them now."""
        # Networks that are in memory no more cannot be fitted again.
        self.solved = {k: v for k, v in self.solved.items() if k in self.networks.held}
        best = [t.trial_id for t in self.oracle.get_best_trials(_AGAIN)] if self.solved else []
        again = [self.solved[k].seconds for k in best if k in self.solved]
        self.reserve.finished(len(self.oracle.history.completed()), again)


def _failed(error: Exception) -> _Execution:
    return _Execution(
        status="FAILED",
        failure=failures.reason(error),
        traceback=failures.details(error),
        out_of_time=isinstance(error, OutOfTime),
    )


def _reached(record: Any, trained: Trained, by_rows: bool) -> float | None:
    """The share of a full training that was reached, where something had cut it short."""
    if not (trained.out_of_time or trained.hopeless):
        return None
    # Half of the epoch that the clock broke off is done, for all that is known.
    epochs = trained.epochs - (0.5 if trained.out_of_time else 0.0)
    share = epochs / max(trained.full, 1) * (record.fidelity if by_rows else 1.0)
    return min(share, record.fidelity * (1 - 1e-6))
