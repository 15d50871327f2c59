"""How people write the numbers and the dates of a column, settled by the whole column.

One cell cannot say whether `1.234` has a decimal point or `01/02/2024` begins with the day. The
other cells of its column mostly can. What they say is a frozen value that the schema keeps, so that
new data are read in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.date_formats import ISO, is_clock, read_dates
from kerasnas.data.durations import DURATION
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
        gaps: Words of this column that mean a missing number.
        bare: What a number without a unit is multiplied by: 100 where 0.45 means 45%.
    """

    decimal: str = "."
    thousands: str = ""
    units: tuple[str, ...] = ()
    lenient: bool = False
    gaps: tuple[str, ...] = ()
    bare: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(self.units))
        object.__setattr__(self, "gaps", tuple(self.gaps))
        good = self.decimal in (".", ",") and self.thousands in ("", ",", ".", " ", "'", "_")
        if not good or self.decimal == self.thousands or not _are_texts((*self.units, *self.gaps)):
            raise SchemaError(f"Numbers cannot be written like this: {self!r}.")

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Numbers of texts, float64; NaN where a text is no number written like this."""
        style = Style(self.decimal, self.thousands)
        return read_numbers(texts, style, frozenset(self.units), self.bare)

    @property
    def plain(self) -> bool:
        """Whether Python reads the numbers as well."""
        return (self.decimal, self.thousands, self.units) == (".", "", ())

    def describe(self) -> str:
        """A few words for `schema_.explain()`."""
        parts = []
        if self.thousands:
            parts.append(f"thousands `{self.thousands}`")
        if self.decimal != ".":
            parts.append(f"decimal `{self.decimal}`")
        if DURATION in self.units:
            parts.append("durations, taken in seconds")
        elif self.units:
            parts.append(f"unit {' or '.join(f'`{unit}`' for unit in self.units)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class WrittenDates:
    """How the dates of a column are written.

    Attributes:
        formats: Formats of `strptime`, the first that reads a cell counts; "ISO8601" for these.
        lenient: Whether a cell that is no date is a gap. The rows of `fit` had some of these.
        gaps: Words of this column that mean a missing date.
        clock: What time the dates tell: that of a time zone such as "Europe/Berlin", `WRITTEN` for
            the local time as it is written, without its offset.
    """

    formats: tuple[str, ...] = (ISO,)
    lenient: bool = False
    gaps: tuple[str, ...] = ()
    clock: str = "UTC"

    def __post_init__(self) -> None:
        object.__setattr__(self, "formats", tuple(self.formats))
        object.__setattr__(self, "gaps", tuple(self.gaps))
        texts = (*self.formats, *self.gaps, self.clock)
        if not self.formats or not _are_texts(texts) or not is_clock(self.clock):
            raise SchemaError(f"Dates cannot be written like this: {self!r}.")

    def read(self, texts: pd.Series) -> np.ndarray:
        """Seconds since 1970 of texts, int64; `MISSING_DATETIME` where a text is no such date."""
        return read_dates(texts, self.formats, self.clock)

    def describe(self) -> str:
        """A few words for `schema_.explain()`."""
        return " or ".join(f"`{one}`" for one in self.formats)


Written = WrittenNumbers | WrittenDates

_LATER = ("gaps", "bare", "clock")
"""Fields that older files do not have."""

_CLASSES: dict[str, type[Written]] = {"numbers": WrittenNumbers, "dates": WrittenDates}


def written_to_json(written: Written | None) -> dict[str, Any] | None:
    """The value as plain dicts, lists and scalars."""
    if written is None:
        return None
    kind = "dates" if isinstance(written, WrittenDates) else "numbers"
    content = {}
    for field in fields(written):
        value = getattr(written, field.name)
        if field.name not in _LATER or value != field.default:
            content[field.name] = list(value) if isinstance(value, tuple) else value
    return {kind: content}


def written_from_json(content: Any) -> Written | None:
    """The value that `written_to_json` wrote, or `SchemaError`."""
    if content is None:
        return None
    if not isinstance(content, Mapping) or len(content) != 1 or set(content) - set(_CLASSES):
        raise SchemaError(f"How a column is written must be numbers or dates, got {content!r}.")
    (kind,) = content
    known = {field.name: field.default for field in fields(_CLASSES[kind])}
    whole = isinstance(content[kind], Mapping) and {
        **{n: known[n] for n in known if n in _LATER},
        **content[kind],
    }
    if (
        not whole
        or set(whole) != set(known)
        or not all(
            isinstance(whole[name], list | tuple if isinstance(default, tuple) else type(default))
            for name, default in known.items()
        )
    ):
        raise SchemaError(f"How a column is written cannot be read from {content[kind]!r}.")
    return _CLASSES[kind](**whole)


def _are_texts(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) and value for value in values)
