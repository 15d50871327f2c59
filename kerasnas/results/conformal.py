"""Intervals and sets that hold the truth as often as asked for (split-conformal prediction).

The constants come from calibration rows that nothing else has seen: no training, no choice of an
epoch, a trial or members, no temperature. For new rows drawn like these, the truth lies inside with
at least the probability asked for, on average over rows (Vovk et al. 2005; Romano et al. 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnas import assembly
from kerasnas.errors import SchemaError, SearchSpaceError


@dataclass(frozen=True)
class Conformal:
    """What calibration rows say about the errors of a model.

    Attributes:
        level: Probability that the truth lies inside.
        rows: Calibration rows.
        low: For values: what is added to a prediction for the lower end.
        high: For values: what is added to it for the upper end.
        least: For classes: probability from which a class belongs to the set.
    """

    level: float
    rows: int
    low: float | None = None
    high: float | None = None
    least: float | None = None

    def build(self, model: keras.Model) -> keras.Model:
        """The exported model with its intervals or sets as further outputs.

        Returns:
            A model that answers with a dict: `prediction`, and `lower` and `upper`, or `set`, which
            is true for every class in it.
        """
        return with_intervals(model, {"": self})

    def around(self, answer: Any) -> dict[str, Any]:
        """Tensors of the interval or the set around an answer: `lower` and `upper`, or `set`."""
        if self.least is None:
            return {"lower": answer + self.low, "upper": answer + self.high}
        # The most probable class always belongs to it: an empty set helps nobody.
        most = keras.ops.max(answer, axis=1, keepdims=True)
        return {"set": keras.ops.greater_equal(answer, keras.ops.minimum(most, self.least))}


def with_intervals(model: keras.Model, found: Mapping[str, Conformal]) -> keras.Model:
    """The exported model with intervals or sets as further outputs.

    Args:
        model: The exported model.
        found: The constants by output; those of the only answer have the empty name.

    Returns:
        A model that answers with a dict: `prediction`, and `lower` and `upper`, or `set`. Where
        answers have names, `price`, `price.lower` and `price.upper`, or `kind` and `kind.set`.
    """
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), model.input
    )
    answer = assembly.named(model, "kerasnas_model")(inputs)
    outputs: dict[str, Any] = {"prediction": answer} if "" in found else dict(answer)
    for output, one in found.items():
        parts = one.around(outputs[output] if output else answer)
        outputs.update({f"{output}.{n}" if output else n: part for n, part in parts.items()})
    if isinstance(inputs, dict):
        return assembly.keyed_model(inputs, outputs)
    return keras.Model(inputs, outputs, name="kerasnas")


def interval_of(outputs: Mapping[str, np.ndarray], output: str = "") -> np.ndarray:
    """Lower and upper ends, float64 `(rows, 2)`, from the outputs of such a model."""
    before = f"{output}." if output else ""
    ends = [outputs[f"{before}lower"], outputs[f"{before}upper"]]
    return np.concatenate(ends, axis=1).astype("float64")


def labels_of(
    outputs: Mapping[str, np.ndarray], classes: np.ndarray, output: str = ""
) -> list[np.ndarray]:
    """The labels in the set of each row, from the outputs of such a model."""
    chosen = outputs[f"{output}.set" if output else "set"].astype(bool)
    return [classes[row] for row in chosen]


def check_level(value: Any) -> float | None:
    """The probability that `intervals=` asks for.

    Raises:
        SearchSpaceError: If it is no number between 0 and 1.
    """
    if value is None or value is False:
        return None
    good = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if good and 0 < value < 1:
        return float(value)
    raise SearchSpaceError(
        f"`intervals` must be a probability between 0 and 1 such as 0.9, received {value!r}."
    )


def needed_rows(level: float, classes: int | None) -> int:
    """Calibration rows without which no quantile is high enough: 90 % of classes need 9."""
    tail = 1.0 - level if classes is not None else (1.0 - level) / 2
    return math.ceil(round(1.0 / tail, 9)) - 1


def calibration_rows(rows: int, level: float, classify: bool) -> int:
    """Rows to set apart: a sixth, at least four times as many as are needed at all.

    Args:
        rows: Rows given to `fit`.
        level: Probability that the truth lies inside.
        classify: Whether targets are classes.

    Raises:
        SchemaError: If these would be more than a third.
    """
    needed = needed_rows(level, 2 if classify else None)
    if 3 * needed > rows:
        raise SchemaError(
            f"`intervals={level}` sets at least {needed} rows apart, and there are {rows}. Pass "
            "more rows, or a lower probability."
        )
    return int(min(max(rows / 6, 4 * needed), rows / 3, 5000))


def fit_conformal(
    answers: np.ndarray, targets: np.ndarray, level: float, classes: int | None
) -> Conformal:
    """Takes the constants from calibration rows.

    Args:
        answers: Probabilities `(rows, classes)` or values `(rows, 1)` of the final model.
        targets: Integer labels or values.
        level: Probability that the truth lies inside.
        classes: Number of classes; `None` for values.

    Raises:
        SchemaError: If there are too few rows.
    """
    rows, needed = len(targets), needed_rows(level, classes)
    if rows < needed:
        raise SchemaError(
            f"`intervals={level}` needs at least {needed} calibration rows, there are {rows}. Pass "
            "more rows, or a lower probability."
        )
    if classes is not None:
        picked = answers[np.arange(rows), targets].astype("float64")
        return Conformal(level, rows, least=1.0 - _quantile(1.0 - picked, 1.0 - level))
    error = targets - answers.reshape(-1).astype("float64")
    tail = (1.0 - level) / 2  # on either side: errors need not be symmetric
    return Conformal(level, rows, low=-_quantile(-error, tail), high=_quantile(error, tail))


def _quantile(scores: np.ndarray, tail: float) -> float:
    """The score that a further one exceeds with at most the probability `tail`."""
    rank = math.ceil(round((len(scores) + 1) * (1.0 - tail), 9))
    return float(np.sort(scores)[min(rank, len(scores)) - 1])


def from_json(content: Mapping[str, Any]) -> Conformal:
    """What `dataclasses.asdict` of one gave."""
    return Conformal(**{name: content[name] for name in Conformal.__dataclass_fields__})
