"""Raw tables and targets to typed, checked arrays; knows pandas, NumPy and nothing of Keras."""

from kerasnas.data.infer import infer_schema
from kerasnas.data.ingest import MISSING_DATETIME, ingest
from kerasnas.data.schema import KINDS, Column, Kind, Schema
from kerasnas.data.split import holdout
from kerasnas.data.tables import to_frame
from kerasnas.data.targets import (
    ClassTarget,
    RegressionTarget,
    check_same_length,
    fit_class_target,
    split_target,
)

__all__ = [
    "KINDS",
    "MISSING_DATETIME",
    "ClassTarget",
    "Column",
    "Kind",
    "RegressionTarget",
    "Schema",
    "check_same_length",
    "fit_class_target",
    "holdout",
    "infer_schema",
    "ingest",
    "split_target",
    "to_frame",
]
