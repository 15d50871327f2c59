"""Optimiser and recipe of convolutional networks that are trained from scratch."""

from __future__ import annotations

import keras
import keras_tuner

from kerasnas.spaces.recipes.recipe import Recipe


def convolutional_optimizer(
    hp: keras_tuner.HyperParameters, tuned: bool = False
) -> keras.optimizers.Optimizer:
    """Stochastic gradient descent with Nesterov momentum, as NAS-Bench-201 trains.

    Args:
        hp: Where hyperparameters are declared.
        tuned: Whether `learning_rate` and `weight_decay` are searched.
    """
    rate, decay = 0.05, 5e-4
    if tuned:
        rate = hp.Float("learning_rate", 5e-3, 0.3, sampling="log", default=rate)
        decay = hp.Float("weight_decay", 1e-5, 5e-3, sampling="log", default=decay)
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)


def convolutional_recipe(rows: int | None = None) -> Recipe:
    """One cosine over the whole training; the batch grows with the number of training rows."""
    size = 128
    for limit, smaller in ((1_000, 16), (4_000, 32), (20_000, 64)):
        if rows is not None and rows <= limit:
            size = smaller
            break
    return Recipe(batch_size=size, schedule="cosine", patience=20)
