"""What the inputs of all modalities have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from kerasnas.assembly import Fronts
from kerasnas.data import Reader
from kerasnas.data.stored import StoredRows
from kerasnas.problem.view import no_latency


@dataclass(frozen=True, eq=False)
class RawRows:
    """All rows of one input, read and checked: those to fit on, then those to validate with.

    Attributes:
        reader: Reads new data as it read these.
        data: The rows, as `reader.take` takes them.
        given: Number of rows to fit on; those of `validation_data` follow.
        total: Number of all rows.
        kept: Places in `x` of the rows to fit on; `None` for all of them.
        broken: Names of the files that were left out because nobody can read them.
        there: For every row whether it has anything; `None` where all rows have.
    """

    reader: Reader
    data: Any
    given: int
    total: int
    kept: np.ndarray | None = None
    broken: Sequence[str] = ()
    there: np.ndarray | None = None

    @property
    def asked(self) -> int:
        """Number of rows in `x`, with those that were left out."""
        return self.given + len(self.broken)


@dataclass(frozen=True, eq=False)
class Form:
    """One form of all rows for a network to train on, and the graph from raw data to it.

    Attributes:
        data: Array or structure of arrays with one leading axis of rows: what a network takes.
        front: The graph in front of the network, or the graphs by input. It holds no rows.
        ragged: Whether a batch is only as long as its longest row.
        facts: What a network has to know of the form beside its data, such as the number of terms.
        latency_ms: Measures the latency of one row in `front`.
        streamed: The training rows, in the place of those of `data`, where there are more of them
            than fit into memory: inputs and targets as networks learn them.
    """

    data: Any
    front: Fronts
    ragged: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    latency_ms: Callable[[], float] = no_latency
    streamed: tuple[StoredRows, np.ndarray] | None = None

    def take(self, index: np.ndarray) -> Any:
        """Some rows, in the structure of `data`."""
        return tf.nest.map_structure(lambda a: a[index], self.data)


class FittedInput(Protocol):
    """One input that has seen its training rows."""

    @property
    def reader(self) -> Reader:
        """Reads new data; a frozen value that a file can hold."""

    @property
    def raw(self) -> Any:
        """All rows as `reader.take` takes them."""

    def form(self, key: Any) -> Form:
        """All rows in one form. Each call makes it anew.

        Args:
            key: The form: a hashable value of the modality.
        """


class Input(Protocol):
    """Raw data of one modality."""

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Reads and checks raw data.

        Args:
            x: Rows given to `fit`, of any kind that the modality takes.
            further: Rows to validate with, which follow, or `None`.

        Raises:
            SchemaError: If the data cannot be used; all problems at once.
        """

    def fit(self, raw: RawRows, train: np.ndarray) -> FittedInput:
        """Learns what the forms need.

        Args:
            raw: As `read` gives them.
            train: Indices of the training rows, the only ones that are learnt from.
        """
