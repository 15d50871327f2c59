"""Targets with several numbers a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.data import foreign
from kerasnas.data.targets import RegressionTarget
from kerasnas.errors import SchemaError

_SEVERAL = 2


@dataclass(frozen=True)
class ValuesTarget:
    """The numbers that a regressor of several targets answers with.

    Attributes:
        names: One name a column of the answers, in order.
    """

    names: tuple[str, ...]

    def encode(self, y: Any) -> np.ndarray:
        """Targets as a fresh float64 array of shape `(rows, targets)`.

        Raises:
            SchemaError: Another number of columns; missing, infinite or not numeric values.
        """
        columns = _columns(y)
        if len(columns) != len(self.names):
            raise SchemaError(
                f"`y` must have {len(self.names)} columns as in fit ({', '.join(self.names[:8])}), "
                f"received {len(columns)}."
            )
        single = RegressionTarget()
        return np.stack([single.encode(column) for column in columns.values()], axis=1)

    def to_json(self) -> dict[str, Any]:
        """The names."""
        return {"names": list(self.names)}

    @classmethod
    def from_json(cls, content: Any) -> ValuesTarget:
        """The target that `to_json` wrote, or `SchemaError`."""
        names = content.get("names") if isinstance(content, Mapping) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SchemaError("A target of several numbers must be a dict with its names.")
        if len(names) < _SEVERAL or set(content) != {"names"}:
            raise SchemaError("A target of several numbers has two names or more.")
        return cls(tuple(names))


def is_several(y: Any) -> bool:
    """Whether targets have two columns or more."""
    if y is None or isinstance(y, str | pd.Series | pd.Index):
        return False
    return len(_columns(y)) >= _SEVERAL


def fit_values_target(y: Any) -> ValuesTarget:
    """The names of the columns of several targets.

    Args:
        y: A frame, an array of shape `(rows, targets)`, or a list of rows.
    """
    return ValuesTarget(tuple(_columns(y)))


def _columns(y: Any) -> dict[str, Any]:
    """The columns by name; a single one of what has no columns."""
    if foreign.is_table(y) and not isinstance(y, pd.Series):
        y = foreign.to_pandas(y)
    if isinstance(y, pd.DataFrame):
        return {str(name): y.iloc[:, place] for place, name in enumerate(y.columns)}
    if isinstance(y, Mapping):
        return {str(name): column for name, column in y.items()}
    if isinstance(y, list | tuple):
        nested = any(isinstance(row, list | tuple | np.ndarray) for row in y)
        widths = {np.size(row) for row in y} if nested else {1}
        if len(widths) > 1:
            raise SchemaError(
                f"`y` has rows of {min(widths)} to {max(widths)} numbers, expected as many in "
                "every row. Pass an array of shape (rows, targets)."
            )
        y = [list(row) for row in y] if nested else y
    try:
        array = np.asarray(y)
    except ValueError:  # values of several kinds: the target says which of them it does not read
        return {"y": y}
    if array.ndim != 2:
        return {"y": y}
    return {f"y{place}": column for place, column in enumerate(array.T)}
