"""LiteRT: small devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnas.artifact.export.runtime import Runtime, probe_tensors


def _write(model: keras.Model, path: Path) -> Callable[[Any], Any]:
    from ai_edge_litert.interpreter import Interpreter

    model.export(path, format="litert", verbose=False)
    interpreter = Interpreter(model_path=str(path))
    run = interpreter.get_signature_runner()
    names = list(interpreter.get_signature_list()["serving_default"]["inputs"])

    def answer(probe: Any) -> Any:
        given = [t.numpy() for t in keras.tree.flatten(probe_tensors(model, probe))]
        rows = [
            run(**{name: a[i : i + 1] for name, a in zip(names, given, strict=True)})
            for i in range(len(given[0]))
        ]
        found = [np.concatenate([row[key] for row in rows]) for key in rows[0]]
        return found[0] if len(found) == 1 else found

    return answer


LITERT = Runtime(
    name="litert",
    ending=".tflite",
    packages=("ai_edge_litert",),
    takes_strings=False,
    write=_write,
)
