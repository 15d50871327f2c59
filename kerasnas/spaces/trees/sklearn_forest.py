"""Trees of scikit-learn's forests, which keep them in the documented attribute `tree_`."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasnas.spaces.trees.trees import Trees, round_down, siblings_adjacent


def read_forest(model: Any) -> Trees:
    """Reads a fitted ExtraTrees or RandomForest with one target.

    Args:
        model: Classifier or regressor.
    """
    share = 1.0 / len(model.estimators_)
    trees = []
    for estimator in model.estimators_:
        tree = estimator.tree_
        values = np.asarray(tree.value)[:, 0, :]
        if hasattr(model, "classes_"):
            values = values / values.sum(axis=1, keepdims=True)
        trees.append(
            siblings_adjacent(
                np.maximum(tree.feature, 0),
                round_down(np.asarray(tree.threshold)),
                np.asarray(tree.children_left),
                np.asarray(tree.children_right),
                np.asarray(tree.missing_go_to_left).astype(bool),
                values * share,
            )
        )
    outputs = trees[0].values.shape[1]
    return Trees(int(model.n_features_in_), trees, np.zeros(outputs), "identity")
