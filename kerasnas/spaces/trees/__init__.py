"""Trees as a model family: fitted by a library, exported as a Keras graph."""

from kerasnas.spaces.trees.sklearn_boosting import read_hist_gradient_boosting
from kerasnas.spaces.trees.sklearn_forest import read_forest
from kerasnas.spaces.trees.trees import Trees

__all__ = ["Trees", "read_forest", "read_hist_gradient_boosting"]
