"""The families of networks on tables, each with its own optimiser and recipe.

To add one, write a block and put it into `NETWORKS` and `FAMILIES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import keras_tuner
from keras import layers, ops

from kerasnas.spaces.blocks import mlp, tabular_resnet
from kerasnas.spaces.blocks.ft_transformer import MOST_TOKENS, ft_transformer
from kerasnas.spaces.blocks.mlp_plr import mlp_plr
from kerasnas.spaces.blocks.realmlp import realmlp
from kerasnas.spaces.blocks.tabm import tabm
from kerasnas.spaces.family import Network, NetworkFamily
from kerasnas.spaces.heads import (
    SmoothedCrossentropy,
    classification_head,
    multilabel_head,
    regression_head,
)
from kerasnas.spaces.recipes import GroupedAdamW, Recipe, tabular_optimizer
from kerasnas.spaces.recipes.realmlp import realmlp_optimizer, realmlp_recipe
from kerasnas.spaces.recipes.tabular import ENOUGH
from kerasnas.spaces.table import Table

_BATCHES = [32, 64, 128, 256, 512, 1024]
Range = tuple[float, float, float]
"""Least, largest, default."""


def classic(hp: keras_tuner.HyperParameters, table: Table, x: Any) -> Network:
    """The head and the optimiser that the classic families share, behind a block's tensor."""
    if table.classes is None:
        answer, loss = regression_head(hp, x, table.outputs)
    elif table.multilabel:
        answer, loss = multilabel_head(x, table.classes)
    else:
        answer, loss = classification_head(hp, x, table.classes)
    return Network(answer, loss, tabular_optimizer(hp))


def _realmlp(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> Network:
    built = realmlp(hp, table, matrix)
    answer, loss = _answer(hp, "realmlp", table, built.answer)
    return Network(answer, loss, realmlp_optimizer(hp, table, built))


def _tabm(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> Network:
    members, loss = _answer(hp, "tabm", table, tabm(hp, table, matrix))
    # The mean has to be the last operation: `for_training` trains what goes into it.
    answer = ops.mean(members, axis=1)
    optimizer = _adamw(hp, "tabm", matrix, answer, (1e-4, 5e-3, 2e-3), (1e-5, 0.1, 3e-4), 1.0)
    return Network(answer, loss, optimizer)


def _mlp_plr(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> Network:
    scores = layers.Dense(table.answers)(mlp_plr(hp, table, matrix))
    answer, loss = _answer(hp, "plr", table, scores)
    optimizer = _adamw(hp, "plr", matrix, answer, (1e-4, 1e-2, 1e-3), (1e-6, 1e-2, 1e-5))
    return Network(answer, loss, optimizer)


def _ft_transformer(hp: keras_tuner.HyperParameters, table: Table, matrix: Any) -> Network:
    scores = layers.Dense(table.answers)(ft_transformer(hp, table, matrix))
    answer, loss = _answer(hp, "ft", table, scores)
    # Published: 1e-4 at width 192; narrower ones take and need larger steps.
    optimizer = _adamw(hp, "ft", matrix, answer, (1e-5, 3e-3, 5e-4), (1e-6, 1e-3, 1e-5))
    return Network(answer, loss, optimizer)


def _answer(
    hp: keras_tuner.HyperParameters, prefix: str, table: Table, scores: Any
) -> tuple[Any, keras.losses.Loss]:
    """Probabilities of scores and their loss; values pass through."""
    if table.classes is None:
        return scores, keras.losses.MeanSquaredError()
    if table.multilabel:
        return layers.Activation("sigmoid")(scores), keras.losses.BinaryCrossentropy()
    # The publications of some families smooth by 0.1, which is good for accuracy; the default here
    # is for log loss, which asks for probabilities as they are.
    smoothing = hp.Choice(f"{prefix}_label_smoothing", [0.0, 0.02, 0.05, 0.1], default=0.0)
    loss = (
        SmoothedCrossentropy(table.classes, smoothing)
        if smoothing
        else keras.losses.SparseCategoricalCrossentropy()
    )
    return layers.Softmax()(scores), loss


def _adamw(
    hp: keras_tuner.HyperParameters,
    prefix: str,
    matrix: Any,
    answer: Any,
    rates: Range,
    decays: Range,
    clip: float | None = None,
) -> GroupedAdamW:
    """AdamW without decay of biases, norms, embeddings of categories and frequencies."""
    rate = hp.Float(f"{prefix}_learning_rate", rates[0], rates[1], sampling="log", default=rates[2])
    decay = hp.Float(
        f"{prefix}_weight_decay", decays[0], decays[1], sampling="log", default=decays[2]
    )
    spared = []
    for layer in keras.Model(matrix, answer).layers:
        dense = isinstance(layer, keras.layers.EinsumDense)
        first = dense and layer.equation == "bf,fh->bfh"  # frequencies, linear embeddings
        spared += [v.path for v in layer.trainable_variables if first or v.name != "kernel"]
    return GroupedAdamW(
        rate, decay, dict.fromkeys(spared, (1.0, 0.0)), global_clipnorm=clip, epsilon=1e-8
    )


def _recipe(
    prefix: str,
    sizes: tuple[tuple[float, int], ...],
    patience: int,
    hp: keras_tuner.HyperParameters,
    table: Table,
) -> Recipe:
    """The recipe of a family that names a batch size by rows, best first, and a schedule.

    Published are constant rates and patience, for trainings without a limit of time. Within one, a
    rate that falls to 0 at its end gives more.
    """
    rows = table.rows if table.rows is not None else 10_000
    default = next(size for limit, size in sizes if rows < limit)
    size = hp.Choice(f"{prefix}_batch_size", _BATCHES, default=default)
    schedule = hp.Choice(f"{prefix}_schedule", ["cosine", "constant"], default="cosine")
    return Recipe(batch_size=int(size), schedule=schedule, patience=patience, enough=ENOUGH)


_TABM_SIZES = (
    (2_800, 32),
    (4_500, 64),
    (6_400, 128),
    (32_000, 256),
    (108_000, 512),
    (math.inf, 1024),
)
_SIZES = ((1_500, 32), (4_000, 64), (20_000, 128), (50_000, 256), (200_000, 512), (math.inf, 1024))

CLASSIC: dict[str, Callable[[keras_tuner.HyperParameters, Any], Any]] = {
    "mlp": mlp,
    "resnet": tabular_resnet,
}
"""Blocks with the same head, optimiser and recipe, whose hyperparameters they share."""

NETWORKS: dict[str, NetworkFamily] = {
    "realmlp": NetworkFamily(_realmlp, realmlp_recipe),
    "tabm": NetworkFamily(_tabm, partial(_recipe, "tabm", _TABM_SIZES, 16), members=True),
    "mlp_plr": NetworkFamily(_mlp_plr, partial(_recipe, "plr", _SIZES, 20)),
    "ft_transformer": NetworkFamily(
        _ft_transformer,
        partial(_recipe, "ft", _SIZES, 16),
        fits=lambda table: table.token_count <= MOST_TOKENS,
    ),
}

FAMILIES = ("realmlp", "tabm", "mlp", "resnet", "mlp_plr", "ft_transformer")
"""All families of networks."""
