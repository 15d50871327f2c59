"""LiteRT: small devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnas.artifact.export.runtime import Runtime


def _write(model: keras.Model, path: Path, inputs: Any) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    model.export(path, format="litert", verbose=False)
    interpreter = Interpreter(model_path=str(path))
    run = interpreter.get_signature_runner()
    names = list(interpreter.get_signature_list()["serving_default"]["inputs"])
    given = [tensor.numpy() for tensor in keras.tree.flatten(inputs)]
    rows = [
        run(**{name: a[i : i + 1] for name, a in zip(names, given, strict=True)})
        for i in range(len(given[0]))
    ]
    return [np.concatenate([row[key] for row in rows]) for key in rows[0]]


LITERT = Runtime(
    name="litert",
    ending=".tflite",
    packages=("ai_edge_litert",),
    takes_strings=False,
    write=_write,
    lacks={
        "ScaleAndTranslate": "resizing of images",
        "FloorDiv": "the calendar of dates",
        "TensorListReserve": "the steps of recurrent layers",
    },
)
