"""How networks over windows of series are trained."""

from __future__ import annotations

import keras
import keras_tuner

from kerasnas.clock import Purpose
from kerasnas.spaces.recipes.recipe import Recipe

BATCH_SIZES = (16, 32, 64, 128, 256)
LENGTHS = (8, 16, 32, 64, 128, 256)
PURPOSES = (Purpose.EARLY_FORECASTER, Purpose.EARLY_FORECASTER, Purpose.FORECASTER)
"""What the time of the first trial, the second, and all others is used for."""


def default_batch_size(windows: int | None) -> int:
    """A batch size that gives a short series enough steps and a long one fast epochs."""
    if windows is None:
        return 64
    for limit, size in ((200, 16), (1_000, 32), (8_000, 64)):
        if windows <= limit:
            return size
    return 128


def forecast_optimizer(hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
    """Adam with decoupled weight decay: nothing in it depends on the size of the loss."""
    rate = hp.Float("learning_rate", 2e-4, 2e-2, sampling="log", default=2e-3)
    decay = hp.Float("weight_decay", 1e-5, 0.3, sampling="log", default=1e-2)
    return keras.optimizers.AdamW(rate, weight_decay=decay)


def forecast_recipe(hp: keras_tuner.HyperParameters, windows: int | None = None) -> Recipe:
    """Declares the hyperparameters of the training and reads their values.

    Args:
        hp: Where the hyperparameters are declared.
        windows: Training windows, which set the default batch size.
    """
    size = hp.Choice("batch_size", list(BATCH_SIZES), default=default_batch_size(windows))
    schedule = hp.Choice("schedule", ["cosine", "one_cycle", "constant"], default="cosine")
    return Recipe(
        batch_size=int(size), schedule=schedule, patience=20, lengths=LENGTHS, purposes=PURPOSES
    )
