"""One cell as a text, the way the graph of a model expects it, and texts that mean no value."""

import codecs
import decimal
import numbers
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS = (
    "? . .. ... - -- --- na n/a n.a n.a. #n/a #na <na> nan -nan null none nil nat missing unknown "
    "undefined \\n 1.#ind -1.#ind 1.#qnan -1.#qnan #value! #div/0! #ref! #null! #num! #name? "
    "\u2013 \u2014 n/d n.d. k.a. (null) [null] <null> (blank) (none) (missing) tbd tba"
)
MISSING_WORDS = frozenset(
    {
        *_WORDS.split(),
        *("", "not available", "not applicable", "#n/a n/a", "no data", "n / a"),
        *("0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.0000"),
    }
)
"""What people write for a missing number or date, in lower case."""


def all_encodable(texts: np.ndarray) -> np.ndarray:
    """The texts as `_encodable` gives each of them; together they are checked in an instant."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return np.array([_encodable(text) for text in texts], dtype=object)
    return texts


def _encodable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 has no bytes for, replaced as decoders do."""
    if text.isascii() or not _SURROGATE.search(text):
        return str(text)
    return _SURROGATE.sub("\ufffd", text)


def decoded(content: bytes) -> tuple[str, bool]:
    """The text of bytes, and whether they are no UTF-8 and were read as Windows-1252.

    So letters stay apart that would all become U+FFFD.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace"), False
    try:
        return content.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), True


def text_of(cell: Any) -> str:
    """Write one present cell as the model's graph expects it."""
    if isinstance(cell, str):
        return _encodable(cell)
    if isinstance(cell, bytes):
        return decoded(cell)[0]
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell))
    if isinstance(cell, np.timedelta64):  # which counts as a whole number for Python
        return str(pd.Timedelta(cell))
    if isinstance(cell, numbers.Integral):
        return str(int(cell))
    if isinstance(cell, numbers.Real | decimal.Decimal):
        # str, not repr: NumPy's shortest digits of the cell's own precision, "0.1" for float32.
        exact: Any = cell
        return str(int(exact)) if float(exact).is_integer() else str(exact)
    return str(cell)


def spells_missing(cell: Any, words: Sequence[str] = ()) -> bool:
    """Say whether a cell that is no number is blank or a word such as nan, as files write it.

    Args:
        cell: The cell.
        words: Further words that mean a missing value.
    """
    if not isinstance(cell, str | bytes):
        return False
    text = text_of(cell).strip()
    return text.lower() in MISSING_WORDS or text in words
