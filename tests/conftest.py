"""What all tests share.

TensorFlow reads its thread counts and log level once, when it is imported: they are set here,
before any test module is. Values that are already set win.
"""

import os
from pathlib import Path

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
