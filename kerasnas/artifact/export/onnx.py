"""ONNX: onnxruntime and the many runtimes that read its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from kerasnas.artifact.export.runtime import Runtime


def _write(model: keras.Model, path: Path, inputs: Any) -> Any:
    import onnxruntime

    model.export(path, format="onnx", verbose=False)
    _without_erfc(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = [tensor.numpy() for tensor in keras.tree.flatten(inputs)]
    names = [taken.name for taken in session.get_inputs()]
    return session.run(None, dict(zip(names, given, strict=True)))


def _without_erfc(path: Path) -> None:
    """Writes `1 - erf(x)` for `erfc(x)`, which TensorFlow has in GELU and ONNX does not know."""
    import onnx

    content = onnx.load(path)
    nodes = list(content.graph.node)
    if all(node.op_type != "Erfc" for node in nodes):
        return
    kept = []
    for i, node in enumerate(nodes):
        if node.op_type != "Erfc":
            kept.append(node)
            continue
        one, erf = f"kerasnas_one_{i}", f"kerasnas_erf_{i}"
        # A constant of the type of `x`, whatever that is.
        kept += [
            onnx.helper.make_node("Erf", node.input, [erf], name=erf),
            onnx.helper.make_node("Constant", [], [f"{one}_float"], value_float=1.0),
            onnx.helper.make_node("CastLike", [f"{one}_float", erf], [one], name=one),
            onnx.helper.make_node("Sub", [one, erf], node.output, name=node.name),
        ]
    del content.graph.node[:]
    content.graph.node.extend(kept)
    onnx.save(content, path)


ONNX = Runtime(
    name="onnx",
    ending=".onnx",
    packages=("tf2onnx", "onnx", "onnxruntime"),
    takes_strings=False,
    write=_write,
    lacks={
        "ScaleAndTranslate": "resizing of images",
        "RFFT": "the spectrum of sounds",
    },
)
