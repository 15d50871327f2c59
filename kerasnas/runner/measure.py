"""What a model costs, measured: parameters, FLOPs, latency, memory."""

from __future__ import annotations

import math
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_WARM_UP = 3
_REPEATS = 30
_LATENCY_SECONDS = 0.25  # no more than this for one measurement


def latency(model: keras.Model, example: Any) -> dict[str, float]:
    """Milliseconds of one prediction, through a traced function, on the device that trains.

    Args:
        model: Any model.
        example: Input of the batch size to be timed.

    Returns:
        `latency_ms` (median) and `latency_p95_ms`.
    """
    run = tf.function(lambda x: model(x, training=False))
    for _ in range(_WARM_UP):
        tf.nest.map_structure(lambda t: t.numpy(), run(example))
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < _REPEATS and time.perf_counter() - begin < _LATENCY_SECONDS:
        start = time.perf_counter()
        tf.nest.map_structure(lambda t: t.numpy(), run(example))
        times.append((time.perf_counter() - start) * 1e3)
    return {
        "latency_ms": float(np.median(times)),
        "latency_p95_ms": float(np.quantile(times, 0.95)),
    }


def flops(model: keras.Model) -> int:
    """Floating-point operations of one prediction for one example: twice the multiply-adds.

    Counts dense, convolutional, recurrent-free layers with weights and nested models; element-wise
    layers are left out, as is usual. Returns 0 for a model that is not built.
    """
    total = 0
    for layer in getattr(model, "layers", []):
        if isinstance(layer, keras.Model):
            total += flops(layer)
        else:
            total += 2 * _multiply_adds(layer)
    return total


def _multiply_adds(layer: keras.layers.Layer) -> int:
    if isinstance(layer, keras.layers.Embedding) or not layer.weights:
        return 0
    kernels = [w for w in layer.weights if len(w.shape) >= 2]
    size = sum(math.prod(int(n) for n in w.shape) for w in kernels)
    output = getattr(layer, "output", None)
    shape = [int(n) for n in getattr(output, "shape", ())[1:] if n is not None]
    if isinstance(layer, keras.layers.Conv1DTranspose | keras.layers.Conv2DTranspose):
        taken = [int(n) for n in layer.input.shape[1:] if n is not None]
        return size * _positions(taken, layer.data_format)
    if hasattr(layer, "kernel_size") and hasattr(layer, "data_format"):
        return size * _positions(shape, layer.data_format)
    if isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense):
        return size * (math.prod(shape[:-1]) if len(shape) > 1 else 1)
    return size


def _positions(shape: list[int], data_format: str) -> int:
    return math.prod(shape[:-1] if data_format == "channels_last" else shape[1:])


def resident_bytes() -> int:
    """Memory that this process holds at the moment; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        return 0
