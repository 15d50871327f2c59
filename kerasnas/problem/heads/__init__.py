"""Heads that have seen their targets: one kind of target a file."""

from __future__ import annotations

from typing import Any

from kerasnas.data import ClassTarget, MultiLabelTarget, RegressionTarget, ValuesTarget
from kerasnas.data.transcripts import Transcripts
from kerasnas.errors import SchemaError
from kerasnas.problem.heads.classes import ClassHead
from kerasnas.problem.heads.head import FittedHead
from kerasnas.problem.heads.labels import LabelsHead
from kerasnas.problem.heads.own_loss import ArrayTarget, OwnLossHead
from kerasnas.problem.heads.quantiles import QuantilesHead, QuantileTarget
from kerasnas.problem.heads.transcript import TranscriptHead
from kerasnas.problem.heads.value import ValueHead, units_of
from kerasnas.problem.heads.values import ValuesHead

__all__ = [
    "TARGETS",
    "ArrayTarget",
    "ClassHead",
    "FittedHead",
    "LabelsHead",
    "OwnLossHead",
    "QuantileTarget",
    "QuantilesHead",
    "TranscriptHead",
    "ValueHead",
    "ValuesHead",
    "head_of",
    "units_of",
]

_HEADS: dict[type, Any] = {
    ArrayTarget: lambda target: OwnLossHead(target, answer_width=target.width),
    ClassTarget: ClassHead,
    MultiLabelTarget: LabelsHead,
    QuantileTarget: QuantilesHead,
    RegressionTarget: ValueHead,
    Transcripts: TranscriptHead,
    ValuesTarget: ValuesHead,
}

TARGETS: dict[str, Any] = {cls.__name__: cls for cls in _HEADS}
"""Targets by the name that a file has for them."""


def head_of(target: Any) -> FittedHead:
    """The head of a target.

    Raises:
        SchemaError: If no head has such a target.
    """
    if type(target) not in _HEADS:
        raise SchemaError(f"No head answers for a {type(target).__name__}.")
    head: FittedHead = _HEADS[type(target)](target)
    return head
