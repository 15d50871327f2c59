"""What all tests share.

TensorFlow reads its thread counts and log level once, when it is imported: they are set here,
before any test module is. Values that are already set win.
"""

import gc
import json
import os
import random
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

for _name, _value in {
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "MPLBACKEND": "Agg",
}.items():
    os.environ.setdefault(_name, _value)


def pytest_configure(config: pytest.Config) -> None:
    """Leaves seeding to `pytest_runtest_setup`: only the order of tests is random."""
    if hasattr(config.option, "randomly_reset_seed"):
        config.option.randomly_reset_seed = False


def pytest_collection_finish() -> None:
    """Has TensorFlow run its graphs as they are traced, and collectors pass over what is there.

    To optimise a graph takes a quarter of the time of the small fits of tests. Benchmarks, the
    command line and what `test_quiet` and `test_import` start have graphs that are optimised, as a
    user's are. Keras and keras-tuner collect garbage often: to look at all objects of TensorFlow,
    which stay for ever, took a third of a second each time.
    """
    gc.collect()
    gc.freeze()
    if "tensorflow" in sys.modules:
        options = {"disable_meta_optimizer": True}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Gives weights and data that a test or its fixtures draw without a seed the same ones always.

    A test that fails for one draw in a hundred says nothing on the change that it fails for.
    """
    random.seed(0)
    np.random.seed(0)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of larger real data; tests that need it are skipped where there is none."""
    folder = os.environ.get("KERASNAS_DATA")
    if not folder:
        pytest.skip("KERASNAS_DATA names no folder of data")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"KERASNAS_DATA={folder} is not a folder")
    return path


@pytest.fixture(scope="session")
def run_script() -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs a script in a process of its own: `run_script(path, *arguments, folder=...)`.

    The process has imported Keras and TensorFlow, nothing else of weight, and has not used them.
    The answer is the exit code and what was printed, errors included.
    """
    root = Path(__file__).parents[1]
    search = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(
        [sys.executable, str(root / "tests" / "nursery.py"), "tensorflow", "keras"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
        start_new_session=True,
    )

    def run(path: Path, *arguments: object, folder: Path) -> tuple[int, str]:
        printed = folder / f"{path.stem}.printed.txt"
        task = {
            "script": str(path),
            "arguments": [str(argument) for argument in arguments],
            "folder": str(folder),
            "output": str(printed),
        }
        print(json.dumps(task), file=server.stdin, flush=True)
        ended, code = "", 0
        while ended != str(printed):  # an answer for a test that ran out of time may come first
            ended, code = json.loads(server.stdout.readline())
        return code, printed.read_text(encoding="utf-8")

    yield run
    os.killpg(server.pid, signal.SIGKILL)
    server.communicate()


@pytest.fixture(scope="session")
def keras_hub():
    """KerasHub; tests that need it are skipped where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras_hub")


@pytest.fixture(scope="session")
def presets(keras_hub, tmp_path_factory) -> dict[str, Path]:
    """Folders of a tiny BERT and a tiny DistilBERT with random weights and English pieces."""
    letters = "abcdefghijklmnopqrstuvwxyzéß"
    words = ["the", "film", "good", "bad", "great", "awful", "was", "very", "##ed", "un", "##good"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,!?'-…", "漢", *words]
    pieces += [*letters, *(f"##{c}" for c in letters)]
    rng = np.random.default_rng(0)
    found = {}
    for kind in ("Bert", "DistilBert"):
        backbone = getattr(keras_hub.models, f"{kind}Backbone")(
            vocabulary_size=len(pieces) + 3,
            num_layers=2,
            num_heads=2,
            hidden_dim=16,
            intermediate_dim=24,
            max_sequence_length=32,
        )
        for weight in backbone.weights:
            weight.assign(rng.normal(0.5 if "gamma" in weight.path else 0, 0.5, weight.shape))
        tokenizer = getattr(keras_hub.models, f"{kind}Tokenizer")(pieces, lowercase=True)
        found[kind] = tmp_path_factory.mktemp("presets") / kind.lower()
        backbone.save_to_preset(str(found[kind]))
        tokenizer.save_to_preset(str(found[kind]))
    return found
