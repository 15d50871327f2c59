"""Keras models put together of others: the graph from raw data to answers in the user's units."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from kerasnas.data.units import Units

KEYS_ARE_NO_NAMES = "When providing `inputs` as a dict"
"""How Keras's warning begins about keys that are no layer names: a dict is still matched by key."""

_OWN = "kerasnas_"  # how names of layers begin that no column has
FEW_INPUTS = 100
"""Models of so many inputs are quick to load and to trace (docs/benchmarks.md, wide tables)."""

BLOCK = "_block_"
"""What stands between the name of a front and the number of a block of its columns."""

_FRONT, _NETWORK = f"{_OWN}preprocessing", f"{_OWN}network"

RawShape = tuple[Sequence[int | None], str]
"""Shape of a row and dtype of a raw tensor."""


@dataclass(frozen=True, eq=False)
class FrontGraph:
    """The graph in front of a network. It holds no rows.

    Each raw tensor is an input of the exported graph. Columns of one kind go side by side into one
    input of `model`: every input of a model takes milliseconds to make, to save and to load.

    Attributes:
        model: From raw tensors to what the network takes: of one tensor, of a dict by name, or of a
            list in the order of `raw` or of `blocks`.
        raw: The raw tensor, or the raw tensors by name.
        blocks: Names of the raw tensors that `model` takes side by side, for each of its inputs;
            empty where each raw tensor is an input of its own.
    """

    model: keras.Model
    raw: RawShape | Mapping[str, RawShape]
    blocks: Sequence[Sequence[str]] = ()

    @classmethod
    def of(cls, model: keras.Model) -> FrontGraph:
        """The front whose raw tensors are the inputs of a model: one tensor, or a dict."""
        if isinstance(model.input, Mapping):
            return cls(model, {key: (t.shape[1:], t.dtype) for key, t in model.input.items()})
        return cls(model, (model.input.shape[1:], model.input.dtype))

    def answers(self, tensors: Mapping[str, Any], name: str) -> Any:
        """What `model` makes of raw tensors.

        Args:
            tensors: Raw tensors by name, in the order of `raw`; a single one by any name.
            name: Name of the front in the graph.
        """
        model = named(self.model, name)
        if self.blocks:
            return model(
                [
                    _side_by_side([tensors[key] for key in keys], f"{name}{BLOCK}{i}")
                    for i, keys in enumerate(self.blocks)
                ]
            )
        if isinstance(model.input, Mapping):
            return model(dict(tensors))
        if isinstance(model.input, list):
            return model(list(tensors.values()))
        (tensor,) = tensors.values()
        return model(tensor)

    def placed(self) -> tuple[Any, Any]:
        """Raw inputs and what the front makes of them, for one more model.

        Many inputs are traced once, for all models. Keras then keeps these models as long as the
        front, so that few inputs are traced for each model anew.
        """
        many = isinstance(self.raw, Mapping) and len(self.raw) > FEW_INPUTS
        return self._placed_once if many else self._placed()

    @cached_property
    def _placed_once(self) -> tuple[Any, Any]:
        return self._placed()

    def _placed(self) -> tuple[Any, Any]:
        entry = self.model.input
        if not isinstance(self.raw, Mapping):
            shape, dtype = self.raw
            raw = keras.Input(shape, dtype=dtype, name=entry.name)
            return raw, self.answers({entry.name: raw}, _FRONT)
        inputs = raw_inputs(self.raw)
        if isinstance(entry, Mapping):  # its tensors have names that any runtime takes
            inputs = {
                key: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name)
                for key, t in entry.items()
            }
        return inputs, self.answers(inputs, _FRONT)


def _side_by_side(tensors: Sequence[Any], name: str) -> Any:
    return keras.layers.Concatenate(name=name)(tensors) if len(tensors) > 1 else tensors[0]


Fronts = FrontGraph | Mapping[str, FrontGraph]
"""The front of the only input, or the fronts of several inputs by name."""


def join(
    front: Fronts, network: keras.Model, units: Units | Mapping[str, Units | None] | None = None
) -> keras.Model:
    """The exported graph: raw data in, answers in the user's units out.

    Args:
        front: The front of the only input, or those of several inputs by name, whose raw tensors
            then are one flat dict: `photo` for an input of one tensor, `facts.age` for a column.
        network: From what the fronts give to answers; of several heads a dict by output.
        units: The scale of a regression's targets; of several heads by output.

    Returns:
        A model of one raw tensor, or of a dict of raw tensors.
    """
    inputs, features = _placed(front)
    return _model(inputs, _answering(network, units)(features))


def alone(front: Fronts) -> keras.Model:
    """What stands in front of a network as a model of raw data."""
    return _model(*_placed(front))


def _placed(front: Fronts) -> tuple[Any, Any]:
    """Raw inputs, and what the fronts make of them."""
    if isinstance(front, FrontGraph):
        return front.placed()
    inputs = raw_inputs(flat({name: one.raw for name, one in front.items()}))
    found = {}
    for name, one in front.items():
        own = inputs_of(inputs, name)
        found[name] = one.answers(
            own if isinstance(one.raw, Mapping) else {name: own}, f"{name}_preprocessing"
        )
    return inputs, found


def _model(inputs: Any, answers: Any) -> keras.Model:
    if isinstance(inputs, Mapping):
        return keyed_model(inputs, answers)
    return keras.Model(inputs, answers, name="kerasnas")


def flat(parts: Mapping[str, Any]) -> dict[str, Any]:
    """One flat dict: `photo` for an input that is one value, `facts.age` for a table's column."""
    result: dict[str, Any] = {}
    for name, value in parts.items():
        if isinstance(value, Mapping):
            result.update({f"{name}.{column}": part for column, part in value.items()})
        else:
            result[name] = value
    return result


def inputs_of(inputs: Mapping[str, Any], name: str) -> Any:
    """What `flat` has made of one of its parts: one value, or a dict by column."""
    if name in inputs:
        return inputs[name]
    own = f"{name}."
    return {key.removeprefix(own): value for key, value in inputs.items() if key.startswith(own)}


def raw_inputs(specs: Mapping[str, tuple[Sequence[int | None], str]]) -> dict[str, Any]:
    """Keras inputs by key; a key that Keras refuses as a layer's name stays the key.

    Args:
        specs: Shape of a row and dtype by key.
    """
    taken = set[str]()
    inputs = {}
    for i, (key, (shape, dtype)) in enumerate(specs.items()):
        name = key
        if not _is_layer_name(name) or name in taken or name.startswith(_OWN):
            name = f"column_{i}"
            while name in taken or name in specs:
                name += "_"
        taken.add(name)
        inputs[key] = keras.Input(shape, dtype=dtype, name=name)
    return inputs


def keyed_model(inputs: Mapping[str, Any], answers: Any) -> keras.Model:
    """The exported model of a dict of inputs."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=KEYS_ARE_NO_NAMES)
        return keras.Model(dict(inputs), answers, name="kerasnas")


def named(model: keras.Model, name: str) -> keras.Model:
    """A model of the very same layers under a name of its own, not compiled.

    Nothing is copied: to build the layers again takes as long as to build the model.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=KEYS_ARE_NO_NAMES)
        return keras.Model(model.input, model.output, name=name)


def part(model: keras.Model, name: str, taken: set[int]) -> keras.Model:
    """A model to be one of several in a graph: as it is, or copied where it shares a layer.

    A layer in two models of one graph is written to its file once, and read into one of them.

    Args:
        model: The model.
        name: Its name in the graph.
        taken: Layers in the graph so far, by identity; its own are added.
    """
    layers = {id(layer) for layer in _layers(model)}
    if layers & taken:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=KEYS_ARE_NO_NAMES)
            copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        model = copy
    taken |= layers
    return named(model, name)


def _answering(
    network: keras.Model, units: Units | Mapping[str, Units | None] | None
) -> keras.Model:
    """The network without the optimiser and the losses it was compiled with, and with units."""
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), network.input
    )
    if isinstance(network.output, Mapping):
        answers = keras.Model(network.input, network.output)(inputs)
        scales = units if isinstance(units, Mapping) else {}
        answer: Any = {
            name: in_units(part, scales.get(name), f"{name}_units")
            for name, part in answers.items()
        }
    else:
        assert not isinstance(units, Mapping), "a network with one answer has one scale"
        # A model around the same layers, without the optimiser and the loss it was compiled with.
        answer = keras.Model(network.input, network.outputs[0])(inputs)
        answer = in_units(answer, units, "units")
    return keras.Model(inputs, answer, name=_NETWORK)


def in_units(answer: Any, units: Units | None, name: str) -> Any:
    """A network's answer in the target's own units; float64 where float32 would merge targets.

    Args:
        answer: Symbolic standardised values.
        units: The scale of the targets; `None` where they have none.
        name: Name of the layer.
    """
    if units is None:
        return answer
    if units.double:
        # Not by `Rescaling`, which makes float32 of its constants first.
        scale, mean = np.asarray(units.scale, "float64"), np.asarray(units.mean, "float64")
        answer = keras.ops.cast(answer, "float64") * scale + mean
    else:
        answer = keras.layers.Rescaling(units.scale, units.mean, name=name)(answer)
    if isinstance(units.low, list):
        low, high = np.asarray([units.low], answer.dtype), np.asarray([units.high], answer.dtype)
        return keras.ops.minimum(keras.ops.maximum(answer, low), high)
    return keras.ops.clip(answer, units.low, units.high)


def _layers(model: keras.Model) -> Iterator[Any]:
    """All layers of a model and of the models in it, but for its inputs."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _is_layer_name(name: str) -> bool:
    """Whether Keras takes a name for a layer and can write it to a file."""
    return bool(name) and not any(c in "/\0" or "\ud800" <= c <= "\udfff" for c in name)
