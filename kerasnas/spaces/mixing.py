"""Networks in training on rows that are mixed with their neighbours (Zhang et al. 2018)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class MixingModel(keras.Model):
    """A model in training that may mix each row of a batch with the row after it.

    Attributes:
        share: Share of each row in its mixture, which `call` sets; `None` without a mixture.
    """

    share: Any = None

    def build(self, input_shape: Any) -> None:
        """Nothing: the network is built already."""

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss; for mixed rows both of the answers that were mixed count, by their shares."""
        share, self.share = self.share, None
        if share is None:
            return super().compute_loss(x, y, y_pred, sample_weight, training=training)
        weight = ops.ones_like(share) if sample_weight is None else sample_weight
        own = super().compute_loss(x, y, y_pred, weight * share, training=training)
        y, weight = ops.roll(y, 1, axis=0), ops.roll(weight, 1, axis=0)
        rest = super().compute_loss(x, y, y_pred, weight * (1 - share), training=training)
        return own + rest
