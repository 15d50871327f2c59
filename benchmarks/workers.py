"""How much faster two workers are than one, on trials of about ten seconds.

    python benchmarks/workers.py [--trials 6] [--seconds 10] [--rows 40000]

Every worker has one thread. The same trials of a random search run with one worker process and with
two; the start of the processes is not counted, since it is paid once. The machine should have two
idle cores.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np

import kerasnas as kn
from kerasnas.trial.tuner import Tuner

WIDTH = 128


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """Three dense layers of one width, so that all trials take as long."""
    model = keras.Sequential([keras.Input((32,))])
    for _ in range(3):
        model.add(keras.layers.Dense(WIDTH, activation=hp.Choice("kind", ["relu", "tanh"])))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 1e-2, sampling="log")), "mse")
    return model


def search(workers: int, trials: int, epochs: int, rows: int) -> tuple[float, float, list[float]]:
    """Seconds of all trials from the first end on, the median trial, and the scores."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 32)).astype("float32")
    y = np.tanh(x[:, :1] * x[:, 1:2])
    ends: list[float] = []
    end = Tuner._end

    def watched(self: Tuner, begun: object, execution: object) -> None:
        ends.append(time.perf_counter())
        end(self, begun, execution)

    Tuner._end = watched
    found = kn.search(
        build,
        *(x, y),
        oracle=kn.oracles.Random(seed=0),
        budget=kn.Budget(trials=trials + workers, epochs=epochs),
        executor=kn.executors.Process(workers=workers, threads=1),
        seed=0,
        verbose=0,
    )
    Tuner._end = end
    # The first trial of every worker waits for its start.
    took = (ends[-1] - ends[workers - 1]) / (len(ends) - workers)
    seconds = float(np.median([t.seconds for t in found.history]))
    return took, seconds, [t.scores["val_loss"] for t in list(found.history)[:trials]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rows", type=int, default=40_000)
    arguments = parser.parse_args()
    _, few, _ = search(1, 1, 2, arguments.rows)
    _, more, _ = search(1, 1, 6, arguments.rows)
    epochs = max(1, round((arguments.seconds - few) / max(1e-3, (more - few) / 4)) + 2)
    print(f"{epochs} epochs a trial", flush=True)
    took = {}
    for workers in (1, 2):
        took[workers], seconds, scores = search(workers, arguments.trials, epochs, arguments.rows)
        print(
            f"{workers} workers: {took[workers]:.2f} s a trial, which takes {seconds:.1f} s; "
            f"scores {[round(score, 6) for score in scores]}",
            flush=True,
        )
    print(f"two workers are {took[1] / took[2]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
