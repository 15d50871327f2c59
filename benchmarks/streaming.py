"""What an epoch on images in a file costs, against the same images in memory.

    python benchmarks/streaming.py --data DIR [--rows 4000] [--repeats 3]

Both train the same networks on mnist_t10k with the same seed, in turns within one process: the
first configuration of the family `conv`, and, as the worst case, a single dense layer, beside which
reading is most of the work. The first epoch of each training is not counted. The file is in the
cache of the system after the first turn, so that what is compared is the work, not the disk. Wall
time and, which a busy machine disturbs less, processor time; medians over epochs.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np

from kerasnas.data.stored import StoredRows
from kerasnas.spaces.image import ImageHyperModel
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer


def conv(rows: int) -> tuple[keras.Model, int]:
    """The first configuration of a search, as it is trained, and its batch size."""
    space = ImageHyperModel((28, 28, 1), 10, rows=rows, seconds=300, families=["conv"])
    hp = keras_tuner.HyperParameters()
    hp.values.update(space.portfolio[0])
    return space.training(hp, space.build(hp)).model, space.recipe(hp).batch_size


def dense(rows: int) -> tuple[keras.Model, int]:
    """One dense layer."""
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss)
    return model, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with np.load(arguments.data / "image" / "mnist_t10k.npz", allow_pickle=False) as archive:
        x = archive["x"][: arguments.rows].reshape(-1, 28, 28, 1)
        y = archive["y"][: arguments.rows].astype("int32")
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, x.dtype, "w+", shape=x.shape)
    mapped[:] = x

    def now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def trained(make: object, data: object) -> tuple[list[np.ndarray], list[np.ndarray]]:
        keras.utils.set_random_seed(0)
        model, batch = make(len(x))  # type: ignore[operator]
        ends = [now()]
        plan = Plan(
            batch_size=batch,
            epochs=3,
            monitor=None,
            on_epoch=lambda epoch, logs: ends.append(now()),
        )
        Trainer(model, data, y, None, dict).run(plan)
        return list(np.diff(ends, axis=0)[1:]), model.get_weights()

    for make in (conv, dense):
        seconds: dict[str, list[np.ndarray]] = {"memory": [], "file": []}
        weights = {}
        for _ in range(arguments.repeats):
            for kind, data in (("memory", x), ("file", StoredRows(mapped))):
                times, weights[kind] = trained(make, data)
                seconds[kind] += times
        memory, stored = (np.median(seconds[kind], axis=0) for kind in ("memory", "file"))
        same = all(map(np.array_equal, weights["memory"], weights["file"]))
        print(
            f"{make.__name__}: {memory[0]:.3f} s in memory, {stored[0]:.3f} s in a file; ratio "
            f"{stored[0] / memory[0]:.2f}, of processor time {stored[1] / memory[1]:.2f}; "
            f"same weights: {same}"
        )


if __name__ == "__main__":
    main()
