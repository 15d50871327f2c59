"""Why a trial failed, in one line."""

from __future__ import annotations

import traceback

import tensorflow as tf


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may help."""
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)


def reason(error: BaseException) -> str:
    """Class and first line of an error, as shown in the leaderboard."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300]


def details(error: BaseException) -> str:
    """The whole traceback."""
    return "".join(traceback.format_exception(error))
