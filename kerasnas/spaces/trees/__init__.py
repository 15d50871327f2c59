"""Trees as model families: fitted by a library, exported as a Keras graph."""

from kerasnas.spaces.trees.families import TREE_FAMILIES, TreeFamily, fit_trees
from kerasnas.spaces.trees.graph import network_of
from kerasnas.spaces.trees.rows import TreeRows
from kerasnas.spaces.trees.sklearn_boosting import read_hist_gradient_boosting
from kerasnas.spaces.trees.sklearn_forest import read_forest
from kerasnas.spaces.trees.trees import Trees

__all__ = [
    "TREE_FAMILIES",
    "TreeFamily",
    "TreeRows",
    "Trees",
    "fit_trees",
    "network_of",
    "read_forest",
    "read_hist_gradient_boosting",
]
