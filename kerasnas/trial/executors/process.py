"""Trials in processes of their own on this machine."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from kerasnas.data.room import free_bytes
from kerasnas.spaces.cores import cores
from kerasnas.trial.executors.executor import Executor, Pool, check_counts
from kerasnas.trial.executors.spawning import (
    check_guarded,
    check_sendable,
    environment,
    variables,
    visible_gpus,
)
from kerasnas.trial.executors.stored_view import ArrayFiles, ViewStore
from kerasnas.trial.executors.worker import Said, WorkerSetup, work
from kerasnas.trial.executors.worker_pool import MEMORY_SHARE, WorkerPool
from kerasnas.trial.job import TrialSettings


@dataclass(frozen=True)
class Process(Executor):
    """Runs several trials at the same time, each in a process of its own.

    The processes begin once and then run one trial after the other. One that dies is replaced, and
    its trial begins again, once. One that holds much memory is replaced between two trials.

    Args:
        workers: Number of processes; `None` for one a GPU, or one a processor core without GPUs.
        threads: Threads of TensorFlow, OpenMP and BLAS in each; `None` divides the cores among the
            workers.
        memory_bytes: Memory at which a process is replaced after its trial; `None` divides half of
            the memory that is free among the workers.
        gpus: GPUs, by their numbers or names as `CUDA_VISIBLE_DEVICES` takes them, which are dealt
            out to the workers one by one; `None` for all that TensorFlow sees. A worker sees its
            own GPU only. `()` hides all of them.

    Example:
        >>> import kerasnas as kn
        >>> executor = kn.executors.Process(workers=2, threads=1)
        >>> classifier = kn.TabularClassifier(executor=executor)
    """

    workers: int | None = None
    threads: int | None = None
    memory_bytes: int | None = None
    gpus: Sequence[int | str] | None = None

    def __post_init__(self) -> None:
        check_counts(self, "workers", "threads", "memory_bytes")

    @property
    def size(self) -> int:
        """The number of workers."""
        return self.workers or len(self._devices) or cores()

    @property
    def threads_each(self) -> int:
        """Threads of one worker."""
        return max(1, cores() // self.size) if self.threads is None else self.threads

    @property
    def _devices(self) -> tuple[str, ...]:
        return visible_gpus() if self.gpus is None else tuple(map(str, self.gpus))

    def check(self, sent: Mapping[str, Any]) -> None:
        """Whether workers can be started here, and be sent what they need."""
        check_guarded()
        check_sendable(sent)

    def open(self, settings: TrialSettings, home: Path) -> Pool:
        """Starts the workers; they import TensorFlow while the first trials are proposed."""
        most = self.memory_bytes
        if most is None:
            most = int(MEMORY_SHARE * free_bytes() / self.size)
        logs = home / "logs"
        logs.mkdir(exist_ok=True)
        place = Processes(self.threads_each, self._devices, home / "rows")
        return WorkerPool(place, self.size, most, WorkerSetup.of_this_process(settings, logs))


class Processes:
    """Workers in processes of this machine.

    Args:
        threads: Threads of each.
        gpus: GPUs to deal out.
        rows: The folder of the data, there while the pool is open.
    """

    check = staticmethod(check_sendable)

    def __init__(self, threads: int, gpus: Sequence[str], rows: Path) -> None:
        self.views = ViewStore(ArrayFiles(rows))
        self._context = multiprocessing.get_context("spawn")
        self._threads, self._gpus = threads, gpus

    def start(self, number: int) -> _Process:
        """Starts a process."""
        here, there = self._context.Pipe()
        process = self._context.Process(target=work, args=(there,), daemon=True)
        gpu = self._gpus[number % len(self._gpus)] if self._gpus else ""
        with environment(variables(self._threads, gpu)):
            process.start()
        there.close()
        return _Process(process, here)

    def heard(self, links: Sequence[_Process]) -> Iterable[tuple[_Process, Said | None]]:
        """Waits until a pipe has something, or has no other end any more."""
        ends = {link.connection: link for link in links}
        for connection in wait(list(ends)):
            link = ends[connection]  # type: ignore[index]
            try:
                yield link, link.connection.recv()
            except (EOFError, OSError):
                yield link, None

    def close(self) -> None:
        """Nothing is left."""


@dataclass(eq=False)
class _Process:
    """A worker, and the way to it.

    Attributes:
        process: The process.
        connection: The pipe.
    """

    process: Any
    connection: Connection

    def send(self, kind: str, number: int, content: Any) -> None:
        """Writes a message into the pipe."""
        with suppress(OSError):
            self.connection.send((kind, number, content))

    def end(self) -> str:
        """Kills the process; its exit code."""
        self.connection.close()
        self.process.kill()
        self.process.join()
        return f"exit code {self.process.exitcode}"
