"""Cells that no column can hold, or that no other process would read alike."""

import datetime
import decimal
import numbers
import re
import sys
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data.cells import is_object
from kerasnas.errors import SchemaError

_LASTING = (str, bytes, float, datetime.date, datetime.timedelta, type(None), np.bool_)
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")  # Python's text of an object without `__str__`


def refuse_no_values(values: pd.Series, name: str) -> None:
    """Raises `SchemaError` about a cell that no array holds, or that no text describes for good.

    Args:
        values: The cells of a column or a target.
        name: What the column is called.
    """
    if not is_object(values.dtype):
        return
    for row, cell in enumerate(values):
        if isinstance(cell, _LASTING):
            continue
        why = _no_number(cell) if isinstance(cell, numbers.Number) else _no_text(cell)
        if why:
            raise SchemaError(f"`{name}` holds {why[0]} in row {row}, which {why[1]}.")


def _no_number(cell: Any) -> tuple[str, str] | None:
    """What a number is that no column of numbers can hold, and why; `None` of others."""
    if isinstance(cell, complex | np.complexfloating):
        return "a complex number", "is not supported. Write its real and imaginary part apart"
    if isinstance(cell, int | np.longdouble):
        exact: Any = cell
        finite = isinstance(exact, int) or bool(np.isfinite(exact))
        what = "a number beyond 1e308" if finite and abs(exact) > sys.float_info.max else ""
    else:
        snan = isinstance(cell, decimal.Decimal) and cell.is_snan()
        what = "a signalling NaN" if snan else ""
    if not what:
        return None
    return what, (
        "no column of numbers can hold. Write a number below 1e308, or None where it is missing"
    )


def _no_text(cell: Any) -> tuple[str, str] | None:
    """What a cell is whose text is another one in the next process, and what to write instead."""
    named = f"an object of the type `{type(cell).__name__}`"
    if isinstance(cell, set | frozenset):
        return named, "has no order. Write a sorted tuple instead"
    if isinstance(cell, np.void) or _ADDRESS.search(str(cell)):
        advice = "Write a number or a text instead, or None where it is missing"
        return named, f"is no value that a model could learn from. {advice}"
    return None
