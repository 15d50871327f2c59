"""Several exported models as one Keras graph: shared front ends, members, weights, temperature."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasnas import artifact, assembly
from kerasnas.results.calibration import Calibration
from kerasnas.trial.likeness import described

_FRONT, _NETWORK = "preprocessing", "kerasnas_network"


def fuse(
    members: Sequence[keras.Model],
    weights: Sequence[float],
    calibration: Calibration | None = None,
) -> keras.Model:
    """One model that answers with the weighted mean of its members, of each head by itself.

    Members whose front ends are equal share them, so that raw data go through each once. Of windows
    of series the longest is taken, and a member that looks back less far sees its last steps.

    Args:
        members: Exported models of one search: the same inputs, the same outputs.
        weights: Weight of each, summing to 1.
        calibration: Calibration of the mean; `None` for none.

    Returns:
        A model with the inputs of the members.
    """
    inputs = _inputs(members)
    graph = _Graph(inputs)
    answers = [graph.answer(member, i) for i, member in enumerate(members)]
    if isinstance(answers[0], Mapping):
        mean: Any = {h: _mean([a[h] for a in answers], weights, f"_{h}") for h in answers[0]}
    else:
        mean = _mean(answers, weights, "")
    mean = mean if calibration is None else calibration.build(mean)
    if isinstance(inputs, dict):
        return assembly.keyed_model(inputs, mean)
    return keras.Model(inputs, mean, name="kerasnas")


def rows_for(model: keras.Model, probe: Any) -> Any:
    """Rows as one model of a search takes them: of windows of series the last steps that it sees.

    Args:
        model: An exported model.
        probe: Arrays in the structure of its inputs, windows of the longest length.

    Returns:
        Tensors that the model can be called with.
    """
    rows = artifact.as_inputs(probe, artifact.input_dtypes(model))
    return keras.tree.map_structure(_last_steps, rows, model.input)


def _inputs(members: Sequence[keras.Model]) -> Any:
    """Inputs like those of the members, with the longest window where their lengths differ."""

    def longest(*tensors: Any) -> Any:
        shape = list(tensors[0].shape[1:])
        lengths = {t.shape[1] for t in tensors}
        if len(lengths) > 1:
            shape[0] = max(lengths)
        return keras.Input(shape, dtype=tensors[0].dtype, name=tensors[0].name)

    return keras.tree.map_structure(longest, *[member.input for member in members])


def _last_steps(tensor: Any, own: Any) -> Any:
    """The last steps of a window, as many as a member looks back; other tensors as they are."""
    if len(own.shape) < 2 or own.shape[1] in (None, tensor.shape[1]):
        return tensor
    return tensor[:, tensor.shape[1] - own.shape[1] :]


def _mean(answers: Sequence[Any], weights: Sequence[float], ending: str) -> Any:
    """The weighted mean of one head's answers, in their dtype."""
    if answers[0].dtype == "float64":  # `Rescaling` makes float32 of its constants first
        parts = [answer * float(w) for answer, w in zip(answers, weights, strict=True)]
        return reduce(add, parts)
    parts = [
        keras.layers.Rescaling(float(weight), name=f"weight_{i}{ending}")(answer)
        for i, (answer, weight) in enumerate(zip(answers, weights, strict=True))
    ]
    return keras.layers.Add(name=f"mean{ending}")(parts) if len(parts) > 1 else parts[0]


class _Tensor(NamedTuple):
    """An output of a layer, in a description of what another layer is called with."""

    layer: str
    place: int


class _Graph:
    """What there is of the fused graph so far.

    Args:
        inputs: Its inputs.
    """

    def __init__(self, inputs: Any) -> None:
        self._inputs = inputs
        self._raw = {t.name: [t] for t in keras.tree.flatten(inputs)}
        self._known: dict[str, list[Any]] = {}
        self._names: set[str] = set()
        self._taken: set[int] = set()

    def answer(self, member: keras.Model, i: int) -> Any:
        """The answer of one member; an equal front end that is there already is shared."""
        calls = _calls(member)
        fronts = [name for name in calls if name.endswith(_FRONT)]
        blocks = [name for name in calls if _is_block(name)]
        if {*calls} != {*blocks, *fronts, _NETWORK} or not fronts or None in calls.values():
            given = keras.tree.map_structure(_last_steps, self._inputs, member.input)
            return assembly.part(member, f"member_{i}", self._taken)(given)
        known = dict(self._raw)
        for name in blocks:
            known[name] = self._block(name, _resolve(calls[name], known))
        for name in fronts:
            known[name] = self._front(member.get_layer(name), _resolve(calls[name], known))
        network = assembly.part(member.get_layer(_NETWORK), f"member_{i}", self._taken)
        return network(_resolve(calls[_NETWORK], known))

    def _block(self, name: str, tensors: Any) -> list[Any]:
        """Columns side by side, of the block that is there already where it has the same ones."""
        key = _names_of(tensors)
        if key not in self._known:
            layer = keras.layers.Concatenate(name=self._free(name))
            self._known[key] = [layer(tensors)]
        return self._known[key]

    def _front(self, front: keras.Model, tensors: Any) -> list[Any]:
        """The outputs of a front end, of one that is there already where it is equal."""
        key = _fingerprint(front) + _names_of(tensors)
        if key not in self._known:
            answers = assembly.part(front, self._free(front.name), self._taken)(tensors)
            self._known[key] = keras.tree.flatten(answers)
        return self._known[key]

    def _free(self, wanted: str) -> str:
        """A name that no layer of the graph has."""
        name, number = wanted, 0
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name


def _is_block(name: str) -> bool:
    """Whether a layer puts columns of one front side by side."""
    front, block, _ = name.rpartition(assembly.BLOCK)
    return bool(block) and front.endswith(_FRONT)


def _names_of(tensors: Any) -> str:
    """The names of tensors of one graph, in their structure."""
    return repr(keras.tree.map_structure(lambda tensor: tensor.name, tensors))


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
    """An argument with a name in place of each tensor."""
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        layer, _, place = argument["config"]["keras_history"]
        return _Tensor(layer, place)
    if isinstance(argument, dict):
        return {key: _described(value) for key, value in argument.items()}
    if isinstance(argument, list | tuple):
        return [_described(value) for value in argument]
    return argument


def _resolve(described: Any, known: Mapping[str, Sequence[Any]]) -> Any:
    """A described argument with the tensors in the place of their names."""
    if isinstance(described, _Tensor):
        return known[described.layer][described.place]
    if isinstance(described, dict):
        return {key: _resolve(value, known) for key, value in described.items()}
    return [_resolve(value, known) for value in described]


def _fingerprint(model: keras.Model) -> str:
    """Equal for models with equal layers, connections and weights, whatever their names."""
    digest = hashlib.sha256(described(model).encode())
    for values in model.get_weights():
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
