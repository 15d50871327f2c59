"""Several exported models as one Keras graph: shared front ends, members, weights, temperature."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnas import assembly
from kerasnas.results.calibration import Temperature
from kerasnas.trial.likeness import described

_FRONT, _NETWORK = "kerasnas_preprocessing", "kerasnas_network"


def fuse(
    members: Sequence[keras.Model], weights: Sequence[float], temperature: Temperature | None = None
) -> keras.Model:
    """One model that answers with the weighted mean of its members.

    Members whose front ends are equal share one, so that raw data go through it once.

    Args:
        members: Exported models of one search: the same inputs, one output.
        weights: Weight of each, summing to 1.
        temperature: Calibration of the mean; `None` for values.

    Returns:
        A model with the inputs of the members.
    """
    first = members[0]
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), first.input
    )
    graph = _Graph(inputs)
    parts = []
    for i, (member, weight) in enumerate(zip(members, weights, strict=True)):
        answer = graph.answer(member, i)
        parts.append(keras.layers.Rescaling(float(weight), name=f"weight_{i}")(answer))
    mean = keras.layers.Add(name="mean")(parts) if len(parts) > 1 else parts[0]
    if temperature is not None and temperature != Temperature():
        mean = temperature.build(mean)
    if isinstance(inputs, dict):
        return assembly.keyed_model(inputs, mean)
    return keras.Model(inputs, mean, name="kerasnas")


class _Graph:
    """What there is of the fused graph so far.

    Args:
        inputs: Its inputs.
    """

    def __init__(self, inputs: Any) -> None:
        self._inputs = inputs
        self._by_name = {t.name: t for t in keras.tree.flatten(inputs)}
        self._fronts: dict[str, Any] = {}
        self._taken: set[int] = set()

    def answer(self, member: keras.Model, i: int) -> Any:
        """The answer of one member; an equal front end that is there already is shared."""
        calls = _calls(member)
        if set(calls) != {_FRONT, _NETWORK}:
            return assembly.part(member, f"member_{i}", self._taken)(self._inputs)
        front, network = member.get_layer(_FRONT), member.get_layer(_NETWORK)
        key = _fingerprint(front) + json.dumps(calls[_FRONT], sort_keys=True)
        if key not in self._fronts:
            name = f"{_FRONT}_{len(self._fronts)}" if self._fronts else _FRONT
            raw = _resolve(calls[_FRONT], self._by_name)
            self._fronts[key] = assembly.part(front, name, self._taken)(raw)
        return assembly.part(network, f"member_{i}", self._taken)(self._fronts[key])


def _calls(model: keras.Model) -> dict[str, Any]:
    """What each layer of a model is called with, as the model's own description has it."""
    calls = {}
    for layer in model.get_config()["layers"]:
        if layer["class_name"] == "InputLayer":
            continue
        nodes = layer.get("inbound_nodes") or []
        calls[layer["name"]] = _described(nodes[0]["args"][0]) if len(nodes) == 1 else None
    return calls


def _described(argument: Any) -> Any:
    """An argument with the name of a layer in place of each tensor."""
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        return {"tensor": argument["config"]["keras_history"][0]}
    if isinstance(argument, dict):
        return {key: _described(value) for key, value in argument.items()}
    if isinstance(argument, list | tuple):
        return [_described(value) for value in argument]
    return argument


def _resolve(described: Any, by_name: dict[str, Any]) -> Any:
    if isinstance(described, dict) and set(described) == {"tensor"}:
        return by_name[described["tensor"]]
    if isinstance(described, dict):
        return {key: _resolve(value, by_name) for key, value in described.items()}
    return [_resolve(value, by_name) for value in described]


def _fingerprint(model: keras.Model) -> str:
    """Equal for models with equal layers, connections and weights, whatever their names."""
    digest = hashlib.sha256(described(model).encode())
    for values in model.get_weights():
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
