"""An executor without any training: outcomes come from a table, time from a clock of its own."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import keras_tuner
import numpy as np

from kerasnas.history import TrialRecord
from kerasnas.oracles import Context, Oracle, ZeroCost


@dataclass(frozen=True)
class SimulatedOutcome:
    """What a training came to.

    Attributes:
        metrics: Final metrics.
        seconds: Virtual seconds that it took.
        failure: Why it failed, empty if it did not.
    """

    metrics: dict[str, float]
    seconds: float
    failure: str = ""


_NO_OUTCOME = SimulatedOutcome({}, 0.0)


class Simulation(Protocol):
    """What a simulated search trains on: a function from values to an outcome."""

    @property
    def hyperparameters(self) -> keras_tuner.HyperParameters:
        """The search space."""

    @property
    def fidelities(self) -> tuple[float, ...]:
        """The shares of a full training that there are, ascending; the last one is 1."""

    @property
    def full_seconds(self) -> float:
        """About how long a full training takes."""

    def train(
        self, values: Mapping[str, Any], fidelity: float, rng: np.random.Generator
    ) -> SimulatedOutcome:
        """One training; `rng` decides which of several seeds it was."""

    def measures(self, values: Mapping[str, Any]) -> dict[str, float]:
        """What is known without training, such as `params` and `flops`."""

    def zero_cost(self) -> ZeroCost | None:
        """Zero-cost scores, where there are any."""


@dataclass(frozen=True)
class Faults:
    """What may go wrong, as shares of all trainings.

    Attributes:
        crash: Fail half-way.
        diverge: End with a score that is not a number.
        slow: Take ten times as long.
        lost_every_seconds: Virtual seconds after which one more worker is lost, whatever it does;
            0 loses none. Its training begins anew as soon as any worker is free.
        start_seconds: Virtual seconds that the start of a worker in the place of a lost one takes.
    """

    crash: float = 0.0
    diverge: float = 0.0
    slow: float = 0.0
    lost_every_seconds: float = 0.0
    start_seconds: float = 4.0


@dataclass(order=True)
class _Running:
    """A training under way; the queue is ordered by when it ends, then by when it began.

    Without a trial it is the start of a worker.
    """

    end: float
    place: int
    begun: float = field(compare=False)
    worker: str = field(compare=False)
    trial: Any = field(compare=False, default=None)
    outcome: SimulatedOutcome = field(compare=False, default=_NO_OUTCOME)


class Simulated:
    """Runs the trials of an oracle on virtual workers: hundreds of searches in seconds.

    Nothing sleeps. The next event is the training that ends first, and the clock jumps to it, so
    asynchronous searches have one exact order that repeats.

    Args:
        simulation: What is searched.
        workers: Trainings at the same time.
        seconds: Virtual seconds of the search; a training that would end later is lost.
        seed: Seed of the trainings: which of the stored seeds each one is, and the faults.
        faults: What goes wrong.
        continues: Whether a paused trial goes on from where it stopped, and takes only the rest of
            its time; otherwise every training begins anew.
        cost: Reads a clock of seconds; what the oracle takes of it moves the virtual clock as well,
            as it does for a driver that serves all workers. `None` lets the oracle cost nothing.

    Attributes:
        now: Virtual seconds until now.
        waits: Virtual seconds that each lost training waited until it began anew.
    """

    def __init__(
        self,
        simulation: Simulation,
        *,
        workers: int = 1,
        seconds: float | None = None,
        seed: int = 0,
        faults: Faults | None = None,
        continues: bool = False,
        cost: Callable[[], float] | None = None,
    ) -> None:
        self.simulation = simulation
        self.workers = workers
        self.seconds = seconds
        self.seed = seed
        self.faults = faults or Faults()
        self.continues = continues
        self.now = 0.0
        self.waits: list[float] = []
        self._cost = cost
        self._running: list[_Running] = []
        self._lost: list[tuple[float, _Running]] = []
        self._submitted = self._losses = 0

    @property
    def limit(self) -> float:
        """When the search ends; infinite without a limit."""
        return math.inf if self.seconds is None else self.seconds

    def submit(self, oracle: Oracle, trial: Any, worker: str) -> None:
        """Starts the training that a trial asks for."""
        record = oracle.history.trials[int(trial.trial_id)]
        self._begin(worker, trial, self._outcome(record))

    def poll(self, oracle: Oracle) -> str | None:
        """Moves the clock to the moment at which a worker is free.

        If it has ended a training, the oracle is told.

        Returns:
            The worker; `None` when no more is free in time.
        """
        self._lose_workers()
        if not self._running or self._running[0].end > self.limit:
            return None
        done = heapq.heappop(self._running)
        self.now = max(self.now, done.end)
        if done.trial is None:
            return done.worker
        record, outcome = oracle.history.trials[int(done.trial.trial_id)], done.outcome
        with self._charging():
            if not outcome.failure:
                step = max(1, round(1000 * record.fidelity))
                oracle.update_trial(done.trial.trial_id, outcome.metrics, step)
            done.trial.status = "FAILED" if outcome.failure else "COMPLETED"
            done.trial.message = outcome.failure or None
            oracle.facts(
                done.trial.trial_id,
                measures=self.simulation.measures(record.values),
                seconds=outcome.seconds,
                failure=outcome.failure,
                spent=self.now,
            )
            oracle.end_trial(done.trial)
        return done.worker

    def stop(self) -> None:
        """Loses what is under way, as a killed process would."""
        self._running.clear()

    def run(
        self,
        oracle: Oracle,
        marks: Sequence[float] = (),
        on_mark: Callable[[float], None] = lambda second: None,
    ) -> Oracle:
        """Runs a whole search.

        Args:
            oracle: A strategy; it takes the space of the simulation, and keeps its own settings.
            marks: Seconds at which to look at what has been found so far, ascending.
            on_mark: Told each of them, when the oracle knows all that had ended by then.

        Returns:
            The same oracle: what was found is in its `history` and `get_best_trials`.
        """
        self.attach(oracle)
        idle = [f"worker{i}" for i in range(self.workers)]
        waiting = list(marks)
        while True:
            idle = [worker for worker in idle if not self._occupy(oracle, worker)]
            upcoming = self._running[0].end if self._running else math.inf
            while waiting and waiting[0] < upcoming:
                on_mark(waiting.pop(0))
            free = self.poll(oracle)
            if free is None:
                for second in waiting:
                    on_mark(second)
                break
            idle = sorted([*idle, free])
        self.stop()
        return oracle

    def attach(self, oracle: Oracle) -> None:
        """Gives the oracle the space, the clock and what the simulation offers."""
        oracle.verbose = 0
        if not len(oracle.space):
            oracle.update_space(self.simulation.hyperparameters)
        oracle.begin(
            Context(
                seconds=self.seconds,
                spent=lambda: self.now,
                pausing=len(self.simulation.fidelities) > 1,
                full_seconds=self.simulation.full_seconds,
                fidelities=self.simulation.fidelities,
                zero_cost=self._charged(self.simulation.zero_cost()),
            )
        )

    def _occupy(self, oracle: Oracle, worker: str) -> bool:
        """Whether there was something to do for a worker."""
        if self.now >= self.limit:
            return False
        if self._lost:
            since, lost = self._lost.pop(0)
            self.waits.append(self.now - since)
            self._begin(worker, lost.trial, lost.outcome)
            return True
        with self._charging():
            trial = oracle.create_trial(worker)
        if trial.status != "RUNNING":
            return False
        self.submit(oracle, trial, worker)
        return True

    def _begin(self, worker: str, trial: Any, outcome: SimulatedOutcome) -> None:
        end = self.now + outcome.seconds
        running = _Running(end, self._submitted, self.now, worker, trial, outcome)
        self._submitted += 1
        heapq.heappush(self._running, running)

    def _lose_workers(self) -> None:
        """Loses workers up to the next end of a training; others start in their place."""
        every = self.faults.lost_every_seconds
        while every and self._running and (self._losses + 1) * every <= self._running[0].end:
            self._losses += 1
            self.now = max(self.now, self._losses * every)
            busy = sorted(r for r in self._running if r.trial is not None)
            if not busy:
                continue
            victim = busy[int(np.random.default_rng([self.seed, self._losses]).integers(len(busy)))]
            self._running.remove(victim)
            heapq.heapify(self._running)
            self._lost.append((self.now, victim))
            ready, name = self.now + self.faults.start_seconds, f"worker{self._losses}-started"
            heapq.heappush(self._running, _Running(ready, self._submitted, self.now, name))
            self._submitted += 1

    @contextmanager
    def _charging(self) -> Iterator[None]:
        """Inside, the oracle works; the clock goes on with what that costs."""
        before = 0.0 if self._cost is None else self._cost()
        yield
        if self._cost is not None:
            self.now += self._cost() - before

    def _charged(self, given: ZeroCost | None) -> ZeroCost | None:
        """Zero-cost scores that move the clock: they are cheap, not free."""
        if given is None:
            return None

        def score(values: Mapping[str, Any]) -> Mapping[str, float]:
            self.now += given.seconds or 0.0
            return given.score(values)

        return ZeroCost(score, given.seconds)

    def _outcome(self, record: TrialRecord) -> SimulatedOutcome:
        rng = np.random.default_rng([self.seed, record.number, len(record.executions)])
        luck = rng.random(3)
        outcome = self.simulation.train(record.values, record.fidelity, rng)
        if self.continues and record.executions:
            before = sum(e.seconds for e in record.executions if e.status == "STOPPED")
            outcome = replace(outcome, seconds=max(0.0, outcome.seconds - before))
        if luck[0] < self.faults.slow:
            outcome = SimulatedOutcome(outcome.metrics, 10 * outcome.seconds, outcome.failure)
        if luck[1] < self.faults.crash:
            return SimulatedOutcome({}, outcome.seconds / 2, "SimulatedCrash: the worker was lost.")
        if luck[2] < self.faults.diverge:
            metrics = dict.fromkeys(outcome.metrics, math.nan)
            return SimulatedOutcome(metrics, outcome.seconds, outcome.failure)
        return outcome
