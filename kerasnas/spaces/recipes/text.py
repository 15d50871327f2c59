"""Optimiser and recipe of networks on texts."""

from __future__ import annotations

import keras
import keras_tuner

from kerasnas.spaces.recipes.recipe import Recipe

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
LENGTHS = (4, 6, 10, 16, 24, 40)
"""Epochs that a training may be given: networks learn a few thousand texts by heart in a few."""


def default_batch_size(rows: int | None) -> int:
    """A batch size that gives few texts enough steps and many texts fast epochs."""
    for limit, size in ((1_000, 16), (12_000, 32), (30_000, 64), (80_000, 128)):
        if rows is not None and rows <= limit:
            return size
    return 32 if rows is None else 256


def text_optimizer(hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
    """Adam with decoupled weight decay."""
    rate = hp.Float("learning_rate", 1e-4, 2e-2, sampling="log", default=2e-3)
    decay = hp.Float("weight_decay", 1e-5, 0.3, sampling="log", default=1e-2)
    return keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=5.0)


def text_recipe(hp: keras_tuner.HyperParameters, rows: int | None = None) -> Recipe:
    """Declares the hyperparameters of the training and reads their values.

    Args:
        hp: Where the hyperparameters are declared.
        rows: Training rows, which set the default batch size.
    """
    size = hp.Choice("batch_size", list(BATCH_SIZES), default=default_batch_size(rows))
    return Recipe(batch_size=int(size), schedule="cosine", patience=6, lengths=LENGTHS)
