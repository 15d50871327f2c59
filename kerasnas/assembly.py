"""Keras models put together of others: the graph from raw data to answers in the user's units."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from kerasnas.preprocessing import Preprocessing, input_dtype
from kerasnas.problem import Units

KEYS_ARE_NO_NAMES = "When providing `inputs` as a dict"
"""How Keras's warning begins about keys that are no layer names: a dict is still matched by key."""


def assemble(
    preprocessing: Preprocessing,
    network: keras.Model,
    units: Units | None = None,
) -> keras.Model:
    """The exported graph: raw columns in, answers in the user's units out.

    Args:
        preprocessing: The fitted graph in front of the network.
        network: From the feature matrix to probabilities or to a standardised value.
        units: The scale of the targets, for regression.

    Returns:
        A model that takes a dict of tensors of shape `(batch, 1)` by column name.
    """
    answering = _answering(network, units)
    inputs = raw_inputs({c.name: ((1,), input_dtype(c)) for c in preprocessing.columns})
    front = named(preprocessing.model, "kerasnas_preprocessing")
    return keyed_model(inputs, answering(front(list(inputs.values()))))


def raw_inputs(specs: Mapping[str, tuple[Sequence[int | None], str]]) -> dict[str, Any]:
    """Keras inputs by key; a key that Keras refuses as a layer's name stays the key.

    Args:
        specs: Shape of a row and dtype by key.
    """
    taken = {"kerasnas_preprocessing", "kerasnas_network"}
    inputs = {}
    for i, (key, (shape, dtype)) in enumerate(specs.items()):
        name = key
        if not _is_layer_name(name) or name in taken:
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


def join(
    front: keras.Model | None, network: keras.Model, units: Units | None = None
) -> keras.Model:
    """The exported graph of a modality with a front end: what `front` takes in, answers out.

    Args:
        front: From raw data to what the network takes, in the same structure; `None` where the
            network takes raw data.
        network: To probabilities or to a standardised value.
        units: The scale of the targets, for regression.
    """
    answering = _answering(network, units)
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name),
        answering.input if front is None else front.input,
    )
    if front is None:
        return keras.Model(inputs, answering(inputs), name="kerasnas")
    front = named(front, "kerasnas_preprocessing")
    return keras.Model(inputs, answering(front(inputs)), name="kerasnas")


def _answering(network: keras.Model, units: Units | None) -> keras.Model:
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), network.input
    )
    # A model around the same layers, without the optimiser and the loss it was compiled with.
    answer = keras.Model(network.input, network.outputs[0])(inputs)
    if units is not None:
        answer = in_units(answer, units, "units")
    return keras.Model(inputs, answer, name="kerasnas_network")


def in_units(answer: Any, units: Units, name: str) -> Any:
    """A network's answer in the target's own units; float64 where float32 would merge targets.

    Args:
        answer: Symbolic standardised values.
        units: The scale of the targets.
        name: Name of the layer.
    """
    if units.double:
        # Not by `Rescaling`, which makes float32 of its constants first.
        answer = keras.ops.cast(answer, "float64") * units.scale + units.mean
    else:
        answer = keras.layers.Rescaling(units.scale, units.mean, name=name)(answer)
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
