"""The extra member of an artifact: the estimator as JSON, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras

import kerasnas
from kerasnas.data import ClassTarget, RegressionTarget, Schema
from kerasnas.errors import ArtifactError
from kerasnas.runner.training import call

if TYPE_CHECKING:
    from kerasnas.estimators.estimator import TabularEstimator


def member_of(estimator: TabularEstimator) -> dict[str, Any]:
    """What `kerasnas.load` needs besides the Keras model."""
    target = estimator._target
    return {
        "estimator": type(estimator).__name__,
        "arguments": _plain_arguments(estimator),
        "schema": estimator.schema_.to_json(),
        "target": target.to_json(),
        "named": hasattr(estimator, "feature_names_in_"),
        "dtypes": estimator._dtypes,
        "probe": estimator._probe,
        "leaderboard": [_plain(row) for row in estimator._rows],
        "versions": {"kerasnas": kerasnas.__version__, "keras": keras.__version__},
    }


def restore(estimator: TabularEstimator, member: dict[str, Any], model: keras.Model) -> None:
    """Fills a fresh estimator with what a file holds.

    Raises:
        ArtifactError: If the member lacks a part or a part has another form than expected.
    """
    try:
        kind = ClassTarget if estimator._classify else RegressionTarget
        estimator._target = kind.from_json(member["target"])
        estimator.schema_ = Schema.from_json(member["schema"])
        estimator._dtypes = {str(k): str(v) for k, v in member["dtypes"].items()}
        estimator._probe = dict(member["probe"])
        estimator._rows = [dict(row) for row in member["leaderboard"]]
        named = bool(member["named"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"The file is damaged: its description is not usable ({error})."
        ) from error
    estimator.n_features_in_ = len(estimator.schema_.columns)
    if named:
        estimator._name_features()
    if isinstance(estimator._target, ClassTarget):
        estimator.classes_ = estimator._target.classes_
    estimator.model_ = model
    estimator._call = call(model)


def _plain_arguments(estimator: TabularEstimator) -> dict[str, Any]:
    """Constructor arguments that are plain data; objects (an oracle, a budget) are left out."""
    return {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if value is None or isinstance(value, str | int | float | bool)
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without values that JSON has no word for."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
