"""Transfer learning on real data: what pretrained weights add, by task and by seconds.

Run by hand: `python benchmarks/transfer.py --data DIR --tasks pictures --seconds 600`. The weights
are those of the packages that docs/pretrained.md lists; nothing is downloaded. Test rows are never
seen by a search. `--rows` takes so many training rows a class.
"""

from __future__ import annotations

import argparse
import os
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

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
    return found["x_train"], found["y_train"], found["x_test"], found["y_test"], None


def texts(name, column):
    """A fifth of the texts to be judged by, or the part that is meant for it."""

    def read(folder):
        frame = pd.read_parquet(folder / "text" / f"{name}.parquet")
        found, labels = frame["text"].to_numpy(), frame[column].to_numpy()
        if "split" in frame:
            test = (frame["split"] == "test").to_numpy()
        else:
            order = np.random.default_rng(0).permutation(len(frame))
            test = np.zeros(len(frame), bool)
            test[order[: len(frame) // 5]] = True
        return found[~test], labels[~test], found[test], labels[test], None

    return read


def digits(speaker):
    """Spoken digits of all speakers but one, who judges."""

    def read(folder):
        found = np.load(folder / "audio" / "fsdd.npz", allow_pickle=False)
        audio, offsets, labels = found["audio"], found["offsets"], found["labels"]
        rate = int(found["sample_rate"])
        clips = [(audio[i:j], rate) for i, j in pairwise(offsets)]
        names = found["speakers"]
        test = names == np.unique(names)[speaker]
        parts = [[c for c, t in zip(clips, test, strict=True) if t == kind] for kind in (0, 1)]
        return parts[0], labels[~test], parts[1], labels[test], names[~test]

    return read


TASKS = {
    "pictures": (pictures, kn.ImageClassifier),
    "rt_polarity": (texts("rt_polarity", "label"), kn.TextClassifier),
    "trec": (texts("trec", "label"), kn.TextClassifier),
    **{f"digits{i}": (digits(i), kn.AudioClassifier) for i in range(6)},
}


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
        x, y, x_test, y_test, groups = read(given.data)
        rows = rows_of(y, given.rows, given.seed)
        how = {"pretrained": False} if given.scratch else {}
        watch = Stopwatch()
        model = estimator(budget=given.seconds, seed=given.seed, verbose=2, **how)
        some = x[rows] if isinstance(x, np.ndarray) else [x[i] for i in rows]
        model.fit(some, y[rows], groups=None if groups is None else groups[rows])
        seconds = watch.seconds
        score = model.score(x_test, y_test)
        print(
            f"{task}: {len(rows)} rows, {seconds:.0f} of {given.seconds:.0f} seconds, "
            f"accuracy on {len(y_test)} test rows {score:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
