"""What a trial costs beside training: against stock keras-tuner, and memory.

    python benchmarks/overhead.py [--trials 30] [--memory-trials 60]

Both search the same hypermodel on digits with random search, 10 epochs a trial, one after the other
in one process; imports are not counted. Then the peak resident memory after 10 trials is compared
with that after 60.
"""

import argparse
import os
import tempfile
import time
from typing import ClassVar

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np
from sklearn.datasets import load_digits

import kerasnas as kn
from kerasnas.data.room import resident_bytes


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """One to three dense layers."""
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(hp.Int("layers", 1, 3)):
        model.add(keras.layers.Dense(hp.Choice("width", [32, 64, 128]), activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


class Memory(keras.callbacks.Callback):
    """Resident memory at the end of each training."""

    seen: ClassVar[list[int]] = []

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        Memory.seen.append(resident_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--memory-trials", type=int, default=60)
    arguments = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype("float32"), y[order].astype("int32")
    train, valid = (x[:1400], y[:1400]), (x[1400:], y[1400:])
    build(keras_tuner.HyperParameters())  # whatever TensorFlow does once is nobody's overhead

    def ours(trials: int, callbacks: list[keras.callbacks.Callback]) -> float:
        begin = time.perf_counter()
        kn.search(
            build,
            *train,
            validation_data=valid,
            objective="val_accuracy",
            oracle="random",
            budget=kn.Budget(trials=trials),
            epochs=10,
            seed=1,
            verbose=0,
            callbacks=callbacks,
        )
        return time.perf_counter() - begin

    mine = ours(arguments.trials, [])
    begin = time.perf_counter()
    tuner = keras_tuner.RandomSearch(
        build,
        objective="val_accuracy",
        max_trials=arguments.trials,
        seed=1,
        directory=tempfile.mkdtemp(),
    )
    tuner.search(*train, validation_data=valid, epochs=10, verbose=0)
    stock = time.perf_counter() - begin
    print(
        f"{arguments.trials} trials x 10 epochs on digits: kerasnas {mine:.1f} s, "
        f"keras-tuner {stock:.1f} s, ratio {mine / stock:.2f}"
    )
    ours(arguments.memory_trials, [Memory()])
    after_10, after_all = max(Memory.seen[:10]), max(Memory.seen)
    print(
        f"peak memory: {after_10 / 1e6:.0f} MB after 10 trials, {after_all / 1e6:.0f} MB after "
        f"{len(Memory.seen)}, {after_all / after_10 - 1:+.1%}"
    )


if __name__ == "__main__":
    main()
