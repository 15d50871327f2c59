"""Guess what the columns of a table are: by content, because a dtype is not a kind."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from kerasnas.data import cells
from kerasnas.data.column_guess import COUNTER, guess_column, is_row_counter
from kerasnas.data.names import did_you_mean, quoted, string_names
from kerasnas.data.schema import KINDS, Column, Kind, Schema, noted, unknown_kind
from kerasnas.data.written import WrittenDates
from kerasnas.errors import SchemaError

_NOTHING_VARIES = (
    "has one value in all rows, and so has every other column: all rows get the same answer. Pass "
    "a column that varies in `x`"
)
_CHANCE = 4.0
"""Standard errors beyond which neighbours in an order are no longer alike by chance."""


def infer_schema(
    frame: pd.DataFrame,
    column_kinds: Mapping[str, str] | None = None,
    named: bool = True,
    target: np.ndarray | None = None,
) -> Schema:
    """Guess the kind of every column and which columns are of no use.

    Not used are columns that are constant, entirely missing, an exact copy of an earlier column,
    or that merely number the rows. A whole-number counter is kept where the target follows it, or
    where nothing else is left, and constants are kept where every column is one: a constant model
    is still a model.

    Args:
        frame: the training rows, as `to_frame` returns them.
        column_kinds: kinds that overrule the guess; such columns are always used. A format of
            `strptime` such as "%d/%m/%Y" stands for dates that are written like this.
        named: False if the column names are only positions.
        target: encoded targets of the same rows, whole numbers for classes; None if unknown.

    Returns:
        A `Schema` with one column for each of `frame`, in its order.

    Raises:
        SchemaError: doubled names, an unknown name or kind in `column_kinds`, complex numbers, or
            no column that a model could use.
    """
    frame = string_names(frame)
    chosen = _checked_kinds(column_kinds or {}, frame)
    columns = []
    for name in frame.columns:
        dtype = str(frame[name].dtype)
        series = cells.plain(frame[name])
        if name in chosen:
            columns.append(_as_chosen(series, name, dtype, chosen[name]))
            continue
        if cells.family(series) == "complex":
            raise SchemaError(
                f"Complex data not supported: `{name}` is {dtype}, expected real numbers. Split "
                "it in two columns, for example `x.real` and `x.imag`."
            )
        column = guess_column(series, name, dtype)
        if column.dropped == COUNTER and target is not None:
            column = _beside_target(column, series, target)
        columns.append(column)
    columns = _drop_copies(columns, frame, keep=set(chosen))
    return Schema(tuple(_keep_something(columns)), named)


def _checked_kinds(column_kinds: Mapping[str, str], frame: pd.DataFrame) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for raw_name, kind in column_kinds.items():
        name = str(raw_name)
        if name not in frame.columns:
            raise SchemaError(
                f"`column_kinds` names `{name}`, which is no column of the table"
                f"{did_you_mean(name, frame.columns)}. Its columns are {quoted(frame.columns)}."
            )
        if kind not in KINDS and not _is_format(kind):
            raise SchemaError(f"In `column_kinds`, {unknown_kind(name, kind)}")
        chosen[name] = kind
    return chosen


def _is_format(kind: object) -> bool:
    """Whether a kind is a format of `strptime`, which says how dates are written."""
    return isinstance(kind, str) and re.search(r"%[a-zA-Z]", kind) is not None


def _as_chosen(series: pd.Series, name: str, dtype: str, kind: str) -> Column:
    if _is_format(kind):
        reason = f"Dates written as `{kind}`, set by `column_kinds`."
        return Column(name, "datetime", dtype, reason, written=WrittenDates((kind,)))
    return guess_column(series, name, dtype, cast(Kind, kind))


def _beside_target(column: Column, series: pd.Series, target: np.ndarray) -> Column:
    """A counter of rows with the target in view: one that the target follows is no mere id."""
    values = cells.to_integers(series)[0]
    if not follows(target, np.argsort(values, kind="stable")):
        return column
    if is_row_counter(values, column.name):
        return replace(column, dropped=f"{COUNTER}, which the target follows")
    reason = f"{column.reason} It numbers the rows, and the target follows it."
    return replace(column, dropped=None, reason=reason)


def follows(target: np.ndarray, order: np.ndarray) -> bool:
    """Whether rows that are neighbours in an order have targets more alike or unlike than others.

    Classes: how often neighbours are equal. Numbers: the ratio of von Neumann (1941), of ranks.

    Args:
        target: Shape `(rows,)` or `(rows, columns)`; integers are classes.
        order: Indices of the rows.
    """
    columns = target.reshape(len(target), -1)[order].T
    return any(abs(_beyond_chance(column)) > _CHANCE for column in columns)


def _beyond_chance(values: np.ndarray) -> float:
    """Standard errors by which neighbours are more alike than in a random order."""
    if values.dtype.kind in "biu":
        _, counts = np.unique(values, return_counts=True)
        equal = float(np.square(counts / len(values)).sum())
        error = np.sqrt(equal * (1.0 - equal) / len(values))
        return 0.0 if error == 0 else (float(np.mean(values[1:] == values[:-1])) - equal) / error
    ranks = pd.Series(values).rank().to_numpy()
    spread = float(np.square(ranks - ranks.mean()).sum())
    if spread == 0:
        return 0.0
    ratio = float(np.square(np.diff(ranks)).sum()) / spread
    return (2.0 - ratio) / (2.0 / float(np.sqrt(len(values))))


def warn_of_schema(schema: Schema, stacklevel: int = 2) -> None:
    """Warn of every column that is not used, or that a user should look at, once by its name."""
    unused = [column for column in schema.columns if column.dropped is not None]
    if unused:
        shown = "; ".join(f"`{column.name}` ({column.dropped})" for column in unused[:8])
        more = f"; and {len(unused) - 8} more" if len(unused) > 8 else ""
        example = f"{{{unused[0].name!r}: {unused[0].kind!r}}}"
        plural = len(unused) > 1
        warnings.warn(
            f"{len(unused)} column{'s are' if plural else ' is'} not used: {shown}{more}. To use "
            f"{'one' if plural else 'it'} all the same, pass `column_kinds={example}`.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )
    for column in schema.columns:
        if column.note is not None and not (column.dropped or "").startswith("duplicate"):
            said = f"`{column.name}` {noted(column)}."
            warnings.warn(said, UserWarning, stacklevel=stacklevel + 1)


def _drop_copies(columns: list[Column], frame: pd.DataFrame, keep: set[str]) -> list[Column]:
    """Drop columns that hold the very cells of an earlier one under the same dtype."""
    seen: dict[tuple[str, bytes], str] = {}
    result = []
    for column in columns:
        if column.dropped is None:
            series = cells.plain(frame[column.name])
            array = cells.to_strings(series) if cells.is_object(series.dtype) else series
            digest = pd.util.hash_pandas_object(pd.Series(array), index=False).to_numpy().tobytes()
            key = (f"{column.kind} {column.dtype}", digest)
            twin = seen.setdefault(key, column.name)
            if twin != column.name and column.name not in keep:
                column = replace(column, dropped=f"duplicate of `{twin}`")
        result.append(column)
    return result


def _keep_something(columns: list[Column]) -> list[Column]:
    """Return the columns with at least one in use, or say why there is none."""
    if any(column.dropped is None for column in columns):
        return columns
    if any((column.dropped or "").startswith(COUNTER) for column in columns):
        return [
            replace(column, dropped=None, reason=f"{column.reason} The only column of use.")
            if (column.dropped or "").startswith(COUNTER)
            else column
            for column in columns
        ]
    if columns and all((column.dropped or "").startswith("constant") for column in columns):
        first, *others = (
            replace(column, dropped=None, reason=f"{column.reason} Constant like all others.")
            for column in columns
        )
        return [replace(first, note=_NOTHING_VARIES), *others]
    why = "; ".join(f"`{column.name}`: {column.dropped}" for column in columns[:8])
    raise SchemaError(
        f"None of the {len(columns)} columns can be used ({why}). Pass more columns, or name the "
        "kind of one to use it all the same, for example "
        f"`column_kinds={{{columns[0].name!r}: {columns[0].kind!r}}}`."
        if columns
        else "The table has no columns, expected at least one."
    )
