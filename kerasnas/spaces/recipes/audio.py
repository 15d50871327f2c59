"""How networks over sounds are trained: optimiser, schedule, batch size."""

from __future__ import annotations

import keras
import keras_tuner

from kerasnas.clock import Purpose
from kerasnas.spaces.recipes.recipe import Recipe

BATCH_SIZES = (16, 32, 64, 128)

LENGTHS = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Epochs that a trial may be given when time is what limits it."""

PURPOSES = (Purpose.FIRST_SOUND_NETWORK, Purpose.SECOND_SOUND_NETWORK, Purpose.SOUND_NETWORK)
"""What the time of the first trial, the second, and all others is used for."""

_NOT_DECAYED = ["bias", "gamma", "beta"]


def default_batch_size(rows: int | None) -> int:
    """A batch size that gives few sounds enough steps."""
    if rows is None:
        return 32
    for limit, size in ((600, 16), (6_000, 32), (20_000, 64)):
        if rows <= limit:
            return size
    return 128


def audio_optimizer(
    hp: keras_tuner.HyperParameters, rate: float = 3e-3
) -> keras.optimizers.Optimizer:
    """Adam with decoupled weight decay.

    Args:
        hp: Declares `learning_rate` and `weight_decay`.
        rate: Default of the learning rate.
    """
    rate = hp.Float("learning_rate", 2e-4, 1e-2, sampling="log", default=rate)
    decay = hp.Float("weight_decay", 1e-4, 0.3, sampling="log", default=0.02)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimizer


def audio_recipe(hp: keras_tuner.HyperParameters, rows: int | None = None) -> Recipe:
    """Declares the hyperparameters of the training and reads their values.

    Args:
        hp: Declares `batch_size` and `schedule`.
        rows: Training rows, which set the default batch size.
    """
    size = hp.Choice("batch_size", list(BATCH_SIZES), default=default_batch_size(rows))
    schedule = hp.Choice("schedule", ["cosine", "one_cycle"], default="one_cycle")
    # Both schedules are at their best at their very end: stopping early would lose just that.
    return Recipe(
        batch_size=int(size), schedule=schedule, patience=None, lengths=LENGTHS, purposes=PURPOSES
    )
