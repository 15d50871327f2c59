"""Search spaces: from hyperparameters to compiled Keras models."""

from kerasnas.spaces.tabular import TabularHyperModel, tabular

__all__ = ["TabularHyperModel", "tabular"]
