"""Rows of JSON as what an exported model takes: tables and texts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from kerasnas.data import MISSING_DATETIME, Column, Schema, TableReader, ingest
from kerasnas.data.cell_texts import text_of
from kerasnas.data.names import did_you_mean, quoted
from kerasnas.errors import SchemaError
from kerasnas.server.parsing import json_name
from kerasnas.server.refusal import Refusal

_MOST_SHOWN = 5  # problems in one sentence


@dataclass(frozen=True)
class ReadRows:
    """Rows as the model takes them.

    Attributes:
        raw: What the reader of the estimator gives.
        remarks: What the sender should know of the rows.
    """

    raw: Any
    remarks: tuple[str, ...] = ()


class RowForm(Protocol):
    """Says what a row of JSON looks like."""

    def row_schema(self) -> dict[str, Any]:
        """One row as JSON Schema."""

    def columns(self) -> list[tuple[str, str, str]]:
        """Name, kind and an example of each value of a row; a `file` is given in base64."""

    def row_of(self, values: Mapping[str, str]) -> Any:
        """The row that somebody typed into a form; an empty text is a missing value."""


class JsonReader(RowForm, Protocol):
    """Reads rows of JSON too."""

    def read(self, rows: Sequence[Any]) -> ReadRows:
        """The rows as the model takes them; `Refusal` where they do not fit."""


@dataclass(frozen=True)
class TableRows:
    """Reads rows of a table: objects by column, or lists in the order of the columns.

    Most values of JSON need no table of pandas: a number is a number. They are read at once. Texts
    in columns of numbers and dates are read as `predict` reads them.

    Attributes:
        reader: The reader of the estimator.
    """

    reader: TableReader

    def read(self, rows: Sequence[Any]) -> ReadRows:
        """Columns of shape `(rows,)` by name.

        Raises:
            Refusal: If rows are of another form, or values do not fit their column.
        """
        schema = self.reader.schema
        records = self._records(rows)
        columns = {column.name: [row[column.name] for row in records] for column in schema.used}
        raw: dict[str, Any] = {
            column.name: plain_values(column, columns[column.name]) for column in schema.used
        }
        slow = tuple(column for column in schema.used if raw[column.name] is None)
        remarks = self._ignored(records)
        if slow:
            found, told = _ingested(slow, columns)
            raw.update(found)
            remarks = (*remarks, *told)
        return ReadRows(raw, remarks)

    def row_schema(self) -> dict[str, Any]:
        """An object with a value for each column that the model uses."""
        used = self.reader.schema.used
        return {
            "type": "object",
            "required": [column.name for column in used],
            "properties": {
                column.name: {"type": _json_types(column), "description": column.reason}
                for column in used
            },
        }

    def columns(self) -> list[tuple[str, str, str]]:
        """Name, kind and a typical value of each column that the model uses."""
        found: list[tuple[str, str, str]] = []
        for column in self.reader.schema.used:
            values = [v for v in self.reader.values.get(column.name, ()) if v not in ("", None)]
            found.append((column.name, column.kind, _example(column, values)))
        return found

    def row_of(self, values: Mapping[str, str]) -> Any:
        """The row that somebody typed into a form."""
        return {c.name: values.get(c.name, "") or None for c in self.reader.schema.used}

    def _records(self, rows: Sequence[Any]) -> list[Mapping[str, Any]]:
        """The rows as objects with all columns in use; `Refusal` with all that is wrong."""
        schema, problems, records = self.reader.schema, [], []
        used = [column.name for column in schema.used]
        for place, row in enumerate(rows):
            record, problem = _record(row, schema)
            if not problem:
                problem = _misfit(record, used)
            if problem:
                problems.append(problem if len(rows) == 1 else f"row {place}: {problem}")
            records.append(record)
        if problems:
            more = len(problems) - _MOST_SHOWN
            told = "; ".join(problems[:_MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")
            raise Refusal(422, f"{told[0].upper()}{told[1:]}. Its columns are {quoted(used)}.")
        return records

    def _ignored(self, records: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        known = self.reader.schema.names
        spare = sorted({str(n)[:100] for row in records for n in row if n not in known})
        return (f"Not known to the model, and ignored: {quoted(spare)}.",) if spare else ()


@dataclass(frozen=True)
class TextRows:
    """Reads rows of texts: one text, or an object of texts by column.

    Attributes:
        reader: The reader of the estimator.
        names: Columns of texts; empty where a row is one text.
    """

    reader: Any
    names: tuple[str, ...]

    def read(self, rows: Sequence[Any]) -> ReadRows:
        """Texts as the reader of the estimator gives them.

        Raises:
            Refusal: If a row is no text.
        """
        for place, row in enumerate(rows):
            problem = self._misfit(row)
            if problem:
                raise Refusal(422, f"Row {place} {problem}.")
        if self.names:
            x: Any = pd.DataFrame({n: [row[n] for row in rows] for n in self.names}, dtype=object)
        else:
            x = list(rows)
        return ReadRows(*with_remarks(lambda: self.reader.read(x, "the model")))

    def _misfit(self, row: Any) -> str:
        """What is wrong with one row, as the end of a sentence; empty for nothing."""
        if not self.names:
            fits = row is None or isinstance(row, str)
            return "" if fits else f"is {json_name(row)}, expected a text or null"
        if not isinstance(row, Mapping):
            return f"is {json_name(row)}, expected an object with the texts {quoted(self.names)}"
        missing = [name for name in self.names if name not in row]
        if missing:
            return f"lacks the text {quoted(missing)}{did_you_mean(missing[0], list(row))}"
        odd = [n for n in self.names if not (row[n] is None or isinstance(row[n], str))]
        return f"has {json_name(row[odd[0]])} in `{odd[0]}`, expected a text or null" if odd else ""

    def row_schema(self) -> dict[str, Any]:
        """A text, or an object of texts."""
        text = {"type": ["string", "null"]}
        if not self.names:
            return text
        return {
            "type": "object",
            "required": list(self.names),
            "properties": dict.fromkeys(self.names, text),
        }

    def columns(self) -> list[tuple[str, str, str]]:
        """The texts of a row."""
        return [(name, "text", "") for name in self.names or ("text",)]

    def row_of(self, values: Mapping[str, str]) -> Any:
        """The row that somebody typed into a form."""
        if not self.names:
            return values.get("text", "")
        return {name: values.get(name, "") for name in self.names}


def plain_values(column: Column, values: Sequence[Any]) -> np.ndarray | None:
    """Values of JSON as the array that `ingest` gives; `None` where only `ingest` can read them.

    Args:
        column: The column.
        values: Texts, numbers, truth values and `None`.
    """
    kinds = {type(value) for value in values}
    if column.kind in ("categorical", "text"):
        texts = np.empty(len(values), dtype=object)
        texts[:] = ["" if value is None else text_of(value) for value in values]
        return texts
    if column.kind == "datetime":
        return np.full(len(values), MISSING_DATETIME) if kinds == {type(None)} else None
    allowed = {float, int, type(None)} if column.kind == "numeric" else {bool, type(None)}
    if column.exact or not kinds <= allowed:
        return None
    numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    with np.errstate(over="ignore"):  # beyond float32 is an infinity, as in `predict`
        return numbers.astype(np.float32)


def _ingested(
    columns: tuple[Column, ...], values: Mapping[str, list[Any]]
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Columns as `predict` reads them, and what it warns of."""
    frame = pd.DataFrame({c.name: pd.Series(values[c.name], dtype=object) for c in columns})
    found: tuple[dict[str, np.ndarray], tuple[str, ...]] = with_remarks(
        lambda: ingest(frame, Schema(columns))
    )
    return found


def with_remarks(read: Callable[[], Any]) -> tuple[Any, tuple[str, ...]]:
    """What is read, and the warnings of the reader.

    Args:
        read: Reads rows of JSON.

    Raises:
        Refusal: If the rows do not fit.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = read()
        except SchemaError as error:
            raise Refusal(422, str(error)) from None
    return found, tuple(str(w.message) for w in caught if issubclass(w.category, UserWarning))


def _record(row: Any, schema: Schema) -> tuple[Mapping[str, Any], str]:
    """One row as an object, and what is wrong with its form."""
    if isinstance(row, Mapping):
        return row, ""
    if isinstance(row, list):
        if len(row) == len(schema):
            return dict(zip(schema.names, row, strict=True)), ""
        return {}, f"the list has {len(row)} values, and there are {len(schema)} columns"
    return {}, f"it is {json_name(row)}, expected an object with a value for each column"


def _misfit(record: Mapping[str, Any], used: Sequence[str]) -> str:
    """What is missing in a row, or is no single value."""
    missing = [name for name in used if name not in record]
    if missing:
        spare = [name for name in record if name not in used]
        hint = did_you_mean(missing[0], spare)
        return f"{quoted(missing)} {'is' if len(missing) == 1 else 'are'} missing{hint}"
    nested = [name for name in used if isinstance(record[name], list | Mapping)]
    if nested:
        return f"`{nested[0]}` is {json_name(record[nested[0]])}, expected one value or null"
    return ""


def _json_types(column: Column) -> list[str]:
    """The types of JSON that a column takes."""
    if column.kind == "text":
        return ["string", "null"]
    if column.kind == "categorical":
        return ["string", "number", "boolean", "null"]
    if column.kind == "boolean":
        return ["boolean", "null"]
    return ["string", "null"] if column.kind == "datetime" else ["number", "string", "null"]


def _example(column: Column, values: Sequence[Any]) -> str:
    """A typical value of a column, as somebody types it."""
    if not values:
        return ""
    # Quartiles or frequent categories come first, odd values follow.
    value = values[min(1, len(values) - 1)]
    if column.kind == "datetime":
        return "" if value == MISSING_DATETIME else str(np.datetime64(int(value), "s"))
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    return str(value)
