"""A pool of warm workers that is watched over, wherever the workers are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras_tuner

from kerasnas.errors import DirectoryError, ObjectiveError, SearchSpaceError, WorkerLostError
from kerasnas.problem.view import View
from kerasnas.trial.attempt import Attempt
from kerasnas.trial.execution import ExecutionReport, failed
from kerasnas.trial.executors.stored_view import ViewStore
from kerasnas.trial.executors.worker import Said, TrialOrder, WorkerSetup

log = logging.getLogger("kerasnas")

_TRIES = 2  # of a trial whose worker dies, and of a worker that dies before it is ready
_KEPT_VIEWS = 4  # in a worker: as many as a problem keeps
MEMORY_SHARE = 0.5  # of the free memory, that all workers together may hold

_FATAL_OF_KERAS_TUNER = (
    keras_tuner.errors.FatalError,
    keras_tuner.errors.FatalValueError,
    keras_tuner.errors.FatalTypeError,
    keras_tuner.errors.FatalRuntimeError,
)


class Link(Protocol):
    """The way to one worker."""

    def send(self, kind: str, number: int, content: Any) -> None:
        """Sends a message; one to a worker that has died is lost, as `Place.heard` will tell."""

    def end(self) -> str:
        """Ends the worker, and says how it had ended if it had."""


class Place(Protocol):
    """Where the workers of a pool are.

    Attributes:
        views: Keeps the data of trials where the workers find them.
    """

    views: ViewStore

    def check(self, sent: Mapping[str, Any]) -> None:
        """Whether objects of the user can be sent there, by the names of their arguments.

        Raises:
            SearchSpaceError: If one cannot.
        """

    def start(self, number: int) -> Link:
        """Starts a worker.

        Args:
            number: The place in the pool that it takes: a worker takes that of the one it replaces.
        """

    def heard(self, links: Sequence[Any]) -> Iterable[tuple[Any, Said | None]]:
        """Waits until workers say something.

        Args:
            links: The workers that are there.

        Returns:
            What is said by whom, in order; `None` of a worker that has died.
        """

    def close(self) -> None:
        """Ends what is left there, when all workers have been ended."""


@dataclass(eq=False)
class _Worker:
    """A worker as its pool sees it.

    Attributes:
        link: The way to it.
        number: Its place in the pool.
        ready: Whether it has said so.
        views: Numbers of the views that it holds, the oldest first.
        space: Number of the space that it holds.
    """

    link: Link
    number: int
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


class WorkerPool:
    """Warm workers, each of which carries out one trial after the other.

    Args:
        place: Where they are.
        size: Number of workers.
        most_bytes: Memory at which one is replaced after its trial.
        setup: What each is told first.
    """

    def __init__(self, place: Place, size: int, most_bytes: int, setup: WorkerSetup) -> None:
        self.size = size
        self._place, self._most_bytes, self._setup = place, most_bytes, setup
        settings = setup.settings
        place.check({"callbacks": settings.callbacks, "fit": settings.fit_kwargs})
        self._stored: list[tuple[View, View]] = []
        self._spaces: list[Any] = []
        self._tasks: list[_Assigned] = []
        self._failed_starts = [0] * size
        self._workers = [_Worker(place.start(number), number) for number in range(size)]

    def submit(self, attempt: Attempt) -> None:
        """Gives an attempt to a worker that has nothing to do, or to the next that will."""
        self._tasks.append(_Assigned(attempt, self._stored_view(attempt.view)))
        self._deal()

    def wait(self) -> tuple[str, ExecutionReport]:
        """Listens to all workers until a trial has ended."""
        while True:
            workers = {worker.link: worker for worker in self._workers}
            for link, said in self._place.heard(list(workers)):
                ended = self._heard(workers[link], said)
                if ended is not None:
                    self._deal()
                    return ended
            self._deal()

    def close(self) -> None:
        """Ends all workers, and removes the data."""
        for worker in self._workers:
            worker.link.end()
        self._workers, self._tasks = [], []
        self._place.views.forget()
        self._place.close()

    def _heard(self, worker: _Worker, said: Said | None) -> tuple[str, ExecutionReport] | None:
        """Takes one message of a worker; what came of its trial where that has ended."""
        task = self._task_of(worker)
        if said is None:
            return self._lost(worker, task)
        if said.what == "ready":
            worker.ready, self._failed_starts[worker.number] = True, 0
            worker.link.send("setup", 0, self._setup)
        elif said.what == "unread":
            raise SearchSpaceError(
                f"A worker cannot read what it is sent ({said.kind}: {said.text}). Define what you "
                "pass in a module that other processes can import, or pass `executor='inline'`."
            )
        elif task is None:
            return None
        elif said.what == "epoch":
            if task.attempt.on_epoch(said.epoch, dict(said.logs)):
                worker.link.send("stop", 0, None)
        elif said.what == "fatal":
            raise _error_of(said)
        elif said.execution is not None:
            self._tasks.remove(task)
            if said.held_bytes > self._most_bytes:
                worker.link.end()
                self._start(worker.number)
            return task.attempt.record.trial_id, said.execution
        return None

    def _lost(self, worker: _Worker, task: _Assigned | None) -> tuple[str, ExecutionReport] | None:
        """Replaces a worker that has died; its trial begins again, or has failed."""
        how = worker.link.end()
        if not worker.ready:
            self._failed_starts[worker.number] += 1
            if self._failed_starts[worker.number] >= _TRIES:
                raise WorkerLostError(
                    f"Workers end before they are ready ({how}); what they said stands above. "
                    "Mend the script that they import, or pass `executor='inline'`."
                )
        self._start(worker.number)
        if task is None:
            return None
        trial_id = task.attempt.record.trial_id
        if task.tries < _TRIES:
            log.warning("The worker of trial %s was lost (%s).", trial_id, how)
            task.worker = None
            return None
        self._tasks.remove(task)
        return trial_id, failed(WorkerLostError(f"its worker was lost {task.tries} times ({how})"))

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
            worker.link.send("space", space, self._spaces[space])
            worker.space = space
        if view not in worker.views:
            worker.link.send("view", view, task.view)
            worker.views.append(view)
        if len(worker.views) > _KEPT_VIEWS:
            worker.link.send("forget", worker.views.pop(0), None)
        worker.link.send("trial", 0, order)

    def _stored_view(self, view: View) -> View:
        """The files of a view, which are written once."""
        for known, stored in self._stored:
            if known is view:
                return stored
        self._stored.append((view, self._place.views.stored(view)))
        return self._stored[-1][1]

    def _number_of_view(self, stored: View) -> int:
        return next(i for i, (_, known) in enumerate(self._stored) if known is stored)

    def _number_of_space(self, attempt: Attempt) -> int:
        space = attempt.space.on_its_own(attempt.hp)
        for number, known in enumerate(self._spaces):
            if known is space:
                return number
        self._place.check({"space": space})
        self._spaces.append(space)
        return len(self._spaces) - 1

    def _task_of(self, worker: _Worker) -> _Assigned | None:
        return next((task for task in self._tasks if task.worker is worker), None)

    def _start(self, number: int) -> None:
        """Starts a worker in the place of one that has ended."""
        self._workers[number] = _Worker(self._place.start(number), number)


def _error_of(said: Said) -> Exception:
    """The error that ends a search, as this process raises it."""
    known: dict[str, Callable[[str], Exception]] = {
        kind.__name__: kind for kind in (*_FATAL_OF_KERAS_TUNER, ObjectiveError, DirectoryError)
    }
    return known.get(said.kind, SearchSpaceError)(said.text)
