"""How cost grows with workers and trials.

    python benchmarks/scaling.py [workers] [trials] [memory] [--oracles random asha ...]

`workers`: a simulated cluster of 16 workers with 10,000 trials of one second, as it is and with a
worker lost every minute. The seconds that the oracle takes of this process are real, and move the
virtual clock: one driver serves all workers.

`trials`: processor seconds of the oracle for each trial after 10 to 1,000 trials, and the exponent
of a power of the number of trials that fits them.

`memory`: memory of the driver after 50 and after 500 trials of a small network in two worker
processes.
"""

import argparse
import math
import os
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np

import kerasnas as kn
from kerasnas import oracles
from kerasnas.data.room import resident_bytes
from kerasnas.oracles import ZeroCost
from kerasnas.trial.executors import Faults, Simulated, SimulatedOutcome
from kerasnas.trial.tuner import Tuner

WORKERS, TRIALS, SECONDS = 16, 10_000, 1.0
STEPS = (10, 32, 100, 316, 1000)


class OneSecond:
    """Trials of one second in a space of six numbers and two choices."""

    fidelities = (1 / 9, 1 / 3, 1.0)
    full_seconds = SECONDS

    @property
    def hyperparameters(self) -> keras_tuner.HyperParameters:
        hp = keras_tuner.HyperParameters()
        for i in range(6):
            hp.Float(f"float{i}", 1e-4, 1.0, sampling="log")
        hp.Choice("activation", ["relu", "gelu", "tanh"])
        hp.Choice("norm", ["batch", "layer"])
        return hp

    def train(
        self, values: Mapping[str, Any], fidelity: float, rng: np.random.Generator
    ) -> SimulatedOutcome:
        loss = sum((math.log10(values[f"float{i}"]) + 2) ** 2 for i in range(6))
        noise = (1 - fidelity) * rng.normal()
        return SimulatedOutcome({"val_loss": loss + noise}, SECONDS * fidelity)

    def measures(self, values: Mapping[str, Any]) -> dict[str, float]:
        return {}

    def zero_cost(self) -> ZeroCost | None:
        return None


def workers(trials: int) -> None:
    """The makespan of a simulated cluster against the least that it can be."""
    ideal = trials * SECONDS / WORKERS
    for name, faults in (
        ("nothing lost", Faults()),
        ("a worker lost every minute", Faults(lost_every_seconds=60.0, start_seconds=4.0)),
    ):
        oracle = oracles.Random("val_loss", trials, seed=0)
        executor = Simulated(OneSecond(), workers=WORKERS, faults=faults, cost=time.process_time)
        executor.run(oracle)
        history = oracle.history
        ended = Counter(t.number for t in history.finished)
        whole = ended == Counter(range(trials)) and all(len(t.executions) == 1 for t in history)
        took = history.spent
        print(
            f"{name}: {trials} trials in {took:.1f} s, {took / ideal - 1:+.1%} of "
            f"{ideal:.1f}; every trial ended once: {whole}; {len(executor.waits)} trainings began "
            f"anew, after {max(executor.waits, default=0.0):.2f} s at most",
            flush=True,
        )


def trials(names: list[str], steps: tuple[int, ...]) -> None:
    """Seconds of an oracle for each trial, and how they grow."""
    for name in names:
        oracle = oracles.create(name)
        oracle.verbose = 0
        simulation, seconds = OneSecond(), []
        executor = Simulated(simulation, workers=WORKERS)
        oracle.begin(
            oracles.Context(
                objectives=(kn.Objective("val_loss", "min"),),
                max_trials=steps[-1],
                seed=0,
                pausing=True,
                fidelities=simulation.fidelities,
            )
        )
        oracle.update_space(simulation.hyperparameters)
        begun, begun_at = time.process_time(), 0
        for number in range(steps[-1]):
            trial = oracle.create_trial("one")
            if trial.status != "RUNNING":
                break
            executor.submit(oracle, trial, "one")
            executor.poll(oracle)
            if number + 1 in steps:
                now = time.process_time()
                seconds.append((now - begun) / (number + 1 - begun_at))
                begun, begun_at = now, number + 1
        reached = steps[: len(seconds)]
        exponent = np.polyfit(np.log(reached[1:]), np.log(seconds[1:]), 1)[0]
        told = ", ".join(
            f"{1e3 * s:.1f} ms up to {n}" for n, s in zip(reached, seconds, strict=True)
        )
        print(f"{name}: {told}; exponent {exponent:.2f}", flush=True)


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """One small layer."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 4000))])
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse")
    return model


def memory(counts: tuple[int, int]) -> None:
    """Memory of the driver while workers run trials."""
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    held: list[int] = []
    end = Tuner._end

    def watched(self: Any, begun: Any, execution: Any) -> None:
        end(self, begun, execution)
        held.append(resident_bytes())

    Tuner._end = watched
    kn.search(
        build,
        *(x, x[:, :1]),
        oracle="random",
        budget=kn.Budget(trials=counts[1], epochs=1),
        executor=kn.executors.Process(workers=2, threads=1),
        seed=0,
        verbose=0,
    )
    first, last = (held[n - 1] / 2**20 for n in counts)
    print(f"driver: {first:.0f} MB after {counts[0]} trials, {last:.0f} after {counts[1]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["workers", "trials", "memory"])
    parser.add_argument("--oracles", nargs="*", default=["random", "evolution", "asha", "auto"])
    parser.add_argument("--trials", type=int, default=TRIALS)
    arguments = parser.parse_args()
    if "workers" in arguments.parts:
        workers(arguments.trials)
    if "trials" in arguments.parts:
        trials(arguments.oracles, STEPS)
    if "memory" in arguments.parts:
        memory((50, 500))
