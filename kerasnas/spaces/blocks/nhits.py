"""Residual blocks over ever finer poolings of a window."""

from __future__ import annotations

from typing import Any

import keras_tuner
from keras import layers, ops


def nhits(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Blocks that each explain a part of the window and pass the rest on.

    As in N-BEATS (Oreshkin et al. 2020), each with its own resolution as in N-HiTS (Challu et al.
    2023). A linear layer on the joined features is the sum of their forecasts.

    Args:
        hp: Declares `nhits_width`, `nhits_layers`, `nhits_pools`, `nhits_dropout`.
        x: Windows `(batch, steps, channels)`.

    Returns:
        Tensor of shape `(batch, blocks * width)`.
    """
    width = int(hp.Choice("nhits_width", [32, 64, 128, 256], default=128))
    depth = hp.Int("nhits_layers", 1, 3, default=2)
    pools = hp.Choice("nhits_pools", ["1", "1-1", "4-1", "8-4-1"], default="4-1")
    dropout = hp.Float("nhits_dropout", 0.0, 0.4, step=0.1, default=0.0)
    steps = int(x.shape[1])
    rest, features = x[:, :, 0], []
    others = x[:, :, 1:] if x.shape[2] > 1 else None
    sizes = [min(int(size), max(1, steps // 2)) for size in pools.split("-")]
    for place, size in enumerate(sizes):
        pooled = ops.expand_dims(rest, -1)
        if others is not None:
            pooled = layers.Concatenate()([pooled, others])
        pooled = layers.MaxPooling1D(size, padding="same")(pooled) if size > 1 else pooled
        hidden = layers.Flatten()(pooled)
        for _ in range(depth):
            hidden = layers.Dense(width, activation="relu")(hidden)
            if dropout:
                hidden = layers.Dropout(dropout)(hidden)
        features.append(hidden)
        if place + 1 < len(sizes):
            rest = rest - layers.Dense(steps)(hidden)
    return layers.Concatenate()(features) if len(features) > 1 else features[0]
