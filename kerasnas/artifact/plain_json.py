"""JSON from anybody: its depth and the number of its values are known before it is parsed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kerasnas.artifact.unfit import Unfit

_MOST_DEPTH = 100  # 16 in the file of a table, up to 30 with an ensemble of folds
_MOST_VALUES = 1_000_000  # 135,000 in the file of 2,000 columns; a value takes 100 bytes or so


def parse_json(data: bytes, name: str) -> Any:
    """What a member holds.

    Raises:
        Unfit: If it is no JSON as Python writes it, or is too deep or too large.
    """
    if not data.isascii():
        raise Unfit(f"is damaged: '{name}' cannot be read (it is not plain ASCII).")
    marks = _outside_strings(data)
    if sum(np.count_nonzero(marks == mark) for mark in b"[{,:") > _MOST_VALUES:
        raise Unfit(f"is damaged: '{name}' holds more than {_MOST_VALUES:,} values.")
    if _depth(marks) > _MOST_DEPTH:
        raise Unfit(f"is damaged: '{name}' is nested more than {_MOST_DEPTH} deep.")
    try:
        return json.loads(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise Unfit(f"is damaged: '{name}' cannot be read ({error}).") from error


def _outside_strings(data: bytes) -> np.ndarray:
    """The characters outside strings, in a few passes and without an object for each of them."""
    # Of a row of backslashes only an odd one out escapes what follows.
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = np.frombuffer(data, dtype=np.uint8)
    # Counted modulo 256, which leaves odd numbers odd.
    inside = np.cumsum(signs == ord('"'), dtype=np.uint8) & 1
    return signs[inside == 0]


def _depth(signs: np.ndarray) -> int:
    opening = (signs == ord("[")) | (signs == ord("{"))
    closing = (signs == ord("]")) | (signs == ord("}"))
    steps = opening[opening | closing].astype(np.int32) * 2 - 1
    return int(np.cumsum(steps).max(initial=0))
