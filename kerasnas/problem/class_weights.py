"""Weights of classes as the user writes them, by label or by head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnas.errors import SchemaError, shown
from kerasnas.problem.heads import ClassHead, FittedHead


def with_class_weight(
    weights: np.ndarray | None,
    class_weight: Any,
    heads: Mapping[str, FittedHead],
    encoded: Mapping[str, np.ndarray],
    count: int,
) -> np.ndarray | None:
    """Weights of rows times those of their classes; `count` rows were given to `fit`."""
    if class_weight is None:
        return weights
    ((name, head),) = heads.items()
    if not isinstance(head, ClassHead):
        raise SchemaError(
            "`class_weight` is for one class a row; use `sample_weight` for other targets."
        )
    by_class = _class_weights(class_weight, head, encoded[name][:count])
    joint: np.ndarray = by_class[encoded[name]] * (1.0 if weights is None else weights)
    if joint[:count].sum() == 0:
        raise SchemaError(
            "`class_weight` and `sample_weight` together give every row the weight 0; at least one "
            "row must count."
        )
    return joint


def class_weights_by_head(
    given: Any, heads: Mapping[str, FittedHead], encoded: Mapping[str, np.ndarray], count: int
) -> dict[str, np.ndarray]:
    """The weight of every class of some of several heads, by output."""
    if given is None:
        return {}
    known = [name for name, head in heads.items() if isinstance(head, ClassHead)]
    if not isinstance(given, Mapping) or not known or any(name not in known for name in given):
        advice = (
            f'Write the name of an output with one class a row, as in {{{known[0]!r}: "balanced"}}'
            if known
            else "No output of this model has one class a row; use `sample_weight`"
        )
        raise SchemaError(
            "`class_weight` of several outputs is a dict from outputs to weights, received "
            f"{shown(dict(given) if isinstance(given, Mapping) else given)}. {advice}."
        )
    found = {}
    for name, wish in given.items():
        if wish is not None:
            found[name] = _class_weights(wish, heads[name], encoded[name][:count])
            if found[name][encoded[name][:count]].sum() == 0:
                raise SchemaError(f"`class_weight` gives every row of `{name}` the weight 0.")
    return found


def _class_weights(given: Any, head: FittedHead, targets: np.ndarray) -> np.ndarray:
    """The weight of every class, in the order of the classes."""
    known = head.target.classes_.tolist()
    if isinstance(given, str) and given == "balanced":
        # As scikit-learn: all classes together weigh the same.
        counts = np.bincount(targets, minlength=len(known))
        return len(targets) / (len(known) * np.maximum(counts, 1))
    if not isinstance(given, Mapping):
        raise SchemaError(
            '`class_weight` must be "balanced" or a dict from labels to weights, such as '
            f"{{{known[0]!r}: 1.0, {known[1]!r}: 2.0}}, received {shown(given)}."
        )
    unknown = [label for label in given if label not in known]
    if unknown:
        raise SchemaError(f"`class_weight` names {unknown}, which `y` does not have: {known}.")
    try:
        by_class = np.array([float(given.get(label, 1.0)) for label in known])
    except (TypeError, ValueError):
        by_class = np.full(len(known), np.nan)
    if not np.isfinite(by_class).all() or (by_class < 0).any() or by_class.sum() == 0:
        raise SchemaError(
            "`class_weight` must hold finite numbers of at least 0, one of them above 0, received "
            f"{shown(dict(given))}."
        )
    return by_class
