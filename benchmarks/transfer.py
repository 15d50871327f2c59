"""Transfer learning on real data: what pretrained weights add, by task and by seconds.

Run by hand: `python benchmarks/transfer.py --data DIR --tasks pictures --seconds 600`. The weights
are those of the packages that docs/pretrained.md lists; nothing is downloaded. Test rows are never
seen by a search. `--rows` takes so many training rows a class.
"""

from __future__ import annotations

import argparse
import os
from importlib.metadata import version
from pathlib import Path

import numpy as np

import kerasnas as kn
from kerasnas.clock import Stopwatch


def rows_of(labels, each, seed):
    """Indices of so many rows of each class, or of all."""
    if not each:
        return np.arange(len(labels))
    rng = np.random.default_rng(seed)
    kinds = np.unique(labels)
    return np.concatenate([rng.choice(np.flatnonzero(labels == k), each, False) for k in kinds])


def pictures(folder):
    """CIFAR-10, 10,000 pictures to learn from and 2,000 to be judged by."""
    found = np.load(folder / "image" / "cifar10_10k.npz", allow_pickle=False)
    return found["x_train"], found["y_train"], found["x_test"], found["y_test"]


TASKS = {"pictures": (pictures, kn.ImageClassifier)}


def main():
    """Prints a line for each task."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rows", type=int, default=0, help="training rows a class; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", action="store_true", help="without pretrained weights")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, keras {version('keras')}, tensorflow {version('tensorflow')}")
    for task in given.tasks:
        read, estimator = TASKS[task]
        x, y, x_test, y_test = read(given.data)
        rows = rows_of(y, given.rows, given.seed)
        how = {"pretrained": False} if given.scratch else {}
        watch = Stopwatch()
        model = estimator(budget=given.seconds, seed=given.seed, verbose=2, **how)
        model.fit(x[rows], y[rows])
        print(model.leaderboard(full=True).drop(columns=["hyperparameters"]).to_string())
        score = model.score(x_test, y_test)
        print(
            f"{task}: {len(rows)} rows, {watch.seconds:.0f} of {given.seconds:.0f} seconds, "
            f"accuracy on {len(y_test)} test rows {score:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
