"""Estimators: `fit` and `predict` by modality, and `load` for what `save` wrote."""

from kerasnas.estimators.image import ImageClassifier, ImageRegressor
from kerasnas.estimators.loading import load
from kerasnas.estimators.tabular import TabularClassifier, TabularRegressor
from kerasnas.estimators.text import TextClassifier, TextRegressor

__all__ = [
    "ImageClassifier",
    "ImageRegressor",
    "TabularClassifier",
    "TabularRegressor",
    "TextClassifier",
    "TextRegressor",
    "load",
]
