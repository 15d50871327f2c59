"""Adam with decoupled weight decay whose rates differ from variable to variable.

Only used in training: an exported model is not compiled, so its file names no optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

_NOT_DECAYED = ("bias", "gamma", "beta")

Factors = tuple[float, float]
"""Of the learning rate, and of the weight decay; the decay is not multiplied by the former."""


@keras.saving.register_keras_serializable("kerasnas")
class GroupedAdamW(keras.optimizers.Adam):
    """Adam with factors for single variables.

    Args:
        learning_rate: Learning rate of variables without a factor.
        decay: Decoupled weight decay of variables without a factor, times the learning rate.
        factors: Factors by the path of a variable.
        beta_2: As in `keras.optimizers.Adam`.
        global_clipnorm: As in `keras.optimizers.Adam`.
        **kwargs: As in `keras.optimizers.Adam`.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        decay: float = 0.0,
        factors: Mapping[str, Sequence[float]] | None = None,
        beta_2: float = 0.999,
        global_clipnorm: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_2=beta_2, global_clipnorm=global_clipnorm, **kwargs)
        self.decay = decay
        self.factors = {path: (float(a), float(b)) for path, (a, b) in (factors or {}).items()}
        # The share of the decay that is in force: what a schedule of the decay turns.
        self.decay_share = keras.Variable(1.0, trainable=False, name="decay_share")
        self._in_order: list[Factors] = []

    def build(self, variables: Any) -> None:
        """Creates the state of every variable."""
        super().build(variables)
        self._in_order = [self.factors.get(v.path, (1.0, 1.0)) for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves one variable."""
        rate, decay = self._in_order[self._get_variable_index(variable)]
        if self.decay * decay:
            share = ops.cast(
                learning_rate * (self.decay * decay) * self.decay_share, variable.dtype
            )
            self.assign_sub(variable, ops.multiply(variable, share))
        super().update_step(gradient, variable, learning_rate * rate)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for a compiled model in a file."""
        return {**super().get_config(), "decay": self.decay, "factors": self.factors}


def graded_adam(
    network: keras.Model,
    tuned: keras.Model,
    rate: float,
    *,
    first: float,
    head: float,
    decay: float,
) -> GroupedAdamW:
    """Adam whose rate falls from the last layer of a pretrained part to the first.

    Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification".

    Args:
        network: The whole network; its layers beyond the pretrained part are the head.
        tuned: The pretrained part.
        rate: Rate of the last layers of that part.
        first: Times that rate, for its first layer.
        head: Times that rate, for the head.
        decay: Decoupled weight decay, times the rate.
    """
    variables = tuned.trainable_variables
    factors = {}
    for place, variable in enumerate(variables):
        depth = 1.0 - (place + 1) / max(len(variables), 1)
        factors[variable.path] = (first**depth, _decayed(variable))
    for variable in network.trainable_variables:
        factors.setdefault(variable.path, (head, _decayed(variable)))
    return GroupedAdamW(rate, decay=decay, factors=factors, global_clipnorm=1.0)


def _decayed(variable: Any) -> float:
    return 0.0 if variable.name in _NOT_DECAYED else 1.0
