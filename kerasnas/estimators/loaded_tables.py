"""Tables in files as `fit` takes them: as many rows as the memory holds, drawn at random."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kerasnas.data.named_columns import named_in
from kerasnas.data.room import most_bytes, resident_bytes
from kerasnas.data.stored_tables import StoredTable
from kerasnas.errors import BudgetError, SchemaError
from kerasnas.journal import begun_in

log = logging.getLogger("kerasnas")

DRAWN = "drawn"
"""What the identity of a search calls the numbers of rows that were drawn for it."""

_VALID_SHARE = 0.2  # of the room, for the rows of `validation_data` that are in files too
_FIXED_BYTES = 600 * 2**20  # of graphs, trees and the best models, however few rows there are
_COPIES = 5  # of a row as it was read, that a fit holds at the same time
_CELL_BYTES = 60  # of a value as networks and trees see it, copies included


@dataclass(frozen=True, eq=False)
class LoadedTables:
    """The inputs of `fit`, in memory.

    Attributes:
        x: Inputs.
        validation_data: As in `fit`.
        identity: What tells these rows from those of another draw.
    """

    x: Any
    validation_data: Any
    identity: Mapping[str, Any] = field(default_factory=dict)


def load_tables(
    x: Any, validation_data: Any, named: Mapping[str, Any], memory: Any, directory: Any, seed: int
) -> LoadedTables:
    """Loads what is in files; everything else stays as it is.

    Args:
        x: Inputs, a `StoredTable` where they are in files.
        validation_data: As in `fit`; its inputs likewise.
        named: Arguments that have to name columns of a table in files, by their names.
        memory: The argument `memory`.
        directory: A search that has begun there goes on with as many rows.
        seed: Seed of the draw.

    Raises:
        BudgetError: If `memory` cannot be read, or is less than a fit takes.
        SchemaError: If files cannot be read, or an argument does not name a column.
    """
    room = most_bytes(memory) - resident_bytes()
    begun = begun_in(directory).get(DRAWN, {})
    held_out, *rest = validation_data if isinstance(validation_data, tuple) else [validation_data]
    apart = isinstance(held_out, StoredTable)
    drawn: dict[str, int] = {}
    if isinstance(x, StoredTable):
        share = 1.0 - _VALID_SHARE if apart else 1.0
        x = _drawn(x, begun.get("x", 0), share * room, memory, seed)
        drawn["x"] = len(x)
        _check_names(x, named)
    if apart:
        most = begun.get("validation_data", 0)
        held_out = _drawn(held_out, most, _VALID_SHARE * room, memory, seed)
        drawn["validation_data"] = len(held_out)
    given = (held_out, *rest) if isinstance(validation_data, tuple) else held_out
    return LoadedTables(x, given, {DRAWN: drawn} if drawn else {})


def stored_inputs(validation_data: Any, stored: Callable[[Any], Any]) -> Any:
    """`validation_data` with its inputs as `stored` gives them, alone or in a tuple."""
    if isinstance(validation_data, tuple) and validation_data:
        return (stored(validation_data[0]), *validation_data[1:])
    return stored(validation_data)


def rows_for(frame: pd.DataFrame, room: float) -> int:
    """How many rows such as these a fit has room for.

    Args:
        frame: The first rows of a table.
        room: Bytes.
    """
    read = frame.memory_usage(deep=True, index=False).sum() / len(frame)
    return int((room - _FIXED_BYTES) / (_COPIES * read + _CELL_BYTES * frame.shape[1]))


def _drawn(table: StoredTable, begun: int, room: float, memory: Any, seed: int) -> pd.DataFrame:
    """As many rows as there is room for, or as a search has begun with."""

    def most(frame: pd.DataFrame) -> int:
        found = begun or rows_for(frame, room)
        if found < 1:
            held = f"{resident_bytes() / 1e9:.1f} GB"
            raise BudgetError(
                f"`memory` leaves no room for rows: this process holds {held} already, and a fit "
                f'takes {_FIXED_BYTES / 1e9:.1f} GB beside its rows. Pass `memory="4GB"` or more.'
            )
        return found

    drawn = table.draw(most, seed)
    if len(drawn.frame) < drawn.total:
        ceiling = f"{most_bytes(memory) / 1e9:.1f} GB of memory"
        log.warning(
            "%d of the %d rows of %s are used, drawn at random: more do not fit into %s. Pass "
            '`memory="%dGB"` to use more.',
            len(drawn.frame),
            drawn.total,
            table.name,
            ceiling,
            max(2, 2 * most_bytes(memory) // 10**9),
        )
    return drawn.frame


def _check_names(frame: pd.DataFrame, named: Mapping[str, Any]) -> None:
    """Whether targets, weights and groups are named: values of all rows fit no sample."""
    for argument, value in named.items():
        if value is not None and not isinstance(value, str) and not named_in(frame, value):
            raise SchemaError(
                f"`{argument}` is {type(value).__name__}, expected the name of a column, because "
                f'`x` is in files. Pass a name such as `{argument}="{frame.columns[-1]}"`.'
            )
