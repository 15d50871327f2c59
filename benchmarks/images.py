"""Images: test accuracy over time, beside AutoKeras and stock keras-tuner, same seconds and cores.

    python benchmarks/images.py --data DIR [--sets digits mnist cifar10] [--autokeras PYTHON]
                                [--hyperband] [--budget SECONDS] [--memory TRIALS]
                                [--small FILE.png]

Every contestant runs in a process of its own; its clock starts after its imports. kerasnas is
scored by the file of its best trial whenever a trial ends, AutoKeras and Hyperband by the model of
each trial as it ends; the scoring itself is not counted. `--autokeras` names the Python of an
environment where AutoKeras 3.0.0 works (Keras 3.12 and tensorboard; it fails on later Keras).
`--small` searches MNIST for accuracy and few parameters at once instead, at most 20,000 of them,
for 480 seconds, and draws the front. `--memory` runs that many short trials instead and prints what
the process holds after each fifth, then once more.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SETS = {"digits": 60.0, "mnist": 300.0, "cifar10": 1200.0}
WANTED = {"digits": 0.98, "mnist": 0.985, "cifar10": 0.64}


def load(name: str, folder: Path | None) -> tuple[np.ndarray, ...]:
    """Training images and labels, test images and labels; bytes."""
    if name == "digits":
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        data = load_digits()
        x, xt, y, yt = train_test_split(
            data.images.astype("uint8"),
            data.target,
            test_size=0.25,
            stratify=data.target,
            random_state=0,
        )
        return x, y, xt, yt
    assert folder is not None, "--data names the folder with the npz files"
    if name == "mnist":
        from sklearn.model_selection import train_test_split

        data = np.load(folder / "mnist_t10k.npz", allow_pickle=False)
        x, xt, y, yt = train_test_split(
            data["x"], data["y"], test_size=2000, stratify=data["y"], random_state=0
        )
        return x, y, xt, yt
    data = np.load(folder / "cifar10_10k.npz", allow_pickle=False)
    return data["x_train"], data["y_train"], data["x_test"], data["y_test"]


class Course:
    """Test accuracy over time, the time of scoring taken out."""

    def __init__(self, seconds: float) -> None:
        self.points: list[tuple[float, float]] = []
        self.seconds = seconds
        self._begin, self._out = time.monotonic(), 0.0

    @property
    def spent(self) -> float:
        return time.monotonic() - self._begin - self._out

    @property
    def scoring(self) -> float:
        return self._out

    def score(self, right: object) -> None:
        at, begin = self.spent, time.monotonic()
        self.points.append((at, float(right())))
        self._out += time.monotonic() - begin


def kerasnas(data: tuple[np.ndarray, ...], seconds: float) -> dict:

    import kerasnas as kn
    from kerasnas.trial import Tuner

    x, y, xt, yt = data
    course, best = Course(seconds), [np.inf]
    took = Tuner.took

    def watched(self: Tuner, attempt: object, execution: object) -> None:
        took(self, attempt, execution)
        record = attempt.record
        path = self.networks.path(record.trial_id)
        value = record.metrics.get("val_log_loss", np.inf)
        if path.exists() and value < best[0]:
            best[0] = value
            model = self.networks.model(record)
            course.score(lambda: accuracy(lambda part: model(part, training=False), xt, yt))
            self.job.clock.resume(-course.scoring)  # the clock of the search stands still, too

    Tuner.took = watched
    clf = kn.ImageClassifier(budget=seconds, seed=0, verbose=0).fit(x, y)
    final = float(clf.score(xt, yt))
    return {"points": course.points, "final": final, "took": course.spent}


def accuracy(answer: object, x: np.ndarray, y: np.ndarray, size: int = 250) -> float:
    parts = range(0, len(x), size)
    found = [np.asarray(answer(x[i : i + size])).argmax(axis=1) for i in parts]
    return float((np.concatenate(found) == y).mean())


def autokeras(data: tuple[np.ndarray, ...], seconds: float) -> dict:
    """Ends with its process when the time is up; what it had scored by then is on its output."""
    import autokeras as ak
    import keras
    from autokeras.pipeline import load_pipeline

    x, y, xt, yt = data
    x, xt = (a[..., None] if a.ndim == 3 else a for a in (x, xt))
    course = Course(seconds)
    clf = ak.ImageClassifier(max_trials=100, overwrite=True, seed=1)
    end = clf.tuner.on_trial_end
    best = [np.inf]

    def ended(trial: object) -> None:
        end(trial)
        if trial.score is not None and trial.score < best[0]:
            best[0] = trial.score
            model = clf.tuner.get_best_model()
            # That of the best trial is written only when the search has ended.
            pipeline = load_pipeline(clf.tuner._pipeline_path(trial.trial_id))

            def right() -> float:
                set_ = pipeline.transform_x(xt)
                answers = model.predict(set_, verbose=0)
                answers = answers[0] if isinstance(answers, list) else answers
                return float((answers.argmax(axis=1) == yt).mean())

            course.score(right)
            print("POINT", json.dumps(course.points[-1]), flush=True)

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            if course.spent > seconds:
                os._exit(0)

    clf.tuner.on_trial_end = ended
    clf.fit(x, y.astype(str), epochs=None, callbacks=[Watch()], verbose=0)
    return {"points": course.points, "final": course.points[-1][1], "took": course.spent}


def hyperband(data: tuple[np.ndarray, ...], seconds: float) -> dict:
    import keras
    import keras_tuner

    x, y, xt, yt = data
    x, xt = (a[..., None] if a.ndim == 3 else a for a in (x, xt))
    course, best = Course(seconds), [-np.inf]

    class Timed(keras_tuner.Hyperband):
        def on_trial_end(self, trial: object) -> None:
            super().on_trial_end(trial)
            if trial.score is not None and trial.score > best[0]:
                best[0] = trial.score
                model = self.load_model(trial)
                course.score(lambda: accuracy(lambda p: model(p, training=False), xt, yt))
                print("POINT", json.dumps(course.points[-1]), flush=True)

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            if course.spent > seconds:
                os._exit(0)

    space = keras_tuner.applications.HyperResNet(input_shape=x.shape[1:], classes=10)
    with tempfile.TemporaryDirectory() as folder:
        tuner = Timed(
            space,
            objective="val_accuracy",
            max_epochs=20,
            seed=1000,
            directory=folder,
        )
        held = len(x) // 5
        hot = keras.utils.to_categorical(y, 10)
        tuner.search(
            x[held:],
            hot[held:],
            validation_data=(x[:held], hot[:held]),
            callbacks=[Watch()],
            verbose=0,
        )
    return {"points": course.points, "final": course.points[-1][1], "took": course.spent}


def memory(trials: int) -> None:
    """Memory of the process over short trials of all families on digits.

    The same trials run twice: what the second time adds is not owed to a larger model.
    """
    import kerasnas as kn
    from kerasnas.data.room import resident_bytes
    from kerasnas.trial import Tuner

    took, held, recent = Tuner.took, [], []

    def watched(self: Tuner, attempt: object, execution: object) -> None:
        took(self, attempt, execution)
        recent.append(str(attempt.hp.get("family")))
        self._memory.after_trial()
        held.append(resident_bytes() / 2**20)
        if len(held) % 5 == 0:
            families = " ".join(recent[-5:])
            print(f"after {len(held):>3} trials {held[-1]:.0f} MB  ({families})", flush=True)

    Tuner.took = watched
    x, y, _, _ = load("digits", None)
    budget = kn.Budget(trials=trials, epochs=1)
    for _ in range(2):
        clf = kn.ImageClassifier(
            budget=budget, oracle="random", ensemble=False, folds=False, seed=0, verbose=0
        )
        clf.fit(x, y)


def small(data: tuple[np.ndarray, ...], seconds: float, picture: Path, limit: int = 20_000) -> None:
    """Accuracy and parameters at once, within a limit of parameters."""
    import matplotlib

    matplotlib.use("Agg")
    import kerasnas as kn

    x, y, xt, yt = data
    begin = time.monotonic()
    clf = kn.ImageClassifier(
        objective=["val_accuracy", kn.Objective("params", "min")],
        constraints=[kn.Constraint("params", max=limit)],
        budget=seconds,
        ensemble=False,
        seed=0,
        verbose=0,
    ).fit(x, y)
    took = time.monotonic() - begin
    rows = clf.leaderboard(full=True)
    rows = rows[(rows["kind"] == "trial") & (rows["status"] == "COMPLETED")]
    columns = ["trial_id", "val_accuracy", "params", "seconds", "on_front"]
    print(rows.sort_values("params")[columns].to_string(index=False))
    beyond = int((rows["params"] > limit).sum())
    params = clf.export_model().count_params()
    print(
        f"{len(rows)} models, {beyond} beyond {limit:,} parameters; {took:.0f} s; "
        f"test accuracy {clf.score(xt, yt):.4f} with {params:,} parameters"
    )
    kn.plots.pareto_front(clf).figure.savefig(picture, dpi=150, bbox_inches="tight")


CONTESTANTS = {"kerasnas": kerasnas, "autokeras": autokeras, "hyperband": hyperband}


def in_a_process(python: str, who: str, name: str, folder: Path | None, seconds: float) -> dict:
    command = [python, __file__, "--one", who, name, str(seconds)]
    if folder is not None:
        command += ["--data", str(folder)]
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            command,
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
            timeout=3 * seconds + 600,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    lines = done.stdout.splitlines()
    results = [line for line in lines if line.startswith("RESULT ")]
    if results:
        return json.loads(results[-1].removeprefix("RESULT "))
    points = [json.loads(li.removeprefix("POINT ")) for li in lines if li.startswith("POINT ")]
    if not points:
        print(f"{who} gave no model in {seconds:.0f} s on {name}: {done.stderr.strip()[-300:]}")
    return {"points": points, "final": points[-1][1] if points else float("nan"), "took": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with mnist_t10k.npz and cifar10_10k.npz")
    parser.add_argument("--sets", nargs="*", default=["digits", "mnist"], choices=SETS)
    parser.add_argument("--budget", type=float, help="seconds, instead of 60, 300 and 1200")
    parser.add_argument("--autokeras", help="Python of an environment with AutoKeras")
    parser.add_argument("--hyperband", action="store_true", help="run stock Hyperband, too")
    parser.add_argument("--memory", type=int, help="trials; measures memory instead")
    parser.add_argument("--small", type=Path, help="picture; searches small networks instead")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        memory(given.memory)
        return
    if given.small:
        small(load("mnist", given.data), given.budget or 480.0, given.small)
        return
    if given.one:
        who, name, seconds = given.one
        result = CONTESTANTS[who](load(name, given.data), float(seconds))
        print("RESULT " + json.dumps(result))
        return
    folder = given.data.resolve() if given.data else None
    pythons = {"kerasnas": sys.executable}
    if given.hyperband:
        pythons["hyperband"] = sys.executable
    if given.autokeras:
        pythons["autokeras"] = given.autokeras
    for name in given.sets:
        seconds = given.budget or SETS[name]
        found = {
            who: in_a_process(python, who, name, folder, seconds) for who, python in pythons.items()
        }
        for who, result in found.items():
            course = ", ".join(f"{at:.0f} s {value:.4f}" for at, value in result["points"])
            print(f"{name:<8}{who:<10}{result['final']:.4f} in {result['took']:.0f} s  ({course})")
        ours = found["kerasnas"]
        if "autokeras" in found and found["autokeras"]["points"]:
            theirs = found["autokeras"]["points"]
            best = max(value for _, value in theirs)
            when = min(at for at, value in theirs if value == best)
            mine = [at for at, value in ours["points"] if value >= best]
            said = f"{mine[0]:.0f} s" if mine else "not reached"
            print(f"{name:<8}AutoKeras's best {best:.4f} took it {when:.0f} s, kerasnas {said}")
        good = ours["final"] >= WANTED[name]
        print(f"{name:<8}wanted {WANTED[name]}: {'reached' if good else 'NOT reached'}", flush=True)


if __name__ == "__main__":
    main()
