"""What the exports to other runtimes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Runtime:
    """A format that another runtime reads.

    Attributes:
        name: How the user calls the format.
        ending: Ending of the file; empty for a format that is a folder.
        packages: Modules that writing and checking need.
        takes_strings: Whether a graph can look up strings there.
        write: Writes a model to a path, and returns how the runtime answers to a probe.
    """

    name: str
    ending: str
    packages: tuple[str, ...]
    takes_strings: bool
    write: Callable[[keras.Model, Path], Callable[[Any], Any]]


def probe_tensors(model: keras.Model, probe: Any) -> Any:
    """A probe as the tensors that a model takes."""
    return keras.tree.map_structure(
        lambda taken, given: (
            tf.constant(np.asarray(given).tolist(), dtype=taken.dtype)
            if taken.dtype == "string"
            else tf.cast(tf.constant(given), taken.dtype)
        ),
        model.input,
        probe,
    )
