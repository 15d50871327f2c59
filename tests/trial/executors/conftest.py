"""What the tests of all executors that have workers share: the search of a user in a module."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

# A module, since worker processes import what they are sent. The first worker that builds the
# network of five units is killed by the system.
MODULE = """
import os, signal
from pathlib import Path

import keras
import numpy as np

import kerasnas as kn

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X[:, :1] - X[:, 1:2]


def build(hp):
    units = hp.Int("units", 2, 7)
    note(units)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, "relu")])
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def note(units):
    if os.environ.get("DRIVER") in (None, str(os.getpid())):
        return
    notes = Path(os.environ["NOTES"])
    (notes / f"worker-{os.getpid()}").touch()
    if units == 5 and not (notes / "killed").exists():
        (notes / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def search(**settings):
    told = {"oracle": "random", "budget": kn.Budget(trials=9, epochs=2), "seed": 0, "verbose": 0}
    data = {"x": X[:32], "y": Y[:32], "validation_data": (X[32:], Y[32:])}
    return kn.search(build, **data, **{**told, **settings})
"""

DRIVER = """
import os, sys

if __name__ == "__main__":
    os.environ["DRIVER"] = str(os.getpid())
    import kerasnas as kn
    from my_search import search

    kind, address = sys.argv[2:]
    where = {"address": address} if address else {}
    executor = getattr(kn.executors, kind)(workers=2, threads=1, **where)
    search(directory=sys.argv[1], executor=executor)
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """The module of a user, which other processes find as well, and where workers leave notes."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "my_search.py").write_text(textwrap.dedent(MODULE))
    (folder / "driver.py").write_text(textwrap.dedent(DRIVER))
    (folder / "notes").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        import my_search

        yield SimpleNamespace(module=my_search, folder=folder, notes=folder / "notes")
    sys.modules.pop("my_search")


@pytest.fixture(scope="module")
def inline(user):
    return user.module.search()


def outcomes(result):
    return {t.trial_id: (t.values, t.status, t.metrics, t.reports) for t in result.history}


def finished(directory):
    lines = (directory / "journal.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return [event["number"] for event in events if event["event"] == "finished"]


@pytest.fixture
def check_outcome(user, inline):
    """Checks that a search lost and repeated nothing, though a worker was killed."""

    def check(found, directory):
        assert (user.notes / "killed").exists()
        assert outcomes(found) == outcomes(inline)
        assert sorted(finished(directory)) == list(range(6))
        x = user.module.X
        for trial in found.history:
            if found.networks.there(trial.trial_id):
                np.testing.assert_array_equal(
                    found.networks.model(trial)(x), inline.networks.model(trial)(x)
                )
        names = {path.name for path in directory.iterdir()}
        assert names == {"journal.jsonl", "logs", "search.lock", "trials"}
        assert [*(directory / "logs").iterdir()] == []  # no trial has printed anything

    return check


@pytest.fixture
def kill_driver(user, inline):
    """Kills a driver, and checks that its workers end and that the same search goes on."""

    def kill(directory, kind, address, variables):
        known = {*user.notes.iterdir()}
        (user.notes / "killed").touch()
        driver = subprocess.Popen(
            [sys.executable, str(user.folder / "driver.py"), str(directory), kind, address],
            env={**os.environ, **variables, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=user.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        journal, said = directory / "journal.jsonl", threading.Event()
        while driver.poll() is None and not (
            journal.is_file() and journal.read_bytes().count(b'"finished"') >= 2
        ):
            said.wait(0.01)
        driver.kill()
        printed, _ = driver.communicate()
        workers = [int(p.name.removeprefix("worker-")) for p in {*user.notes.glob("w*")} - known]
        assert workers, printed
        while any(alive(worker) for worker in workers):
            said.wait(0.01)
        before = finished(directory)
        found = user.module.search(directory=directory)  # another executor goes on with it
        assert finished(directory)[: len(before)] == before
        assert sorted(finished(directory)) == list(range(6))
        assert outcomes(found) == outcomes(inline)
        return printed

    return kill


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
