"""The head of a loss of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from keras import ops

from kerasnas.errors import SchemaError
from kerasnas.problem.heads.head import FittedHead, scoring_weights
from kerasnas.problem.metrics import Scorer


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
class OwnLossScorer(Scorer):
    """Scores answers by a Keras loss.

    Attributes:
        keras_loss: A function of true and predicted tensors.
    """

    keras_loss: Callable[[Any, Any], Any] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""
        return ("own_loss",)

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """As `Scorer.some`."""
        if not np.isfinite(predictions).all():
            return dict.fromkeys(names, float("nan"))
        assert self.keras_loss is not None, "a head read from a file is not scored"
        # The mean over all rows: what Keras gives of a loss object; row weights have no say.
        answers = ops.convert_to_tensor(predictions.astype("float32"))
        losses = self.keras_loss(ops.convert_to_tensor(self.targets), answers)
        return dict.fromkeys(names, float(np.mean(ops.convert_to_numpy(losses))))


@dataclass(frozen=True, eq=False)
class OwnLossHead(FittedHead):
    """Whatever the user's own loss asks for.

    Attributes:
        answer_width: Numbers a row that a network gives.
        keras_loss: The loss; `None` in a head that is read from a file.
    """

    target: ArrayTarget
    answer_width: int = 1
    keras_loss: Callable[[Any, Any], Any] | None = None

    scores: ClassVar[tuple[str, ...]] = ("own_loss",)

    @property
    def width(self) -> int:
        """As `FittedHead.width`."""
        return self.answer_width

    def learnt(self, targets: np.ndarray) -> np.ndarray:
        """As `FittedHead.learnt`."""
        return targets

    def scorer(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
        extra: tuple[str, ...] = (),
    ) -> OwnLossScorer:
        """As `FittedHead.scorer`."""
        return OwnLossScorer(targets, None, scoring_weights(weights), keras_loss=self.keras_loss)

    def constant(self, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The mean of the targets; zeros where an answer has another width."""
        if targets.shape[1] != self.width:
            return np.zeros(self.width)
        return np.average(targets, axis=0, weights=weights)
