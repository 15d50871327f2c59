"""Networks that no file can hold: their weights, and the build function that made them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import keras_tuner
import numpy as np

from kerasnas.errors import ArtifactError
from kerasnas.files import fresh_file

Rebuild = Callable[[keras_tuner.HyperParameters], keras.Model]
"""Builds the network of hyperparameters anew, with all its variables."""


def write_weights(network: keras.Model, path: Path) -> None:
    """Writes the weights of a network, whole or not at all."""
    arrays = [keras.ops.convert_to_numpy(variable) for variable in network.variables]
    # NumPy would add its own ending to a path.
    with fresh_file(path) as fresh, fresh.open("wb") as file:
        np.savez(file, **{f"{i:05d}": array for i, array in enumerate(arrays)})


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
