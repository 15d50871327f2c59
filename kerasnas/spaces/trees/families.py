"""Trees as families of the tabular space: hyperparameters, tuned defaults, and how to fit.

Every family is a `declare(hp, classify)`, which gives the values that its `fit(rows, values)`
takes. The defaults of boosting are tuned ones (LightGBM-TD of pytabkit, Holzmüller et al. 2024),
carried over to the other libraries where they have the same knob.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import keras_tuner
import numpy as np

from kerasnas.spaces.trees.lightgbm_family import declare_lightgbm, fit_lightgbm
from kerasnas.spaces.trees.rows import MOST_ITERATIONS, PATIENCE, TreeRows, Values
from kerasnas.spaces.trees.sklearn_boosting import read_hist_gradient_boosting
from kerasnas.spaces.trees.sklearn_forest import read_forest
from kerasnas.spaces.trees.trees import Trees

_ITERATIONS = (MOST_ITERATIONS, 2000, 1400, 1000, 700, 500, 350, 250, 180, 120, 60, 30)
_MOST_VALUES = 600_000  # numbers that a forest may hold: a few megabytes


@dataclass(frozen=True)
class TreeFamily:
    """A family of trees.

    Attributes:
        declare: Declares its hyperparameters and reads their values.
        fit: From rows and values to fitted trees.
        library: Module that has to be installed.
    """

    declare: Callable[[keras_tuner.HyperParameters, bool], Values]
    fit: Callable[[TreeRows, Values], Trees]
    library: str = "sklearn"

    @property
    def installed(self) -> bool:
        """Whether its library is there."""
        return find_spec(self.library) is not None


def _declare_histgb(hp: keras_tuner.HyperParameters, classify: bool) -> Values:
    return {
        "learning_rate": hp.Float(
            "histgb_learning_rate", 0.01, 0.3, sampling="log", default=0.04 if classify else 0.05
        ),
        "max_leaf_nodes": hp.Int("histgb_leaves", 4, 128, sampling="log", default=31),
        "min_samples_leaf": hp.Int(
            "histgb_min_leaf", 2, 100, sampling="log", default=30 if classify else 10
        ),
        "l2_regularization": hp.Float("histgb_l2", 1e-3, 30.0, sampling="log", default=0.1),
        "max_features": hp.Choice("histgb_column_share", [0.3, 0.5, 0.75, 1.0], default=0.5),
        "max_depth": hp.Choice("histgb_depth", [3, 5, 8, 12], default=8),
        "native": hp.Boolean("histgb_native_categories", default=True),
    }


def _fit_histgb(rows: TreeRows, values: Values) -> Trees:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    settings = dict(values)
    native = settings.pop("native") and bool(rows.codes)
    cls: Any = (
        HistGradientBoostingRegressor if rows.classes is None else HistGradientBoostingClassifier
    )

    held = {
        "X_val": rows.x_valid,
        "y_val": rows.y_valid,
        "sample_weight_val": rows.weights_valid,
    }
    model = cls(
        **settings,
        early_stopping=rows.rounds is None,
        scoring="loss",
        n_iter_no_change=PATIENCE,
        tol=0.0,
        categorical_features=rows.categorical if native else None,
        random_state=rows.state,
        warm_start=True,  # in stages it comes to the very trees that it comes to at once
    )
    with threadpool_limits(rows.threads, user_api="openmp"):
        for iterations in rows.stages(MOST_ITERATIONS):
            model.set_params(max_iter=iterations)
            model.fit(
                rows.x,
                rows.y,
                sample_weight=rows.weights,
                **(held if rows.rounds is None else {}),
            )
            if model.n_iter_ < iterations:
                break
    trees = read_hist_gradient_boosting(model)
    if rows.rounds is not None:
        return trees
    # The scores begin with that of no tree at all.
    best = int(np.argmax(model.validation_score_))
    return trees.first(best * len(trees.baseline))


def _declare_extra_trees(hp: keras_tuner.HyperParameters, classify: bool) -> Values:
    return {
        "max_features": hp.Choice(
            "forest_column_share", [0.15, 0.3, 0.6, 1.0], default=0.3 if classify else 1.0
        ),
        "min_samples_leaf": hp.Int("forest_min_leaf", 1, 20, sampling="log", default=2),
        "max_leaf_nodes": hp.Choice("forest_leaves", [100, 300, 1000], default=1000),
        "n_estimators": hp.Choice("forest_trees", [50, 100, 200], default=100),
        # Every level is a step of the graph, and a part of the time that it takes to trace it.
        "max_depth": hp.Choice("forest_depth", [8, 12, 16, 20], default=12),
    }


def _fit_extra_trees(rows: TreeRows, values: Values) -> Trees:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    settings = dict(values)
    # The file grows with trees times leaves: fewer leaves where there are many outputs.
    most = _MOST_VALUES // (2 * settings["n_estimators"] * (4 + (rows.classes or 1)))
    settings["max_leaf_nodes"] = max(8, min(settings["max_leaf_nodes"], most))
    cls: Any = ExtraTreesRegressor if rows.classes is None else ExtraTreesClassifier

    def fit(trees: int) -> Any:
        model = cls(**{**settings, "n_estimators": trees}, random_state=rows.state)
        model.set_params(n_jobs=rows.threads)
        return model.fit(rows.x, rows.y, sample_weight=rows.weights)

    most_trees = int(settings["n_estimators"])
    wanted = [n for n in (200, 100, 50, 25, 10) if n <= most_trees]
    return read_forest(fit(rows.iterations(wanted, fit)))


def _declare_xgboost(hp: keras_tuner.HyperParameters, classify: bool) -> Values:
    return {
        "learning_rate": hp.Float(
            "xgboost_learning_rate", 0.01, 0.3, sampling="log", default=0.08 if classify else 0.05
        ),
        "max_depth": hp.Int("xgboost_depth", 2, 10, default=6 if classify else 8),
        "min_child_weight": hp.Float("xgboost_min_weight", 1e-5, 30.0, sampling="log", default=1.0),
        "subsample": hp.Float("xgboost_row_share", 0.4, 1.0, default=0.7),
        "colsample_bylevel": hp.Float("xgboost_column_share", 0.3, 1.0, default=0.9),
        "reg_lambda": hp.Float("xgboost_l2", 1e-5, 30.0, sampling="log", default=1.0),
    }


def _fit_xgboost(rows: TreeRows, values: Values) -> Trees:
    import xgboost

    from kerasnas.spaces.trees.xgboost import read_xgboost

    cls: Any = xgboost.XGBRegressor if rows.classes is None else xgboost.XGBClassifier
    kinds = ["q"] * (rows.x.shape[1] - rows.codes) + ["c"] * rows.codes
    # XGBoost refuses codes that the training rows do not hold.
    x_valid = rows.x_valid.copy()
    for column in rows.categorical:
        unknown = ~np.isin(x_valid[:, column], rows.x[:, column])
        x_valid[unknown, column] = np.nan

    def fit(iterations: int) -> Any:
        model = cls(
            **values,
            n_estimators=iterations,
            early_stopping_rounds=PATIENCE if rows.rounds is None else None,
            enable_categorical=True,
            feature_types=kinds,
            tree_method="hist",
            random_state=rows.state,
            n_jobs=rows.threads,
        )
        if rows.rounds is not None:
            return model.fit(rows.x, rows.y, sample_weight=rows.weights, verbose=False)
        return model.fit(
            rows.x,
            rows.y,
            sample_weight=rows.weights,
            eval_set=[(x_valid, rows.y_valid)],
            sample_weight_eval_set=None if rows.weights_valid is None else [rows.weights_valid],
            verbose=False,
        )

    return read_xgboost(fit(rows.iterations(_ITERATIONS, fit)))


def _declare_catboost(hp: keras_tuner.HyperParameters, classify: bool) -> Values:
    return {
        "learning_rate": hp.Float(
            "catboost_learning_rate", 0.01, 0.3, sampling="log", default=0.08
        ),
        "depth": hp.Int("catboost_depth", 3, 8, default=6),
        "l2_leaf_reg": hp.Float("catboost_l2", 1e-2, 30.0, sampling="log", default=3.0),
        "random_strength": hp.Float("catboost_noise", 0.1, 10.0, sampling="log", default=1.0),
    }


def _fit_catboost(rows: TreeRows, values: Values) -> Trees:
    import catboost

    from kerasnas.spaces.trees.catboost import read_catboost

    cls: Any = catboost.CatBoostRegressor if rows.classes is None else catboost.CatBoostClassifier
    valid = catboost.Pool(rows.x_valid, rows.y_valid, weight=rows.weights_valid)

    def fit(iterations: int) -> Any:
        model = cls(
            **values,
            iterations=iterations,
            early_stopping_rounds=PATIENCE if rows.rounds is None else None,
            random_seed=rows.state,
            thread_count=rows.threads,
            allow_writing_files=False,
            verbose=False,
        )
        held = valid if rows.rounds is None else None
        return model.fit(rows.x, rows.y, sample_weight=rows.weights, eval_set=held)

    return read_catboost(fit(rows.iterations(_ITERATIONS, fit)))


TREE_FAMILIES: dict[str, TreeFamily] = {
    "lightgbm": TreeFamily(declare_lightgbm, fit_lightgbm, "lightgbm"),
    "extra_trees": TreeFamily(_declare_extra_trees, _fit_extra_trees),
    "histgb": TreeFamily(_declare_histgb, _fit_histgb),
    "xgboost": TreeFamily(_declare_xgboost, _fit_xgboost, "xgboost"),
    "catboost": TreeFamily(_declare_catboost, _fit_catboost, "catboost"),
}


def fit_trees(name: str, rows: TreeRows, values: Values) -> Trees:
    """Fits a family; labels that no training row has get the probability 0.

    Args:
        name: A key of `TREE_FAMILIES`.
        rows: Data.
        values: As the family's `declare` gives them.
    """
    family = TREE_FAMILIES[name]
    with warnings.catch_warnings():
        # Columns that are all missing, or too few rows to stop by: still an honest answer.
        warnings.simplefilter("ignore")
        if rows.classes is None:
            return family.fit(rows, values)
        present = np.unique(rows.y)
        trees = family.fit(_relabelled(rows, present), values)
    return trees if len(present) == rows.classes else trees.among(present, rows.classes)


def _relabelled(rows: TreeRows, present: np.ndarray) -> TreeRows:
    """The rows with labels from 0 on without a gap; validation rows of other labels left out."""
    import dataclasses

    if len(present) == rows.classes:
        return rows
    kept = np.isin(rows.y_valid, present)
    return dataclasses.replace(
        rows,
        y=np.searchsorted(present, rows.y),
        x_valid=rows.x_valid[kept],
        y_valid=np.searchsorted(present, rows.y_valid[kept]),
        weights_valid=None if rows.weights_valid is None else rows.weights_valid[kept],
        classes=len(present),
    )
