"""A network in the form in which it is trained: the same weights in another graph.

What is exported holds built-in layers alone. Two things are better done otherwise in training:
dropout whose share changes from step to step, and learnt scales, which the general product of
`EinsumDense` makes slow on a CPU. The layers here share the variables of those that they stand for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnas.spaces.blocks.elementwise import SCALES
from kerasnas.spaces.recipes.grouped_adam import GroupedAdamW
from kerasnas.spaces.recipes.recipe import Recipe, rates


@dataclass(frozen=True, eq=False)
class Pacing:
    """What changes from step to step besides the learning rate, and what a step takes.

    Attributes:
        courses: Scalar variables, and from a number of steps the value of each in each.
        whole_batches: Whether an epoch leaves out the rows that do not fill a batch.
    """

    courses: tuple[tuple[Any, Callable[[int], np.ndarray]], ...] = ()
    whole_batches: bool = False


class MembersLoss(keras.losses.Loss):
    """The mean over members of a loss of each, for answers `(batch, members, …)`.

    The loss of the mean would let members make up for each other's errors instead of being good
    each by itself.

    Args:
        loss: Loss of one member.
    """

    def __init__(self, loss: keras.losses.Loss) -> None:
        super().__init__(name="members_loss")
        self._loss = loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each row."""
        members, outputs = y_pred.shape[1], y_pred.shape[2]
        width = y_true.shape[-1] if len(y_true.shape) > 1 else 1
        repeated = ops.repeat(ops.reshape(y_true, (-1, width)), members, axis=0)
        each = self._loss.call(repeated, ops.reshape(y_pred, (-1, outputs)))
        return ops.mean(ops.reshape(each, (-1, members)), axis=1)


class ScheduledDropout(keras.layers.Layer):
    """Dropout whose rate is a constant times a share that is turned while training.

    Args:
        rate: Largest rate.
        share: The share in force, a scalar variable.
        seed: Seed.
    """

    def __init__(self, rate: float, share: Any, seed: int | None = None) -> None:
        super().__init__()
        self._rate = rate
        self._share = share
        self._generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        """Drops values in training and passes them through otherwise."""
        if not training:
            return x
        rate = ops.cast(self._rate * ops.convert_to_tensor(self._share), x.dtype)
        kept = keras.random.uniform(ops.shape(x), seed=self._generator, dtype=x.dtype) >= rate
        return ops.where(kept, x / (1.0 - rate), ops.zeros_like(x))


class Multiply(keras.layers.Layer):
    """An `EinsumDense` whose equation only multiplies, as a multiplication.

    Args:
        layer: The layer whose variables are used.
    """

    def __init__(self, layer: keras.layers.EinsumDense) -> None:
        super().__init__(trainable=layer.trainable)
        self._layer = layer

    def call(self, x: Any) -> Any:
        """The product, with the bias where there is one."""
        if self._layer.equation == "bf,fh->bfh":
            x = ops.expand_dims(x, -1)
        y = x * ops.convert_to_tensor(self._layer.kernel)
        return y if self._layer.bias is None else y + ops.convert_to_tensor(self._layer.bias)


def for_training(
    network: keras.Model, recipe: Recipe, members: bool = False
) -> tuple[keras.Model, Pacing]:
    """The compiled model that is trained in the place of a compiled network, and its pacing.

    Args:
        network: A compiled functional model, whose optimiser and loss are used.
        recipe: What is scheduled.
        members: Whether the network's last operation is a mean over members, which are to be
            trained one by one.
    """
    share = None if recipe.dropout == "constant" else keras.Variable(1.0, trainable=False)
    whole = network
    if members:
        whole = keras.Model(network.input, network.operations[-1].input)
    trained = training_form(whole, share)
    loss = MembersLoss(network.loss) if members else network.loss
    trained.compile(optimizer=network.optimizer, loss=loss)
    courses = []
    if share is not None:
        courses.append((share, partial(rates, recipe.dropout)))
    if isinstance(network.optimizer, GroupedAdamW) and recipe.weight_decay != "constant":
        courses.append((network.optimizer.decay_share, partial(rates, recipe.weight_decay)))
    return trained, Pacing(tuple(courses), recipe.whole_batches)


def training_form(network: keras.Model, share: Any = None) -> keras.Model:
    """A graph with the variables of a network, to be trained in its place; not compiled.

    Args:
        network: A functional model.
        share: Scalar variable that all dropout rates are multiplied by; `None` leaves dropout as
            it is.
    """

    def stand_in(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.EinsumDense) and layer.equation in SCALES:
            return Multiply(layer)
        if type(layer) is keras.layers.Dropout and share is not None:
            return ScheduledDropout(layer.rate, share, layer.seed)
        return layer

    inputs = [keras.Input(t.shape[1:], dtype=t.dtype) for t in network.inputs]
    return keras.models.clone_model(
        network, input_tensors=inputs if len(inputs) > 1 else inputs[0], clone_function=stand_in
    )
