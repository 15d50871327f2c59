"""Raw tables and targets to typed, checked arrays; knows pandas, NumPy and nothing of Keras."""

from kerasnas.data.infer import infer_schema, warn_of_schema
from kerasnas.data.ingest import MISSING_DATETIME, MISSING_INTEGER, ingest, own_numbers
from kerasnas.data.multilabel import MultiLabelTarget, fit_multilabel_target, is_multilabel
from kerasnas.data.reader import Reader, chunks
from kerasnas.data.schema import KINDS, Column, Kind, Schema
from kerasnas.data.table_reader import TableReader
from kerasnas.data.tables import to_frame
from kerasnas.data.targets import (
    ClassTarget,
    RegressionTarget,
    check_same_length,
    fit_class_target,
    fit_regression_target,
    split_target,
)
from kerasnas.data.values import ValuesTarget, fit_values_target, is_several

__all__ = [
    "KINDS",
    "MISSING_DATETIME",
    "MISSING_INTEGER",
    "ClassTarget",
    "Column",
    "Kind",
    "MultiLabelTarget",
    "Reader",
    "RegressionTarget",
    "Schema",
    "TableReader",
    "ValuesTarget",
    "check_same_length",
    "chunks",
    "fit_class_target",
    "fit_multilabel_target",
    "fit_regression_target",
    "fit_values_target",
    "infer_schema",
    "ingest",
    "is_multilabel",
    "is_several",
    "own_numbers",
    "split_target",
    "to_frame",
    "warn_of_schema",
]
