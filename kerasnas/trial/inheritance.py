"""A network begins with the weights of a relative, wherever layers are the same."""

from __future__ import annotations

import keras
import numpy as np


def inherit(child: keras.Model, parent: keras.Model) -> float:
    """Copies the weights of every layer that has the same name and shapes in both networks.

    Args:
        child: An untrained network; it is changed.
        parent: A trained one.

    Returns:
        The share of the child's weights that were copied, in [0, 1].
    """
    known = {layer.name: layer for layer in reversed(_layers(parent)) if layer.weights}
    copied = 0
    for layer in _layers(child):
        donor = known.get(layer.name)
        if donor is None or not layer.weights or type(donor) is not type(layer):
            continue
        if [w.shape for w in donor.weights] == [w.shape for w in layer.weights]:
            layer.set_weights(donor.get_weights())
            copied += sum(int(np.prod(w.shape)) for w in layer.weights)
    return copied / max(1, child.count_params())


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers, those of nested models included."""
    found = []
    for layer in model.layers:
        found += _layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found
