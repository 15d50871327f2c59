"""Trees of XGBoost, through its documented JSON model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kerasnas.errors import ArtifactError
from kerasnas.spaces.trees.trees import Link, Sets, Tree, Trees, below, siblings_adjacent

_LINKS: dict[str, Link] = {
    "reg:squarederror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "binary:logistic": "sigmoid",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
}


def read_xgboost(model: Any) -> Trees:
    """Reads a fitted XGBClassifier, XGBRegressor or Booster, up to its best iteration.

    Args:
        model: Trained on an array; categorical columns hold whole numbers from 0 on.

    Raises:
        ArtifactError: For an objective, or a booster, of another kind.
    """
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    name = learner["objective"]["name"]
    if name not in _LINKS or learner["gradient_booster"]["name"] != "gbtree":
        raise ArtifactError(f"The XGBoost objective {name!r} cannot be exported.")
    width = int(learner["learner_model_param"]["num_feature"])
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    content = learner["gradient_booster"]["model"]["trees"]
    if hasattr(booster, "best_iteration"):  # trained with early stopping
        content = content[: (int(booster.best_iteration) + 1) * outputs]
    sets = Sets()
    trees = [_tree(tree, width, sets) for tree in content]
    return Trees(width, trees, _baseline(learner, _LINKS[name], outputs), _LINKS[name], sets)


def _baseline(learner: dict[str, Any], link: Link, outputs: int) -> np.ndarray:
    """The intercept, which the file holds on the scale of answers."""
    score = learner["learner_model_param"]["base_score"]
    values = np.atleast_1d(np.array(json.loads(score), dtype="float64"))
    if link == "sigmoid":
        values = np.log(values / (1.0 - values))
    elif link == "exp":
        values = np.log(values)
    return np.broadcast_to(values, (outputs,)).copy()


def _tree(content: dict[str, Any], width: int, sets: Sets) -> Tree:
    left = np.array(content["left_children"])
    column = np.array(content["split_indices"], dtype="int64")
    conditions = np.array(content["split_conditions"], dtype="float32")
    missing_left = np.array(content["default_left"]).astype(bool)
    threshold = below(conditions)
    starts = content.get("categories_segments", [])
    for k, i in enumerate(content.get("categories_nodes", [])):
        codes = np.array(
            content["categories"][starts[k] : starts[k] + content["categories_sizes"][k]]
        )
        bits = np.zeros(int(codes.max()) + 3, dtype=bool)  # what the set does not hold goes left
        bits[codes + 1] = True
        bits[0] = not missing_left[i]
        column[i], threshold[i] = width + sets.add(int(column[i]), bits), 0.5
    values = conditions[:, None].astype("float64")
    return siblings_adjacent(
        column, threshold, left, np.array(content["right_children"]), missing_left, values
    )
