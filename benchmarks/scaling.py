"""How cost grows with workers, trials, rows, columns and classes.

    python benchmarks/scaling.py [workers] [trials] [memory] [--oracles random asha ...]
    python benchmarks/scaling.py [rows] [columns] [classes] [--families linear mlp ...]

`workers`: a simulated cluster of 16 workers with 10,000 trials of one second, as it is and with a
worker lost every minute. The seconds that the oracle takes of this process are real, and move the
virtual clock: one driver serves all workers.

`trials`: processor seconds of the oracle for each trial after 10 to 1,000 trials, and the exponent
of a power of the number of trials that fits them.

`memory`: memory, open files and threads of the driver after 50 and after 500 trials of a small
network in two worker processes.

`rows`, `columns`, `classes`: processor seconds of this process, and what its peak of memory lies
above what it held before, for a fit of one trial of one family to a generated table in memory
(networks: two epochs). The exponents are those of a power through the two largest tables, where
what is the same for all tables counts least.
"""

import argparse
import gc
import math
import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np
import pandas as pd
from streaming import peak_bytes

import kerasnas as kn
from kerasnas import oracles
from kerasnas.data.room import resident_bytes
from kerasnas.oracles import ZeroCost
from kerasnas.trial.executors import Faults, Simulated, SimulatedOutcome
from kerasnas.trial.tuner import Tuner

WORKERS, TRIALS, SECONDS = 16, 10_000, 1.0
STEPS = (10, 32, 100, 316, 1000)
SIZES = {
    "rows": ((1_000, 10_000, 100_000, 1_000_000), {"columns": 20, "classes": 2}),
    "columns": ((10, 100, 500, 2_000), {"rows": 5_000, "classes": 2}),
    "classes": ((2, 10, 100, 1_000), {"rows": 20_000, "columns": 10}),
}


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
    held: list[tuple[float, int, int]] = []
    end = Tuner._end

    def watched(self: Any, begun: Any, execution: Any) -> None:
        end(self, begun, execution)
        files, threads = (len(os.listdir(f"/proc/self/{kind}")) for kind in ("fd", "task"))
        held.append((resident_bytes() / 2**20, files, threads))

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
    for count in counts:
        megabytes, files, threads = held[count - 1]
        print(f"after {count} trials: {megabytes:.0f} MB, {files} files, {threads} threads")


def table(rows: int, columns: int, classes: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers, one column in five a category of ten; classes by the values of a few columns."""
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"c{i}" for i in range(columns)])
    score = x.iloc[:, :3].to_numpy() @ [1.0, 0.5, -0.5] + rng.normal(size=rows)
    names = np.array([f"kind {k}" for k in range(10)])
    for i in range(4, columns, 5):
        x[f"c{i}"] = names[rng.integers(0, 10, rows)]
    return x, np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))


def growth(what: str, family: str, most: int) -> None:
    """Processor seconds and memory of fits to tables that grow in one way."""
    sizes, rest = SIZES[what]
    known: list[tuple[int, float, float]] = []
    table_fit(family, *table(200, 10, 2))  # what is imported and traced once
    for size in sizes:
        if size <= most:
            seconds, megabytes = table_fit(family, *table(**{**rest, what: size}))
            known.append((size, seconds, megabytes))
    told = ", ".join(f"{n:,}: {s:.1f} s {m:.0f} MB" for n, s, m in known)
    (n1, s1, m1), (n2, s2, m2) = known[-2:]
    exponents = [np.log(b / a) / np.log(n2 / n1) for a, b in ((s1, s2), (m1, m2))]
    print(
        f"{what}, {family}: {told}; exponent {exponents[0]:.2f} in seconds, {exponents[1]:.2f} in "
        "memory",
        flush=True,
    )


def table_fit(family: str, x: pd.DataFrame, y: np.ndarray) -> tuple[float, float]:
    """Processor seconds of one fit, and the megabytes that it took at its peak."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that from here on
    begun, held = time.process_time(), resident_bytes()
    kn.TabularClassifier(
        space=family,
        initial=[{"family": "lightgbm", "lightgbm_learning_rate": 0.3}] * (family == "lightgbm"),
        budget=kn.Budget(trials=1, epochs=2),
        ensemble=False,
        folds=False,
        seed=0,
        verbose=0,
    ).fit(x, y)
    return time.process_time() - begun, (peak_bytes() - held) / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["workers", "trials", "memory", *SIZES])
    parser.add_argument("--oracles", nargs="*", default=["random", "evolution", "asha", "auto"])
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--families", nargs="*", default=["linear", "mlp", "lightgbm"])
    parser.add_argument("--most", type=int, default=10**6, help="rows, columns or classes, at most")
    arguments = parser.parse_args()
    if "workers" in arguments.parts:
        workers(arguments.trials)
    if "trials" in arguments.parts:
        trials(arguments.oracles, STEPS)
    if "memory" in arguments.parts:
        memory((50, 500))
    for what in SIZES:
        for family in arguments.families if what in arguments.parts else ():
            growth(what, family, arguments.most)
