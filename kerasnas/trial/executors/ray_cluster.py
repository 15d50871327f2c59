"""Trials in actors of Ray, on one machine or on the machines of a cluster."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from kerasnas.errors import (
    ArtifactError,
    DirectoryError,
    MissingPackageError,
    SearchSpaceError,
    shown,
)
from kerasnas.trial.executors.executor import Executor, Pool, check_counts
from kerasnas.trial.executors.spawning import environment, not_sendable, variables
from kerasnas.trial.executors.stored_view import KeptArray, ViewStore
from kerasnas.trial.executors.worker import Said, TrialOrder, WorkerSetup
from kerasnas.trial.executors.worker_pool import MEMORY_SHARE, WorkerPool
from kerasnas.trial.job import TrialSettings

log = logging.getLogger("kerasnas")

# What a driver of Ray prints of an actor or a node that is gone; the search says it by itself.
_NEWS = "A worker died or was killed|Raylet is terminated|The node with node id"


@dataclass(frozen=True)
class Ray(Executor):
    """Runs several trials at the same time on a cluster of Ray, each in an actor.

    Needs the extra `ray`: `pip install 'kerasnas[ray]'`. The actors begin once and then run one
    trial after the other. An actor that dies with its process or its node is replaced, and its
    trial begins again, once. Data go once into Ray's object store; networks come back as bytes, so
    nodes need no shared disk. Where Ray is connected already, by `ray.init`, it stays so.

    Args:
        address: The cluster, as `ray.init` takes it: `"auto"`, `"local"` or an address. `None` for
            the cluster of this machine, or else for one that is there for this search alone.
        workers: Number of actors; `None` for as many as the nodes have room for at the beginning.
            Those that find no room wait until a node joins.
        threads: Processor cores that an actor asks for, and threads of TensorFlow, OpenMP and BLAS
            in it.
        gpus_per_trial: GPUs that an actor asks for; 0.5 has two actors share one.
        memory_bytes: Memory at which an actor is replaced after its trial; `None` for half of what
            its cores are of the memory of the nodes.

    Example:
        >>> import kerasnas as kn
        >>> executor = kn.executors.Ray(threads=2)
        >>> classifier = kn.TabularClassifier(executor=executor)
    """

    address: str | None = None
    workers: int | None = None
    threads: int = 1
    gpus_per_trial: float = 0.0
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        check_counts(self, "workers", "threads", "memory_bytes")
        gpus = self.gpus_per_trial
        number = isinstance(gpus, int | float) and not isinstance(gpus, bool)
        if not (number and (0 <= gpus < 1 or gpus == int(gpus))):
            raise SearchSpaceError(
                "`gpus_per_trial` must be a share below 1, or a whole number, received "
                f"{shown(gpus)}. Write `kerasnas.executors.Ray(gpus_per_trial=0.5)`."
            )
        if self.address is not None and "://" in self.address:
            raise SearchSpaceError(
                f"`address` must be that of a cluster whose machine runs this script, received "
                f"{shown(self.address)}. Send the script to the cluster: `ray job submit "
                "--working-dir . -- python my_search.py`, with `Ray(address='auto')` in it."
            )

    def room_of(self, resources: Mapping[str, float]) -> int:
        """How many workers a node has room for.

        Args:
            resources: Those of the node, as Ray counts them.
        """
        room, gpus = resources.get("CPU", 0) // self.threads, self.gpus_per_trial
        if gpus:
            there = resources.get("GPU", 0)
            room = min(room, there // gpus if gpus >= 1 else there * (1 // gpus))
        return int(room)

    def check(self, sent: Mapping[str, Any]) -> None:
        """Whether Ray is there; what it takes is known when it is connected."""
        _ray()

    def open(self, settings: TrialSettings, home: Path) -> Pool:
        """Connects to the cluster, and has the actors started.

        Raises:
            SearchSpaceError: If no node has room for a worker, and nobody has said how many.
        """
        cluster = RayCluster(self, home)
        room = cluster.room()
        if not room:
            asked = f"{self.threads} cores and {self.gpus_per_trial} GPUs"
            if self.workers is None:
                cluster.close()
                raise SearchSpaceError(
                    f"No node of Ray has room for a worker, which asks for {asked}. Ask for less, "
                    "such as `threads=1`, or say `workers=2` to wait for nodes that will join."
                )
            log.warning("No node of Ray has room for %s: the search waits for one.", asked)
        setup = WorkerSetup.of_this_process(settings, cluster.logs)
        most = self.memory_bytes or cluster.memory_share()
        return WorkerPool(cluster, self.workers or room, most, setup)


class RayCluster:
    """Workers in actors.

    Args:
        asked: What each asks for, and the address.
        home: The directory of the search, in this process.
    """

    def __init__(self, asked: Ray, home: Path) -> None:
        self._ray = _ray()
        self._asked, self._trials, self.logs = asked, home / "trials", home / "logs"
        self.logs.mkdir(exist_ok=True)
        self._owned = not self._ray.is_initialized()
        if self._owned:
            _connect(asked.address)
        self.views = ViewStore(_ObjectStore())
        # An error in a signal's handler would be lost while Ray waits: only threads wait for Ray.
        self._heard: SimpleQueue[tuple[_Actor, Any]] = SimpleQueue()
        self._listeners: list[threading.Thread] = []

    def check(self, sent: Mapping[str, Any]) -> None:
        """Whether Ray can send objects of the user."""
        for name, thing in sent.items():
            try:
                self._ray.put(thing)
            except Exception as error:  # whatever the attributes of an object raise
                raise not_sendable(name, str(error).partition("\n")[0]) from error

    def room(self) -> int:
        """How many workers all nodes have room for."""
        return sum(self._asked.room_of(node["Resources"]) for node in self._nodes())

    def memory_share(self) -> int:
        """Half of the memory that a worker may count on, at the least of all nodes."""
        shares = [
            node["Resources"]["memory"] * self._asked.threads / node["Resources"]["CPU"]
            for node in self._nodes()
            if self._asked.room_of(node["Resources"])
        ]
        return int(MEMORY_SHARE * min(shares, default=2**63))

    def start(self, number: int) -> _Actor:
        """Has Ray start an actor, wherever there is room for it."""
        from kerasnas.trial.executors.ray_worker import RayWorker

        asked = self._asked
        actor = self._ray.remote(RayWorker).options(
            num_cpus=asked.threads,
            num_gpus=asked.gpus_per_trial,
            max_concurrency=2,  # one to listen for ever, one to tell
            max_restarts=0,
            runtime_env={"env_vars": variables(asked.threads)},
        )
        link = _Actor(actor.remote())
        self._listeners = [thread for thread in self._listeners if thread.is_alive()]
        self._listeners.append(threading.Thread(target=self._listen, args=(link,), daemon=True))
        self._listeners[-1].start()
        return link

    def heard(self, links: Sequence[_Actor]) -> Iterable[tuple[_Actor, Said | None]]:
        """Waits for the next that an actor says, and puts its files into the directory."""
        from kerasnas.trial.executors.ray_worker import put_files

        link, delivery = self._heard.get()
        if link not in links:  # it was replaced
            return
        if delivery is None:
            yield link, None
            return
        try:
            put_files(delivery.files, self._trials)
            for name, content in delivery.logs.items():
                with (self.logs / name).open("ab") as file:
                    file.write(content)
        except (ArtifactError, OSError) as error:
            yield link, Said("fatal", kind=DirectoryError.__name__, text=str(error))
            return
        yield link, delivery.said

    def close(self) -> None:
        """Lets go of the cluster, where it was connected to for this search."""
        for thread in self._listeners:
            thread.join()  # its actor has been ended
        if self._owned:
            self._ray.shutdown()

    def _listen(self, link: _Actor) -> None:
        """Takes down everything that an actor says; `None` at its end."""
        try:
            for said in link.actor.listen.options(num_returns="streaming").remote():
                self._heard.put((link, self._ray.get(said)))
        except Exception as error:  # its process or its node is gone, or Ray is
            link.ending = type(error).__name__
        finally:
            self._heard.put((link, None))

    def _nodes(self) -> list[Any]:
        return [node for node in self._ray.nodes() if node["Alive"]]


@dataclass(eq=False)
class _Actor:
    """A worker, and the way to it.

    Attributes:
        actor: Ray's handle.
        ending: How it has ended.
    """

    actor: Any
    ending: str = "ended by the search"

    def send(self, kind: str, number: int, content: Any) -> None:
        """Puts a message, with the files that a trial begins with, into the object store."""
        from kerasnas.trial.executors.ray_worker import Letter

        files: dict[str, bytes] = {}
        if isinstance(content, TrialOrder):
            begun = (content.continuation.paused, content.continuation.parent)
            files = {path.name: path.read_bytes() for path in begun if path and path.is_file()}
        # In a list, since Ray opens what it is given as it is, and an error there nobody would see.
        self.actor.tell.remote([_ray().put(Letter(kind, number, content, files))])

    def end(self) -> str:
        """Ends the actor."""
        _ray().kill(self.actor)
        return self.ending


class _ObjectStore:
    """Keeps arrays in Ray's object store, for as long as somebody knows them."""

    def keep(self, array: np.ndarray) -> KeptArray:
        """Puts an array there."""
        from kerasnas.trial.executors.ray_worker import ArrayObject

        return ArrayObject(_ray().put(array))

    def forget(self) -> None:
        """Ray counts who knows them."""


@cache
def _ray() -> Any:
    """Ray itself, imported where it is used.

    Raises:
        MissingPackageError: If it is not installed.
    """
    told = {"RAY_DEDUP_LOGS_SKIP_REGEX": os.environ.get("RAY_DEDUP_LOGS_SKIP_REGEX", _NEWS)}
    try:
        with environment(told):  # read at its import
            import ray
    except ImportError as error:
        raise MissingPackageError(
            "`kerasnas.executors.Ray` needs the package ray. Install it with "
            "`pip install 'kerasnas[ray]'`."
        ) from error
    return ray


def _connect(address: str | None) -> None:
    """Connects to a cluster, in silence; no statistics of use are sent of one that begins here."""
    told = {"RAY_USAGE_STATS_ENABLED": os.environ.get("RAY_USAGE_STATS_ENABLED", "0")}
    with environment(told), _signals_kept():
        _ray().init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Inside, Ray takes SIGTERM over; afterwards it is as it was."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
