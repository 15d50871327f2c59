"""Strategies on three functions without noise: Branin, Hartmann-6, and a mixed conditional space.

    python benchmarks/strategies.py [--seeds 20] [--stock-seeds 3]

Prints the median regret after 60 trials (distance to the known minimum) with its quartiles, and the
seconds that a suggestion takes after 20, 100 and 300 trials on the conditional space, bookkeeping
included. `keras-tuner` is its own BayesianOptimization, which is slow: fewer seeds, one seed's
times, and only up to 100 trials; `--stock-seeds 0` leaves it out.
"""

import argparse
import math
import os
import statistics
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_tuner
import numpy as np

from kerasnas import oracles

TRIALS = 60
TIMED_AFTER = (20, 100, 300)
NAMES = ("random", "evolution", "local", "reinforce", "bayesian", "auto")

HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def branin_space():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", -5.0, 10.0)
    hp.Float("y", 0.0, 15.0)
    return hp


def branin(v):
    x, y = v["x"], v["y"]
    bowl = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816


def hartmann_space():
    hp = keras_tuner.HyperParameters()
    for i in range(6):
        hp.Float(f"x{i}", 0.0, 1.0)
    return hp


def hartmann(v):
    x = np.array([v[f"x{i}"] for i in range(6)])
    inner = (HARTMANN_A * (x - HARTMANN_P) ** 2).sum(axis=1)
    return 3.32236801141551 - float(np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-inner))


def mixed_space():
    """Nine hyperparameters, four of them conditional."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["mlp", "cnn", "linear"])
    with hp.conditional_scope("kind", ["mlp"]):
        hp.Int("layers", 1, 5)
        hp.Int("units", 16, 512, sampling="log")
    with hp.conditional_scope("kind", ["cnn"]):
        hp.Int("blocks", 1, 4)
        hp.Choice("kernel", [1, 3, 5, 7])
    hp.Float("rate", 1e-5, 1e-1, sampling="log")
    hp.Float("dropout", 0.0, 0.6)
    hp.Choice("optimizer", ["sgd", "adam", "rmsprop"])
    hp.Choice("batch", [16, 32, 64, 128, 256])
    return hp


def mixed(v):
    """Zero for a network of three blocks with 5 x 5 kernels, rate 3e-3, dropout 0.2, adam, 64."""
    loss = 0.15 * (math.log10(v["rate"]) + 2.5228787) ** 2 + 1.5 * (v["dropout"] - 0.2) ** 2
    loss += {"adam": 0.0, "rmsprop": 0.03, "sgd": 0.08}[v["optimizer"]]
    loss += 0.01 * (math.log2(v["batch"]) - 6) ** 2
    if v["kind"] == "mlp":
        loss += 0.05 + 0.02 * abs(v["layers"] - 3) + 0.02 * (math.log2(v["units"]) - 7.5) ** 2
    elif v["kind"] == "cnn":
        loss += 0.03 * abs(v["blocks"] - 3) + 0.02 * abs(v["kernel"] - 5)
    else:
        loss += 0.25
    return loss


FUNCTIONS = {
    "branin": (branin_space, branin),
    "hartmann6": (hartmann_space, hartmann),
    "mixed": (mixed_space, mixed),
}


def make(name, space, seed, trials):
    if name != "keras-tuner":
        oracle = oracles.STRATEGIES[name]("val_loss", trials, seed, hyperparameters=space)
        oracle.verbose = 0
        return oracle
    # Seeds of keras-tuner are added up over hyperparameters: near ones share their points.
    oracle = keras_tuner.oracles.BayesianOptimizationOracle(
        keras_tuner.Objective("val_loss", "min"),
        max_trials=trials,
        seed=1000 * (seed + 1),
        hyperparameters=space,
    )
    oracle.verbose = 0
    oracle._set_project_dir(tempfile.mkdtemp(prefix="strategies-"), "kt")
    return oracle


def search(name, function, seed, trials):
    """Loss of every trial, and the seconds that each suggestion took."""
    space, loss = FUNCTIONS[function]
    oracle = make(name, space(), seed, trials)
    losses, seconds = [], []
    for _ in range(trials):
        begin = time.perf_counter()
        trial = oracle.create_trial("worker")
        seconds.append(time.perf_counter() - begin)
        if trial.status != "RUNNING":
            break
        losses.append(loss(trial.hyperparameters.values))
        oracle.update_trial(trial.trial_id, {"val_loss": losses[-1]})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return losses, seconds


def print_regrets(names, seeds, stock_seeds, functions):
    print(f"Median regret after {TRIALS} trials [quartiles]")
    print(f"{'':<14}" + "".join(f"{f:>28}" for f in functions) + f"{'seeds':>8}")
    for name in names:
        count = stock_seeds if name == "keras-tuner" else seeds
        cells = []
        for function in functions:
            best = [min(search(name, function, s, TRIALS)[0]) for s in range(count)]
            low, high = np.quantile(best, (0.25, 0.75))
            cells.append(f"{statistics.median(best):.4f} [{low:.4f}–{high:.4f}]")
        print(f"{name:<14}" + "".join(f"{c:>28}" for c in cells) + f"{count:>8}", flush=True)


def print_seconds(names):
    print("\nSeconds per suggestion on the conditional space, median of 10")
    print(f"{'':<14}" + "".join(f"{n:>9} trials" for n in TIMED_AFTER))
    for name in names:
        last = TIMED_AFTER[1] if name == "keras-tuner" else TIMED_AFTER[2]
        _, seconds = search(name, "mixed", 0, last + 10)
        cells = [f"{statistics.median(seconds[n : n + 10]):.4f}" for n in TIMED_AFTER if n <= last]
        print(f"{name:<14}" + "".join(f"{c:>16}" for c in cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--stock-seeds", type=int, default=3)
    parser.add_argument("--strategies", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--functions", nargs="+", choices=list(FUNCTIONS), default=list(FUNCTIONS))
    parser.add_argument("--no-times", action="store_true")
    arguments = parser.parse_args()
    names = [*arguments.strategies, *(["keras-tuner"] if arguments.stock_seeds else [])]
    print_regrets(names, arguments.seeds, arguments.stock_seeds, arguments.functions)
    if not arguments.no_times:
        print_seconds(names)


if __name__ == "__main__":
    main()
