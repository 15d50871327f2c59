"""What stands around the network of a forecaster in the exported graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


def with_point_forecast(
    network: keras.Model,
    quantiles: Sequence[float],
    floor: float | None,
    means: Sequence[float] | None = None,
    ahead: Sequence[int] = (),
) -> keras.Model:
    """The exported model: windows in, the point forecast and then the quantiles out.

    Args:
        network: From windows to quantiles.
        quantiles: Their levels; the point forecast is the median.
        floor: The least forecast; `None` without one.
        means: What is taken off each channel in float64, of the target the last value of the window
            instead; `None` takes nothing off, and all numbers are float32.
        ahead: Places of the channels that are known ahead.
    """
    dtype = "float32" if means is None else "float64"
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=dtype, name=t.name), network.input
    )
    inner = keras.Model(network.input, network.outputs[0], name="network")
    if means is None:
        answer = inner(inputs)
    else:
        past = inputs["past"] if isinstance(inputs, dict) else inputs
        answer = ops.cast(inner(_shifted(inputs, means, ahead)), dtype) + past[:, -1:, :1]
    if floor is not None:
        answer = ops.maximum(answer, floor)
    middle = [*quantiles].index(0.5)
    joined = layers.Concatenate(name="forecast", dtype=dtype)
    answer = joined([answer[:, :, middle : middle + 1], answer])
    return keras.Model(inputs, answer, name="kerasnas")


def _shifted(inputs: Any, means: Sequence[float], ahead: Sequence[int]) -> Any:
    """Windows in float64 less what is taken off, as float32."""
    past = inputs["past"] if isinstance(inputs, dict) else inputs
    parts = [past[:, :, :1] - past[:, -1:, :1]]
    parts += [_less(past, place, means[place]) for place in range(1, len(means))]
    shifted = _as_float32(parts)
    if not isinstance(inputs, dict):
        return shifted
    future = inputs["future"]
    return {
        "past": shifted,
        "future": _as_float32([_less(future, i, means[p]) for i, p in enumerate(ahead)]),
    }


def _less(windows: Any, place: int, mean: float) -> Any:
    """One channel without its mean. An operation keeps the digits that `Rescaling` would round."""
    return windows[:, :, place : place + 1] - float(mean)


def _as_float32(parts: Sequence[Any]) -> Any:
    joined = layers.Concatenate(dtype="float64")(parts) if len(parts) > 1 else parts[0]
    return ops.cast(joined, "float32")
