"""Milliseconds that a strategy takes to suggest values, after 20 to 1,000 finished trials.

    python benchmarks/suggestion_time.py [--oracles auto ...] [--spaces flat ...] [--trials 20 1000]

What is timed is `create_trial` as a tuner calls it, bookkeeping included, without any training. The
finished trials are random ones, so that all strategies have the same to look at. The spaces:

* `flat`: six log floats, two integers, two choices.
* `cells`: six choices of five operations, as in NAS-Bench-201.
* `deep`: a choice that opens two hyperparameters and another choice, eight levels deep.
* `wide`: a thousand hyperparameters, half of them floats, half of them choices.
"""

import argparse
import copy
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_tuner

from kerasnas import oracles

REPEATS = 5


def flat():
    hp = keras_tuner.HyperParameters()
    for i in range(6):
        hp.Float(f"float{i}", 1e-4, 1.0, sampling="log")
    hp.Int("layers", 1, 10)
    hp.Int("units", 16, 256, step=16)
    hp.Choice("activation", ["relu", "gelu", "tanh"])
    hp.Choice("norm", ["batch", "layer"])
    return hp


def cells():
    hp = keras_tuner.HyperParameters()
    for i in range(6):
        hp.Choice(f"edge{i}", ["none", "skip", "conv1", "conv3", "pool"])
    return hp


def deep(levels=8):
    hp = keras_tuner.HyperParameters()

    def level(number):
        hp.Choice(f"kind{number}", ["end", "a", "b"], default="b")
        with hp.conditional_scope(f"kind{number}", ["a", "b"]):
            hp.Int(f"units{number}", 8, 512, sampling="log")
            hp.Float(f"rate{number}", 0.0, 0.9)
            if number < levels:
                level(number + 1)

    level(1)
    return hp


def wide():
    hp = keras_tuner.HyperParameters()
    for i in range(500):
        hp.Float(f"float{i}", 0.0, 1.0)
        hp.Choice(f"choice{i}", ["a", "b", "c"])
    return hp


SPACES = {"flat": flat, "cells": cells, "deep": deep, "wide": wide}


def loss(values):
    """Any number that depends on all values."""
    numbers = [v if isinstance(v, int | float) else len(v) for v in values.values()]
    return float(sum(abs(x - 0.3) for x in numbers))


def finish(oracle, trial):
    oracle.update_trial(trial.trial_id, {"val_loss": loss(trial.hyperparameters.values)})
    oracle.end_trial(trial.trial_id)


def random_search(space, trials):
    """The state of a random search after so many trials."""
    oracle = oracles.Random("val_loss", seed=0, hyperparameters=SPACES[space]())
    oracle.verbose = 0
    for _ in range(trials):
        finish(oracle, oracle.create_trial("worker"))
    return oracle.get_state()


def milliseconds(name, space, state):
    """Median milliseconds of the suggestions that follow a random search."""
    oracle = oracles.STRATEGIES[name]("val_loss", seed=0, hyperparameters=SPACES[space]())
    oracle.verbose = 0
    oracle.set_state(copy.deepcopy(state))  # keras-tuner takes a state apart when it reads it
    taken = []
    for _ in range(1 + REPEATS):
        begin = time.process_time()
        trial = oracle.create_trial("worker")
        taken.append(time.process_time() - begin)
        finish(oracle, trial)
    return 1000 * statistics.median(taken[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracles", nargs="+", default=list(oracles.STRATEGIES), metavar="NAME")
    parser.add_argument("--spaces", nargs="+", default=list(SPACES), choices=list(SPACES))
    parser.add_argument("--trials", nargs="+", type=int, default=[20, 100, 300, 1000])
    arguments = parser.parse_args()
    for space in arguments.spaces:
        states = [random_search(space, trials) for trials in arguments.trials]
        print(f"\n{space:<12}" + "".join(f"{n:>12} trials" for n in arguments.trials))
        for name in arguments.oracles:
            cells_ = [f"{milliseconds(name, space, state):>16.1f} ms" for state in states]
            print(f"{name:<12}" + "".join(cells_), flush=True)


if __name__ == "__main__":
    main()
