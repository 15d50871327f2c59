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
    if len(solutions) == 1:
        return solutions[0].network
    together = mean_of_trees(solutions)
    if together is not None:
        return together  # the network of each fold is never built
    networks = [solution.network for solution in solutions]
    linear = mean_of_linear(networks)
    if linear is not None:
        return linear
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
