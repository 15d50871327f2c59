"""Networks that no file can hold: their weights, and the build function that made them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import tensorflow as tf

from kerasnas.errors import ArtifactError

Rebuild = Callable[[keras_tuner.HyperParameters], keras.Model]
"""Builds the network of hyperparameters anew, with all its variables."""


def write_weights(network: keras.Model, path: Path) -> None:
    """Writes the weights of a network, whole or not at all."""
    fresh = path.with_suffix(".tmp")
    arrays = [keras.ops.convert_to_numpy(variable) for variable in network.variables]
    with fresh.open("wb") as file:
        np.savez(file, **{f"{i:05d}": array for i, array in enumerate(arrays)})
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def rebuilt(network: keras.Model, path: Path) -> keras.Model:
    """A network that was built anew, with the weights in a file.

    Args:
        network: The network, which has all its variables.
        path: What `write_weights` wrote, or a `.keras` file that Keras does not open.

    Raises:
        ArtifactError: If the weights are not those of this network.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            whole = "config.json" in archive.namelist()
        if whole:
            # The file has no state of the optimiser, which Keras would miss.
            network.compiled, network.optimizer = False, None
            network.load_weights(path)
            return network
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[name] for name in sorted(file.files)]
        shapes = [tuple(variable.shape) for variable in network.variables]
        if shapes != [array.shape for array in arrays]:
            raise ValueError("`build` makes a network of other shapes than in the search")
        for variable, array in zip(network.variables, arrays, strict=True):
            variable.assign(array)
    except Exception as error:  # whatever Keras or NumPy meet in a foreign or damaged file
        raise ArtifactError(f"The weights in '{path}' cannot be used: {error}") from error
    return network


def rebuilding(build: Callable[[Any], Any], x: Any) -> Rebuild:
    """From hyperparameters to the network of a `build(hp)`, called once so that it has variables.

    Args:
        build: The build function.
        x: Data that the network takes.
    """
    if isinstance(x, tf.data.Dataset):
        first = next(iter(x.take(1)))
        inputs = first[0] if isinstance(first, tuple) else first
    else:
        inputs = tf.nest.map_structure(lambda a: tf.convert_to_tensor(a[:1]), x)

    def rebuild(hp: keras_tuner.HyperParameters) -> keras.Model:
        network: keras.Model = build(hp)
        if not network.built:
            network(inputs, training=False)
        return network

    return rebuild
