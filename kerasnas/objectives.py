"""What is optimised and what is demanded: objectives and constraints.

Scores keep their natural sign everywhere; direction is a property of the objective.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal

from kerasnas.errors import ObjectiveError

Direction = Literal["min", "max"]

FREE_MEASURES = ("params", "flops", "latency_ms", "size_bytes", "peak_memory_bytes")
"""Quantities known without training."""

_MAX_WORDS = (
    *("accuracy", "acc", "auc", "precision", "recall", "f1", "f1score", "fbeta", "r2", "iou"),
    *("specificity", "sensitivity", "dice", "jaccard", "correlation", "kappa", "mcc", "ndcg"),
    *("psnr", "ssim", "bleu"),
)
_MIN_WORDS = (
    *("loss", "error", "rmse", "rmsle", "mse", "mae", "mape", "crossentropy", "perplexity", "wer"),
    *("cer", "smape", "wape", "mase", "crps", "nll", "brier", "divergence", "hinge", "poisson"),
    *("inaccuracy", "logcosh", "cosh"),
)
_NEGATIONS = ("neg", "negative", "negated", "minus", "non", "not")
"""Words before a metric that turn its direction round, or do not: nobody knows."""

_SYNONYMS = {
    "acc": "accuracy",
    "average_precision_score": "average_precision",
    "categorical_accuracy": "accuracy",
    "categorical_crossentropy": "log_loss",
    "binary_accuracy": "accuracy",
    "binary_crossentropy": "log_loss",
    "cross_entropy": "log_loss",
    "crossentropy": "log_loss",
    "f1_macro": "f1",
    "f1_score": "f1",
    "logloss": "log_loss",
    "mean_absolute_error": "mae",
    "mean_squared_error": "rmse",
    "mean_squared_log_error": "rmsle",
    "mse": "rmse",
    "pr_auc": "average_precision",
    "r2_score": "r2",
    "roc_auc": "auc",
    "roc_auc_score": "auc",
    "root_mean_squared_error": "rmse",
    "sparse_categorical_accuracy": "accuracy",
    "sparse_categorical_crossentropy": "log_loss",
}
"""Names that other libraries have for a metric."""

_MIN_UNITS = ("seconds", "_ms", "_bytes")


@dataclass(frozen=True)
class Objective:
    """A metric to optimise.

    Args:
        name: Name of a logged metric (`val_accuracy`, `val_log_loss`, …) or of a measure
            (`params`, `flops`, `latency_ms`, `size_bytes`, `train_seconds`); for estimators also a
            metric of one's own: a function `f(y_true, y_pred)`, a scorer of scikit-learn, a metric
            of Keras, whose name is `val_` and its own one.
        direction: `"min"` or `"max"`; when `None`, inferred from well-known names, and for a metric
            of one's own from what it says of perfect answers.
        metric: The metric of one's own; given as `name`.

    Raises:
        ObjectiveError: If the direction is neither given nor known.
    """

    name: str
    direction: Direction | None = None
    metric: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        own: Any = self.name
        if not isinstance(own, str):
            object.__setattr__(self, "metric", own)
            object.__setattr__(self, "name", f"val_{metric_name(own)}")
        if self.direction is None and self.metric is not None:
            return
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
    _: KW_ONLY  # one number behind the name would be taken for the other bound
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ObjectiveError(
                f"`Constraint({self.name!r})` needs `min=` or `max=`, for example "
                f"`Constraint({self.name!r}, max=1000)`."
            )
        for name, bound in (("min", self.min), ("max", self.max)):
            number = isinstance(bound, numbers.Real) and not isinstance(bound, bool)
            if bound is not None and not (number and bound == bound):
                raise ObjectiveError(
                    f"`Constraint({self.name!r})` needs a number as `{name}`, received {bound!r}. "
                    f"Write `Constraint({self.name!r}, {name}=1000)`."
                )
            if bound is not None:  # of NumPy as Python's, which JSON knows
                whole = isinstance(bound, numbers.Integral)
                object.__setattr__(self, name, int(bound) if whole else float(bound))
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


def metric_name(metric: Any) -> str:
    """The name of a function, of what a scorer or a `partial` calls, of a Keras metric.

    Raises:
        ObjectiveError: If it is none of these.
    """
    if isinstance(metric, functools.partial):
        return metric_name(metric.func)
    if inspect.isroutine(metric):
        return "own_metric" if metric.__name__ == "<lambda>" else str(metric.__name__)
    scorer = re.match(r"make_scorer\((\w+)(.*)\)", repr(metric), flags=re.S)
    if scorer:
        return f"neg_{scorer[1]}" if "greater_is_better=False" in scorer[2] else scorer[1]
    if isinstance(metric, type) or not callable(metric):
        raise ObjectiveError(
            "`objective` must be the name of a metric or measure, a `kerasnas.Objective`, a "
            "function `f(y_true, y_pred)`, a scorer of scikit-learn or a metric of Keras, received "
            f"{metric!r}."
        )
    try:
        return str(metric.name)  # of Keras, which a module without TensorFlow cannot ask for
    except AttributeError:
        return type(metric).__name__


ObjectiveLike = str | Objective | Sequence["str | Objective"]


def listed(value: Any) -> list[Any]:
    """Objectives as a list, where a single one may stand alone.

    Raises:
        ObjectiveError: If they are a dict, whose values would be dropped.
    """
    if isinstance(value, Mapping) and value:
        name, direction = next(iter(value.items()))
        raise ObjectiveError(
            "`objective` must be a name, an `Objective` or a list of these, received a dict. "
            f"Write `objective=kerasnas.Objective({name!r}, {direction!r})`."
        )
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return list(value) if several else [value]


def parse_objectives(
    value: ObjectiveLike, known: Sequence[str] | None = None, further: str = ""
) -> tuple[Objective, ...]:
    """Reads one or several objectives.

    Args:
        value: A name, an `Objective` (of kerasnas or keras-tuner), or a sequence of these.
        known: Names that the search will have; `None` skips the check.
        further: What to say besides of a name that is unknown.

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
        objective = _read(item)
        if known is not None and objective.metric is None and objective.name not in known:
            near = near_metric(objective.name, known)
            hint = f" Did you mean '{near}'?" if near else ""
            raise ObjectiveError(
                f"`objective` {objective.name!r} is not a metric of this search.{hint} "
                f"Known: {', '.join(known)}.{further}"
            )
        objectives.append(objective if objective.direction else _directed(objective))
    names = [o.name for o in objectives]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ObjectiveError(f"`objective` names {twice} more than once. Name each metric once.")
    return tuple(objectives)


def objective_name(item: Any) -> str:
    """The name that an objective of any library has, or will have."""
    return _read(item).name


def near_metric(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant: of the same metric in another library, or a near one."""
    by_stem = {_stem(other): other for other in known}
    stem = _stem(name)
    if _SYNONYMS.get(stem) in by_stem:
        return by_stem[_SYNONYMS[stem]]
    near = difflib.get_close_matches(stem, by_stem, n=1)
    return by_stem[near[0]] if near else None


def _stem(name: str) -> str:
    return name.lower().removeprefix("val_").removeprefix("neg_")


@dataclass(frozen=True)
class _Unsettled(Objective):
    """An objective whose direction is found out when its name is known to be right."""

    def __post_init__(self) -> None:
        """Nothing is checked yet."""


def _read(item: Any) -> Objective:
    """An objective of any library; a name has no direction yet."""
    if isinstance(item, Objective):
        return item
    if isinstance(item, str):
        return _Unsettled(item)
    if callable(item):
        return Objective(item)
    try:
        return Objective(str(item.name), item.direction)  # of keras-tuner
    except AttributeError:
        return Objective(item)  # which says what it may be


def _directed(objective: Objective) -> Objective:
    return objective if objective.metric is not None else Objective(objective.name)


def check_constraints(constraints: Any, known: Sequence[str] | None = None) -> None:
    """Whether a search has what constraints bound, found out before it begins.

    Args:
        constraints: Bounds on metrics and measures.
        known: Names that the search will have; `None` skips the check of names.

    Raises:
        ObjectiveError: If one is no `Constraint`, or its name is unknown (near names are
            suggested): no trial could ever meet it.
    """
    if isinstance(constraints, Mapping) and constraints:
        name = str(next(iter(constraints)))
        near = difflib.get_close_matches(name, known or FREE_MEASURES, n=1) or [name]
        raise ObjectiveError(
            "`constraints` must be a list of `kerasnas.Constraint`, received a dict. Write "
            f"constraints=[kerasnas.Constraint({near[0]!r}, max=...)]."
        )
    for constraint in constraints:
        if not isinstance(constraint, Constraint):
            raise ObjectiveError(
                "`constraints` must hold `kerasnas.Constraint`, such as "
                f"`Constraint('params', max=100_000)`, received {constraint!r}."
            )
        if known is not None and constraint.name not in known:
            near = difflib.get_close_matches(constraint.name, known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ObjectiveError(
                f"`Constraint({constraint.name!r})` bounds what this search does not have.{hint} "
                f"Known: {', '.join(known)}."
            )


def violation(constraints: Sequence[Constraint], metrics: Mapping[str, float]) -> float:
    """Sum of all violations; 0 means feasible."""
    return sum((c.violation(metrics) for c in constraints), 0.0)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _is_negated(name: str) -> bool:
    return any(word in _NEGATIONS for word in _words(name))


def _infer_direction(name: str) -> Direction:
    if name in FREE_MEASURES or name.lower().endswith(_MIN_UNITS):
        return "min"
    words = [] if _is_negated(name) else _words(name)
    if any(_is_or_holds(word, known) for word in words for known in _MIN_WORDS):
        return "min"
    if any(_is_or_holds(word, known) for word in words for known in _MAX_WORDS):
        return "max"
    hint = _hint_of_words(name)
    raise ObjectiveError(
        f"The direction of objective {name!r} is not known.{hint} "
        f"Write `kerasnas.Objective({name!r}, direction='min')` or 'max'."
    )


def _hint_of_words(name: str) -> str:
    """The same name with its misspelt words put right; empty where nothing is near."""
    known = [
        word for word in (*_MAX_WORDS, *_MIN_WORDS) if len(word) > 3
    ]  # short ones are near all
    parts = re.split(r"([^A-Za-z0-9]+)", name)
    near = [difflib.get_close_matches(part.lower(), known, n=1, cutoff=0.8) for part in parts]
    meant = "".join(found[0] if found else part for part, found in zip(parts, near, strict=True))
    return f" Did you mean {meant!r}?" if meant != name and not _is_negated(name) else ""


def _is_or_holds(word: str, known: str) -> bool:
    """Short words have to match whole: an `answer` is not a word error rate."""
    return word == known or (len(known) > 3 and known in word)
