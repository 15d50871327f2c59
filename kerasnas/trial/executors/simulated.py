"""An executor without any training: outcomes come from a table, time from a clock of its own."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
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
    """

    crash: float = 0.0
    diverge: float = 0.0
    slow: float = 0.0


@dataclass(order=True)
class _Running:
    """A training under way; the queue is ordered by when it ends, then by when it began."""

    end: float
    place: int
    begun: float = field(compare=False)
    worker: str = field(compare=False)
    trial: Any = field(compare=False)
    outcome: SimulatedOutcome = field(compare=False)


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
    ) -> None:
        self.simulation = simulation
        self.workers = workers
        self.seconds = seconds
        self.seed = seed
        self.faults = faults or Faults()
        self.continues = continues
        self.now = 0.0
        self._running: list[_Running] = []
        self._submitted = 0

    @property
    def limit(self) -> float:
        """When the search ends; infinite without a limit."""
        return math.inf if self.seconds is None else self.seconds

    def submit(self, oracle: Oracle, trial: Any, worker: str) -> None:
        """Starts the training that a trial asks for."""
        record = oracle.history.trials[int(trial.trial_id)]
        outcome = self._outcome(record)
        end = self.now + outcome.seconds
        running = _Running(end, self._submitted, self.now, worker, trial, outcome)
        self._submitted += 1
        heapq.heappush(self._running, running)

    def poll(self, oracle: Oracle) -> TrialRecord | None:
        """Moves the clock to the next end of a training and tells the oracle of it.

        Returns:
            The trial as the history now has it; `None` when nothing ends in time.
        """
        if not self._running or self._running[0].end > self.limit:
            return None
        done = heapq.heappop(self._running)
        self.now = done.end
        number = int(done.trial.trial_id)
        record, outcome = oracle.history.trials[number], done.outcome
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
        return oracle.history.trials[number]

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
            before = {r.trial.trial_id: r.worker for r in self._running}
            ended = self.poll(oracle)
            if ended is None:
                for second in waiting:
                    on_mark(second)
                break
            idle = sorted([*idle, before[ended.trial_id]])
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
        trial = oracle.create_trial(worker)
        if trial.status != "RUNNING":
            return False
        self.submit(oracle, trial, worker)
        return True

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
