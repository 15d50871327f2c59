"""How networks over images are trained: optimiser, schedule, batch size, averaging."""

from __future__ import annotations

import keras
import keras_tuner

from kerasnas.clock import Purpose
from kerasnas.spaces.recipes.recipe import Recipe

BATCH_SIZES = (16, 32, 64, 128, 256, 512)

LENGTHS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192)
"""Epochs that a trial may be given when time is what limits it."""

PURPOSES = (Purpose.FIRST_IMAGE_NETWORK, Purpose.SECOND_IMAGE_NETWORK, Purpose.IMAGE_NETWORK)
"""What the time of the first trial, the second, and all others is used for."""

_FIRST_EPOCHS, _FIRST_STEPS = 12, 200  # that give a small network a useful first answer

_NOT_DECAYED = ["bias", "gamma", "beta"]


def default_batch_size(rows: int | None) -> int:
    """A batch size that gives few images enough steps and many fast epochs."""
    if rows is None:
        return 128
    for limit, size in ((1_000, 32), (4_000, 64), (50_000, 128)):
        if rows <= limit:
            return size
    return 256


def image_optimizer(hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
    """Gradient descent with Nesterov momentum, or Adam with decoupled weight decay.

    Args:
        hp: Declares `optimizer`, and learning rate and weight decay of each.
    """
    kind = hp.Choice("optimizer", ["sgd", "adamw"], default="sgd")
    for name in ("adamw", "sgd"):
        # A scope that is not entered is not explored: the rates of the other one would be unknown.
        with hp.conditional_scope("optimizer", [name]):
            pass
    if kind == "adamw":
        with hp.conditional_scope("optimizer", ["adamw"]):
            rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=2e-3)
            decay = hp.Float("weight_decay", 1e-4, 0.3, sampling="log", default=0.05)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0)
    else:
        with hp.conditional_scope("optimizer", ["sgd"]):
            rate = hp.Float("sgd_learning_rate", 5e-3, 0.5, sampling="log", default=0.1)
            decay = hp.Float("sgd_weight_decay", 1e-5, 2e-2, sampling="log", default=5e-3)
        optimizer = keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=decay, global_clipnorm=5.0
        )
    optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimizer


def image_recipe(hp: keras_tuner.HyperParameters, rows: int | None = None) -> Recipe:
    """Declares the hyperparameters of the training and reads their values.

    Args:
        hp: Where the hyperparameters are declared.
        rows: Training rows, which set the default batch size.
    """
    size = hp.Choice("batch_size", list(BATCH_SIZES), default=default_batch_size(rows))
    schedule = hp.Choice("schedule", ["one_cycle", "cosine"], default="one_cycle")
    # Both schedules are at their best at their very end: stopping early would lose just that.
    return Recipe(
        batch_size=int(size),
        schedule=schedule,
        patience=None,
        lengths=LENGTHS,
        purposes=PURPOSES,
        first_length=first_length(rows, int(size)),
    )


def first_length(rows: int | None, batch_size: int) -> int | None:
    """Epochs after which a first answer is good enough to be had soon; `None` when unknown."""
    if rows is None:
        return None
    epochs = max(_FIRST_EPOCHS, _FIRST_STEPS * batch_size / rows)
    return next((n for n in LENGTHS if n >= epochs), LENGTHS[-1])
