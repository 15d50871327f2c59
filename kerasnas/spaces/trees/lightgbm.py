"""Trees of LightGBM, through its public `Booster.dump_model`."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasnas.errors import ArtifactError
from kerasnas.spaces.trees.trees import Link, Sets, Tree, Trees, round_down, siblings_adjacent

_LINKS: dict[str, Link] = {
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "quantile": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "binary": "sigmoid",
    "multiclass": "softmax",
}

_INFINITE = 1e300  # how `dump_model` writes an infinite threshold
_ZERO = np.float32(1e-35)  # LightGBM takes numbers no further from 0 for 0


def read_lightgbm(model: Any) -> Trees:
    """Reads a fitted LGBMClassifier, LGBMRegressor or Booster, up to its best iteration.

    Args:
        model: Trained on an array; categorical columns hold whole numbers from 0 on.

    Raises:
        ArtifactError: For an objective, or trees, of another kind.
    """
    booster = getattr(model, "booster_", model)
    dump = booster.dump_model(num_iteration=booster.best_iteration or None)
    name = dump["objective"].split()[0]
    if name not in _LINKS:
        raise ArtifactError(f"The LightGBM objective {dump['objective']!r} cannot be exported.")
    width = int(dump["max_feature_idx"]) + 1
    sets = Sets(truncates=True)
    trees = [_tree(info["tree_structure"], width, sets) for info in dump["tree_info"]]
    outputs = int(dump["num_tree_per_iteration"])
    return Trees(width, trees, np.zeros(outputs), _LINKS[name], sets)


def _tree(root: dict[str, Any], width: int, sets: Sets) -> Tree:
    nodes: list[dict[str, Any]] = []
    left, right = [], []

    def number(node: dict[str, Any]) -> int:
        mine = len(nodes)
        nodes.append(node)
        left.append(-1)
        right.append(-1)
        if "left_child" in node:
            left[mine] = number(node["left_child"])
            right[mine] = number(node["right_child"])
        return mine

    number(root)
    column = np.zeros(len(nodes), dtype="int64")
    threshold = np.zeros(len(nodes))
    missing_left = np.ones(len(nodes), dtype=bool)
    for i, node in enumerate(nodes):
        if "left_child" not in node:
            continue
        column[i] = node["split_feature"]
        if node["decision_type"] == "==":
            codes = [int(code) for code in str(node["threshold"]).split("||")]
            bits = np.ones(max(codes) + 3, dtype=bool)  # what the set does not hold goes right
            bits[np.array(codes) + 1] = False
            column[i], threshold[i] = width + sets.add(int(column[i]), bits), 0.5
            continue
        threshold[i] = node["threshold"]
        if abs(threshold[i]) >= _INFINITE:
            threshold[i] = np.sign(threshold[i]) * np.inf
        # Without missing values in training LightGBM takes one for 0.
        absent = node["missing_type"] == "None"
        missing_left[i] = threshold[i] >= 0.0 if absent else bool(node["default_left"])
        if node["missing_type"] == "Zero":
            raise ArtifactError("LightGBM's `zero_as_missing=True` cannot be exported.")
    values = np.array([[node.get("leaf_value", 0.0)] for node in nodes])
    rounded = round_down(threshold).astype("float32")
    below_zero = np.nextafter(-_ZERO, np.float32(-np.inf))
    rounded = np.where(
        np.abs(rounded) <= _ZERO, np.where(threshold < 0, below_zero, _ZERO), rounded
    )
    return siblings_adjacent(column, rounded, np.array(left), np.array(right), missing_left, values)
