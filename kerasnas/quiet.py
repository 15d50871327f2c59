"""TensorFlow, imported without what it prints on the way."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import IO

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ERRORS_ONLY = "3"  # "2" still says on machines without a GPU that there is none, as an error
_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"  # read when TensorFlow first uses a GPU
_TALKATIVE = ("0", "1")  # levels of somebody who wants to read what TensorFlow says
_OF_TENSORFLOW = re.compile(
    rb"[IWE]\d{4} |WARNING: All log messages before absl|To enable the foll"
)


def import_tensorflow() -> None:
    """Imports TensorFlow, if nobody has done so yet, and keeps it to fatal errors from then on.

    Whoever has set `TF_CPP_MIN_LOG_LEVEL` to 0 or 1 gets to see everything that TensorFlow has to
    say. A level of 2 or 3 stays as it is: TensorFlow prints its first lines in spite of it, so they
    are held back here. TensorFlow takes memory of a GPU as it needs it, instead of all of it at the
    start, unless somebody has set `TF_FORCE_GPU_ALLOW_GROWTH`.
    """
    os.environ.setdefault(_GROWTH, "true")
    if "tensorflow" in sys.modules or os.environ.get(_LEVEL) in _TALKATIVE:
        return
    os.environ.setdefault(_LEVEL, _ERRORS_ONLY)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with tempfile.TemporaryFile() as said, _standard_error_to(said):
        import_module("tensorflow")


@contextmanager
def _standard_error_to(said: IO[bytes]) -> Iterator[None]:
    """Inside, what the process writes to its standard error goes to a file.

    TensorFlow's C++ side prints some lines whatever the level is, past Python's `sys.stderr`. Lines
    that are not of this kind are printed afterwards.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # this process has no standard error
        yield
        return
    os.dup2(said.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        said.seek(0)
        others = [line for line in said.read().splitlines() if not _OF_TENSORFLOW.match(line)]
        if others:
            os.write(2, b"\n".join(others) + b"\n")
