"""The areas of `trust.py` that need processes: kills, signals, full disks, two at once, load."""

import contextlib
import json
import os
import random
import resource
import signal
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ORACLES = ("random", "grid", "bayesian", "evolution", "local", "reinforce", "hyperband", "asha",
           "bohb", "nsga2", "auto")  # fmt: skip
TRIALS = 5
SLOWEST = 240.0  # seconds of a search that is not disturbed
SOAK = 900.0  # seconds of the soak, where no others are given


def forked(run: Callable[[], Any], answer: Path) -> int:
    """Runs a function in a process of its own; it writes what it returns, or what went wrong."""
    import keras  # noqa: F401  (so that no process has to import it again)

    import kerasnas.searching  # noqa: F401

    child = os.fork()
    if child:
        return child
    # A shell that starts this script in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        answer.write_text(json.dumps(_outcome(run)))
    finally:
        os._exit(0)


def _outcome(run: Callable[[], Any]) -> dict[str, Any]:
    from kerasnas.errors import KerasNASError

    try:
        return {"good": run()}
    except KerasNASError as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    except BaseException as error:
        return {"foreign": f"{type(error).__name__}: {traceback.format_exc()[-400:]}"}


def ended(child: int, seconds: float = SLOWEST) -> bool:
    """Waits for a process; one that takes too long is ended, and that is told."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def read(answer: Path) -> dict[str, Any]:
    """What a process has written."""
    try:
        return dict(json.loads(answer.read_text()))
    except (OSError, ValueError):
        return {}


def search(oracle: str, directory: str | None, trials: int = TRIALS) -> list[Any]:
    """A small search; its trials."""
    import keras
    import numpy as np

    import kerasnas as kn

    def build(hp):
        model = keras.Sequential([keras.Input((3,))])
        model.add(keras.layers.Dense(hp.Int("units", 2, 40), activation="relu"))
        model.add(keras.layers.Dense(1))
        model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 1e-1, sampling="log")), "mse")
        return model

    x = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    budget = kn.Budget(trials=trials, epochs=4)
    objective = ["val_loss", "params"] if oracle == "nsga2" else "val_loss"
    result = kn.search(build, x, x[:, 0] * x[:, 1], oracle=oracle, budget=budget, seed=3, verbose=0,
                       objective=objective, directory=directory)  # fmt: skip
    assert result.best_model()(x).shape == (60, 1)
    return [[t.status, t.values, t.metrics] for t in result.history]


@contextlib.contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """A folder for a search, and the file of what a process answers."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "search", Path(name) / "answer.json"


def kills(area: Any, rng: random.Random, tries: int) -> None:
    """Searches of all strategies, killed at random moments: the history of an undisturbed one."""
    done = 0
    for number in area.numbers(tries):
        if done >= tries:
            break
        oracle = ORACLES[number % len(ORACLES)]
        with folders() as (folder, answer):
            begun = time.perf_counter()
            ended(forked(lambda oracle=oracle: search(oracle, None), answer))
            length, wanted = time.perf_counter() - begun, read(answer)
            answer.unlink(missing_ok=True)
            for _ in range(min(4, tries - done)):
                child = forked(lambda: search(oracle, str(folder)), answer)  # noqa: B023
                time.sleep(rng.uniform(0.05, length))
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                done += 1
            answer.unlink(missing_ok=True)
            whole = ended(forked(lambda: search(oracle, str(folder)), answer))  # noqa: B023
            found = read(answer)
            if not whole:
                area.count("over limit", oracle)
            elif "good" not in found:
                area.count("foreign", f"{oracle}: {found}")
            else:
                same = found == wanted
                area.count(
                    "good" if same else "silently wrong", f"{oracle}: {found} {wanted}"[:900]
                )
    print(f"    {done} kills of {area.counts['tried']} searches", flush=True)


def soak(area: Any, rng: random.Random, tries: int) -> None:
    """One long search of small trials, killed again and again: its history, memory, files.

    Half of the time goes to the search that is killed, the rest to the same search undisturbed.
    """
    for _ in area.numbers(tries):
        begun = time.perf_counter()
        half = begun + min(area.end - begun, SOAK) / 2
        with folders() as (folder, answer):
            killed, kills = folder / "killed", 0
            while time.perf_counter() < half:
                child = forked(lambda: search("random", str(killed), 10_000), answer)  # noqa: B023
                time.sleep(min(rng.uniform(1.0, 30.0), max(0.0, half - time.perf_counter())))
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                kills += 1
            trials = _finished(killed) + 1
            child = forked(lambda: search("random", str(killed), trials), answer)  # noqa: B023
            ended(child)
            found = read(answer)
            answer.unlink(missing_ok=True)
            child = forked(lambda: search("random", str(folder / "whole"), trials), answer)  # noqa: B023
            samples = _watched(child, 4 * SOAK)
            wanted = read(answer)
            files = [sorted(_files(folder / name)) for name in ("killed", "whole")]
            told = f"{trials} trials, {kills} kills; {_flatness(samples)}"
            print(f"    {told}", flush=True)
            if "good" not in found or "good" not in wanted:
                area.count("foreign", f"{told}: {found} {wanted}"[:900])
            elif found != wanted or files[0] != files[1]:
                area.count("silently wrong", f"{told}; the histories or the files differ")
            else:
                area.count("good" if _is_flat(samples) else "over limit", told)


def _finished(folder: Path) -> int:
    from kerasnas.journal import JOURNAL

    return (folder / JOURNAL).read_text(errors="replace").count('"COMPLETED"')


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*")]


def _watched(child: int, seconds: float) -> list[tuple[int, int, int]]:
    """Megabytes, threads and open files of a process, every half second until it ends."""
    samples, end = [], time.perf_counter() + seconds
    place = Path("/proc") / str(child)
    while time.perf_counter() < end and not os.waitpid(child, os.WNOHANG)[0]:
        status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        if "VmRSS" in status:
            megabytes = int(status["VmRSS"].split()[0]) // 1024
            samples.append((megabytes, int(status["Threads"]), len(os.listdir(place / "fd"))))
        time.sleep(0.5)
    return samples


def _thirds(samples: list[tuple[int, int, int]]) -> list[tuple[float, ...]]:
    """Medians of the second and of the last third: the first one is for warming up."""
    third = max(1, len(samples) // 3)
    parts = (samples[third : 2 * third], samples[-third:])
    return [tuple(statistics.median(s[i] for s in part) for i in range(3)) for part in parts]


def _is_flat(samples: list[tuple[int, int, int]]) -> bool:
    if len(samples) < 6:
        return True
    middle, last = _thirds(samples)
    return last[0] <= 1.1 * middle[0] and last[1] <= middle[1] + 1 and last[2] <= middle[2] + 2


def _flatness(samples: list[tuple[int, int, int]]) -> str:
    if len(samples) < 6:
        return "too short to tell whether memory grows"
    middle, last = _thirds(samples)
    names = ("MB", "threads", "open files")
    return ", ".join(f"{m:.0f} to {n:.0f} {k}" for m, n, k in zip(middle, last, names, strict=True))


def signals(area: Any, rng: random.Random, tries: int) -> None:
    """SIGINT and SIGTERM at random moments: an answer, or the usual end before there is one."""
    for number in area.numbers(tries):
        kind = (signal.SIGINT, signal.SIGTERM)[number % 2]
        with folders() as (folder, answer):
            place = str(folder) if number % 3 == 0 else None
            child = forked(lambda place=place: search("random", place, trials=40), answer)
            time.sleep(rng.uniform(0.1, 8.0))
            os.kill(child, kind)
            whole, found = ended(child, 60.0), read(answer)
            if not whole:
                area.count("over limit", f"{kind.name}: 60 s after it")
            elif "good" in found or not found or "KeyboardInterrupt" in found.get("foreign", ""):
                right = "good" not in found or any(t[0] == "COMPLETED" for t in found["good"])
                area.count("good" if right else "silently wrong", f"{kind.name}: {found}"[:500])
            else:
                area.count("foreign", f"{kind.name}: {found}")


def full_disks(area: Any, rng: random.Random, tries: int) -> None:
    """Files that may not grow beyond a random size: a sentence, and no trial is lost or fails."""

    def limited(folder: str, size: int) -> list[Any]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        return search("random", folder)

    for _ in area.numbers(tries):
        size = int(10 ** rng.uniform(2.0, 4.7))
        with folders() as (folder, answer):
            whole = ended(forked(lambda size=size: limited(str(folder), size), answer))
            first = read(answer)
            answer.unlink(missing_ok=True)
            whole &= ended(forked(lambda: search("random", str(folder)), answer))
            again = read(answer)
            told = f"{size} bytes: {first} {again}"[:900]
            if not whole:
                area.count("over limit", told)
            elif "foreign" in first or "good" not in again:
                area.count("foreign", told)
            elif [t[0] for t in again["good"]] != ["COMPLETED"] * TRIALS:
                area.count("silently wrong", told)
            else:
                area.count("good" if "good" in first else "refused", told)


def two_processes(area: Any, rng: random.Random, tries: int) -> None:
    """Two processes on one directory: one of them searches, the other is refused."""
    for _ in area.numbers(tries):
        with folders() as (folder, answer):
            second = answer.with_name("second.json")
            run = lambda: search("random", str(folder), trials=8)  # noqa: E731
            children = [forked(run, answer)]
            time.sleep(rng.uniform(0.0, 1.0))
            children.append(forked(run, second))
            whole = all([ended(child) for child in children])
            found = sorted([*read(answer), *read(second)])
            told = f"{read(answer)} {read(second)}"[:600]
            if not whole:
                area.count("over limit", told)
            elif "foreign" in found:
                area.count("foreign", told)
            else:
                # Both are good where the first had ended before the second began.
                fine = found in (["good", "refused"], ["good", "good"])
                area.count("good" if fine else "silently wrong", told)


def loaded_clock(area: Any, rng: random.Random, tries: int) -> None:
    """Budgets of seconds with two processes beside that take all there is."""

    def spin() -> None:
        while True:
            sum(range(10_000))

    def fit(kind: str, seconds: float) -> float:
        import numpy as np
        import pandas as pd

        import kerasnas as kn

        draw = np.random.default_rng(0)
        y, limits = np.arange(400) % 2, {"budget": seconds, "seed": 0, "verbose": 0}
        begun = time.perf_counter()
        if kind == "table":
            frame = pd.DataFrame(draw.normal(size=(400, 8))).add_prefix("c")
            kn.TabularClassifier(**limits).fit(frame, y)
        elif kind == "texts":
            kn.TextClassifier(**limits).fit([f"word{n % 7} word{n % 3}" for n in range(400)], y)
        elif kind == "series":
            frame = pd.DataFrame({"t": range(300), "y": np.sin(np.arange(300) / 3)})
            kn.TimeSeriesForecaster(4, "y", "t", **limits).fit(frame)
        else:
            kn.ImageClassifier(**limits).fit(draw.integers(0, 255, (400, 16, 16, 3)), y)
        return time.perf_counter() - begun

    for number in area.numbers(tries):
        kind = ("table", "images", "texts", "series")[number % 4]
        seconds = rng.choice([12.0, 20.0])
        with folders() as (_, answer):
            spinners = [forked(spin, answer) for _ in range(2)]
            whole = ended(forked(lambda k=kind, s=seconds: fit(k, s), answer), 10 * seconds)
            for child in spinners:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            found = read(answer)
            told = f"{kind}, {seconds:.0f} s: {found}"[:500]
            if not whole or found.get("good", 0.0) > 1.05 * seconds + 2:
                area.count("over limit", told)
            else:
                area.count(next(iter(found), "foreign"), told)
