"""Milliseconds that a strategy takes to suggest values, after 20, 100 and 300 finished trials.

    python benchmarks/suggestion_time.py [--oracles bayesian random ...]

The space has ten dimensions: six log floats, two integers, two choices. What is timed is
`create_trial` as a tuner calls it, bookkeeping included, without any training.
"""

import argparse
import math
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_tuner

from kerasnas import oracles

TIMED_AFTER = (20, 100, 300)
REPEATS = 10


def space():
    hp = keras_tuner.HyperParameters()
    for i in range(6):
        hp.Float(f"float{i}", 1e-4, 1.0, sampling="log")
    hp.Int("layers", 1, 10)
    hp.Int("units", 16, 256, step=16)
    hp.Choice("activation", ["relu", "gelu", "tanh"])
    hp.Choice("norm", ["batch", "layer"])
    return hp


def loss(values):
    distance = sum((math.log10(values[f"float{i}"]) + 2) ** 2 for i in range(6))
    return distance + abs(values["layers"] - 4) + (values["activation"] != "gelu")


def milliseconds(name, seed):
    """Median milliseconds of the suggestions that follow each number of finished trials."""
    oracle = oracles.STRATEGIES[name]("val_loss", seed=seed, hyperparameters=space())
    oracle.verbose = 0
    taken = []
    for _ in range(max(TIMED_AFTER) + REPEATS):
        begin = time.perf_counter()
        trial = oracle.create_trial("worker")
        taken.append(time.perf_counter() - begin)
        oracle.update_trial(trial.trial_id, {"val_loss": loss(trial.hyperparameters.values)})
        oracle.end_trial(trial.trial_id)
    return [1000 * statistics.median(taken[n : n + REPEATS]) for n in TIMED_AFTER]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracles", nargs="+", default=["bayesian", "random"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{'ms per suggestion':<22}" + "".join(f"{n:>10} trials" for n in TIMED_AFTER))
    for name in arguments.oracles:
        print(f"{name:<22}" + "".join(f"{ms:>17.1f}" for ms in milliseconds(name, arguments.seed)))


if __name__ == "__main__":
    main()
