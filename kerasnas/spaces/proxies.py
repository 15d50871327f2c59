"""Scores of untrained networks: what can be said of an architecture before any training."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

ROWS = 32
"""Rows that `naswot` looks at."""


def synflow(model: keras.Model) -> float:
    """Logarithm of the synaptic flow: how well a signal gets through all weights at once.

    Weights are replaced by their magnitudes, batch normalisation is left out, and the input is all
    ones; the score sums weight times gradient over all weights. No data are needed. Source: Tanaka
    et al., *Pruning Neural Networks without Any Data*, NeurIPS 2020; as a proxy: Abdelfattah et
    al., *Zero-Cost Proxies for Lightweight NAS*, ICLR 2021.

    Args:
        model: A functional model with one input; it is not changed.

    Returns:
        The score, larger is better; minus infinity where nothing gets through.
    """
    plain = keras.models.clone_model(model, clone_function=_linear_copy, recursive=True)
    originals = _weights_by_path(model)
    for layer_path, variables in _weights_by_path(plain).items():
        for variable, original in zip(variables, originals[layer_path], strict=True):
            if variable.trainable:
                variable.assign(np.abs(np.asarray(original)))
    shape = [1, *(n or 32 for n in model.input_shape[1:])]
    weights = plain.trainable_weights
    with tf.GradientTape() as tape:
        flow = tf.reduce_sum(plain(tf.ones(shape, tf.float64), training=False))
    gradients = tape.gradient(flow, [w.value for w in weights])
    total = sum(
        float(tf.reduce_sum(tf.abs(gradient * weight.value)))
        for weight, gradient in zip(weights, gradients, strict=True)
        if gradient is not None
    )
    return math.log(total) if total > 0 else -math.inf


def naswot(model: keras.Model, x: np.ndarray) -> float:
    """How many different linear maps an untrained network has for different rows.

    The score is the logarithm of the determinant of how alike rows look to all rectified linear
    units. Source: Mellor et al., *Neural Architecture Search without Training*, ICML 2021.

    Args:
        model: A functional model.
        x: Rows of its input; at most 32 are used.

    Returns:
        The score, larger is better; NaN for a network without such units.
    """
    tensors = [layer.output for layer in _layers(model) if _is_relu(layer)]
    if not tensors:
        return math.nan
    rows = tf.convert_to_tensor(np.asarray(x[:ROWS], dtype="float32"))
    count = int(rows.shape[0])
    alike = np.zeros((count, count))
    answers = keras.Model(model.inputs, tensors)(rows, training=True)
    for answer in answers if isinstance(answers, list | tuple) else [answers]:
        on = (np.asarray(answer).reshape(count, -1) > 0).astype(float)
        alike += on @ on.T + (1 - on) @ (1 - on).T
    return float(np.linalg.slogdet(alike)[1])


def _linear_copy(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer in double precision, normalisation switched off, no squashing at the end."""
    config = {**layer.get_config(), "dtype": "float64"}
    if config.get("activation") in ("softmax", "sigmoid"):
        config["activation"] = "linear"
    if isinstance(layer, keras.layers.BatchNormalization):
        # With its first statistics it divides by the root of 1 + epsilon, and adds nothing.
        config |= {"epsilon": 0.0, "trainable": False}
    return type(layer).from_config(config)


def _weights_by_path(model: keras.Model) -> dict[str, list[Any]]:
    return {layer.name: list(layer.weights) for layer in _layers(model) if layer.weights}


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers, those of nested models included."""
    found = []
    for layer in model.layers:
        found += _layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def _is_relu(layer: keras.layers.Layer) -> bool:
    activation = getattr(layer, "activation", None)
    named = getattr(activation, "__name__", "") == "relu"
    return isinstance(layer, keras.layers.ReLU) or named
