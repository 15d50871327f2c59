"""Tables in files as `fit` takes them: as many rows as the memory holds, drawn at random."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.named_columns import named_in
from kerasnas.data.room import most_bytes, resident_bytes
from kerasnas.data.stored_tables import Drawn, StoredTable
from kerasnas.errors import BudgetError, SchemaError
from kerasnas.journal import begun_in
from kerasnas.problem.given import Given

log = logging.getLogger("kerasnas")

DRAWN = "drawn"
"""What the identity of a search calls the numbers of rows that were drawn for it."""

_FOR_VALIDATION = 0.2  # of the room, for the rows of `validation_data` that are in files too
_FIXED_BYTES = 600 * 2**20  # of graphs, trees and the best models, however few rows there are
_CELL_BYTES = 60  # of a value as networks and trees see it, copies included

COPIES = 5
"""Bytes that a fit holds for each byte of a row of a table (`benchmarks/streaming.py tables`)."""
COPIES_OF_TEXT = 130
"""The same for texts, whose terms are held with their places (`benchmarks/streaming.py texts`)."""


@dataclass(frozen=True, eq=False)
class LoadedTables:
    """The data of `fit`, in memory.

    Attributes:
        given: What the user gives, with rows in the place of files.
        identity: What tells these rows from those of another draw.
        rest: The rows to fit on that were left in files; `None` where there are none.
        notes: What was left in files, and what can be done about it, as sentences.
    """

    given: Given
    identity: Mapping[str, Any] = field(default_factory=dict)
    rest: RestOfRows | None = None
    notes: Sequence[tuple[str, str]] = ()

    def say(self, use: str = "The others are not used.") -> None:
        """Warns of what was left in files.

        Args:
            use: What the rows are used for, as a sentence.
        """
        for note in self.notes:
            log.warning("%s %s %s", note[0], use, note[1])


@dataclass(frozen=True, eq=False)
class RestOfRows:
    """The rows of a table in files without those that were drawn.

    Attributes:
        table: The table.
        drawn: What was drawn.
        target: The column of targets; empty where these are not one column alone.
    """

    table: StoredTable
    drawn: Drawn
    target: str

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.drawn.total - len(self.drawn.places)

    def frames(self) -> Iterator[pd.DataFrame]:
        """The rows as tables, part by part."""
        start, places = 0, self.drawn.places
        for frame in self.table.frames():
            stop = start + len(frame)
            left = np.ones(len(frame), dtype=bool)
            left[places[np.searchsorted(places, start) : np.searchsorted(places, stop)] - start] = 0
            yield frame[left]
            start = stop


def load_tables(
    given: Given,
    stored: Callable[[Any], Any],
    memory: Any,
    directory: Any,
    copies: int = COPIES,
) -> LoadedTables:
    """Loads what is in files; everything else stays as it is.

    Args:
        given: What the user gives to `fit`. With a table in files, targets, weights and groups have
            to be names of its columns.
        stored: Gives a `StoredTable` for inputs in files, and other inputs as they are.
        memory: The argument `memory`.
        directory: A search that has begun there goes on with as many rows.
        copies: Bytes that a fit holds for each byte of a row as it was read.

    Raises:
        BudgetError: If `memory` cannot be read, or is less than a fit takes.
        SchemaError: If files cannot be read, or an argument does not name a column.
    """
    x, further = stored(given.x), given.validation_data
    held_out, *others = further if isinstance(further, tuple) and further else [further]
    held_out = stored(held_out)
    apart = isinstance(held_out, StoredTable)
    room = most_bytes(memory) - resident_bytes()
    begun = begun_in(directory).get(DRAWN, {})
    identity, notes, rest = dict[str, int](), list[tuple[str, str]](), None

    def drawn(table: StoredTable, name: str, share: float) -> Drawn:
        def most(first: pd.DataFrame) -> int:
            return begun.get(name) or _most(first, share * room, copies)

        found = table.draw(most, given.seed)
        identity[name] = len(found.frame)
        if len(found.frame) < found.total:
            notes.append(_note(table, found, most_bytes(memory)))
        return found

    if isinstance(x, StoredTable):
        table, some = x, drawn(x, "x", 1.0 - _FOR_VALIDATION if apart else 1.0)
        x = some.frame
        named = {"y": given.y, "sample_weight": given.sample_weight, "groups": given.groups}
        _check_names(x, named)
        alone = [value for value in named.values() if value is not None]
        target = alone[0] if len(alone) == 1 and isinstance(alone[0], str) else ""
        rest = RestOfRows(table, some, target) if notes else None
    if apart:
        held_out = drawn(held_out, "validation_data", _FOR_VALIDATION).frame
    further = (held_out, *others) if isinstance(further, tuple) and further else held_out
    given = replace(given, x=x, validation_data=further)
    return LoadedTables(given, {DRAWN: identity} if identity else {}, rest, notes)


def rows_for(frame: pd.DataFrame, room: float, copies: int = COPIES) -> int:
    """How many rows such as these a fit has room for.

    Args:
        frame: The first rows of a table.
        room: Bytes.
        copies: As in `load_tables`.
    """
    read = frame.memory_usage(deep=True, index=False).sum() / len(frame)
    return int((room - _FIXED_BYTES) / (copies * read + _CELL_BYTES * frame.shape[1]))


def _most(first: pd.DataFrame, room: float, copies: int) -> int:
    """The number of rows that there is room for.

    Raises:
        BudgetError: If there is none.
    """
    found = rows_for(first, room, copies)
    if found < 1:
        raise BudgetError(
            f"`memory` leaves no room for rows: this process holds {resident_bytes() / 1e9:.1f} GB "
            f"already, and a fit takes {_FIXED_BYTES / 1e9:.1f} GB beside its rows. Pass "
            '`memory="4GB"` or more.'
        )
    return found


def _note(table: StoredTable, drawn: Drawn, ceiling: int) -> tuple[str, str]:
    """What is left in files, and what can be done about it."""
    more = max(2, 2 * ceiling // 10**9)
    return (
        f"{len(drawn.frame):,} of the {drawn.total:,} rows of {table.name} are in memory, drawn at "
        f"random: more do not fit into {ceiling / 1e9:.1f} GB.",
        f'Pass `memory="{more}GB"` for more.',
    )


def _check_names(frame: pd.DataFrame, named: Mapping[str, Any]) -> None:
    """Whether targets, weights and groups are named: values of all rows fit no sample."""
    for argument, value in named.items():
        if value is not None and not isinstance(value, str) and not named_in(frame, value):
            raise SchemaError(
                f"`{argument}` is {type(value).__name__}, expected the name of a column, because "
                f'`x` is in files. Pass a name such as `{argument}="{frame.columns[-1]}"`.'
            )
