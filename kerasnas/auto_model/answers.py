"""Answers of heads, fitted: targets, scores and the way back to the user's own form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerasnas.data import ClassTarget, MultiLabelTarget, RegressionTarget
from kerasnas.errors import SchemaError
from kerasnas.problem import MultiLabelScorer, Scorer, Units

_MARGIN = 0.05  # of the training range, by which a regression's answers may leave it


class Answer:
    """One head, fitted: its targets and everything that follows from them.

    Args:
        target: Encodes and decodes targets.
        width: Numbers a row that the network gives.
    """

    names: tuple[str, ...] = ("log_loss", "accuracy", "auc")
    """Names of the scores, the first of which training is to improve."""

    def __init__(self, target: Any, width: int) -> None:
        self.target = target
        self.width = width

    def learnt(self, targets: np.ndarray, units: Units | None) -> np.ndarray:
        """Targets as a network learns them."""
        raise NotImplementedError

    def units(self, targets: np.ndarray) -> Units | None:
        """The scale of training targets, where there is one."""
        return None

    def scores(
        self, targets: np.ndarray, weights: np.ndarray | None, answers: np.ndarray
    ) -> dict[str, float]:
        """Scores of answers in the user's units."""
        raise NotImplementedError

    def loss(self, scores: Mapping[str, float], units: Units | None) -> float:
        """The score that counts in a sum over heads, free of the target's units."""
        return scores[self.names[0]]

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """The best answer that is the same for every row, shape `(width,)`."""
        return targets.mean(axis=0).reshape(self.width)


@dataclass(frozen=True)
class ArrayTarget:
    """Numbers as they are, a fixed number of columns.

    Attributes:
        width: Numbers a row.
    """

    width: int

    def encode(self, y: Any) -> np.ndarray:
        """float32 of shape `(rows, width)`.

        Raises:
            SchemaError: If the shape differs or a value is no finite number.
        """
        try:
            values = np.asarray(y, dtype="float32").reshape(len(y), -1)
        except (TypeError, ValueError) as error:
            raise SchemaError(f"`y` must hold numbers ({error}).") from error
        if values.shape[1] != self.width or not np.isfinite(values).all():
            raise SchemaError(
                f"`y` must hold {self.width} finite numbers a row, received {np.shape(y)}."
            )
        return values

    def to_json(self) -> dict[str, Any]:
        """The number of columns."""
        return {"width": self.width}

    @classmethod
    def from_json(cls, content: Any) -> ArrayTarget:
        """The target that `to_json` wrote, or `SchemaError`."""
        if not isinstance(content, Mapping) or not isinstance(content.get("width"), int):
            raise SchemaError("An array target must be a dict with its width.")
        return cls(content["width"])


@dataclass(frozen=True)
class QuantileTarget(RegressionTarget):
    """Numbers, of which quantiles are answered.

    Attributes:
        quantiles: Their levels, increasing.
    """

    quantiles: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The levels."""
        return {"quantiles": list(self.quantiles)}

    @classmethod
    def from_json(cls, content: Any) -> QuantileTarget:
        """The target that `to_json` wrote, or `SchemaError`."""
        levels = content.get("quantiles") if isinstance(content, Mapping) else None
        if not isinstance(levels, list) or not all(isinstance(q, float) for q in levels):
            raise SchemaError("A quantile target must be a dict with a list of quantiles.")
        return cls(tuple(levels))


class ClassAnswer(Answer):
    """Probabilities of classes."""

    def __init__(self, target: ClassTarget) -> None:
        super().__init__(target, len(target.classes_))

    def learnt(self, targets: np.ndarray, units: Units | None) -> np.ndarray:
        """As `Answer.learnt`."""
        return targets.astype("int32")

    def scores(
        self, targets: np.ndarray, weights: np.ndarray | None, answers: np.ndarray
    ) -> dict[str, float]:
        """As `Answer.scores`."""
        return Scorer(targets, self.width, weights)(answers)

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """As `Answer.constant`."""
        return np.bincount(targets, minlength=self.width) / len(targets)


class LabelsAnswer(Answer):
    """The probability of every label by itself."""

    def __init__(self, target: MultiLabelTarget) -> None:
        super().__init__(target, len(target.labels))

    def learnt(self, targets: np.ndarray, units: Units | None) -> np.ndarray:
        """As `Answer.learnt`."""
        return targets.astype("float32")

    def scores(
        self, targets: np.ndarray, weights: np.ndarray | None, answers: np.ndarray
    ) -> dict[str, float]:
        """As `Answer.scores`."""
        return MultiLabelScorer(targets, self.width, weights)(answers)


class ValueAnswer(Answer):
    """One number in the target's units."""

    names: tuple[str, ...] = ("rmse", "mae", "r2")

    def __init__(self, width: int = 1) -> None:
        super().__init__(RegressionTarget(), width)

    def units(self, targets: np.ndarray) -> Units:
        """As `Answer.units`."""
        deviation = float(np.std(targets)) or 1.0
        span = _MARGIN * float(np.ptp(targets))
        low, high = float(targets.min()) - span, float(targets.max()) + span
        return Units(deviation, float(np.mean(targets)), low, high)

    def learnt(self, targets: np.ndarray, units: Units | None) -> np.ndarray:
        """As `Answer.learnt`."""
        assert units is not None
        return units.standardise(targets)

    def scores(
        self, targets: np.ndarray, weights: np.ndarray | None, answers: np.ndarray
    ) -> dict[str, float]:
        """As `Answer.scores`."""
        return Scorer(targets, None, weights)(answers)

    def loss(self, scores: Mapping[str, float], units: Units | None) -> float:
        """As `Answer.loss`."""
        assert units is not None
        return (scores["rmse"] / units.scale) ** 2


class QuantilesAnswer(ValueAnswer):
    """Quantiles of a number in the target's units."""

    names = ("pinball",)

    def __init__(self, target: QuantileTarget) -> None:
        super().__init__(len(target.quantiles))
        self.target = target
        self.levels = np.array(target.quantiles)

    def scores(
        self, targets: np.ndarray, weights: np.ndarray | None, answers: np.ndarray
    ) -> dict[str, float]:
        """As `Answer.scores`."""
        error = targets[:, None] - answers
        losses = np.maximum(self.levels * error, (self.levels - 1) * error).mean(axis=1)
        return {"pinball": float(np.average(losses, weights=weights))}

    def loss(self, scores: Mapping[str, float], units: Units | None) -> float:
        """As `Answer.loss`."""
        assert units is not None
        return scores["pinball"] / units.scale

    def constant(self, targets: np.ndarray) -> np.ndarray:
        """As `Answer.constant`."""
        return np.quantile(targets, self.levels)


class OwnAnswer(Answer):
    """Whatever the user's own loss asks for."""

    names = ("own_loss",)

    def __init__(self, target: ArrayTarget, width: int, loss: Any) -> None:
        super().__init__(target, width)
        self.keras_loss = loss

    def learnt(self, targets: np.ndarray, units: Units | None) -> np.ndarray:
        """As `Answer.learnt`."""
        return targets

    def scores(
        self, targets: np.ndarray, weights: np.ndarray | None, answers: np.ndarray
    ) -> dict[str, float]:
        """As `Answer.scores`."""
        # The mean over all rows: what Keras gives of a loss object; row weights have no say.
        losses = self.keras_loss(ops.convert_to_tensor(targets), ops.convert_to_tensor(answers))
        return {"own_loss": float(np.mean(ops.convert_to_numpy(losses)))}


def decode(target: Any, answers: np.ndarray) -> Any:
    """Answers of a head in the form of the user's targets."""
    if isinstance(target, ClassTarget):
        return target.decode(answers.argmax(axis=1))
    if isinstance(target, MultiLabelTarget):
        return target.decode(answers > 0.5)
    if type(target) is RegressionTarget:
        return answers.reshape(-1).astype("float64")
    return answers.astype("float64")


def answer_of(target: Any) -> Answer | None:
    """The fitted head of a target; `None` where a loss of the user's own would be needed."""
    if isinstance(target, ClassTarget):
        return ClassAnswer(target)
    if isinstance(target, MultiLabelTarget):
        return LabelsAnswer(target)
    if isinstance(target, QuantileTarget):
        return QuantilesAnswer(target)
    return ValueAnswer() if isinstance(target, RegressionTarget) else None
