"""Trials in processes of their own: a pool of warm workers that is watched over."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import keras_tuner

from kerasnas.data.room import free_bytes
from kerasnas.errors import DirectoryError, ObjectiveError, SearchSpaceError, WorkerLostError, shown
from kerasnas.problem.view import View
from kerasnas.spaces.cores import cores
from kerasnas.trial.attempt import Attempt
from kerasnas.trial.execution import ExecutionReport, failed
from kerasnas.trial.executors.executor import Executor, Pool
from kerasnas.trial.executors.spawning import check_guarded, check_sendable, environment
from kerasnas.trial.executors.stored_view import ViewStore
from kerasnas.trial.executors.worker import KerasState, Said, TrialOrder, WorkerSetup, work
from kerasnas.trial.job import TrialSettings

log = logging.getLogger("kerasnas")

_TRIES = 2  # of a trial whose worker dies, and of a worker that dies before it is ready
_KEPT_VIEWS = 4  # in a worker: as many as a problem keeps
_MEMORY_SHARE = 0.5  # of the free memory, that all workers together may hold


_FATAL_OF_KERAS_TUNER = (
    keras_tuner.errors.FatalError,
    keras_tuner.errors.FatalValueError,
    keras_tuner.errors.FatalTypeError,
    keras_tuner.errors.FatalRuntimeError,
)


@dataclass(frozen=True)
class Process(Executor):
    """Runs several trials at the same time, each in a process of its own.

    The processes begin once and then run one trial after the other. One that dies is replaced, and
    its trial begins again, once. One that holds much memory is replaced between two trials.

    Args:
        workers: Number of processes; `None` for one a processor core.
        threads: Threads of TensorFlow, OpenMP and BLAS in each; `None` divides the cores among the
            workers.
        memory_bytes: Memory at which a process is replaced after its trial; `None` divides half of
            the memory that is free among the workers.

    Example:
        >>> import kerasnas as kn
        >>> executor = kn.executors.Process(workers=2, threads=1)
        >>> classifier = kn.TabularClassifier(executor=executor)
    """

    workers: int | None = None
    threads: int | None = None
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "threads", "memory_bytes"):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (whole and value > 0):
                raise SearchSpaceError(
                    f"`{name}` must be a whole number of at least 1, or None, received "
                    f"{shown(value)}. Write `kerasnas.executors.Process({name}=2)`."
                )

    @property
    def size(self) -> int:
        """The number of workers."""
        return cores() if self.workers is None else self.workers

    @property
    def threads_each(self) -> int:
        """Threads of one worker."""
        return max(1, cores() // self.size) if self.threads is None else self.threads

    def check(self, sent: Mapping[str, Any]) -> None:
        """Whether workers can be started here, and be sent what they need."""
        check_guarded()
        check_sendable(sent)

    def open(self, settings: TrialSettings, home: Path) -> Pool:
        """Starts the workers; they import TensorFlow while the first trials are proposed."""
        most = self.memory_bytes
        if most is None:
            most = int(_MEMORY_SHARE * free_bytes() / self.size)
        return ProcessPool(self.size, self.threads_each, most, settings, home)


@dataclass(eq=False)
class _Worker:
    """A worker as its pool sees it.

    Attributes:
        process: The process.
        connection: The way to it.
        ready: Whether it has said so.
        views: Numbers of the views that it holds, the oldest first.
        space: Number of the space that it holds.
    """

    process: Any
    connection: Connection
    ready: bool = False
    views: list[int] = field(default_factory=list)
    space: int | None = None


@dataclass(eq=False)
class _Assigned:
    """An attempt that waits for a worker, or that one carries out.

    Attributes:
        attempt: The attempt.
        view: Its data in files.
        worker: Who carries it out; `None` while it waits.
        tries: How often it was begun.
    """

    attempt: Attempt
    view: View
    worker: _Worker | None = None
    tries: int = 0


class ProcessPool:
    """Warm workers, each in a process of its own.

    Args:
        size: Number of workers.
        threads: Threads of each.
        most_bytes: Memory at which one is replaced after its trial.
        settings: The settings of the search.
        home: The directory of the search: `rows` in it holds data while the pool is open, `logs`
            what trials have printed.
    """

    def __init__(
        self, size: int, threads: int, most_bytes: int, settings: TrialSettings, home: Path
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._threads, self._most_bytes = threads, most_bytes
        logs = home / "logs"
        logs.mkdir(exist_ok=True)
        self._setup = WorkerSetup(settings, KerasState.of_this_process(), logs)
        check_sendable({"callbacks": settings.callbacks, "fit": settings.fit_kwargs})
        self._store = ViewStore(home / "rows")
        self._stored: list[tuple[View, View]] = []
        self._spaces: list[Any] = []
        self._tasks: list[_Assigned] = []
        self._failed_starts = 0
        self._workers = [self._started() for _ in range(size)]

    def submit(self, attempt: Attempt) -> None:
        """Gives an attempt to a worker that has nothing to do, or to the next that will."""
        self._tasks.append(_Assigned(attempt, self._stored_view(attempt.view)))
        self._deal()

    def wait(self) -> tuple[str, ExecutionReport]:
        """Listens to all workers until a trial has ended."""
        while True:
            ends = {worker.connection: worker for worker in self._workers}
            for connection in wait(list(ends)):
                worker = ends[connection]  # type: ignore[index]
                ended = self._heard(worker)
                if ended is not None:
                    self._deal()
                    return ended
            self._deal()

    def close(self) -> None:
        """Ends all workers, and removes the data."""
        for worker in self._workers:
            _end(worker)
        self._workers, self._tasks = [], []
        self._store.forget()

    def _heard(self, worker: _Worker) -> tuple[str, ExecutionReport] | None:
        """Takes one message of a worker; what came of its trial where that has ended."""
        try:
            said: Said = worker.connection.recv()
        except (EOFError, OSError):
            return self._lost(worker)
        task = self._task_of(worker)
        if said.what == "ready":
            worker.ready, self._failed_starts = True, 0
            _send(worker, "setup", 0, self._setup)
        elif said.what == "unread":
            raise SearchSpaceError(
                f"A worker cannot read what it is sent ({said.kind}: {said.text}). Define what you "
                "pass in a module that other processes can import, or pass `executor='inline'`."
            )
        elif task is None:
            return None
        elif said.what == "epoch":
            if task.attempt.on_epoch(said.epoch, dict(said.logs)):
                _send(worker, "stop", 0, None)
        elif said.what == "fatal":
            raise _error_of(said)
        elif said.execution is not None:
            self._tasks.remove(task)
            if said.held_bytes > self._most_bytes:
                self._replace(worker)
            return task.attempt.record.trial_id, said.execution
        return None

    def _lost(self, worker: _Worker) -> tuple[str, ExecutionReport] | None:
        """Replaces a worker that has died; its trial begins again, or has failed."""
        task, code = self._task_of(worker), _end(worker)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _TRIES:
                raise WorkerLostError(
                    f"Worker processes end before they are ready (exit code {code}); what they "
                    "said stands above. Mend the script that they import, or pass "
                    "`executor='inline'`."
                )
        self._replace(worker)
        if task is None:
            return None
        trial_id = task.attempt.record.trial_id
        if task.tries < _TRIES:
            log.warning("The worker of trial %s was lost (exit code %s).", trial_id, code)
            task.worker = None
            return None
        self._tasks.remove(task)
        error = WorkerLostError(f"its worker was lost {task.tries} times (exit code {code})")
        return trial_id, failed(error)

    def _deal(self) -> None:
        """Gives the attempts that wait to workers that are ready."""
        waiting = [task for task in self._tasks if task.worker is None]
        for worker in self._workers:
            if waiting and worker.ready and self._task_of(worker) is None:
                self._give(worker, waiting.pop(0))

    def _give(self, worker: _Worker, task: _Assigned) -> None:
        attempt = task.attempt
        task.worker, task.tries = worker, task.tries + 1
        space, view = self._number_of_space(attempt), self._number_of_view(task.view)
        order = TrialOrder(
            space=space,
            view=view,
            record=attempt.record,
            hp=attempt.hp,
            batch_size=attempt.batch_size,
            optional=attempt.optional,
            answered=attempt.answered,
            continuation=attempt.continuation,
            allowance=attempt.allowance,
        )
        if worker.space != space:
            _send(worker, "space", space, self._spaces[space])
            worker.space = space
        if view not in worker.views:
            _send(worker, "view", view, task.view)
            worker.views.append(view)
        if len(worker.views) > _KEPT_VIEWS:
            _send(worker, "forget", worker.views.pop(0), None)
        _send(worker, "trial", 0, order)

    def _stored_view(self, view: View) -> View:
        """The files of a view, which are written once."""
        for known, stored in self._stored:
            if known is view:
                return stored
        self._stored.append((view, self._store.stored(view)))
        return self._stored[-1][1]

    def _number_of_view(self, stored: View) -> int:
        return next(i for i, (_, known) in enumerate(self._stored) if known is stored)

    def _number_of_space(self, attempt: Attempt) -> int:
        space = attempt.space.on_its_own(attempt.hp)
        for number, known in enumerate(self._spaces):
            if known is space:
                return number
        check_sendable({"space": space})
        self._spaces.append(space)
        return len(self._spaces) - 1

    def _task_of(self, worker: _Worker) -> _Assigned | None:
        return next((task for task in self._tasks if task.worker is worker), None)

    def _started(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=work, args=(there,), daemon=True)
        with environment(self._threads):
            process.start()
        there.close()
        return _Worker(process, here)

    def _replace(self, worker: _Worker) -> None:
        _end(worker)
        self._workers[self._workers.index(worker)] = self._started()


def _send(worker: _Worker, kind: str, number: int, content: Any) -> None:
    """Sends a message; one to a worker that has died is lost, as `wait` will hear."""
    with suppress(OSError):
        worker.connection.send((kind, number, content))


def _end(worker: _Worker) -> int | None:
    """Ends a process; the code that it ended with."""
    worker.connection.close()
    worker.process.kill()
    worker.process.join()
    code: int | None = worker.process.exitcode
    return code


def _error_of(said: Said) -> Exception:
    """The error that ends a search, as this process raises it."""
    known: dict[str, Callable[[str], Exception]] = {
        kind.__name__: kind for kind in (*_FATAL_OF_KERAS_TUNER, ObjectiveError, DirectoryError)
    }
    return known.get(said.kind, SearchSpaceError)(said.text)
