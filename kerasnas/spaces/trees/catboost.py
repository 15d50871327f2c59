"""Trees of CatBoost, through its documented JSON model; numeric columns only."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from kerasnas.errors import ArtifactError
from kerasnas.spaces.trees.trees import Link, Tree, Trees, siblings_adjacent


def read_catboost(model: Any) -> Trees:
    """Reads a fitted CatBoostClassifier or CatBoostRegressor of symmetric trees.

    Args:
        model: Trained on an array of numbers, categories as codes.

    Raises:
        ArtifactError: For trees of another kind, or with categorical features of CatBoost's own.
    """
    with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        content = json.loads(path.read_text())
    if "oblivious_trees" not in content or content["features_info"].get("categorical_features"):
        raise ArtifactError(
            "Only CatBoost models with symmetric trees over numbers can be exported."
        )
    features = content["features_info"]["float_features"]
    column_of = {f["feature_index"]: f["flat_feature_index"] for f in features}
    missing_right = {f["feature_index"]: f["nan_value_treatment"] == "AsTrue" for f in features}
    scale, bias = content["scale_and_bias"]
    width = len(features)
    trees = [
        _tree(tree, float(scale), column_of, missing_right) for tree in content["oblivious_trees"]
    ]
    link: Link = "identity"
    if hasattr(model, "classes_") and len(model.classes_):
        link = "sigmoid" if len(bias) == 1 else "softmax"
    return Trees(width, trees, np.array(bias, dtype="float64"), link)


def _tree(
    content: dict[str, Any],
    scale: float,
    column_of: dict[int, int],
    missing_right: dict[int, bool],
) -> Tree:
    """A symmetric tree written out: all nodes of a level ask the same question."""
    splits = content["splits"] or []
    depth = len(splits)
    count = 2 ** (depth + 1) - 1
    inner = 2**depth - 1
    column = np.zeros(count, dtype="int64")
    threshold = np.zeros(count, dtype="float32")
    missing_left = np.ones(count, dtype=bool)
    leaf_of = np.zeros(count, dtype="int64")
    for node in range(count):
        level = (node + 1).bit_length() - 1
        if level < depth:
            split = splits[level]
            column[node] = column_of[split["float_feature_index"]]
            threshold[node] = split["border"]
            missing_left[node] = not missing_right[split["float_feature_index"]]
        else:
            # Bit k of a leaf's number is the answer to question k, the first one in the lowest bit.
            way = node - inner
            leaf_of[node] = sum(((way >> (depth - 1 - k)) & 1) << k for k in range(depth))
    left = np.where(np.arange(count) < inner, 2 * np.arange(count) + 1, -1)
    right = np.where(np.arange(count) < inner, 2 * np.arange(count) + 2, -1)
    leaves = np.array(content["leaf_values"]).reshape(2**depth, -1) * scale
    return siblings_adjacent(column, threshold, left, right, missing_left, leaves[leaf_of])
