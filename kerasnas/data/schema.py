"""What is known about the columns of a table: a frozen, JSON-able value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

import pandas as pd

from kerasnas.data.names import did_you_mean, quoted
from kerasnas.data.written import Written, WrittenDates, written_from_json, written_to_json
from kerasnas.errors import SchemaError, UnknownColumnError

Kind = Literal["numeric", "boolean", "categorical", "datetime", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What columns rarely have: a file holds it only where it differs from these.
_RARE: dict[str, Any] = {
    "written": None,
    "exact": False,
    "lossy": False,
    "note": None,
    "examples": [],
}


@dataclass(frozen=True)
class Column:
    """One column of a table as the model sees it.

    Attributes:
        name: the column's name.
        kind: how the model reads it; one of `KINDS`. A kind is about content, a dtype is not.
        dtype: how the user's column is typed, as pandas writes it ("float64", "str", ...).
        reason: one sentence saying why this kind was chosen.
        dropped: why the model does not use the column, or None if it does.
        written: how numbers or dates are written, where that is not plainly; None else.
        exact: whether it holds whole numbers that float32 would merge; the model takes them as
            int64, missing = -2**63.
        lossy: whether it holds numbers that differ by less than float32 can tell apart.
        note: what a user should look at, as a sentence without its subject; None for nothing.
        examples: some categories of a column of strings, to know values of another type by.
    """

    name: str
    kind: Kind
    dtype: str
    reason: str
    dropped: str | None = None
    written: Written | None = None
    exact: bool = False
    lossy: bool = False
    note: str | None = None
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "examples", tuple(self.examples))
        if not all(isinstance(text, str) for text in self.examples):
            raise SchemaError(f"Column `examples` must be strings, got {self.examples!r}.")
        for field in ("name", "dtype", "reason"):
            value = getattr(self, field)
            if not isinstance(value, str):
                raise SchemaError(f"Column `{field}` must be a string, got {value!r}.")
        if self.kind not in KINDS:
            raise SchemaError(unknown_kind(self.name, self.kind))
        if self.dropped is not None and not isinstance(self.dropped, str):
            raise SchemaError(f"Column `dropped` must be a string or None, got {self.dropped!r}.")
        if self.note is not None and not isinstance(self.note, str):
            raise SchemaError(f"Column `note` must be a string or None, got {self.note!r}.")
        if not isinstance(self.lossy, bool):
            raise SchemaError(f"Column `lossy` must be True or False, got {self.lossy!r}.")
        if not isinstance(self.exact, bool) or (self.exact and self.kind != "numeric"):
            raise SchemaError(f"Column `exact` must be True for whole numbers, got {self.exact!r}.")
        dates = isinstance(self.written, WrittenDates)
        if self.written is not None and self.kind != ("datetime" if dates else "numeric"):
            raise SchemaError(f"A {self.kind} column cannot be written as {self.written!r}.")

    @property
    def holds_strings(self) -> bool:
        """Whether the user's column is typed as strings."""
        return self.dtype in ("str", "object", "string")


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in the user's order, including those the model does not use.

    Attributes:
        columns: one `Column` each; names are unique.
        named: False when the table came as a plain array or list of rows, so that names are
            only positions ("x0", "x1", ...).
    """

    columns: tuple[Column, ...]
    named: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        for column in self.columns:
            if not isinstance(column, Column):
                raise SchemaError(f"`columns` must hold Column values, got {column!r}.")
        if not isinstance(self.named, bool):
            raise SchemaError(f"`named` must be True or False, got {self.named!r}.")
        doubled = [name for name, times in Counter(self.names).items() if times > 1]
        if doubled:
            raise SchemaError(f"A schema names {quoted(sorted(doubled))} more than once.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, dropped ones included."""
        return tuple(column.name for column in self.columns)

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that the model takes."""
        return tuple(column for column in self.columns if column.dropped is None)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownColumnError(
            f"No column `{name}` in the schema{did_you_mean(name, self.names)}."
        )

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return len(self.columns)

    def explain(self) -> pd.DataFrame:
        """Return one row a column: name, kind, dtype, used (bool) and reason."""
        return pd.DataFrame(
            {
                "name": [column.name for column in self.columns],
                "kind": [column.kind for column in self.columns],
                "dtype": [column.dtype for column in self.columns],
                "used": [column.dropped is None for column in self.columns],
                "reason": [_explained(column) for column in self.columns],
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Return the schema as plain dicts, lists, strings, booleans and None."""
        columns = []
        for column in self.columns:
            content = {field.name: getattr(column, field.name) for field in fields(Column)}
            content["written"] = written_to_json(column.written)
            content["examples"] = list(column.examples)
            columns.append({k: v for k, v in content.items() if k not in _RARE or v != _RARE[k]})
        return {"named": self.named, "columns": columns}

    @classmethod
    def from_json(cls, content: Any) -> "Schema":
        """Return the schema that `to_json` wrote.

        Args:
            content: a dict as `to_json` returns it.

        Raises:
            SchemaError: `content` is anything else.
        """
        _check_keys(content, {"named", "columns"}, "A schema")
        if not isinstance(content["columns"], list):
            raise SchemaError(
                f"A schema's `columns` must be a list, got {type(content['columns']).__name__}."
            )
        expected = {field.name for field in fields(Column)}
        columns = []
        for column in content["columns"]:
            if isinstance(column, Mapping):
                column = {**_RARE, **column}
            _check_keys(column, expected, "A schema's column")
            columns.append(Column(**{**column, "written": written_from_json(column["written"])}))
        return cls(tuple(columns), content["named"])


def _explained(column: Column) -> str:
    """Why a column is read as it is, or why it is not used."""
    note = f" It {noted(column)}." if column.note is not None else ""
    used = column.reason if column.dropped is None else f"Not used: {column.dropped}."
    return used + note


def noted(column: Column) -> str:
    """The note of a column, with its name in the line to type; empty for none."""
    return (column.note or "").replace("{...:", f"{{{column.name!r}:")


def unknown_kind(name: str, kind: object) -> str:
    """Return the sentence that refuses `kind` for column `name`."""
    hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else ""
    return f"`{name}` is given the kind {kind!r}{hint}; expected one of {', '.join(KINDS)}."


def _check_keys(content: Any, expected: set[str], what: str) -> None:
    if not isinstance(content, Mapping):
        raise SchemaError(f"{what} must be a dict, got {type(content).__name__}.")
    if set(content) != expected:
        raise SchemaError(
            f"{what} must have exactly the keys {', '.join(sorted(expected))}, got "
            f"{', '.join(sorted(map(repr, content))) or 'none'}."
        )
