"""A worker as an actor of Ray: messages come by the object store, and files travel as bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import ray

from kerasnas.directories import Scratch
from kerasnas.files import fresh_file
from kerasnas.trial.executors.worker import Bench, Said, TrialOrder, WorkerSetup


@dataclass(frozen=True)
class ArrayObject:
    """An array in Ray's object store, which each node fetches once.

    Attributes:
        reference: What Ray knows it by.
    """

    reference: Any

    def open(self) -> Any:
        """The array. Nobody can write to it: all processes of a node share its memory."""
        return ray.get(self.reference)


@dataclass(frozen=True, eq=False)
class Letter:
    """A message to a worker, with the files that a trial begins with.

    Attributes:
        kind: As in `Bench`, and so are `number` and `content`.
        files: Content of files by their names.
    """

    kind: str
    number: int
    content: Any
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Delivery:
    """What a worker says, with the files that a trial has written.

    Attributes:
        said: What it says.
        files: Content of files by their names.
        logs: Content of logs by their names.
    """

    said: Said
    files: Mapping[str, bytes] = field(default_factory=dict)
    logs: Mapping[str, bytes] = field(default_factory=dict)


class RayWorker:
    """The actor: two methods that Ray calls, and a thread that carries out trials."""

    def __init__(self) -> None:
        self._line = _ActorWire()
        threading.Thread(target=_work, args=(self._line,), daemon=True).start()

    def tell(self, boxed: list[Any]) -> None:
        """Takes a message.

        Args:
            boxed: The reference of a `Letter` in a list, so that Ray leaves it to be opened here.
        """
        self._line.letters.put(boxed[0])

    def listen(self) -> Iterator[Delivery]:
        """What the worker says, for as long as it lives."""
        while True:
            yield self._line.deliveries.get()


def _work(line: _ActorWire) -> None:
    """Carries trials out; the process ends with whatever ends that."""
    try:
        Bench(line).work()
    finally:
        os._exit(1)


class _ActorWire:
    """The way to the pool. The files of trials are in a folder of this node meanwhile."""

    def __init__(self) -> None:
        self.letters: SimpleQueue[Any] = SimpleQueue()
        self.deliveries: SimpleQueue[Delivery] = SimpleQueue()
        self._scratch = Scratch()
        home = self._scratch.path
        self._given, self._trials, self._logs = home / "given", home / "trials", home / "logs"
        for folder in (self._given, self._trials, self._logs):
            folder.mkdir()

    def recv(self) -> tuple[str, int, Any]:
        """Waits for the next message, and puts its files into the folders of this node."""
        letter: Letter = ray.get(self.letters.get())
        content = letter.content
        if isinstance(content, WorkerSetup):
            settings = replace(content.settings, folder=self._trials)
            content = replace(content, settings=settings, logs=self._logs)
        elif isinstance(content, TrialOrder):
            put_files(letter.files, self._given)
            there = content.continuation
            content = replace(
                content,
                continuation=replace(
                    there, paused=self._here(there.paused), parent=self._here(there.parent)
                ),
            )
        return letter.kind, letter.number, content

    def poll(self) -> bool:
        """Whether there is a message."""
        return not self.letters.empty()

    def send(self, said: Said) -> None:
        """Says something; at the end of a trial all its files go along."""
        if said.what not in ("ended", "fatal"):
            self.deliveries.put(Delivery(said))
            return
        _taken(self._given)
        self.deliveries.put(Delivery(said, _taken(self._trials), _taken(self._logs)))

    def _here(self, path: Path | None) -> Path | None:
        return None if path is None else self._given / path.name


def put_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes files into a folder, each whole or not at all."""
    for name, content in files.items():
        with fresh_file(folder / name) as fresh:
            fresh.write_bytes(content)


def _taken(folder: Path) -> dict[str, bytes]:
    """The content of all files of a folder, which are removed."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for name in files:
        (folder / name).unlink()
    return files
