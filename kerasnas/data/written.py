"""How people write the numbers and the dates of a column, settled by the whole column.

One cell cannot say whether `1.234` has a decimal point or `01/02/2024` begins with the day. The
other cells of its column mostly can. What they say is a frozen value that the schema keeps, so that
new data are read in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.date_formats import ISO, read_dates
from kerasnas.data.number_formats import Style, read_numbers
from kerasnas.errors import SchemaError


@dataclass(frozen=True)
class WrittenNumbers:
    """How the numbers of a column are written.

    Attributes:
        decimal: What stands before the fraction, "." or ",".
        thousands: What stands between groups of three digits; empty for nothing.
        units: What may stand before or behind a number, such as "$", "%" or "kg".
        lenient: Whether a cell that is no number is a gap. The rows of `fit` had some of these.
    """

    decimal: str = "."
    thousands: str = ""
    units: tuple[str, ...] = ()
    lenient: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(self.units))
        good = self.decimal in (".", ",") and self.thousands in ("", ",", ".", " ", "'", "_")
        if not good or self.decimal == self.thousands or not _are_texts(self.units):
            raise SchemaError(f"Numbers cannot be written like this: {self!r}.")

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Numbers of texts, float64; NaN where a text is no number written like this."""
        return read_numbers(texts, Style(self.decimal, self.thousands), frozenset(self.units))

    def describe(self) -> str:
        """A few words for `schema_.explain()`."""
        parts = []
        if self.thousands:
            parts.append(f"thousands `{self.thousands}`")
        if self.decimal != ".":
            parts.append(f"decimal `{self.decimal}`")
        if self.units:
            parts.append(f"unit {' or '.join(f'`{unit}`' for unit in self.units)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class WrittenDates:
    """How the dates of a column are written.

    Attributes:
        formats: Formats of `strptime`, the first that reads a cell counts; "ISO8601" for these.
        lenient: Whether a cell that is no date is a gap. The rows of `fit` had some of these.
    """

    formats: tuple[str, ...] = (ISO,)
    lenient: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "formats", tuple(self.formats))
        if not self.formats or not _are_texts(self.formats):
            raise SchemaError(f"Dates cannot be written like this: {self!r}.")

    def read(self, texts: pd.Series) -> np.ndarray:
        """Seconds since 1970 of texts, int64; `MISSING_DATETIME` where a text is no such date."""
        return read_dates(texts, self.formats)

    def describe(self) -> str:
        """A few words for `schema_.explain()`."""
        return " or ".join(f"`{one}`" for one in self.formats)


Written = WrittenNumbers | WrittenDates

_CLASSES: dict[str, type[Written]] = {"numbers": WrittenNumbers, "dates": WrittenDates}


def written_to_json(written: Written | None) -> dict[str, Any] | None:
    """The value as plain dicts, lists and scalars."""
    if written is None:
        return None
    if isinstance(written, WrittenDates):
        return {"dates": {"formats": list(written.formats), "lenient": written.lenient}}
    content = {
        "decimal": written.decimal,
        "thousands": written.thousands,
        "units": list(written.units),
        "lenient": written.lenient,
    }
    return {"numbers": content}


def written_from_json(content: Any) -> Written | None:
    """The value that `written_to_json` wrote, or `SchemaError`."""
    if content is None:
        return None
    if not isinstance(content, Mapping) or len(content) != 1 or set(content) - set(_CLASSES):
        raise SchemaError(f"How a column is written must be numbers or dates, got {content!r}.")
    ((kind, fields),) = content.items()
    known = {"numbers": {"decimal", "thousands", "units", "lenient"}}.get(
        kind, {"formats", "lenient"}
    )
    lists = isinstance(fields, Mapping) and all(
        isinstance(value, list) for name, value in fields.items() if name in ("units", "formats")
    )
    if not isinstance(fields, Mapping) or set(fields) != known or not lists:
        raise SchemaError(f"How a column is written cannot be read from {content!r}.")
    if not isinstance(fields["lenient"], bool):
        raise SchemaError(f"`lenient` must be True or False, got {fields['lenient']!r}.")
    return _CLASSES[kind](**fields)


def _are_texts(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) and value for value in values)
