"""Data in files: what streaming costs, and what fits of more rows than memory holds come to.

    python benchmarks/streaming.py images --data DIR [--rows 4000] [--repeats 3]
    python benchmarks/streaming.py tables [--rows 5000000] [--memory 4GiB] [--family mlp]
    python benchmarks/streaming.py texts [--rows 1000000] [--memory 4GiB]

`images` trains the same networks on mnist_t10k in memory and in a file, with the same seed, in
turns within one process: the first configuration of the family `conv`, and, as the worst case, a
single dense layer, beside which reading is most of the work. The first epoch of each training is
not counted. The file is in the cache of the system after the first turn, so that what is compared
is the work, not the disk. Wall time and, which a busy machine disturbs less, processor time;
medians over epochs.

`tables` and `texts` write Parquet files of generated rows to a temporary folder, and fit one
family twice, each in a fresh process: to the files under the ceiling, and to a tenth of the rows in
memory. Printed are the rows that were drawn, the peak of the memory of the process, and the scores
of both on other rows, which are answered from files as well.
"""

import argparse
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np
import pandas as pd

import kerasnas as kn
from kerasnas.data.stored import StoredRows
from kerasnas.spaces.image import ImageHyperModel
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer

AT_ONCE = 250_000  # rows of one generated file
TEST_ROWS = 200_000
MOST_BYTES = 10 * 2**30
LARGE_STEPS = {"family": "lightgbm", "lightgbm_learning_rate": 0.3}  # boosting ends soon


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


def images(arguments: argparse.Namespace) -> None:
    """Seconds of an epoch in memory and in a file."""
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


def table(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """20 mixed columns and a target that rests on products, waves and categories."""
    frame = pd.DataFrame({f"number{i}": rng.normal(size=rows).round(4) for i in range(9)})
    for i, most in enumerate((10, 50, 1000, 100_000)):
        frame[f"count{i}"] = rng.integers(0, most, rows)
    for i, kinds in enumerate((5, 20, 100, 1000)):
        labels = np.array([f"kind {k}" for k in range(kinds)])
        frame[f"category{i}"] = pd.Series(labels[rng.integers(0, kinds, rows)], dtype="str")
    frame["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, rows), "s")
    frame["flag"] = rng.random(rows) < 0.3
    frame["gaps"] = np.where(rng.random(rows) < 0.2, np.nan, rng.random(rows).round(4))
    effects = np.random.default_rng(0).normal(size=1000)  # the same in every file
    score = (
        frame["number0"] * frame["number1"]
        + np.sin(2 * frame["number2"])
        + effects[frame["category3"].str[5:].astype(int)]
        + np.where(frame["flag"], frame["number3"], frame["number4"])
        + rng.normal(size=rows)
    )
    frame["target"] = np.where(score > 0.5, "yes", "no")
    return frame


def texts(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Short texts of words of like frequencies as in language; some words speak for a class."""
    words = np.array([f"w{i}" for i in range(20_000)], dtype=object)
    effects = np.random.default_rng(0).normal(size=len(words))
    drawn = np.minimum(rng.zipf(1.3, size=(rows, 12)), len(words)) - 1
    score = effects[drawn].mean(axis=1) + 0.1 * rng.normal(size=rows)
    joined = [" ".join(row) for row in words[drawn]]
    return pd.DataFrame({"text": joined, "target": np.where(score > 0.1, "yes", "no")})


MAKERS = {"tables": table, "texts": texts}


def write(kind: str, rows: int, folder: Path) -> None:
    """Writes the rows to train on, a part at a time, and others to test with."""
    (folder / "train").mkdir()
    for number, start in enumerate(range(0, rows, AT_ONCE)):
        part = MAKERS[kind](min(AT_ONCE, rows - start), np.random.default_rng([1, number]))
        part.to_parquet(folder / "train" / f"{number:03}.parquet", index=False)
    part = MAKERS[kind](min(TEST_ROWS, rows), np.random.default_rng(2))
    part.to_parquet(folder / "test.parquet", index=False)


def peak_bytes() -> int:
    """The most memory that this process has held."""
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in status if "VmHWM" in line).split()[1])


def one(arguments: argparse.Namespace) -> None:
    """One fit, in a process of its own, which ends before it takes all memory of the machine."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    logging.basicConfig(format="  %(message)s")
    folder, tables = Path(arguments.folder), arguments.part == "tables"
    given: str | pd.DataFrame = str(folder / "train")
    if arguments.where == "memory":
        files = sorted((folder / "train").iterdir())
        enough = files[: -(-arguments.rows // 10 // AT_ONCE)]
        given = pd.concat(map(pd.read_parquet, enough), ignore_index=True)
        given = given.iloc[: arguments.rows // 10].copy()
    estimator = kn.TabularClassifier if tables else kn.TextClassifier
    begun = time.perf_counter()
    fitted = estimator(
        space=arguments.family or ("lightgbm" if tables else "linear"),
        initial=[LARGE_STEPS] if tables and not arguments.family else [],
        memory=arguments.memory,
        budget=kn.Budget(trials=1, epochs=arguments.epochs),
        ensemble=False,
        folds=False,
        seed=0,
        verbose=0,
    ).fit(given, "target")
    seconds = time.perf_counter() - begun
    scores = fitted.evaluate(str(folder / "test.parquet"), "target")
    peak = peak_bytes()
    print(
        f"{arguments.where}: {seconds:.0f} s; peak {peak / 2**30:.2f} GiB; log loss "
        f"{scores['log_loss']:.4f}, accuracy {scores['accuracy']:.4f} on other rows",
        flush=True,
    )


def both(arguments: argparse.Namespace) -> None:
    """The two fits, one after the other."""
    with tempfile.TemporaryDirectory(prefix="kerasnas-benchmark-") as folder:
        begun = time.perf_counter()
        write(arguments.part, arguments.rows, Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
        seconds = time.perf_counter() - begun
        print(f"{arguments.rows:,} rows, {size / 1e6:.0f} MB, in {seconds:.0f} s", flush=True)
        for where in ("files", "memory"):
            again = [*sys.argv, "--rows", str(arguments.rows)]
            subprocess.run(
                [sys.executable, *again, "--folder", folder, "--where", where], check=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("images", "tables", "texts"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", default="4GiB")
    parser.add_argument("--family", help="for tables; default: lightgbm")
    parser.add_argument("--epochs", type=int, default=8, help="of a network")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--where", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    usual = {"images": 4000, "tables": 5_000_000, "texts": 1_000_000}
    arguments.rows = arguments.rows or usual[arguments.part]
    if arguments.part == "images":
        images(arguments)
    elif arguments.folder:
        one(arguments)
    else:
        both(arguments)


if __name__ == "__main__":
    main()
