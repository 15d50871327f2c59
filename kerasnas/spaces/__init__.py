"""Search spaces: from hyperparameters to compiled Keras models."""

from kerasnas.spaces.architectures import CellHyperModel, ChainHyperModel, cells, chains
from kerasnas.spaces.cell import Cell
from kerasnas.spaces.chain import Chain
from kerasnas.spaces.image import ImageHyperModel, image
from kerasnas.spaces.tabular import TabularHyperModel, tabular
from kerasnas.spaces.text import TextHyperModel, text

__all__ = [
    "Cell",
    "CellHyperModel",
    "Chain",
    "ChainHyperModel",
    "ImageHyperModel",
    "TabularHyperModel",
    "TextHyperModel",
    "cells",
    "chains",
    "image",
    "tabular",
    "text",
]
