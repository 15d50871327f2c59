"""The build function that made a network of the user's own, called again.

It gives what no file holds: networks that Keras cannot write, and what a model is compiled with.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import keras_tuner
import numpy as np

from kerasnas.artifact.tensors import gap_of
from kerasnas.errors import ArtifactError
from kerasnas.files import fresh_file
from kerasnas.process_state import process_state_kept
from kerasnas.spaces.space import Space
from kerasnas.trial.checkpoint import build, first_rows, optimizer_of
from kerasnas.trial.seeding import seeded

log = logging.getLogger("kerasnas")

_SAME = 1e-5  # answers of equal networks to the same rows, as a share of the largest answer


class Rebuild(Protocol):
    """Builds the networks of trials anew."""

    def network(self, hp: keras_tuner.HyperParameters, number: int) -> keras.Model:
        """The network of a trial with all its variables; their values do not matter."""

    def rows(self, hp: keras_tuner.HyperParameters) -> Any:
        """A few rows of the data; `None` where there are none to be read."""


@dataclass(frozen=True)
class RebuildBySpace:
    """Builds the networks of trials anew, by the hypermodel of the user.

    Attributes:
        space: The user's hypermodel.
        view: From hyperparameters to the data.
        seed: Seed of the search.
    """

    space: Space
    view: Callable[[Any], Any]
    seed: int

    def network(self, hp: keras_tuner.HyperParameters, number: int) -> keras.Model:
        """The untrained network of a trial, with all its variables."""
        with process_state_kept(), seeded(self.seed, number):
            network: keras.Model = self.space.build(hp)
            build(network, self.view(hp).x)
        return network

    def rows(self, hp: keras_tuner.HyperParameters) -> Any:
        """A few rows of the data; `None` of data that can be read once."""
        return first_rows(self.view(hp).x)


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
            compiled, optimizer = network.compiled, optimizer_of(network)
            network.compiled, network.optimizer = False, None
            network.load_weights(path)
            network.compiled, network.optimizer = compiled, optimizer
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


def compiled_like(
    model: keras.Model, rebuild: Rebuild, hp: keras_tuner.HyperParameters, number: int
) -> keras.Model:
    """The same model, as `build` makes and compiles it.

    Args:
        model: The model that was scored, uncompiled.
        rebuild: Builds its network anew.
        hp: Its hyperparameters.
        number: The number of its trial.

    Returns:
        What `build` makes, with the weights of `model`; `model` itself where that is another model.
    """
    try:
        fresh = rebuild.network(hp, number)
        shapes = [tuple(variable.shape) for variable in model.variables]
        if not fresh.compiled or shapes != [tuple(variable.shape) for variable in fresh.variables]:
            return model
        for variable, value in zip(fresh.variables, model.variables, strict=True):
            variable.assign(value)
        rows = rebuild.rows(hp)
        same = rows is None or _answer_alike(model, fresh, rows)
    except Exception as error:  # of the user's code, which need not work twice
        log.warning(
            "The best model is not compiled: `build` fails when it is called again. %s", error
        )
        return model
    if not same:
        log.warning(
            "The best model is not compiled: `build` makes another network each time it is called."
        )
    return fresh if same else model


def _answer_alike(model: keras.Model, fresh: keras.Model, rows: Any) -> bool:
    return gap_of(model(rows, training=False), fresh(rows, training=False)) <= _SAME
