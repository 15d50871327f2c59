"""How RealMLP is trained: rates by kind of variable, four cycles of the learning rate."""

from __future__ import annotations

import math

import keras_tuner

from kerasnas.spaces.blocks.realmlp import RealMlp
from kerasnas.spaces.recipes.grouped_adam import GroupedAdamW
from kerasnas.spaces.recipes.recipe import Recipe
from kerasnas.spaces.recipes.tabular import ENOUGH
from kerasnas.spaces.table import Table

_SLOW = 0.1  # of the learning rate, for embeddings, activations and biases
BATCH_SIZES = (64, 128, 256, 512, 1024)


def realmlp_optimizer(
    hp: keras_tuner.HyperParameters, table: Table, built: RealMlp
) -> GroupedAdamW:
    """Adam with the rates of the publication (RealMLP-TD).

    There a kernel is stored without the factor 1/sqrt(inputs) that it is applied with. Here it is
    stored as applied; the same step then is the learning rate times that factor, and the decay,
    which is relative, stays the same. Where a rate has a factor f, the published code decays with
    f squared.
    """
    classify = table.classes is not None
    rate = hp.Float(
        "realmlp_learning_rate", 1e-2, 0.5, sampling="log", default=0.04 if classify else 0.2
    )
    decay = hp.Float("realmlp_weight_decay", 1e-3, 5e-2, sampling="log", default=0.02)
    scaled = hp.Float("realmlp_scale_rate", 2.0, 10.0, sampling="log", default=6.0)
    factors = {}
    for variable in (*built.embeddings, *built.shapes):
        factors[variable.path] = (_SLOW, _SLOW**2)
    for variable in built.scales:
        factors[variable.path] = (scaled, scaled**2)
    for layer in built.hidden:
        factors[layer.kernel.path] = (1 / math.sqrt(layer.kernel.shape[0]), 1.0)
        factors[layer.bias.path] = (_SLOW, 0.0)
    return GroupedAdamW(rate, decay, factors, beta_2=0.95, epsilon=1e-8)


def realmlp_recipe(hp: keras_tuner.HyperParameters, table: Table) -> Recipe:
    """Declares the batch size; the courses of rate, decay and dropout are the publication's."""
    size = hp.Choice("realmlp_batch_size", list(BATCH_SIZES), default=_batch_size(table.rows))
    return Recipe(
        batch_size=int(size),
        schedule="coslog4",
        patience=None,
        enough=ENOUGH,
        dropout="flat_cos",
        weight_decay="flat_cos",
        whole_batches=True,
    )


def _batch_size(rows: int | None) -> int:
    """256 as published; less where it would leave a few steps an epoch, more for speed."""
    if rows is None:
        return 256
    for limit, size in ((512, 64), (1_024, 128), (40_000, 256), (150_000, 512)):
        if rows <= limit:
            return size
    return 1024
