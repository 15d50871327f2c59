"""What the exports to other runtimes share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras


@dataclass(frozen=True)
class Runtime:
    """A format that another runtime reads.

    Attributes:
        name: How the user calls the format.
        ending: Ending of the file; empty for a format that is a folder.
        packages: Modules that writing and checking need.
        takes_strings: Whether a graph can look up strings there.
        write: Writes a model to a path, and returns the answers of the runtime to some inputs.
        lacks: What models need that the runtime does not have, by TensorFlow's name of the
            operation, as the converter or the runtime names it in its error.
    """

    name: str
    ending: str
    packages: tuple[str, ...]
    takes_strings: bool
    write: Callable[[keras.Model, Path, Any], Any]
    lacks: Mapping[str, str] = field(default_factory=dict)
