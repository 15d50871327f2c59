"""What other processes need of this one, and whether they can have it."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import FrameType
from typing import Any

import tensorflow as tf

from kerasnas.errors import SearchSpaceError

_MAIN = "__main__"
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Variables by which TensorFlow, OpenMP and BLAS are told their threads when they are loaded."""

_GPUS = "CUDA_VISIBLE_DEVICES"


def check_sendable(sent: Mapping[str, Any]) -> None:
    """Whether objects of the user can be sent to a process that begins anew.

    Args:
        sent: The objects, by the name of the argument that they were given as.

    Raises:
        SearchSpaceError: If one cannot.
    """
    for name, thing in sent.items():
        try:
            message = bytes(ForkingPickler.dumps(thing))
        except Exception as error:  # whatever the attributes of an object raise
            raise not_sendable(name, str(error)) from error
        if _MAIN.encode() in message and _main_file() is None:
            raise SearchSpaceError(
                f"`{name}` is defined in this session, where other processes cannot import it. "
                "Write it into a file, such as `my_model.py`, and `from my_model import ...`, or "
                "pass `executor='inline'`."
            )


def not_sendable(name: str, reason: str) -> SearchSpaceError:
    """The error about an argument that no other process can have."""
    return SearchSpaceError(
        f"`{name}` cannot be sent to another process: {reason}. Define its functions and classes "
        "at the top level of a module, without `lambda`, or pass `executor='inline'`."
    )


def check_guarded() -> None:
    """Whether the script that runs can be imported by other processes without running again.

    Raises:
        SearchSpaceError: If its search stands outside of `if __name__ == "__main__":`.
    """
    path = _main_file()
    line = None if path is None else _line_in(path)
    if path is not None and line is not None and not _is_guarded(path, line):
        raise SearchSpaceError(
            "`executor='process'` has every worker import the script that runs, and line "
            f"{line} of '{path.name}' would begin the search again there. Write "
            '`if __name__ == "__main__":` above that line, and move the line and what follows '
            "into this block."
        )


def variables(threads: int, gpu: str | None = None) -> dict[str, str]:
    """The environment of a worker.

    Args:
        threads: Threads of TensorFlow, OpenMP and BLAS.
        gpu: The GPU that the worker sees, empty for none; `None` leaves that to others.
    """
    told = dict.fromkeys(_THREADS, str(threads))
    for name, value in {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}.items():
        told[name] = os.environ.get(name, value)
    return told if gpu is None else {**told, _GPUS: gpu}


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that TensorFlow sees, as `CUDA_VISIBLE_DEVICES` names them."""
    count = len(tf.config.list_physical_devices("GPU"))
    named = [name.strip() for name in os.environ.get(_GPUS, "").split(",") if name.strip()]
    return tuple((named or list(map(str, range(count))))[:count])


@contextmanager
def environment(told: Mapping[str, str]) -> Iterator[None]:
    """Inside, processes are started that have these variables."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _main_file() -> Path | None:
    """The script that runs; `None` in an interactive session."""
    try:
        file = sys.modules[_MAIN].__file__
    except (KeyError, AttributeError):
        return None
    return None if file is None else Path(file).absolute()


def _line_in(path: Path) -> int | None:
    """The line of a script that is being run at its top level; `None` where there is none."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if code.co_name == "<module>" and Path(code.co_filename).absolute() == path:
            return frame.f_lineno
        frame = frame.f_back
    return None


def _is_guarded(path: Path, line: int) -> bool:
    """Whether a line of a script stands in an `if` that asks for `__name__`."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True  # nobody can tell
    return any(
        isinstance(node, ast.If)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test))
        for node in tree.body
    )
