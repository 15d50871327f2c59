"""Optimiser, schedule, batch size and regularisation for networks on tables."""

from __future__ import annotations

import keras
import keras_tuner

from kerasnas.spaces.recipes.recipe import Recipe

ENOUGH = 64
"""Epochs below which a network for tables has hardly learnt anything yet."""

BATCH_SIZES = (32, 64, 128, 256, 512, 1024)


def default_batch_size(rows: int | None) -> int:
    """A batch size that gives small tables enough steps and large ones fast epochs."""
    if rows is None:
        return 128
    for limit, size in ((1_500, 32), (4_000, 64), (10_000, 128), (50_000, 256), (200_000, 512)):
        if rows <= limit:
            return size
    return 1024


def tabular_optimizer(hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
    """Adam with decoupled weight decay, or stochastic gradient descent with Nesterov momentum."""
    kind = hp.Choice("optimizer", ["adamw", "sgd"], default="adamw")
    for name in ("adamw", "sgd"):
        # A scope that is not entered is not explored: the rates of the other one would be unknown.
        with hp.conditional_scope("optimizer", [name]):
            pass
    if kind == "sgd":
        with hp.conditional_scope("optimizer", ["sgd"]):
            rate = hp.Float("sgd_learning_rate", 1e-3, 0.3, sampling="log", default=0.03)
            decay = hp.Float("sgd_weight_decay", 1e-6, 1e-2, sampling="log", default=1e-4)
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
    with hp.conditional_scope("optimizer", ["adamw"]):
        rate = hp.Float("learning_rate", 1e-4, 2e-2, sampling="log", default=2e-3)
        decay = hp.Float("weight_decay", 1e-5, 0.5, sampling="log", default=1e-2)
    return keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=5.0)


def tabular_recipe(
    hp: keras_tuner.HyperParameters, rows: int | None = None, enough: int = 0
) -> Recipe:
    """Declares the hyperparameters of the training and reads their values.

    Args:
        hp: Where the hyperparameters are declared.
        rows: Training rows, which set the default batch size.
        enough: As in `Recipe`.
    """
    size = hp.Choice("batch_size", list(BATCH_SIZES), default=default_batch_size(rows))
    schedule = hp.Choice("schedule", ["cosine", "one_cycle", "constant"], default="cosine")
    return Recipe(batch_size=int(size), schedule=schedule, patience=20, enough=enough)
