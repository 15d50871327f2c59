"""Rows of a forecaster: the steps of series as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import pandas as pd

from kerasnas.data.names import quoted
from kerasnas.data.panel import SeriesSchema
from kerasnas.server.parsing import json_name


class SeriesRows:
    """Reads rows of a forecaster: what is known so far, and what is known ahead.

    Args:
        schema: The columns.
    """

    def __init__(self, schema: SeriesSchema) -> None:
        # Of several targets the column that names them is none of the user's.
        columns = [schema.time, *schema.series, *schema.targets]
        columns += [c.column for c in schema.channels if c.role != "target"]
        used = [name for name in dict.fromkeys(columns) if name and name != schema.which]
        self.parts = {"history": used}
        if schema.known:
            ahead = {schema.time, *schema.series, *schema.known}
            self.parts["future"] = [name for name in used if name in ahead]

    def read(self, row: Any) -> dict[str, pd.DataFrame]:
        """The frames of one row.

        Raises:
            ValueError: If it has another form.
        """
        names = quoted(self.parts)
        if not isinstance(row, Mapping):
            raise ValueError(f"is {json_name(row)}, expected an object with {names}")
        strangers = [name for name in row if name not in self.parts]
        if strangers:
            raise ValueError(f"has the key {quoted(strangers[:1])}, expected {names}")
        return {k: self._frame(k, steps) for k, steps in row.items() if steps is not None}

    def row_schema(self) -> dict[str, Any]:
        """An object with a list of steps for each part."""
        scalar = {"type": ["number", "string", "boolean", "null"]}
        return {
            "type": "object",
            "properties": {
                part: {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "object", "properties": dict.fromkeys(columns, scalar)},
                }
                for part, columns in self.parts.items()
            },
        }

    def columns(self) -> list[tuple[str, str, str]]:
        """The fields of the form: tables in CSV."""
        return [(part, "table", ",".join(columns)) for part, columns in self.parts.items()]

    def row_of(self, values: Mapping[str, str]) -> Any:
        """The tables that somebody typed into a form, in CSV."""
        given = {part: values.get(part, "").strip() for part in self.parts}
        return {
            part: [
                {k: v or None for k, v in line.items() if k is not None}
                for line in csv.DictReader(io.StringIO(text))
            ]
            for part, text in given.items()
            if text
        }

    def _frame(self, part: str, steps: Any) -> pd.DataFrame:
        if not isinstance(steps, list) or not steps:
            what = "an empty list" if steps == [] else json_name(steps)
            raise ValueError(f"has {what} as `{part}`, expected a list of steps")
        for place, step in enumerate(steps):
            if not isinstance(step, Mapping):
                raise ValueError(
                    f"has {json_name(step)} as step {place} of `{part}`, expected an object"
                )
            odd = [name for name, value in step.items() if isinstance(value, list | Mapping)]
            if odd:
                raise ValueError(f"has no single value in {quoted(odd[:1])} of `{part}`")
        frame = pd.DataFrame.from_records(steps)
        missing = [name for name in self.parts[part] if name not in frame]
        if missing:
            raise ValueError(f"lacks {quoted(missing)} in `{part}`")
        return frame[self.parts[part]]
