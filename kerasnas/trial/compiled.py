"""What a model was compiled with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from kerasnas.errors import ObjectiveError
from kerasnas.objectives import Objective

_AVERAGED_BY = {
    "F1Score": "average",
    "FBetaScore": "average",
    "R2Score": "class_aggregation",
}
"""Metrics of Keras that give one number a class where this argument is `None`."""


def check_single_numbers(model: keras.Model, objectives: Sequence[Objective]) -> None:
    """Whether objectives are single numbers, found out before any training.

    Raises:
        ObjectiveError: If one is a metric of several numbers.
    """
    asked = {o.name.removeprefix("val_"): o.name for o in objectives}
    for name, argument in _several_numbers(model):
        for logged, objective in asked.items():
            if logged == name or logged.endswith(f"_{name}"):
                raise ObjectiveError(
                    f"`objective` {objective!r} is a metric of one number a class; they are logged "
                    f"as '{objective}_0', '{objective}_1' and so on. Name one of them, or compile "
                    f"the model with `{argument}=` in the metric, such as 'macro'."
                )


def _several_numbers(model: keras.Model) -> Iterator[tuple[str, str]]:
    """Names of metrics that give several numbers, and the argument that would average them."""
    try:
        configuration = model.get_compile_config() or {}
    except Exception:  # losses and metrics of the user's own need not have one
        return
    for entry in _entries([configuration.get("metrics"), configuration.get("weighted_metrics")]):
        argument = _AVERAGED_BY.get(str(entry["class_name"]))
        settings = entry.get("config") or {}
        if argument is not None and settings.get(argument, "given") is None:
            yield str(settings.get("name")), argument


def _entries(part: Any) -> Iterator[Mapping[str, Any]]:
    """The serialised metrics in any structure of lists and dicts."""
    if isinstance(part, Mapping):
        if "class_name" in part:
            yield part
        else:
            for inner in part.values():
                yield from _entries(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _entries(inner)
