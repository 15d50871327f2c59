"""An exported model in the formats of other runtimes, each checked against the Keras model."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from kerasnas.errors import ArtifactError
from kerasnas.files import check_file, check_folder, fresh_file, fresh_folder

Format = Literal["savedmodel", "onnx", "litert"]

_TOLERANCE = 1e-3  # of the largest answer: other runtimes order their sums in other ways
_ENDINGS = {"onnx": ".onnx", "litert": ".tflite"}
_NEEDED = {"onnx": ("tf2onnx", "onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}


def export(model: keras.Model, path: str | Path, format: str, probe: Any) -> None:
    """Writes a model for another runtime, and compares the answers that this gives.

    Args:
        model: The exported Keras model.
        path: A folder for `savedmodel`; a file that ends in `.onnx` or `.tflite` for the others.
            An older file, or a folder that kerasnas wrote, is replaced once the new export has
            been checked.
        format: `savedmodel` for TensorFlow and its serving, `onnx`, or `litert`.
        probe: Inputs in the structure of the model's, to compare answers with.

    Raises:
        ArtifactError: If the format is unknown, a package for it is missing, the model cannot be
            converted, the other runtime gives other answers, or the path cannot be written to or
            holds what kerasnas did not write.
    """
    check_export(path, format)
    _check_inputs(model, format)
    place = fresh_folder(path) if format == "savedmodel" else fresh_file(path, (_ENDINGS[format],))
    with place as fresh:
        try:
            with _quiet():
                model(_tensors(model, probe), training=False)  # Keras converts called models only
                answer = _WRITERS[format](model, fresh)
                theirs = answer(probe)
        except Exception as error:  # whatever a converter meets, the model stays unconverted
            raise ArtifactError(
                f"The model cannot be exported as {format}: {str(error).strip()[:500]}"
            ) from error
        _compare(model, probe, theirs, format)


def check_export(path: str | Path, format: str, argument: str = "`path`") -> None:
    """Whether a model can be written to a path in a format, as far as that is known without it.

    Args:
        path: As in `export`.
        format: As in `export`.
        argument: How the user calls the path.

    Raises:
        ArtifactError: If the format is unknown, a package for it is missing, or the path cannot be
            written to or holds what kerasnas did not write.
    """
    if format not in get_args(Format):
        raise ArtifactError(
            f"`format` must be one of {', '.join(get_args(Format))}, received {format!r}."
        )
    missing = [name for name in _NEEDED.get(format, ()) if find_spec(name) is None]
    if missing:
        raise ArtifactError(
            f"Exporting as {format} needs the packages {', '.join(missing)}. Install them with "
            f"`pip install 'kerasnas[{format}]'`."
        )
    if format == "savedmodel":
        check_folder(path, argument)
    else:
        check_file(path, (_ENDINGS[format],), argument)


def _check_inputs(model: keras.Model, format: str) -> None:
    """ONNX and LiteRT have no strings that a graph can look up: say so before converting."""
    if format == "savedmodel":
        return
    strings = [tensor.name for tensor in model.inputs if tensor.dtype == "string"]
    if strings:
        names = ", ".join(f"`{name}`" for name in strings)
        raise ArtifactError(
            f"{format} has no strings to look up, and the model takes strings in {names}. Export "
            "it as savedmodel, or fit it on columns that hold numbers."
        )


def _savedmodel(model: keras.Model, path: Path) -> Callable[[Any], Any]:
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve", lambda inputs: model(inputs, training=False), input_signature=[_signature(model)]
    )
    archive.write_out(path, verbose=False)
    served = tf.saved_model.load(str(path))
    return lambda probe: served.serve(_tensors(model, probe))


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


def _onnx(model: keras.Model, path: Path) -> Callable[[Any], Any]:
    import onnxruntime

    model.export(path, format="onnx", verbose=False)
    _without_erfc(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def answer(probe: Any) -> Any:
        given = [t.numpy() for t in keras.tree.flatten(_tensors(model, probe))]
        names = [taken.name for taken in session.get_inputs()]
        found = session.run(None, dict(zip(names, given, strict=True)))
        return found[0] if len(found) == 1 else found

    return answer


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


def _litert(model: keras.Model, path: Path) -> Callable[[Any], Any]:
    from ai_edge_litert.interpreter import Interpreter

    model.export(path, format="litert", verbose=False)
    interpreter = Interpreter(model_path=str(path))
    run = interpreter.get_signature_runner()
    names = list(interpreter.get_signature_list()["serving_default"]["inputs"])

    def answer(probe: Any) -> Any:
        given = [t.numpy() for t in keras.tree.flatten(_tensors(model, probe))]
        rows = [
            run(**{name: a[i : i + 1] for name, a in zip(names, given, strict=True)})
            for i in range(len(given[0]))
        ]
        found = [np.concatenate([row[key] for row in rows]) for key in rows[0]]
        return found[0] if len(found) == 1 else found

    return answer


_WRITERS: dict[str, Callable[[keras.Model, Path], Callable[[Any], Any]]] = {
    "savedmodel": _savedmodel,
    "onnx": _onnx,
    "litert": _litert,
}


def _tensors(model: keras.Model, probe: Any) -> Any:
    return keras.tree.map_structure(
        lambda taken, given: (
            tf.constant(np.asarray(given).tolist(), dtype=taken.dtype)
            if taken.dtype == "string"
            else tf.cast(tf.constant(given), taken.dtype)
        ),
        model.input,
        probe,
    )


def _compare(model: keras.Model, probe: Any, theirs: Any, format: str) -> None:
    ours = keras.tree.flatten(model(_tensors(model, probe), training=False))
    for mine, other in zip(ours, keras.tree.flatten(theirs), strict=True):
        mine, other = np.asarray(mine), np.asarray(other)
        gap = float(np.max(np.abs(mine - other), initial=0.0)) if mine.shape == other.shape else 1.0
        if not gap <= _TOLERANCE * max(1.0, float(np.max(np.abs(mine), initial=0.0))):
            raise ArtifactError(
                f"The {format} export answers differently from the Keras model (by up to "
                f"{gap:.2g}). Nothing was written."
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Converters print and warn about themselves; what matters is compared afterwards."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
