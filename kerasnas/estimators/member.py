"""The extra member of an artifact: the estimator as JSON, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras

import kerasnas
from kerasnas.errors import ArtifactError

if TYPE_CHECKING:
    from kerasnas.estimators.estimator import Estimator


def member_of(estimator: Estimator) -> dict[str, Any]:
    """What `kerasnas.load` needs besides the Keras model."""
    target = estimator._target
    return {
        "estimator": type(estimator).__name__,
        "arguments": _plain_arguments(estimator),
        "reader": estimator._reader.to_json(),
        "target": {"kind": type(target).__name__, "content": target.to_json()},
        "leaderboard": [_plain(row) for row in estimator._rows],
        "decisions": estimator._decisions(),
        "versions": {"kerasnas": kerasnas.__version__, "keras": keras.__version__},
    }


def restore(estimator: Estimator, member: dict[str, Any], model: keras.Model) -> None:
    """Fills a fresh estimator with what a file holds.

    Raises:
        ArtifactError: If the member lacks a part or a part has another form than expected.
    """
    try:
        kinds: dict[str, Any] = {cls.__name__: cls for cls in estimator._target_classes}
        target = kinds[member["target"]["kind"]].from_json(member["target"]["content"])
        reader = estimator._reader_class.from_json(member["reader"])
        rows = [dict(row) for row in member["leaderboard"]]
        estimator._remember(reader, target)
        estimator._decide(member.get("decisions", {}))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"The file is damaged: its description is not usable ({error})."
        ) from error
    estimator._rows = rows
    estimator.model_ = model
    estimator._serve()


def _plain_arguments(estimator: Estimator) -> dict[str, Any]:
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
