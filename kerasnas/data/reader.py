"""What a modality knows about its input: how to read new data, how to call the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

_CHUNK = 4096  # rows of one call
_BLOCK = 64  # what their number is rounded up to


class Reader(Protocol):
    """The form of one kind of input, learnt in `fit`; a frozen value that a file can hold."""

    def read(self, x: Any, estimator: str = "the model") -> Any:
        """Checks new data against what `fit` saw.

        Args:
            x: What the user hands to `predict`.
            estimator: The name to use in errors and warnings.

        Returns:
            Raw data of all rows, in any form that `batches` takes.

        Raises:
            SchemaError: If the data do not fit; all problems at once.
        """

    def take(self, raw: Any, index: np.ndarray) -> Any:
        """Some rows of raw data.

        Args:
            raw: As `read` returns them.
            index: Which rows, in which order.

        Returns:
            These rows in a form that `batches` takes.
        """

    def batches(self, raw: Any) -> Iterator[tuple[np.ndarray, Any]]:
        """Inputs of the exported model, call by call.

        Yields:
            Indices of the rows answered, and what the model is called with: NumPy arrays in the
            structure of `model.input`, of at least as many rows; answers beyond are not looked at.
        """

    def probe(self) -> Any:
        """A few typical and a few odd rows in the structure of `model.input`."""

    def to_json(self) -> dict[str, Any]:
        """The reader as plain dicts, lists and scalars."""

    @classmethod
    def from_json(cls, content: Any) -> Reader:
        """The reader that `to_json` wrote; `SchemaError` for anything else."""


def chunks(rows: int, size: int = _CHUNK, block: int = _BLOCK) -> Iterator[np.ndarray]:
    """Indices of rows, at most `size` a call, filled up with the last row to whole blocks.

    Whole blocks: a row gets the same answer alone as in company, to the last bit, where matrix
    products of another shape would round differently.
    """
    for start in range(0, rows, size):
        stop = min(start + size, rows)
        filled = start + -(-(stop - start) // block) * block
        yield np.minimum(np.arange(start, filled), rows - 1)
