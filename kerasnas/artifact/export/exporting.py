"""An exported model in the formats of other runtimes, each checked against the Keras model."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras

from kerasnas.artifact.export.litert import LITERT
from kerasnas.artifact.export.onnx import ONNX
from kerasnas.artifact.export.runtime import Runtime
from kerasnas.artifact.export.savedmodel import SAVEDMODEL
from kerasnas.artifact.tensors import as_inputs, gap_of, input_dtypes
from kerasnas.errors import ArtifactError
from kerasnas.files import check_file, check_folder, fresh_file, fresh_folder

RUNTIMES = {runtime.name: runtime for runtime in (SAVEDMODEL, ONNX, LITERT)}

_TOLERANCE = 1e-3  # of the largest answer: other runtimes order their sums in other ways


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
    runtime = _runtime(format)
    _check_inputs(model, runtime)
    inputs = as_inputs(probe, input_dtypes(model))
    place = fresh_file(path, (runtime.ending,)) if runtime.ending else fresh_folder(path)
    with place as fresh:
        try:
            with _quiet():
                ours = model(inputs, training=False)  # Keras converts called models only
                theirs = runtime.write(model, fresh, inputs)
        except Exception as error:  # whatever a converter meets, the model stays unconverted
            raise ArtifactError(
                f"The model cannot be exported as {format}: {_reason(runtime, str(error))}"
            ) from error
        gap = gap_of(ours, theirs)
        if not gap <= _TOLERANCE:
            raise ArtifactError(
                f"The {format} export answers differently from the Keras model (by up to "
                f"{gap:.2g} of the largest answer). Nothing was written."
            )


def check_export(path: str | Path, format: str, argument: str = "`path`") -> None:
    """Checks that a model can be written to a path in a format, before there is a model.

    Args:
        path: As in `export`.
        format: As in `export`.
        argument: How the user calls the path.

    Raises:
        ArtifactError: If the format is unknown, a package for it is missing, or the path cannot be
            written to or holds what kerasnas did not write.
    """
    runtime = _runtime(format)
    if runtime.ending:
        check_file(path, (runtime.ending,), argument)
    else:
        check_folder(path, argument)


def _runtime(format: str) -> Runtime:
    if format not in RUNTIMES:
        raise ArtifactError(f"`format` must be one of {', '.join(RUNTIMES)}, received {format!r}.")
    runtime = RUNTIMES[format]
    missing = [name for name in runtime.packages if find_spec(name) is None]
    if missing:
        raise ArtifactError(
            f"Exporting as {format} needs the packages {', '.join(missing)}. Install them with "
            f"`pip install 'kerasnas[{format}]'`."
        )
    return runtime


def _reason(runtime: Runtime, error: str) -> str:
    """Why a model was not converted; for what the runtime is known to lack, in a sentence."""
    for operation, need in runtime.lacks.items():
        if operation in error:
            return f"{runtime.name} has no operation for {need}. Export it as savedmodel."
    return error.strip()[:500]


def _check_inputs(model: keras.Model, runtime: Runtime) -> None:
    """ONNX and LiteRT have no strings that a graph can look up: say so before converting."""
    if runtime.takes_strings:
        return
    strings = [tensor.name for tensor in model.inputs if tensor.dtype == "string"]
    if strings:
        names = ", ".join(f"`{name}`" for name in strings)
        raise ArtifactError(
            f"{runtime.name} has no strings to look up, and the model takes strings in {names}. "
            "Export it as savedmodel, or fit it on columns that hold numbers."
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
