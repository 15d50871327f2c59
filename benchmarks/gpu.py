"""What a GPU brings: seconds of trials, use of the GPU, memory, half precision, two workers on it.

    python benchmarks/gpu.py [--smoke] [--seconds 20]

It takes less than eight minutes. It prints the devices; for an image, a text and a table task the
trials an hour on the GPU and on the CPU and how busy the GPU was; the memory of the GPU after 1, 10
and 20 trials; full precision against both half precisions; and one worker against two that share
one GPU. All data are made up. Each part runs in a process of its own, so that none finds memory
that another one holds.

Without a GPU, or with `--smoke`, it runs in a short form on the CPU, all of it in this process, and
says so.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TASKS = ("image", "text", "table")
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
NO_GPU = "There is no GPU here: this is the short form, on the CPU, and says nothing of GPUs."


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rows: Training rows.
        side: Pixels of an image, along one side.
        trials: Trials of a task.
        epochs: Epochs of a trial.
        seconds: Most seconds of a search.
        memory: After so many trials memory is read.
        width: Of the network for precisions.
        space: Arguments of the spaces of images and texts.
    """

    rows: int = 8000
    side: int = 32
    trials: int = 10
    epochs: int = 8
    seconds: float = 20.0
    memory: tuple[int, ...] = (1, 10, 20)
    width: int = 2048
    space: dict[str, Any] = field(default_factory=dict)


SMALL = Size(64, 8, 1, 1, 600.0, (1, 2), 8, {"families": ["conv"]})


def data(task: str, size: Size) -> tuple[Any, Any, Any]:
    """A hypermodel, inputs and labels that can be learnt."""
    import numpy as np

    import kerasnas as kn

    rng, rows = np.random.default_rng(0), size.rows
    y = rng.integers(0, 4, rows)
    if task == "image":
        x = rng.normal(size=(rows, size.side, size.side, 3)).astype("float32")
        x[np.arange(rows), y] += 1.0  # a bright line
        return kn.spaces.image(x.shape[1:], 4, rows=rows, **size.space), x, y
    if task == "text":
        x = rng.integers(1, 2000, (rows, 4 * size.side))
        x[:, : size.side] = 1 + 4 * (x[:, : size.side] // 4) % 1996 + y[:, None]
        return kn.spaces.text(x.shape[1], 4, vocabulary=2001, rows=rows, **size.space), x, y
    x = rng.normal(size=(rows, size.side)).astype("float32")
    x[:, 0] += y
    return kn.spaces.tabular(x.shape[1], 4, rows=rows, families=["mlp"]), x, y


def search(hypermodel: Any, x: Any, y: Any, size: Size, **settings: Any) -> Any:
    """The trials of a random search, the same ones on every device."""
    import kerasnas as kn

    told = {"trials": size.trials, "epochs": size.epochs, "seconds": size.seconds}
    budget = kn.Budget(**{**told, **settings.pop("budget", {})})
    valid = slice(0, len(x) // 4)
    return kn.search(
        *(hypermodel, x, y),
        validation_data=(x[valid], y[valid]),
        objective="val_loss",
        oracle="random",
        budget=budget,
        seed=0,
        verbose=0,
        **settings,
    )


def devices(size: Size) -> dict[str, Any]:
    """What TensorFlow sees."""
    import keras
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return {
        "gpus": [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus],
        "cores": os.cpu_count(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def task(name: str) -> Callable[[Size], dict[str, Any]]:
    """Measures the trials of a task."""

    def measured(size: Size) -> dict[str, Any]:
        found = search(*data(name, size), size)
        return {t.trial_id: t.seconds for t in found.history if t.status == "COMPLETED"}

    return measured


def memory(size: Size) -> dict[str, Any]:
    """Bytes in use after trials: of the GPU, with the most there were, or of the process."""
    import tensorflow as tf

    import kerasnas as kn
    from kerasnas.data.room import resident_bytes

    gpu = bool(tf.config.list_physical_devices("GPU"))
    read: dict[str, Any] = {}

    class Read(kn.callbacks.SearchCallback):
        ended = 0

        def on_trial_end(self, record: Any) -> None:
            self.ended += 1
            if self.ended in size.memory:
                now = tf.config.experimental.get_memory_info("GPU:0") if gpu else {}
                read[str(self.ended)] = now or {"current": resident_bytes()}

    many = {"trials": size.memory[-1], "epochs": 1}
    search(*data("image", size), size, budget=many, callbacks=[Read()])
    return read


def dense(hp: Any, width: int) -> Any:
    """Wide layers, which is where half precision should pay."""
    import keras

    keras.utils.set_random_seed(hp.Int("seed", 0, 1000))
    model = keras.Sequential([keras.Input((width,))])
    for _ in range(4):
        model.add(keras.layers.Dense(width, "relu"))
    model.add(keras.layers.Dense(4, "softmax", dtype="float32"))
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy")
    return model


def precision(policy: str) -> Callable[[Size], dict[str, Any]]:
    """Measures an epoch, and the loss, under a dtype policy."""

    def measured(size: Size) -> dict[str, Any]:
        import keras
        import numpy as np

        rng = np.random.default_rng(0)
        y = rng.integers(0, 4, size.rows)
        x = rng.normal(size=(size.rows, size.width)).astype("float32")
        x[:, :4] += np.eye(4, dtype="float32")[y]
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            found = search(lambda hp: dense(hp, size.width), x, y, size, budget={"trials": 2})
        finally:
            keras.config.set_dtype_policy(before)
        ended = [t for t in found.history if t.status == "COMPLETED"]
        return {
            "seconds": [t.seconds for t in ended],
            "val_loss": [t.metrics["val_loss"] for t in ended],
        }

    return measured


def workers(count: int) -> Callable[[Size], dict[str, Any]]:
    """Measures trials of worker processes that share the first GPU, without their start."""

    def measured(size: Size) -> dict[str, Any]:
        import kerasnas as kn

        ends: list[float] = []

        class Note(kn.callbacks.SearchCallback):
            def on_trial_end(self, record: Any) -> None:
                ends.append(time.perf_counter())

        from kerasnas.trial.executors.spawning import visible_gpus

        executor = kn.executors.Process(workers=count, threads=1, gpus=visible_gpus()[:1])
        space, x, y = data("table", size)
        longer = {"trials": size.trials + count, "epochs": 4 * size.epochs}
        search(space, x, y, size, budget=longer, executor=executor, callbacks=[Note()])
        return {"seconds_a_trial": (ends[-1] - ends[0]) / max(1, len(ends) - 1)}

    return measured


PARTS: dict[str, Callable[[Size], dict[str, Any]]] = {
    "devices": devices,
    **{name: task(name) for name in TASKS},
    "memory": memory,
    **{policy: precision(policy) for policy in POLICIES},
    **{f"workers{count}": workers(count) for count in (1, 2)},
}


def alone(part: str, size: Size, gpu: bool = True) -> dict[str, Any]:
    """What a part prints in a process of its own."""
    hidden = {} if gpu else {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, os.path.abspath(__file__), "--part", part]
    done = subprocess.run(
        [*command, "--seconds", str(size.seconds)],
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **hidden},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    return dict(json.loads(lines[-1]))


@dataclass
class Use:
    """How busy the first GPU was, in percent, as `nvidia-smi` says twice a second."""

    percents: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.percents:
            return "GPU use unknown"
        return (
            f"GPU busy {statistics.mean(self.percents):.0f} %, {max(self.percents):.0f} % at most"
        )


@contextmanager
def watched() -> Iterator[Use]:
    """Inside, the GPU is watched."""
    use = Use()
    query = [
        "nvidia-smi",
        "-i",
        "0",
        "--query-gpu=utilization.gpu",
        "--format=csv,noheader,nounits",
    ]
    try:
        watch = subprocess.Popen([*query, "-lms", "500"], stdout=subprocess.PIPE, text=True)
    except OSError:
        yield use
        return
    assert watch.stdout is not None
    lines = watch.stdout

    def read() -> None:
        use.percents.extend(float(line) for line in lines if line.strip().isdigit())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield use
    finally:
        watch.terminate()
        watch.wait()
        reader.join()


def hourly(seconds: dict[str, float]) -> str:
    """Trials in an hour."""
    return f"{3600 * len(seconds) / sum(seconds.values()):,.0f} trials an hour"


def compare_devices(size: Size) -> None:
    """Prints the trials of each task on both devices."""
    for name in TASKS:
        with watched() as use:
            there = alone(name, size)
        here = alone(name, size, gpu=False)
        if "failed" in there or "failed" in here:
            print(f"{name}: GPU {there}, CPU {here}")
            continue
        both = sorted(there.keys() & here.keys())
        ratio = sum(here[k] for k in both) / sum(there[k] for k in both) if both else float("nan")
        print(
            f"{name}: GPU {hourly(there)}, CPU {hourly(here)}; on {len(both)} same trials the GPU "
            f"is {ratio:.2f} times as fast; {use}"
        )


def show(part: str, found: dict[str, Any]) -> None:
    """Prints what a part has found."""
    print(f"{part}: {json.dumps(found)}", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Runs all parts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="the short form, on the CPU")
    parser.add_argument("--seconds", type=float, default=20.0, help="most seconds of a search")
    parser.add_argument("--part", choices=PARTS, help="one part, in this process, as JSON")
    told = parser.parse_args(arguments)
    size = Size(seconds=told.seconds)
    if told.part:
        print(json.dumps(PARTS[told.part](size)))
        return
    start = time.perf_counter()
    seen = devices(SMALL) if told.smoke else alone("devices", size)
    show("devices", seen)
    if told.smoke or not seen.get("gpus"):
        print(NO_GPU)
        for part in [part for part in PARTS if part != "devices"]:
            show(part, PARTS[part](SMALL))
    else:
        compare_devices(size)
        for part in [part for part in PARTS if part not in ("devices", *TASKS)]:
            show(part, alone(part, size))
    print(f"{time.perf_counter() - start:.0f} seconds")


if __name__ == "__main__":
    main()
