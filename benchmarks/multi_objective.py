"""Two objectives on NAS-Bench-201: the share of the true front's hypervolume after so many trials.

    python benchmarks/multi_objective.py --data nasbench201_cifar10.parquet --seeds 20

Objectives are the error after 200 epochs (each trial sees one stored seed; the front is judged by
the mean of all) and the number of parameters, or the latency. Error is scaled to [0, 1] between the
best and the 90th percentile of all cells, the other objective between its extremes; the reference
is (1, 1). Beside `auto` and random search: `nsga2`, and Optuna's NSGA-II with its defaults.
"""

import argparse
import contextlib
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import optuna

from kerasnas import Objective, oracles
from kerasnas.results.pareto import hypervolume
from kerasnas.spaces.cell import NAMES, OPERATIONS
from kerasnas.trial.executors import NasBench201, Simulated

TRIALS = (25, 50, 100, 200)
SECOND = {"params": "params", "latency": "latency_ms", "flops": "flops"}
METHODS = ("random", "optuna-nsga2", "nsga2", "auto")

_tables = {}


class FullTrainings:
    """The table without its short trainings: every trial is one of 200 epochs."""

    fidelities = (1.0,)

    def __init__(self, table):
        self._table = table

    def __getattr__(self, name):
        return getattr(self._table, name)


def table_of(path, dataset):
    if (path, dataset) not in _tables:
        _tables[path, dataset] = NasBench201.read(path, dataset)
    return _tables[path, dataset]


class Judge:
    """Turns configurations into shares of the true front's hypervolume."""

    def __init__(self, table, second):
        everything = table.everything()
        self._table = table
        self._error = 1 - everything["val_accuracy"].to_numpy()
        self._other = everything[second].to_numpy()
        self._low = (self._error.min(), np.nanmin(self._other))
        self._high = (np.quantile(self._error, 0.9), np.nanmax(self._other))
        self._best = self._volume(np.arange(len(everything)))

    def share(self, configurations):
        return self._volume([self._table.row(c) for c in configurations]) / self._best

    def _volume(self, rows):
        points = np.stack([self._error[rows], self._other[rows]], axis=1)
        scaled = (points - self._low) / np.subtract(self._high, self._low)
        return hypervolume(scaled, (1.0, 1.0))


def by_oracle(table, method, second, seed):
    objectives = ["val_accuracy", Objective(second, "min")]
    oracle = oracles.STRATEGIES[method](objectives, max(TRIALS), seed)
    Simulated(FullTrainings(table), seed=seed).run(oracle)
    return [t.values for t in oracle.history.trials]


def by_optuna(table, second, seed):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=optuna.samplers.NSGAIISampler(seed=seed)
    )
    tried = []

    def evaluate(trial):
        values = {name: trial.suggest_categorical(name, OPERATIONS) for name in NAMES}
        tried.append(values)
        outcome = table.train(values, 1.0, np.random.default_rng([seed, len(tried)]))
        return 1 - outcome.metrics["val_accuracy"], table.measures(values)[second]

    study.optimize(evaluate, n_trials=max(TRIALS))
    return tried


def run(path, dataset, second, method, seed):
    table = table_of(path, dataset)
    judge = Judge(table, second)
    if method == "optuna-nsga2":
        tried = by_optuna(table, second, seed)
    else:
        tried = by_oracle(table, method, second, seed)
    return [judge.share(tried[:n]) for n in TRIALS]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="table in the columns of NAS-Bench-201")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--second", nargs="+", choices=list(SECOND), default=["params", "latency"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    begin = time.perf_counter()
    with contextlib.ExitStack() as stack:
        call = map
        if arguments.processes > 1:
            pool = ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn"))
            call = stack.enter_context(pool).map
        for short in arguments.second:
            jobs = [
                (arguments.data, arguments.dataset, SECOND[short], method, seed)
                for method in arguments.methods
                for seed in range(arguments.seeds)
            ]
            found = list(call(run, *zip(*jobs, strict=True)))
            head = "".join(f"{n:>15}" for n in TRIALS)
            print(f"\nerror x {short}: share of the hypervolume (± standard error) after trials")
            print(f"{'':<14}{head}")
            for i, method in enumerate(arguments.methods):
                rows = found[i * arguments.seeds : (i + 1) * arguments.seeds]
                cells = []
                for column in zip(*rows, strict=True):
                    error = statistics.pstdev(column) / len(column) ** 0.5
                    cells.append(f"{statistics.fmean(column):>8.3f} ±{error:.3f}")
                print(f"{method:<14}" + "".join(f"{c:>15}" for c in cells))
    print(f"\n{time.perf_counter() - begin:.0f} seconds of real time")


if __name__ == "__main__":
    main()
