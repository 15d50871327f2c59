"""Inputs: raw data of one modality, read, fitted on training rows, in forms for networks."""

from kerasnas.problem.inputs.array import ArrayInput, FittedArray
from kerasnas.problem.inputs.documents import DocumentInput, FittedDocuments
from kerasnas.problem.inputs.input import FittedInput, Form, Input, RawRows
from kerasnas.problem.inputs.pictures import FittedPictures, PictureInput
from kerasnas.problem.inputs.series import SeriesInput
from kerasnas.problem.inputs.sounds import FittedSounds, SoundInput
from kerasnas.problem.inputs.table import FittedTable, TableInput

__all__ = [
    "ArrayInput",
    "DocumentInput",
    "FittedArray",
    "FittedDocuments",
    "FittedInput",
    "FittedPictures",
    "FittedSounds",
    "FittedTable",
    "Form",
    "Input",
    "PictureInput",
    "RawRows",
    "SeriesInput",
    "SoundInput",
    "TableInput",
]
