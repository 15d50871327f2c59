"""LightGBM as a family of trees: its hyperparameters, and a fit that ends by a callback."""

from __future__ import annotations

from typing import Any

import keras_tuner
import numpy as np

from kerasnas.clock import Purpose, Stopwatch
from kerasnas.spaces.trees.lightgbm import read_lightgbm
from kerasnas.spaces.trees.rows import ENOUGH_RATE, MOST_ITERATIONS, PATIENCE, TreeRows, Values
from kerasnas.spaces.trees.trees import Trees

_TIMED = 5  # iterations after which it is known what one takes
_FASTEST = 0.3  # learning rate that is not exceeded for want of time
_DEPTH = 8  # every level is a step of the graph, which has to be traced


def declare_lightgbm(hp: keras_tuner.HyperParameters, classify: bool) -> Values:
    """Declares the hyperparameters of LightGBM and reads their values."""
    return {
        "learning_rate": hp.Float(
            "lightgbm_learning_rate", 0.01, 0.3, sampling="log", default=0.04 if classify else 0.05
        ),
        "num_leaves": hp.Int("lightgbm_leaves", 4, 128, sampling="log", default=31),
        "min_data_in_leaf": hp.Int(
            "lightgbm_min_leaf", 2, 100, sampling="log", default=30 if classify else 10
        ),
        "bagging_fraction": hp.Float("lightgbm_row_share", 0.4, 1.0, default=0.75),
        "feature_fraction_bynode": hp.Float("lightgbm_column_share", 0.3, 1.0, default=0.5),
        "lambda_l2": hp.Float("lightgbm_l2", 1e-6, 30.0, sampling="log", default=0.1),
        "extra_trees": hp.Boolean("lightgbm_extra_trees", default=False),
        # LightGBM's own 100 and 10 join categories that differ: see `benchmarks/categories.py`.
        "min_data_per_group": hp.Int("lightgbm_min_group", 2, 100, sampling="log", default=10),
        "cat_l2": hp.Float("lightgbm_group_l2", 0.1, 30.0, sampling="log", default=3.0),
    }


def fit_lightgbm(rows: TreeRows, values: Values) -> Trees:
    """Boosts until the validation rows, the number of rounds or the clock end it.

    Args:
        rows: Data.
        values: As `declare_lightgbm` gives them.
    """
    import lightgbm

    settings = {
        **values,
        **_objective(rows.classes),
        "bagging_freq": 1,
        "max_depth": _DEPTH,
        "seed": rows.state,
        "num_threads": rows.threads,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "verbosity": -1,
    }

    def data(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, of: Any = None) -> Any:
        return lightgbm.Dataset(
            x,
            y,
            weight=weights,
            categorical_feature=rows.categorical,
            reference=of,
            params=settings,
        )

    train = data(rows.x, rows.y, rows.weights)
    watched = rows.rounds is None and len(rows.y_valid) > 0
    held = [data(rows.x_valid, rows.y_valid, rows.weights_valid, train)] if watched else []
    rate = float(values["learning_rate"])
    course = _AfterEachRound(rows, rate, lightgbm.EarlyStopException)
    booster = lightgbm.train(
        settings,
        train,
        num_boost_round=rows.rounds or (MOST_ITERATIONS if watched else int(ENOUGH_RATE / rate)),
        valid_sets=held,
        callbacks=[course],
        keep_training_booster=True,  # else it is written and read again
    )
    return read_lightgbm(booster).at_rate(course.rate)


def _objective(classes: int | None) -> Values:
    if classes is None:
        return {"objective": "regression"}
    return (
        {"objective": "multiclass", "num_class": classes}
        if classes > 2
        else {"objective": "binary"}
    )


class _AfterEachRound:
    """Says after each iteration whether boosting goes on: a callback of LightGBM.

    Boosting ends where the validation loss gets no better, or with the seconds of one ensemble.
    Where these are too few for enough small steps, the steps become larger.

    Args:
        rows: The data, with the deadline, or the number of rounds and the rate of an earlier fit.
        rate: Learning rate that is asked for.
        end: Exception that ends the training; it takes the best iteration and its scores.

    Attributes:
        rate: Learning rate after the first iterations; `None` where it is the one asked for.
    """

    def __init__(self, rows: TreeRows, rate: float, end: type[Exception]) -> None:
        self.rate = rows.rate
        self._asked, self._end = rate, end
        self._told = rows.rounds is not None
        self._until = rows.deadline.allot(Purpose.SOLVE)
        self._watch = Stopwatch(rows.deadline.now)
        self._best: tuple[float, int, Any] = (np.inf, -1, [])

    def __call__(self, env: Any) -> None:
        """Looks at one iteration, which has ended."""
        done = env.iteration + 1
        if done == 1:
            self._watch.lap()  # the first iteration makes bins as well
        if done == _TIMED:
            self._settle_rate(env)
        if self._told:
            return
        results = env.evaluation_result_list or []
        if results and (value := results[0][2]) < self._best[0]:
            self._best = (value, env.iteration, results)
        if (results and env.iteration - self._best[1] >= PATIENCE) or done == env.end_iteration:
            raise self._ended(env)
        if self._until.passed:
            raise self._ended(env)

    def _ended(self, env: Any) -> Exception:
        place = self._best[1] if self._best[1] >= 0 else env.iteration
        return self._end(place, self._best[2])

    def _settle_rate(self, env: Any) -> None:
        """Takes larger steps from here on, where the clock leaves too few small ones."""
        if not self._told and not self._until.endless:
            pace = max(self._watch.lap(), 1e-9) / (_TIMED - 1)
            fitting = _TIMED + max(self._until.left, 0.0) / pace
            if fitting * self._asked < ENOUGH_RATE:
                self.rate = max(self._asked, min(_FASTEST, ENOUGH_RATE / fitting))
        if self.rate is not None:
            env.model.reset_parameter({"learning_rate": self.rate})
