"""From raw columns to one float matrix, as a graph of built-in Keras layers."""

from kerasnas.preprocessing.blocks import input_dtype
from kerasnas.preprocessing.graph import Preprocessing, fit_preprocessing
from kerasnas.preprocessing.trees import fit_tree_preprocessing
from kerasnas.preprocessing.usefulness import Sample, useful_columns

__all__ = [
    "Preprocessing",
    "Sample",
    "fit_preprocessing",
    "fit_tree_preprocessing",
    "input_dtype",
    "useful_columns",
]
