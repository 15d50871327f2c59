"""Search spaces: from hyperparameters to compiled Keras models."""

from kerasnas.spaces.architectures import CellHyperModel, ChainHyperModel, cells, chains
from kerasnas.spaces.cell import Cell
from kerasnas.spaces.chain import Chain
from kerasnas.spaces.image import ImageHyperModel, image
from kerasnas.spaces.tabular import TabularHyperModel, tabular

__all__ = [
    "Cell",
    "CellHyperModel",
    "Chain",
    "ChainHyperModel",
    "ImageHyperModel",
    "TabularHyperModel",
    "cells",
    "chains",
    "image",
    "tabular",
]
