"""What a script of a user prints beside what it asks for: nothing."""

import os
import subprocess
import sys
import textwrap

import pytest

from kerasnas import quiet
from kerasnas.trial.executors import spawning

SCRIPT = """
    import kerasnas as kn
    import numpy as np

    x = np.random.default_rng(0).normal(size=(60, 2))
    clf = kn.TabularClassifier(budget=kn.Budget(trials=1), folds=False, seed=0, verbose=0)
    clf.fit(x, (x[:, 0] + x[:, 1] ** 2 > 0).astype(int)).predict(x)
    print("done")
"""
LOUD = """
    import os
    from kerasnas import quiet

    quiet.import_module = lambda name: os.write(2, b"I0000 00:00:17 port.cc:1] one\\nyours\\n")
    quiet.import_tensorflow()
"""


def ran(script: str, **variables: str) -> subprocess.CompletedProcess:
    unset = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP")}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        env={**unset, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_fit_and_predict_print_nothing_of_tensorflow():
    done = ran(SCRIPT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
    assert done.stderr == ""  # with `verbose=0` not even that no model beats the best baseline


def test_lines_of_others_are_printed():
    done = ran(LOUD)
    assert (done.returncode, done.stderr) == (0, "yours\n")


@pytest.mark.parametrize(
    ("level", "printed"), [("0", ""), ("1", ""), ("2", "yours\n"), ("3", "yours\n")]
)
def test_whoever_has_set_a_level_keeps_it(level, printed):
    """On levels 0 and 1 TensorFlow is left to be imported where the user imports it, aloud."""
    script = "import os\nfrom kerasnas import quiet\n" + textwrap.dedent(LOUD)
    done = ran(script + "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])", TF_CPP_MIN_LOG_LEVEL=level)
    assert (done.stdout, done.stderr) == (f"{level}\n", printed)


@pytest.mark.parametrize(("given", "expected"), [(set(), "true"), ({"false"}, "false")])
def test_memory_of_a_gpu_is_taken_as_it_is_needed(given, expected, monkeypatch):
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    for value in given:
        monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", value)
    quiet.import_tensorflow()
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == expected
    assert spawning.variables(1)["TF_FORCE_GPU_ALLOW_GROWTH"] == expected
