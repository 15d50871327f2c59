"""Search spaces: from hyperparameters to compiled Keras models."""

from kerasnas.spaces.architectures import CellHyperModel, ChainHyperModel, cells, chains
from kerasnas.spaces.audio import AudioHyperModel, audio
from kerasnas.spaces.cell import Cell
from kerasnas.spaces.chain import Chain
from kerasnas.spaces.forecast import ForecastHyperModel, forecast
from kerasnas.spaces.image import ImageHyperModel, image
from kerasnas.spaces.space import Space, as_space
from kerasnas.spaces.speech import SpeechHyperModel, speech
from kerasnas.spaces.tabular import TabularHyperModel, tabular
from kerasnas.spaces.text import TextHyperModel, text

__all__ = [
    "AudioHyperModel",
    "Cell",
    "CellHyperModel",
    "Chain",
    "ChainHyperModel",
    "ForecastHyperModel",
    "ImageHyperModel",
    "Space",
    "SpeechHyperModel",
    "TabularHyperModel",
    "TextHyperModel",
    "as_space",
    "audio",
    "cells",
    "chains",
    "forecast",
    "image",
    "speech",
    "tabular",
    "text",
]
