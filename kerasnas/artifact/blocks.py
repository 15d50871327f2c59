"""A model of many columns, seen behind the concatenations that its columns go through.

Every input of a Keras model takes milliseconds to load, and a part that grows with the square of
their number: 6,000 columns take half a minute. Whoever answers with the model needs none of them:
columns of one concatenation can be handed over as one matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.assembly import FEW_INPUTS


@dataclass(frozen=True, eq=False)
class BlockModel:
    """A model whose inputs are matrices.

    Attributes:
        model: Takes a list of matrices `(rows, columns)`.
        columns: The columns of each matrix, by name of the matrix: keys of the wide model's input.
            In the order of the list.
    """

    model: keras.Model
    columns: Mapping[str, Sequence[str]]

    def matrices(self, inputs: Mapping[str, Any]) -> list[tf.Tensor]:
        """Columns by key as the matrices that `model` takes."""
        return [
            tf.constant(
                np.concatenate([np.asarray(inputs[key]).reshape(-1, 1) for key in keys], axis=1),
                tensor.dtype,
            )
            for keys, tensor in zip(self.columns.values(), self.model.inputs, strict=True)
        ]


def blocks_of_config(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The configuration of a model behind the concatenations of its columns.

    Args:
        config: The configuration of a model, as `config.json` has it, judged. It is not changed.

    Returns:
        The configuration of a model with an input for each concatenation and for each column that
        goes somewhere else; and the columns of each input. No columns: there is nothing to gain.
    """
    settings = config["config"]
    layers, inputs = settings.get("layers"), settings.get("input_layers")
    if not layers or not isinstance(inputs, dict) or len(inputs) <= FEW_INPUTS:
        return dict(config), {}
    keys = {history[0]: key for key, history in inputs.items()}
    dtypes = {
        layer["name"]: layer["config"]["dtype"]
        for layer in layers
        if layer["class_name"] == "InputLayer" and list(layer["config"]["batch_shape"]) == [None, 1]
    }
    columns, kept, read = dict[str, list[str]](), list[Any](), set[str]()
    for layer in layers:
        names = list(_names_read(layer["inbound_nodes"]))
        if layer["class_name"] != "Concatenate" or not all(name in dtypes for name in names):
            read.update(names)
            kept.append(layer)
            continue
        columns[layer["name"]] = [keys[name] for name in names]
        kept.append(_input(layer["name"], len(names), dtypes[names[0]]))
    dropped = {name for name in dtypes if name in keys and name not in read}
    kept = [layer for layer in kept if layer["name"] not in dropped]
    columns.update({name: [key] for name, key in keys.items() if name not in dropped})
    if not columns.keys() - keys.keys() or any(name not in dtypes for name in keys):
        return dict(config), {}
    narrow = {**settings, "layers": kept, "input_layers": [[name, 0, 0] for name in columns]}
    return {**config, "config": narrow}, columns


def _input(name: str, size: int, dtype: str) -> dict[str, Any]:
    layer = keras.layers.InputLayer((size,), dtype=dtype, name=name)
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": layer.get_config(),
        "registered_name": None,
        "name": name,
        "inbound_nodes": [],
    }


def _names_read(nodes: Any) -> Iterator[str]:
    """Names of the layers whose outputs a layer takes."""
    if isinstance(nodes, Mapping):
        if nodes.get("class_name") == "__keras_tensor__":
            yield nodes["config"]["keras_history"][0]
            return
        nodes = list(nodes.values())
    if isinstance(nodes, list | tuple):
        for node in nodes:
            yield from _names_read(node)
