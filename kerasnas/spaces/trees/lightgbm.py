"""Trees of LightGBM, through the text of its model files, which `Booster.model_to_string` gives.

The text has one line for each array of a tree: reading it takes a tenth of the time that the same
model takes as JSON (`dump_model`), which is longer than the fit where classes are many.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasnas.errors import ArtifactError
from kerasnas.spaces.trees.trees import Link, Sets, Tree, Trees, round_down, whole_trees

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

_INFINITE = 1e300  # how LightGBM writes an infinite threshold
_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of a split's kind
_MISSING_BITS, _MISSING_IS_ZERO = 2, 1  # the two bits above: which numbers count as missing
_ZERO = np.float32(1e-35)  # LightGBM takes numbers no further from 0 for 0


def read_lightgbm(model: Any) -> Trees:
    """Reads a fitted LGBMClassifier, LGBMRegressor or Booster, up to its best iteration.

    Args:
        model: Trained on an array; categorical columns hold whole numbers from 0 on.

    Raises:
        ArtifactError: For an objective, or trees, of another kind.
    """
    booster = getattr(model, "booster_", model)
    header, *blocks = booster.model_to_string(num_iteration=booster.best_iteration or None).split(
        "\nTree="
    )
    facts = _facts(header)
    name = facts["objective"].split()[0]
    if name not in _LINKS:
        raise ArtifactError(f"The LightGBM objective {facts['objective']!r} cannot be exported.")
    width = int(facts["max_feature_idx"]) + 1
    sets = Sets(truncates=True)
    told = [_facts(block.split("\n\n", 1)[0]) for block in blocks]
    trees = _trees(told, width, sets)
    outputs = int(facts["num_tree_per_iteration"])
    return Trees(width, trees, np.zeros(outputs), _LINKS[name], sets)


def _facts(lines: str) -> dict[str, str]:
    """Lines of the form `name=value`."""
    pairs = (line.partition("=") for line in lines.splitlines())
    return {name: value for name, _, value in pairs}


def _trees(told: list[dict[str, str]], width: int, sets: Sets) -> list[Tree]:
    """All trees: LightGBM numbers splits from 0 on, and leaves by the complement of their number.

    Arrays of all trees are read and worked on together, which takes a fifth of the time.
    """
    leaves = np.array([int(facts["num_leaves"]) for facts in told])
    splits = leaves - 1
    of_tree = np.repeat(np.arange(len(told)), splits)
    kinds = _numbers(told, "decision_type", "int64")
    column = _numbers(told, "split_feature", "int64")
    asked = _numbers(told, "threshold")
    threshold = np.where(np.abs(asked) >= _INFINITE, np.sign(asked) * np.inf, asked)
    by_category = (kinds & _CATEGORICAL) > 0
    missing = (kinds >> _MISSING_BITS) & 3
    if ((missing == _MISSING_IS_ZERO) & ~by_category).any():
        raise ArtifactError("LightGBM's `zero_as_missing=True` cannot be exported.")
    # Without missing values in training LightGBM takes one for 0.
    missing_left = np.where(missing == 0, threshold >= 0.0, (kinds & _DEFAULT_LEFT) > 0)
    rounded = round_down(threshold).astype("float32")
    below_zero = np.nextafter(-_ZERO, np.float32(-np.inf))
    near = np.abs(rounded) <= _ZERO
    rounded = np.where(near, np.where(threshold < 0, below_zero, _ZERO), rounded)
    for i in np.flatnonzero(by_category):
        bits = _bits(told[of_tree[i]], int(asked[i]))
        column[i], rounded[i] = width + sets.add(int(column[i]), bits), 0.5
        missing_left[i] = True
    left, right = (
        np.where(child >= 0, child, splits[of_tree] + ~child)
        for child in (_numbers(told, f"{side}_child", "int64") for side in ("left", "right"))
    )
    # Splits first, then leaves, as nodes of each tree.
    sizes = splits + leaves
    start = np.cumsum(sizes) - sizes
    at_split = _places(start, splits)
    nodes = int(sizes.sum())
    return whole_trees(
        sizes,
        _spread(nodes, at_split, column),
        _spread(nodes, at_split, rounded),
        _spread(nodes, at_split, left, -1),
        _spread(nodes, at_split, right, -1),
        _spread(nodes, at_split, missing_left, True),
        _spread(nodes, _places(start + splits, leaves), _numbers(told, "leaf_value"))[:, None],
    )


def _places(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """As many numbers as each count says, from each start on."""
    return np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)


def _spread(nodes: int, places: np.ndarray, values: np.ndarray, other: Any = 0) -> np.ndarray:
    """Values at their places among all nodes; other nodes have another value."""
    whole = np.full(nodes, other, dtype=values.dtype)
    whole[places] = values
    return whole


def _numbers(told: list[dict[str, str]], name: str, dtype: str = "float64") -> np.ndarray:
    """One array of all trees; a tree without a split has none."""
    lines = " ".join(facts.get(name, "") for facts in told)
    return np.fromstring(lines, sep=" ", dtype="float64").astype(dtype)


def _bits(facts: dict[str, str], place: int) -> np.ndarray:
    """The set of categories of a split: those that it holds go left, all others right."""
    start, end = map(int, facts["cat_boundaries"].split()[place : place + 2])
    words = np.array(facts["cat_threshold"].split()[start:end], dtype="uint32")
    goes_left = np.unpackbits(words.astype("<u4").view("uint8"), bitorder="little").astype(bool)
    known = int(np.flatnonzero(goes_left).max()) + 1
    return np.concatenate([[True], ~goes_left[:known], [True]])
