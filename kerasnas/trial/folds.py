"""The networks of several folds as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnas import assembly
from kerasnas.spaces.method import Solution
from kerasnas.spaces.solved import mean_of_trees
from kerasnas.spaces.text_linear import mean_of_linear


def mean_of(solutions: Sequence[Solution]) -> keras.Model:
    """A network that answers with the mean of others, which take the same inputs."""
    networks = [solution.network for solution in solutions]
    if len(networks) == 1:
        return networks[0]
    as_one = mean_of_trees(solutions) or mean_of_linear(networks)
    if as_one is not None:
        return as_one
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), networks[0].input
    )
    taken: set[int] = set()
    parts = [assembly.part(network, f"fold_{i}", taken) for i, network in enumerate(networks)]
    answers = [part(inputs) for part in parts]
    if isinstance(answers[0], Mapping):
        mean: Any = {
            head: keras.layers.Average(name=f"mean_of_folds_{head}")([a[head] for a in answers])
            for head in answers[0]
        }
    else:
        mean = keras.layers.Average(name="mean_of_folds")(answers)
    return keras.Model(inputs, mean)
