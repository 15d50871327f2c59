"""What a worker does: it carries out the attempts that it is sent, until nobody is there."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

import keras
import tensorflow as tf

from kerasnas.data.room import resident_bytes
from kerasnas.history import TrialRecord
from kerasnas.problem.view import View
from kerasnas.process_state import allows_unsafe
from kerasnas.spaces.space import Space
from kerasnas.trial.attempt import Attempt, Continuation
from kerasnas.trial.execution import FATAL, ExecutionReport, carry_out
from kerasnas.trial.executors.stored_view import opened
from kerasnas.trial.job import TrialSettings
from kerasnas.trial.memory import Keeper
from kerasnas.trial.pace import Allowance

_STANDARD = (1, 2)  # file descriptors of what a process prints


@dataclass(frozen=True)
class KerasState:
    """What a search may have set of Keras and TensorFlow before it began."""

    policy: str
    floatx: str
    data_format: str
    unsafe: bool
    optimizer: Mapping[str, Any]

    @classmethod
    def of_this_process(cls) -> KerasState:
        """As it is here."""
        return cls(
            policy=keras.config.dtype_policy().name,
            floatx=keras.config.floatx(),
            data_format=keras.config.image_data_format(),
            unsafe=allows_unsafe(),
            optimizer=dict(tf.config.optimizer.get_experimental_options()),
        )

    def take_over(self) -> None:
        """Sets the same in this process."""
        keras.config.set_floatx(self.floatx)
        keras.config.set_image_data_format(self.data_format)
        if keras.config.dtype_policy().name != self.policy:
            keras.config.set_dtype_policy(self.policy)
        if self.unsafe:
            keras.config.enable_unsafe_deserialization()
        tf.config.optimizer.set_experimental_options(dict(self.optimizer))


@dataclass(frozen=True, eq=False)
class WorkerSetup:
    """What a worker is told once.

    Attributes:
        settings: The settings of the search.
        state: What is set of Keras.
        logs: Where the files go that hold what trials print.
    """

    settings: TrialSettings
    state: KerasState
    logs: Path

    @classmethod
    def of_this_process(cls, settings: TrialSettings, logs: Path) -> WorkerSetup:
        """For workers that have Keras set as it is here."""
        return cls(settings, KerasState.of_this_process(), logs)


@dataclass(frozen=True, eq=False)
class TrialOrder:
    """An attempt as it is sent: as in `Attempt`, with numbers for what was sent before.

    Attributes:
        space: Number of the space.
        view: Number of the view.
    """

    space: int
    view: int
    record: TrialRecord
    hp: Any
    batch_size: int | None
    optional: bool
    answered: bool
    continuation: Continuation
    allowance: Allowance


@dataclass(frozen=True)
class Said:
    """What a worker says.

    Attributes:
        what: `ready`, `epoch`, `ended`, `fatal`, or `unread` for a message nobody can read there.
        epoch: Of an epoch, from 0.
        logs: Of an epoch, its metrics.
        execution: Of a trial that has ended.
        held_bytes: Memory that the worker holds.
        kind: The class of an error.
        text: What an error says.
    """

    what: str
    epoch: int = 0
    logs: Mapping[str, float] = field(default_factory=dict)
    execution: ExecutionReport | None = None
    held_bytes: int = 0
    kind: str = ""
    text: str = ""


class Wire(Protocol):
    """The way from a worker to its pool, such as a pipe."""

    def recv(self) -> tuple[str, int, Any]:
        """Waits for the next message: its kind, a number and a content."""

    def poll(self) -> bool:
        """Whether there is a message."""

    def send(self, said: Any) -> None:
        """Says something."""


def work(connection: Connection) -> None:
    """Carries out what is sent, one after the other; ends when nobody is there any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who has started it is told, and ends it
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # nobody is there to be told
        Bench(connection).work()


def _leave_with_parent() -> None:
    """Ends this process at once when the one that has started it is gone."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


class Bench:
    """What a worker holds between trials.

    Args:
        line: The way to the pool.
    """

    def __init__(self, line: Wire) -> None:
        self._line = line
        self._setup: WorkerSetup | None = None
        self._spaces: dict[int, Space] = {}
        self._views: dict[int, View] = {}
        self._memory = Keeper()

    def work(self) -> None:
        """Reads messages, and does what they say."""
        self._say("ready")
        while True:
            try:
                kind, number, content = self._line.recv()
            except (EOFError, OSError):
                raise
            except Exception as error:  # whatever importing a module of the user raises
                self._say("unread", kind=type(error).__name__, text=str(error))
                continue
            if kind == "setup":
                self._setup = content
                content.state.take_over()
            elif kind == "space":
                self._spaces = {number: content}
            elif kind == "view":
                self._views[number] = opened(content)
            elif kind == "forget":
                self._views.pop(number, None)
            elif kind == "trial":
                self._carry_out(content)
            # Else it says to stop a trial that has ended meanwhile.

    def _carry_out(self, order: TrialOrder) -> None:
        assert self._setup is not None, "a worker is set up before its first trial"
        path = self._setup.logs / f"{order.record.trial_id}.log"
        _print_to(path)
        try:
            execution = carry_out(self._attempt(order))
        except FATAL as error:
            self._say("fatal", kind=type(error).__name__, text=str(error))
            return
        print(execution.traceback, end="", file=sys.stderr)
        _print_to(Path(os.devnull))
        if path.stat().st_size == 0:
            path.unlink(missing_ok=True)
        self._memory.after_trial()
        # What is in memory here is of no use elsewhere: files hold it.
        execution = replace(execution, network=None, solution=None)
        self._say("ended", execution=execution, held_bytes=resident_bytes())

    def _attempt(self, order: TrialOrder) -> Attempt:
        assert self._setup is not None, "a worker is set up before its first trial"
        return Attempt(
            settings=self._setup.settings,
            space=self._spaces[order.space],
            allowance=order.allowance,
            record=order.record,
            hp=order.hp,
            view=self._views[order.view],
            batch_size=order.batch_size,
            optional=order.optional,
            answered=order.answered,
            continuation=order.continuation,
            on_epoch=self._reports(),
        )

    def _reports(self) -> Callable[[int, dict[str, float]], bool]:
        stopped = False

        def on_epoch(epoch: int, logs: dict[str, float]) -> bool:
            nonlocal stopped
            self._say("epoch", epoch=epoch, logs=logs)
            while self._line.poll():
                stopped = self._line.recv()[0] == "stop" or stopped
            return stopped

        return on_epoch

    def _say(self, what: str, **facts: Any) -> None:
        self._line.send(Said(what, **facts))


def _print_to(path: Path) -> None:
    """Has everything that this process prints go to the end of a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in _STANDARD:
        os.dup2(file, descriptor)
    os.close(file)
