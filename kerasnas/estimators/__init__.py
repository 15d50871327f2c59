"""Estimators: `fit` and `predict` by modality, and `load` for what `save` wrote."""

from kerasnas.estimators.audio import AudioClassifier, AudioRegressor
from kerasnas.estimators.forecast import TimeSeriesForecaster
from kerasnas.estimators.image import ImageClassifier, ImageRegressor
from kerasnas.estimators.loading import load
from kerasnas.estimators.speech import SpeechRecognizer
from kerasnas.estimators.tabular import TabularClassifier, TabularRegressor
from kerasnas.estimators.text import TextClassifier, TextRegressor

__all__ = [
    "AudioClassifier",
    "AudioRegressor",
    "ImageClassifier",
    "ImageRegressor",
    "SpeechRecognizer",
    "TabularClassifier",
    "TabularRegressor",
    "TextClassifier",
    "TextRegressor",
    "TimeSeriesForecaster",
    "load",
]
