"""Estimators: `fit` and `predict` by modality, and `load` for what `save` wrote."""

from kerasnas.estimators.loading import load
from kerasnas.estimators.tabular import TabularClassifier, TabularRegressor

__all__ = ["TabularClassifier", "TabularRegressor", "load"]
