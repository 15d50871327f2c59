"""Arrays of strings of any length as two arrays of numbers, which files and shared memory hold."""

from __future__ import annotations

from typing import Any

import numpy as np

_SURROGATES = "surrogatepass"  # a string of Python may hold what UTF-8 has no place for


def is_strings(array: np.ndarray) -> bool:
    """Whether an array of objects holds texts alone, or bytes alone."""
    kinds = {type(cell) for cell in array.flat}
    return kinds == {str} or kinds == {bytes}


def packed(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of all strings in one row, and where each string ends.

    Args:
        array: Objects of any shape, all of them `str` or all of them `bytes`.

    Returns:
        The bytes, uint8 of shape `(total,)`, and the ends, int64 of the shape of `array`.
    """
    cells = [_as_bytes(cell) for cell in array.flat]
    ends = np.cumsum([len(cell) for cell in cells], dtype="int64").reshape(array.shape)
    return np.frombuffer(b"".join(cells), "uint8"), ends


def unpacked(joined: np.ndarray, ends: np.ndarray, *, texts: bool) -> np.ndarray:
    """The strings again, as objects of the shape of `ends`.

    Args:
        joined: The bytes, as `packed` gives them.
        ends: The ends, as `packed` gives them.
        texts: Whether the strings were `str` rather than `bytes`.
    """
    whole, last = joined.tobytes(), ends.reshape(-1)
    strings = np.empty(last.shape, dtype=object)
    first = 0
    for place, end in enumerate(last.tolist()):
        cell = whole[first:end]
        strings[place] = cell.decode("utf-8", _SURROGATES) if texts else cell
        first = end
    return strings.reshape(ends.shape)


def _as_bytes(cell: Any) -> bytes:
    return cell.encode("utf-8", _SURROGATES) if isinstance(cell, str) else cell
