"""One execution of a trial carried out: built, fitted by its method, measured, written.

It runs where its executor has it run: in the process of the search, or in another one. So it knows
of the search only what its `Attempt` holds, and what came of it is a value.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerasnas.clock import OutOfTime, Stopwatch
from kerasnas.directories import is_full
from kerasnas.errors import DirectoryError, ObjectiveError
from kerasnas.history import TrialRecord
from kerasnas.spaces.method import Solution
from kerasnas.spaces.space import UserSpace
from kerasnas.trial import failures, measure
from kerasnas.trial.attempt import Attempt, Outcome
from kerasnas.trial.candidates import write_answers
from kerasnas.trial.checkpoint import checkpoint_path
from kerasnas.trial.methods import fitting_of
from kerasnas.trial.networks import network_path, write_network
from kerasnas.trial.pace import Times
from kerasnas.trial.plan import Trained
from kerasnas.trial.seeding import seeded
from kerasnas.trial.session import forget_layers

log = logging.getLogger("kerasnas")

FATAL = (keras_tuner.errors.FatalError, ObjectiveError, DirectoryError)
"""Errors that end a search: any other one is the failure of a trial."""

_NO_ROOM = (
    "Trial {} cannot be kept: nothing more can be written to '{}'. It does not count as failed. "
    "Make room there; with `directory` the same call goes on from it."
)


@dataclass(frozen=True)
class Repeatable:
    """What a solver has to know to fit a network once more, on other rows.

    Attributes:
        seconds: Seconds that it has taken.
        rounds: As in `Solution`, and so is `rate`.
    """

    seconds: float
    rounds: int | None = None
    rate: float | None = None


@dataclass(frozen=True, eq=False)
class ExecutionReport:
    """What came of one execution of a trial.

    Attributes:
        status: COMPLETED, STOPPED or FAILED.
        metrics: Metrics of the best epoch.
        measures: Measured quantities.
        fidelity: Share of a full training that was reached, where it is not the one asked for.
        failure: Why it failed, in one line.
        traceback: The whole traceback of a failure.
        out_of_time: Whether it was given up for want of time.
        hyperparameters: The hyperparameters as they were after building.
        times: What it has taken.
        seconds: Seconds of all of it.
        writing: Seconds of measuring and writing.
        lengths: Epochs that the clock chose from; empty where it did not choose.
        full: Epochs of a full training.
        repeatable: How to fit the network once more; `None` where no solver has fitted it.
        network: The network, where it is in this process; its file is there in any case.
        solution: The solution, where it is in this process.
    """

    status: str = "COMPLETED"
    metrics: Mapping[str, float] | None = None
    measures: dict[str, float] = field(default_factory=dict)
    fidelity: float | None = None
    failure: str = ""
    traceback: str = ""
    out_of_time: bool = False
    hyperparameters: Any = None
    times: Times = field(default_factory=Times)
    seconds: float = 0.0
    writing: float = 0.0
    lengths: Sequence[int] = ()
    full: int = 1
    repeatable: Repeatable | None = None
    network: keras.Model | None = None
    solution: Solution | None = None


def carry_out(attempt: Attempt) -> ExecutionReport:
    """Builds, fits, measures and writes the network of an attempt.

    Where the memory runs out, it begins once more with half the rows in a step.

    Args:
        attempt: The attempt.

    Raises:
        DirectoryError: If nothing more can be written.
        ObjectiveError: If no trial will have what the search is judged by.
        FatalError: One of keras-tuner's errors that end a search.
    """
    stopwatch, execution = Stopwatch(), ExecutionReport()
    attempt = replace(attempt.resumed(), on_epoch=_timed(attempt))
    for halved in (False, True):
        forget_layers()
        try:
            with seeded(attempt.settings.seed, attempt.record.number):
                outcome = fitting_of(attempt)()
            execution = _kept(attempt, outcome)
        except FATAL:
            raise
        except Exception as error:
            if failures.is_out_of_memory(error) and not halved:
                attempt = _halved(attempt)
                continue
            check_room(error, attempt.record, attempt.settings.folder)
            execution = failed(error)
        break
    return replace(
        execution,
        hyperparameters=attempt.hp,
        times=attempt.times,
        seconds=stopwatch.seconds,
    )


def failed(error: Exception) -> ExecutionReport:
    """The execution of a trial that an error has ended."""
    return ExecutionReport(
        status="FAILED",
        failure=failures.reason(error),
        traceback=failures.details(error),
        out_of_time=isinstance(error, OutOfTime),
    )


def check_room(error: Exception, record: TrialRecord, folder: Path) -> None:
    """Ends the search where a trial has failed only because its files could not be written.

    Args:
        error: What has ended the trial.
        record: The trial.
        folder: Where its files go.

    Raises:
        DirectoryError: If nothing more can be written there.
    """
    if is_full(error, folder):
        raise DirectoryError(_NO_ROOM.format(record.trial_id, folder)) from error


def _timed(attempt: Attempt) -> Callable[[int, dict[str, float]], bool | None]:
    """What is told the epochs, and takes note of what they take."""
    stopwatch, ends = Stopwatch(), list[float]()
    told, times = attempt.on_epoch, attempt.times

    def on_epoch(epoch: int, logs: dict[str, float]) -> bool | None:
        ends.append(stopwatch.seconds)
        if len(ends) > 1:  # the first one is mostly tracing
            times.epoch = (ends[-1] - ends[0]) / (len(ends) - 1)
            times.start = max(0.0, ends[0] - times.epoch)
        return told(epoch, logs)

    return on_epoch


def _halved(attempt: Attempt) -> Attempt:
    """The attempt with half the rows of a step, after the memory has run out."""
    half = max(1, (attempt.batch_size or 32) // 2)
    log.warning(
        "Trial %s ran out of memory; again with batch size %d.", attempt.record.trial_id, half
    )
    gc.collect()
    return replace(attempt, batch_size=half)


def _kept(attempt: Attempt, outcome: Outcome) -> ExecutionReport:
    """Measures a fitted network and writes what is asked for later."""
    settings, record, view = attempt.settings, attempt.record, attempt.view
    network, trained, plan = outcome.network, outcome.trained, outcome.plan
    if trained.state is not None and not trained.out_of_time:
        trained.state.write(checkpoint_path(settings.folder, record.trial_id, record.rung))
    stopwatch, front = Stopwatch(), attempt.space.front_sizes(attempt.hp)
    measures = {
        **measure.sizes(network, view.example, front),
        **outcome.measures,
        "epochs": float(trained.epochs),
        "best_epoch": float(trained.epoch + 1),
    }
    if view.example is not None and settings.timed:
        measures.update(measure.latency(network, view.example))
    path = network_path(settings.folder, record.trial_id)
    write_network(network, path, buildable=isinstance(attempt.space, UserSpace))
    keeps = settings.keeping.candidates > 1 and view.scorer is not None
    if keeps and outcome.answers is not None:
        assert view.scorer is not None
        answers = view.scorer.answers(outcome.answers())
        write_answers(settings.folder, record.trial_id, answers)
    solution, repeatable = outcome.solution if settings.keeping.again else None, None
    if solution is not None:
        repeatable = Repeatable(outcome.seconds, solution.rounds, solution.rate)
    return ExecutionReport(
        status="STOPPED" if trained.hopeless else "COMPLETED",
        metrics=trained.metrics,
        measures=measures,
        # What a solver or folds have fitted cannot go on: it is a full training at any rung.
        fidelity=1.0 if plan is None else _reached(attempt, trained),
        writing=stopwatch.seconds,
        lengths=() if plan is None or plan.epochs is not None else plan.lengths,
        full=trained.full,
        repeatable=repeatable,
        network=network,
        solution=solution,
    )


def _reached(attempt: Attempt, trained: Trained) -> float | None:
    """The share of a full training that was reached, where something had cut it short."""
    if not (trained.out_of_time or trained.hopeless):
        return None
    asked = attempt.record.fidelity
    # Half of the epoch that the clock broke off is done, for all that is known.
    epochs = trained.epochs - (0.5 if trained.out_of_time else 0.0)
    share = epochs / max(trained.full, 1) * (asked if attempt.continuation.by_rows else 1.0)
    return min(share, asked * (1 - 1e-6))
