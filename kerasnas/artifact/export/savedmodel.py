"""SavedModel: TensorFlow and its serving."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kerasnas.artifact.export.runtime import Runtime


def _write(model: keras.Model, path: Path, inputs: Any) -> Any:
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve", lambda inputs: model(inputs, training=False), input_signature=[_signature(model)]
    )
    archive.write_out(path, verbose=False)
    served = tf.saved_model.load(str(path))  # named: its variables live as long as it does
    return served.serve(inputs)


def _signature(model: keras.Model) -> Any:
    """The inputs in their structure, each under a name of its own that TensorFlow takes."""
    taken: set[str] = set()

    def spec(key: str, tensor: Any) -> tf.TensorSpec:
        name = stem = re.sub(r"\W", "_", key, flags=re.ASCII).lstrip("_") or "input"
        while name.lower() in taken:
            name = f"{stem}_{len(taken)}"
        taken.add(name.lower())
        return tf.TensorSpec(tensor.shape, tensor.dtype, name=name)

    if isinstance(model.input, dict):
        return {key: spec(key, tensor) for key, tensor in model.input.items()}
    return keras.tree.map_structure(lambda tensor: spec(tensor.name, tensor), model.input)


SAVEDMODEL = Runtime(name="savedmodel", ending="", packages=(), takes_strings=True, write=_write)
