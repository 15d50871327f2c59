"""Targets, weights and groups that are columns of the table itself, given by their names."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import foreign
from kerasnas.data.names import did_you_mean, quoted
from kerasnas.errors import SchemaError


@dataclass(frozen=True, eq=False)
class Taken:
    """Data after the columns that are no features have been taken out.

    Attributes:
        x: Inputs without these columns.
        y: Targets.
        weights: Weight of each row.
        groups: Group of each row.
    """

    x: Any
    y: Any
    weights: Any = None
    groups: Any = None


def take_columns(x: Any, y: Any, weights: Any = None, groups: Any = None) -> Taken:
    """Takes out of a table the columns that are named as targets, weights and groups.

    Args:
        x: A frame of any library, a dict of columns, a list of dicts; anything else where nothing
            is a name.
        y: A name of any type, a list of names, or the targets themselves.
        weights: A name, or the weights themselves.
        groups: A name, several names (rows with equal values are one group), or the groups.

    Returns:
        Inputs without the named columns, and these columns; what is no name comes back as it is.

    Raises:
        SchemaError: If there is no such column.
    """
    given = {"y": y, "sample_weight": weights, "groups": groups}
    table = _as_table(x) if any(_may_be_names(value) for value in given.values()) else None
    found = {name: _names_in(table, x, value, name) for name, value in given.items()}
    if not found["groups"]:
        given["groups"] = _one_group_a_row(groups)
    warn_of_order(x, given)
    if not any(found.values()):
        return Taken(x, y, weights, given["groups"])
    assert table is not None, "only a table has names"
    if len(found["sample_weight"]) > 1:
        raise SchemaError(
            f"`sample_weight` names the columns {quoted(map(str, found['sample_weight']))}, "
            "expected one column. Multiply them, and pass the product."
        )
    taken = {name for names in found.values() for name in names}
    columns = {
        name: _columns(table, names) if names else given[name] for name, names in found.items()
    }
    if len(found["groups"]) > 1:
        columns["groups"] = joint_groups(columns["groups"])
    return Taken(_without(table, taken), columns["y"], columns["sample_weight"], columns["groups"])


def warn_of_order(x: Any, given: Mapping[str, Any]) -> None:
    """Warns of what has the index of `x` in another order: columns of a dict, targets, weights.

    Args:
        x: Inputs: a frame, a Series, or a dict of these.
        given: Targets, weights and groups by the names of their arguments, dicts among them.
    """
    (first, reference), *others = [*_indexed("x", x)] or [("", None)]
    if reference is None or not reference.index.is_unique:
        return
    for name, values in [*others, *(pair for n, v in given.items() for pair in _indexed(n, v))]:
        index = values.index
        if len(index) != len(reference) or index.equals(reference.index) or not index.is_unique:
            continue
        if bool(index.isin(reference.index).all()):
            warnings.warn(
                f"`{name}` has the index of `{first}` in another order, and rows are matched by "
                f"their places. To match them by the index, pass `{name}.loc[{first}.index]` as "
                f"`{name}`; otherwise `{name}.to_numpy()`.",
                UserWarning,
                stacklevel=4,
            )


def _indexed(name: str, values: Any) -> Iterator[tuple[str, Any]]:
    """What has an index, by its name: itself, or parts of a dict."""
    parts = {name: values}
    if isinstance(values, Mapping):
        parts = {f"{name}[{key!r}]": part for key, part in values.items()}
    for key, part in parts.items():
        if isinstance(part, pd.DataFrame | pd.Series):
            yield key, part


def in_pandas(x: Any, *values: Any) -> Any:
    """A table of another library as one of pandas, where values may name its columns.

    Whoever looks at the names several times converts the table once.
    """
    table = _as_table(x) if any(map(_may_be_names, values)) and foreign.is_table(x) else None
    return x if table is None else table


def drop_columns(x: Any, names: Sequence[Any]) -> Any:
    """A table without the columns of these names, as far as it has them."""
    table = _as_table(x)
    kept = {name for name in names if table is not None and name in _labels(table)}
    return x if table is None or not kept else _without(table, kept)


def holds_column(x: Any, name: Any) -> bool:
    """Whether `x` is a table with a column of this name."""
    if not _is_name(name):
        return False
    table = _as_table(x)
    return table is not None and _label(table, name) is not None


def named_in(x: Any, *values: Any) -> list[Any]:
    """The columns of `x` that values of `y`, `sample_weight` and `groups` name."""
    table = _as_table(x)
    if table is None:
        return []
    return [name for value in values for name in _names_in(table, x, value, "", strict=False)]


def joint_groups(frame: Any) -> np.ndarray:
    """One number a row: rows that agree in all columns of a frame have the same one."""
    columns = pd.DataFrame(frame).astype(object)
    gaps = np.flatnonzero(columns.isna().any(axis=1))
    if len(gaps):
        raise SchemaError(
            f"`groups` has {len(gaps)} missing values (first in row {gaps[0]}), expected one for "
            "each row. Drop those rows, or give them a value of their own."
        )
    return columns.groupby(list(columns), sort=False, observed=True).ngroup().to_numpy()


def _one_group_a_row(groups: Any) -> Any:
    """Groups of rows that several values tell apart as one number a row; others as they are."""
    if foreign.is_table(groups):
        groups = foreign.to_pandas(groups)
    if isinstance(groups, list | tuple):
        if any(isinstance(group, list | tuple) for group in groups):
            return joint_groups([list(group) for group in groups])
        return pd.Series(list(groups), dtype=object)  # an array would make a text of NaN
    several = isinstance(groups, np.ndarray) and groups.ndim == 2
    if isinstance(groups, pd.DataFrame) or several:
        return joint_groups(groups)
    return groups


def _may_be_names(value: Any) -> bool:
    return _is_name(value) or _is_list_of_names(value)


def _is_name(value: Any) -> bool:
    """Whether a value can be the name of one column."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole or isinstance(value, str | tuple)


def _is_list_of_names(value: Any) -> bool:
    value = list(value) if isinstance(value, pd.Index) else value
    if not isinstance(value, list | tuple) or not value:
        return False
    named = all(isinstance(item, str | tuple | int | np.integer) for item in value)
    return named and len(set(value)) == len(value)


def _as_table(x: Any) -> pd.DataFrame | Mapping[Any, Any] | None:
    """What has named columns, a frame of another library as one of pandas; `None` of others."""
    if isinstance(x, pd.DataFrame | Mapping):
        return x
    if foreign.is_table(x) and foreign.column_names(x) is not None:
        frame = foreign.to_pandas(x)
        return frame if isinstance(frame, pd.DataFrame) else None
    if isinstance(x, list) and x and all(isinstance(row, Mapping) for row in x):
        return pd.DataFrame.from_records(x)
    return None


def _labels(table: pd.DataFrame | Mapping[Any, Any]) -> list[Any]:
    return list(table.columns) if isinstance(table, pd.DataFrame) else list(table)


def _label(table: pd.DataFrame | Mapping[Any, Any], name: Any) -> Any:
    """The label that a name means: the label itself, or one that is written the same."""
    labels = _labels(table)
    if name in labels:
        return labels[labels.index(name)]
    by_text = {str(label): label for label in labels}
    return by_text.get(str(name)) if isinstance(name, str | int | np.integer) else None


def _names_in(table: Any, x: Any, value: Any, argument: str, strict: bool = True) -> list[Any]:
    """The labels that the value of an argument names; none where it holds values of rows.

    Raises:
        SchemaError: If it can only be a name, and there is no such column.
    """
    if _is_name(value):
        label = None if table is None else _label(table, value)
        if label is not None:
            return [label]
        if strict and (
            isinstance(value, str) or (argument == "y" and not isinstance(value, tuple))
        ):
            raise SchemaError(_absent(table, x, value, argument))
    if table is None or not _is_list_of_names(value) or len(value) == _rows(table):
        return []
    labels = [_label(table, name) for name in value]
    absent = [name for name, label in zip(value, labels, strict=True) if label is None]
    if not absent:
        return list(dict.fromkeys(labels))
    if strict and len(absent) < len(value):
        raise SchemaError(_absent(table, x, absent[0], argument))
    return []


def _absent(table: Any, x: Any, name: Any, argument: str) -> str:
    if table is None:
        values = "target itself" if argument == "y" else "values themselves"
        return (
            f"`{argument}` is the column name {name!r}, but `x` is {type(x).__name__} and has no "
            f"column names. Pass a DataFrame, or the {values} as `{argument}`."
        )
    labels = [str(label) for label in _labels(table)]
    return (
        f"`{argument}` names the column `{name}`, which `x` does not have"
        f"{did_you_mean(str(name), labels)}. Its columns are {quoted(labels)}."
    )


def _rows(table: Any) -> int:
    if isinstance(table, pd.DataFrame):
        return len(table)
    return foreign.length_of(next(iter(table.values()))) if table else 0


def _columns(table: Any, names: Sequence[Any]) -> Any:
    """One column as it is, several as a frame."""
    if isinstance(table, pd.DataFrame):
        for name in names:
            if sum(label == name for label in table.columns) > 1:
                raise SchemaError(f"`x` has more than one column named `{name}`. Rename them.")
        places = [list(table.columns).index(name) for name in names]
        return table.iloc[:, places[0]] if len(places) == 1 else table.iloc[:, places]
    if len(names) == 1:
        return table[names[0]]
    return pd.DataFrame({name: np.asarray(table[name]).ravel() for name in names})


def _without(table: Any, names: set[Any]) -> Any:
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, [i for i, label in enumerate(table.columns) if label not in names]]
    return {name: values for name, values in table.items() if name not in names}
