"""What a model costs, measured: parameters, FLOPs, latency, memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from kerasnas.clock import Margin, amount, laps_of

_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
)
"""Layers whose weights are used once for each position of what they make."""

_WARM_UP = 3
_REPEATS = 30


def latency(model: keras.Model, example: Any) -> dict[str, float]:
    """Milliseconds of one prediction, through a traced function, on the device that trains.

    Args:
        model: Any model.
        example: Input of the batch size to be timed.

    Returns:
        `latency_ms` (median) and `latency_p95_ms`.
    """
    # Converted by autograph, a graph of many small steps takes twice as long to trace.
    run = tf.function(lambda x: model(x, training=False), autograph=False)
    return latency_of(lambda: tf.nest.map_structure(lambda t: t.numpy(), run(example)))


def latency_of(answer: Callable[[], Any]) -> dict[str, float]:
    """As `latency`, for a call that may have been traced already."""
    for _ in range(_WARM_UP - 1):
        answer()
    laps = laps_of(answer, later=_REPEATS, seconds=amount(Margin.LATENCY_SECONDS))
    return {"latency_ms": 1e3 * laps.median, "latency_p95_ms": 1e3 * laps.quantile(0.95)}


def flops(model: keras.Model) -> int:
    """Floating-point operations of one prediction for one example: twice the multiply-adds.

    Counts every layer with weights, also in nested models. A convolution counts once for each
    output position, a recurrent layer as one step. Layers without weights do not count, as is
    usual. Returns 0 for a model that is not built.
    """
    total = 0
    for layer in model.layers:
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
    shape = _shape_of_output(layer)
    if isinstance(layer, keras.layers.Conv1DTranspose | keras.layers.Conv2DTranspose):
        taken = [int(n) for n in layer.input.shape[1:] if n is not None]
        return size * _positions(taken, layer.data_format)
    if isinstance(layer, _CONVOLUTIONS):
        return size * _positions(shape, layer.data_format)
    if isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense):
        return size * (math.prod(shape[:-1]) if len(shape) > 1 else 1)
    return size


def _shape_of_output(layer: keras.layers.Layer) -> list[int]:
    """The known sizes of one row of what a layer makes; empty where it is called nowhere."""
    try:
        output = layer.output
    except AttributeError:
        return []
    known = output.shape[1:] if isinstance(output, keras.KerasTensor) else ()
    return [int(n) for n in known if n is not None]


def _positions(shape: list[int], data_format: str) -> int:
    return math.prod(shape[:-1] if data_format == "channels_last" else shape[1:])


def sizes(
    model: keras.Model, example: Any = None, front: Mapping[str, float] | None = None
) -> dict[str, float]:
    """What is known of a built model without running it.

    Args:
        model: A model.
        example: Input of one row.
        front: The same of a large part in front of it, which counts as its own.

    Returns:
        `params`, `flops`, `peak_memory_bytes`.
    """
    own = {
        "params": float(model.count_params()),
        "flops": float(flops(model)),
        "peak_memory_bytes": float(peak_memory(model, example)),
    }
    return {name: value + (front or {}).get(name, 0.0) for name, value in own.items()}


def peak_memory(model: keras.Model, example: Any = None) -> int:
    """Estimated bytes of one prediction for one example: weights, and activations at their peak.

    A tensor is held from the layer that makes it to the last layer that takes it, and every layer
    writes its outputs beside its inputs. What a runtime fuses or shares beyond that is not known.

    Args:
        model: A model; one that is no graph of layers counts with its weights only.
        example: Input of one row, which tells the sizes that the model leaves open.
    """
    weights = sum(_bytes(w.shape, w.dtype) for w in model.weights)
    shapes = [tuple(a.shape) for a in tf.nest.flatten(example)] if example is not None else []
    return weights + _peak(model, max(shapes, key=len, default=()))


def _peak(model: keras.Model, shape: tuple[int, ...]) -> int:
    """Bytes of the activations that are held at the busiest moment."""
    steps = [_ends(layer) for layer in model.layers]
    kept = {id(t) for t in _ends(model)[1]}
    last = {id(t): i for i, (taken, _) in enumerate(steps) for t in taken}
    alive: dict[int, int] = {}
    busiest = 0
    for i, (taken, made) in enumerate(steps):
        for tensor in (*taken, *made):
            alive[id(tensor)] = _bytes(tensor.shape, tensor.dtype, shape)
        layer = model.layers[i]
        inner = _peak(layer, shape) if isinstance(layer, keras.Model) else 0
        ends = sum(_bytes(t.shape, t.dtype, shape) for t in (*taken, *made))
        busiest = max(busiest, sum(alive.values()) + max(0, inner - ends))
        for tensor in taken:
            if last[id(tensor)] <= i and id(tensor) not in kept:
                alive.pop(id(tensor), None)
    return busiest


def _ends(layer: Any) -> tuple[list[Any], list[Any]]:
    """The symbolic tensors that a layer takes and makes; of a shared layer only what is known."""
    try:
        return tf.nest.flatten(layer.input), tf.nest.flatten(layer.output)
    except (AttributeError, ValueError):
        return [], []


def _bytes(shape: Any, dtype: Any, example: tuple[int, ...] = ()) -> int:
    """Bytes of one row; open sizes are taken from the example where it has that axis."""
    count = 1
    for axis, size in enumerate(shape):
        known = size if size is not None else 1
        if size is None and 0 < axis < len(example) and len(shape) == len(example):
            known = example[axis]
        count *= int(known)
    name = keras.backend.standardize_dtype(dtype)
    return count * (8 if "64" in name else 2 if "16" in name else 1 if "8" in name else 4)
