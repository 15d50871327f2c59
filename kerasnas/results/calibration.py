"""A temperature for the probabilities of a finished model (Guo et al. 2017), one a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnas.problem.metrics import ClassColumns

_LEAST = 1e-12  # a probability that is 0 has no logarithm
_LIMIT = 4.0  # of the logarithm of the temperature: a few rows must not make it extreme
_STEPS = 40
_MIXED = 0.1  # of a row that the uniform distribution counts as, beside those fitted on


@dataclass(frozen=True)
class Temperature:
    """Probabilities `p` become `(1 - mix) softmax(log p / value) + mix / classes`.

    Attributes:
        value: Above 1 for a model that was too sure.
        mix: Share of the uniform distribution, which keeps the log-loss finite.
    """

    value: float = 1.0
    mix: float = 0.0

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, shape `(rows, classes)`."""
        logits = np.log(np.maximum(probabilities, _LEAST)) / self.value
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        calibrated = powers / powers.sum(axis=1, keepdims=True)
        return (1.0 - self.mix) * calibrated + self.mix / probabilities.shape[1]

    def build(self, probabilities: Any, name: str = "calibrated") -> Any:
        """The same as part of a graph."""
        logits = keras.ops.log(keras.ops.maximum(probabilities, _LEAST)) * (1.0 / self.value)
        calibrated = keras.layers.Softmax(name=name)(logits)
        return calibrated * (1.0 - self.mix) + self.mix / int(probabilities.shape[-1])


@dataclass(frozen=True)
class CalibratedHead:
    """The temperature of one head, and the columns of the matrix of answers that it changes."""

    head: str
    start: int
    stop: int
    temperature: Temperature


@dataclass(frozen=True)
class Calibration:
    """Temperatures of those heads that answer better with one.

    Attributes:
        heads: The heads; a single head of a model has no name.
    """

    heads: tuple[CalibratedHead, ...] = ()

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """Calibrated answers of all heads, shape `(rows, columns)`."""
        if not self.heads:
            return answers
        calibrated = np.array(answers)
        for one in self.heads:
            part = slice(one.start, one.stop)
            calibrated[:, part] = one.temperature(answers[:, part])
        return calibrated

    def build(self, answers: Any) -> Any:
        """The same as part of a graph.

        Args:
            answers: A tensor, or tensors by head.
        """
        if not isinstance(answers, Mapping):
            return self.heads[0].temperature.build(answers) if self.heads else answers
        found = dict(answers)
        for one in self.heads:
            found[one.head] = one.temperature.build(answers[one.head], f"{one.head}_calibrated")
        return found

    def value(self) -> float | dict[str, float]:
        """The temperature, 1 without one; of several heads by their names."""
        if len(self.heads) == 1 and not self.heads[0].head:
            return self.heads[0].temperature.value
        return {one.head: one.temperature.value for one in self.heads} or 1.0


def fit_calibration(
    answers: np.ndarray, columns: Sequence[ClassColumns], rows: np.ndarray
) -> Calibration:
    """The temperature of each head, with the least log-loss.

    Args:
        answers: Answers to these rows, shape `(rows, columns)`.
        columns: Heads with classes.
        rows: Which of the scorers' rows are answered.
    """
    found = []
    for one in columns:
        scorer = one.scorer.of(rows)
        temperature = fit_temperature(one.of(answers), scorer.targets, scorer.weights)
        found.append(CalibratedHead(one.head, one.start, one.stop, temperature))
    return Calibration(tuple(found))


def fit_temperature(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
) -> Temperature:
    """The temperature with the least log-loss; it is convex in the reciprocal.

    Args:
        probabilities: Shape `(rows, classes)`.
        labels: Integer labels of rows that the model was not trained on.
        weights: Weight of each row, or `None`.
    """
    z = np.log(np.maximum(probabilities.astype("float64"), _LEAST))
    target = np.average(z[np.arange(len(labels)), labels], weights=weights)
    low, high = -_LIMIT, _LIMIT  # of u = log(1 / temperature)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        scaled = z * np.exp(middle)
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        expected = np.sum(z * powers, axis=1) / powers.sum(axis=1)
        if np.average(expected, weights=weights) > target:
            high = middle
        else:
            low = middle
    return Temperature(float(np.exp(-(low + high) / 2)), _MIXED / (len(labels) + 1))
