"""What is optimised and what is demanded: objectives and constraints.

Scores keep their natural sign everywhere; direction is a property of the objective.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kerasnas.errors import ObjectiveError

Direction = Literal["min", "max"]

FREE_MEASURES = ("params", "flops", "latency_ms", "size_bytes", "peak_memory_bytes")
"""Quantities known without training."""

_MAX_WORDS = ("accuracy", "acc", "auc", "precision", "recall", "f1", "f1score", "r2", "iou")
_MIN_WORDS = (
    "loss",
    "error",
    "rmse",
    "rmsle",
    "mse",
    "mae",
    "mape",
    "crossentropy",
    "perplexity",
    "wer",
)
_MIN_UNITS = ("seconds", "_ms", "_bytes")


@dataclass(frozen=True)
class Objective:
    """A metric to optimise.

    Args:
        name: Name of a logged metric (`val_accuracy`, `val_log_loss`, …) or of a measure
            (`params`, `flops`, `latency_ms`, `size_bytes`, `train_seconds`).
        direction: `"min"` or `"max"`; inferred from well-known names when `None`.

    Raises:
        ObjectiveError: If the direction is neither given nor known.
    """

    name: str
    direction: Direction | None = None

    def __post_init__(self) -> None:
        if self.direction is None:
            object.__setattr__(self, "direction", _infer_direction(self.name))
        elif self.direction not in ("min", "max"):
            raise ObjectiveError(
                f"`direction` of objective `{self.name}` must be 'min' or 'max', "
                f"received {self.direction!r}."
            )

    def loss(self, metrics: Mapping[str, float]) -> float:
        """The value to minimise: the metric, negated for `max`; infinite where it is not finite."""
        value = metrics.get(self.name)
        if value is None or not math.isfinite(value):
            return math.inf
        return float(value) if self.direction == "min" else -float(value)


@dataclass(frozen=True)
class Constraint:
    """A bound on a metric or measure; a trial outside it is not feasible.

    Args:
        name: As in `Objective`.
        min: Smallest allowed value, or `None`.
        max: Largest allowed value, or `None`.

    Raises:
        ObjectiveError: If neither bound is given or they exclude each other.
    """

    name: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ObjectiveError(
                f"`Constraint({self.name!r})` needs `min=` or `max=`, for example "
                f"`Constraint({self.name!r}, max=1000)`."
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ObjectiveError(
                f"`Constraint({self.name!r})` has min={self.min} above max={self.max}."
            )

    @property
    def free(self) -> bool:
        """Whether the quantity is known before training."""
        return self.name in FREE_MEASURES

    def violation(self, metrics: Mapping[str, float]) -> float:
        """How far outside the bound the value lies, 0 inside, infinite when it is missing."""
        value = metrics.get(self.name)
        if value is None or math.isnan(value):
            return math.inf
        below = self.min - value if self.min is not None else 0.0
        above = value - self.max if self.max is not None else 0.0
        return max(0.0, below, above)


ObjectiveLike = str | Objective | Sequence["str | Objective"]


def listed(value: Any) -> list[Any]:
    """Objectives as a list, where a single one may stand alone."""
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return list(value) if several else [value]


def parse_objectives(
    value: ObjectiveLike, known: Sequence[str] | None = None
) -> tuple[Objective, ...]:
    """Reads one or several objectives.

    Args:
        value: A name, an `Objective` (of kerasnas or keras-tuner), or a sequence of these.
        known: Names that the search will have; `None` skips the check.

    Raises:
        ObjectiveError: If a name is unknown (near names are suggested) or has no direction.
    """
    items = listed(value)
    if not items:
        raise ObjectiveError(
            "`objective` is empty. Name at least one metric, such as 'val_accuracy'."
        )
    objectives = []
    for item in items:
        name = item if isinstance(item, str) else item.name
        if known is not None and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ObjectiveError(
                f"`objective` {name!r} is not a metric of this search.{hint} "
                f"Known: {', '.join(known)}."
            )
        objectives.append(
            Objective(name) if isinstance(item, str) else Objective(name, item.direction)
        )
    names = [o.name for o in objectives]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ObjectiveError(f"`objective` names {twice} more than once. Name each metric once.")
    return tuple(objectives)


def check_constraints(constraints: Sequence[Any], known: Sequence[str]) -> None:
    """Whether a search has what constraints bound, found out before it begins.

    Args:
        constraints: Bounds on metrics and measures.
        known: Names that the search will have.

    Raises:
        ObjectiveError: If one is no `Constraint`, or its name is unknown (near names are
            suggested): no trial could ever meet it.
    """
    for constraint in constraints:
        if not isinstance(constraint, Constraint):
            raise ObjectiveError(
                "`constraints` must hold `kerasnas.Constraint`, such as "
                f"`Constraint('params', max=100_000)`, received {constraint!r}."
            )
        if constraint.name not in known:
            near = difflib.get_close_matches(constraint.name, known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ObjectiveError(
                f"`Constraint({constraint.name!r})` bounds what this search does not have.{hint} "
                f"Known: {', '.join(known)}."
            )


def violation(constraints: Sequence[Constraint], metrics: Mapping[str, float]) -> float:
    """Sum of all violations; 0 means feasible."""
    return sum((c.violation(metrics) for c in constraints), 0.0)


def _infer_direction(name: str) -> Direction:
    if name in FREE_MEASURES or name.lower().endswith(_MIN_UNITS):
        return "min"
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    if any(_is_or_holds(word, known) for word in words for known in _MIN_WORDS):
        return "min"
    if any(_is_or_holds(word, known) for word in words for known in _MAX_WORDS):
        return "max"
    raise ObjectiveError(
        f"The direction of objective {name!r} is not known. "
        f"Write `kerasnas.Objective({name!r}, direction='min')` or 'max'."
    )


def _is_or_holds(word: str, known: str) -> bool:
    """Short words have to match whole: an `answer` is not a word error rate."""
    return word == known or (len(known) > 3 and known in word)
