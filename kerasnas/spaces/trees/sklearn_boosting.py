"""Trees of scikit-learn's HistGradientBoosting.

scikit-learn has no public way to read these trees: `_predictors` and `_baseline_prediction` are
private, and every other tool that converts them reads the same two. The tests compare answers row
by row, so that a release that changes them is noticed, and so does every trial.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasnas.errors import ArtifactError
from kerasnas.spaces.trees.trees import Link, Sets, Tree, Trees, round_down, siblings_adjacent

_LINKS: dict[str, Link] = {
    "squared_error": "identity",
    "absolute_error": "identity",
    "quantile": "identity",
    "poisson": "exp",
    "gamma": "exp",
}


def read_hist_gradient_boosting(model: Any) -> Trees:
    """Reads a fitted HistGradientBoostingClassifier or HistGradientBoostingRegressor.

    Args:
        model: Fitted on an array; categorical columns hold whole numbers from 0 on.

    Raises:
        ArtifactError: If scikit-learn keeps the trees in another way than this code knows.
    """
    try:
        predictors = [tree for iteration in model._predictors for tree in iteration]
        baseline = np.asarray(model._baseline_prediction, dtype="float64").reshape(-1)
        columns, categories = _columns(model)
        sets = Sets()
        width = int(model.n_features_in_)
        trees = [_tree(predictor, width, columns, categories, sets) for predictor in predictors]
    except (AttributeError, KeyError) as error:
        import sklearn

        raise ArtifactError(
            f"scikit-learn {sklearn.__version__} keeps its boosted trees in a form that kerasnas "
            f"cannot read ({error}). Leave `histgb` out of `space`, or install scikit-learn 1.9."
        ) from error
    if hasattr(model, "classes_"):
        link: Link = "sigmoid" if len(baseline) == 1 else "softmax"
    else:
        link = _LINKS[model.loss]
    return Trees(width, trees, baseline, link, sets)


def _columns(model: Any) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Input column of each column that the trees see, and the categories of the latter.

    With categorical columns scikit-learn puts these first, as places in a sorted list of values.
    """
    width = int(model.n_features_in_)
    if model.is_categorical_ is None:
        return np.arange(width), {}
    chosen = np.asarray(model.is_categorical_)
    columns = np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])
    encoder = model._preprocessor.named_transformers_["encoder"]
    return columns, {i: np.asarray(known) for i, known in enumerate(encoder.categories_)}


def _tree(
    predictor: Any, width: int, columns: np.ndarray, categories: dict[int, np.ndarray], sets: Sets
) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    column = columns[nodes["feature_idx"]]
    threshold = round_down(nodes["num_threshold"].astype("float64"))
    missing_left = nodes["missing_go_to_left"].astype(bool)
    for i in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf):
        seen = int(nodes["feature_idx"][i])
        words = predictor.raw_left_cat_bitsets[int(nodes["bitset_idx"][i])]
        goes_left = np.unpackbits(words.view("uint8"), bitorder="little").astype(bool)
        bits = _right(categories[seen], goes_left, bool(missing_left[i]))
        column[i] = width + sets.add(int(columns[seen]), bits)
        threshold[i] = 0.5
    return siblings_adjacent(
        column,
        threshold,
        np.where(leaf, -1, nodes["left"].astype("int64")),
        np.where(leaf, -1, nodes["right"].astype("int64")),
        missing_left,
        nodes["value"][:, None],
    )


def _right(known: np.ndarray, goes_left: np.ndarray, missing_left: bool) -> np.ndarray:
    """Bits of a set: what is not known goes the way of missing values."""
    whole = known[np.isfinite(known)].astype("int64")
    bits = np.full(int(whole.max(initial=-1)) + 3, not missing_left)
    bits[whole + 1] = ~goes_left[np.arange(len(whole))]
    return bits
