"""What one group of columns contributes to the feature matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ColumnFeatures:
    """Symbolic tensors of shape `(batch, some)`, and a name and an owner for each of their columns.

    Attributes:
        tensors: float32 tensors, to be concatenated in this order.
        names: One readable name a feature.
        owners: The raw column that each feature comes from.
    """

    tensors: list[Any]
    names: list[str]
    owners: list[str]
