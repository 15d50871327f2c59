"""Short digests of data and of settings, to recognise the same ones again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from kerasnas.data.room import blocks
from kerasnas.data.stored import StoredRows


def fingerprint(*data: Any) -> str:
    """A short digest of arrays, to recognise the same data again."""
    digest = hashlib.sha256()
    for array in tf.nest.flatten(data):
        if array is None:
            continue
        values = array if isinstance(array, StoredRows) else np.ascontiguousarray(array)
        digest.update(f"{values.shape}{values.dtype}".encode())
        if isinstance(values, np.ndarray) and values.dtype == object:
            for value in values.ravel():
                text = _text_of_cell(value).encode()
                digest.update(b"%d:%b" % (len(text), text))
        else:
            for part in blocks(values):
                digest.update(values[part].tobytes())
    return digest.hexdigest()[:16]


def _text_of_cell(value: Any) -> str:
    """All that a cell holds, as text: NumPy and pandas shorten the text of what is long."""
    if isinstance(value, pd.Series | pd.DataFrame):
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        return fingerprint(value)
    if isinstance(value, Mapping):
        return repr({str(key): _text_of_cell(part) for key, part in value.items()})
    if isinstance(value, list | tuple):
        return repr([_text_of_cell(part) for part in value])
    return repr(value)


def digest_of(content: Any) -> str:
    """A short digest of what JSON can hold; other objects count by their text."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
