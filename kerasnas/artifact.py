"""A fitted model and one `.keras` file, both ways.

The file is what `keras.saving.save_model` writes, plus one member, `kerasnas.json`, that plain
Keras ignores: labels, schema, leaderboard, versions. Nothing in it is ever executed.
"""

from __future__ import annotations

import json
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.assembly import KEYS_ARE_NO_NAMES
from kerasnas.errors import ArtifactError
from kerasnas.files import fresh_file

ENDING = ".keras"
FORMAT = 1
MEMBER = "kerasnas.json"
_MOST_BYTES = 64 * 2**20  # of the member, so that a crafted file cannot fill the memory
_TOLERANCE = 1e-5

# What reading a damaged or crafted archive, or the JSON in it, can raise.
_DAMAGE = (
    ValueError,
    KeyError,
    OSError,
    EOFError,
    RuntimeError,  # also its subclasses NotImplementedError and RecursionError
    zipfile.BadZipFile,
    zlib.error,
)


def write(
    model: keras.Model,
    path: str | Path,
    member: Mapping[str, Any] | None = None,
    probe: Any = None,
) -> None:
    """Writes one `.keras` file; an older file at `path` is replaced only by a whole new one.

    Args:
        model: What plain Keras will load.
        path: Where to; must end in `.keras`.
        member: JSON-able content of the extra member.
        probe: Rows in the structure of the model's input: the new file is loaded again and must
            give the same answers to them first.

    Raises:
        ArtifactError: If the path has another ending, no folder or one that cannot be written to,
            the model cannot be saved, or the file does not answer as the model does.
    """
    with fresh_file(path, (ENDING,)) as fresh:
        try:
            with _without_training(model):
                keras.saving.save_model(model, fresh)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ArtifactError(
                f"The model cannot be saved as a `.keras` file: {error} Give custom layers a "
                "`get_config` and `keras.saving.register_keras_serializable`."
            ) from error
        if member is not None:
            content = {"format": FORMAT, **member}
            with zipfile.ZipFile(fresh, "a", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(MEMBER, json.dumps(content))
        if probe is not None:
            _prove(model, fresh, probe)


@contextmanager
def _without_training(model: keras.Model) -> Iterator[None]:
    """Inside, a model and those it consists of have neither optimiser nor loss.

    Their file needs no state of a training, and would need our optimisers to be opened.
    """
    compiled = [part for part in _models(model) if getattr(part, "compiled", False)]
    optimizers = [part.optimizer for part in compiled]
    for part in compiled:
        part.compiled, part.optimizer = False, None
    try:
        yield
    finally:
        for part, optimizer in zip(compiled, optimizers, strict=True):
            part.compiled, part.optimizer = True, optimizer


def _models(model: Any) -> Iterator[Any]:
    """A model and all models inside it."""
    yield model
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, keras.Model):
            yield from _models(layer)


def read_member(path: str | Path) -> dict[str, Any]:
    """The extra member of a file that kerasnas wrote.

    Raises:
        ArtifactError: If the file is missing, damaged, foreign or newer than this version.
    """
    with _opened(path) as archive:
        if MEMBER not in archive.namelist():
            raise ArtifactError(
                f"'{path}' is a plain Keras model without the member '{MEMBER}': it was not saved "
                "by kerasnas, or was loaded and saved again by Keras. "
                f"Use `keras.models.load_model('{path}')`."
            )
        if archive.getinfo(MEMBER).file_size > _MOST_BYTES:
            raise ArtifactError(f"'{path}' is damaged: its member '{MEMBER}' is too large.")
        try:
            content = json.loads(archive.read(MEMBER))
        except _DAMAGE as error:
            raise ArtifactError(
                f"'{path}' is damaged: '{MEMBER}' cannot be read ({error})."
            ) from error
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise ArtifactError(f"'{path}' is damaged: '{MEMBER}' has no format number.")
    if content["format"] > FORMAT:
        raise ArtifactError(
            f"'{path}' has format {content['format']}, this kerasnas reads up to {FORMAT}. "
            "Upgrade kerasnas, or use `keras.models.load_model`."
        )
    return content


def size_of(model: keras.Model) -> int:
    """Bytes of the `.keras` file that `write` would make of a model.

    Raises:
        ArtifactError: If the model cannot be saved.
    """
    with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
        path = Path(folder) / "model.keras"
        write(model, path)
        return path.stat().st_size


def load_model(path: str | Path) -> keras.Model:
    """The Keras model in a file, uncompiled.

    Raises:
        ArtifactError: If the file is missing or damaged, or names code outside Keras that the
            caller has not registered.
    """
    with _opened(path) as archive:
        _check_members(archive, path)
        try:
            config = json.loads(archive.read("config.json"))
            if isinstance(config, dict):
                config.pop("compile_config", None)  # not used: the model stays uncompiled
            foreign = sorted(_foreign_code(config))
        except _DAMAGE as error:
            raise ArtifactError(
                f"'{path}' is damaged: its model cannot be read ({error})."
            ) from error
    if foreign:
        raise ArtifactError(
            f"'{path}' uses {', '.join(foreign)}, which is not part of Keras. Import the module "
            "that registers it (`keras.saving.register_keras_serializable`) before loading."
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=KEYS_ARE_NO_NAMES)
            return keras.saving.load_model(path, compile=False)
    except Exception as error:  # whatever Keras meets in a damaged file, the file is at fault
        raise ArtifactError(f"'{path}' cannot be loaded by Keras: {error}") from error


def input_dtypes(model: keras.Model) -> Any:
    """The dtypes of a model's inputs, in their structure."""
    return keras.tree.map_structure(lambda t: t.dtype, model.input)


def as_inputs(arrays: Any, dtypes: Any) -> Any:
    """Arrays as the tensors that an exported model takes.

    Args:
        arrays: Arrays or lists in the structure of the model's input; one of shape `(rows,)` stands
            for a column `(rows, 1)`.
        dtypes: The dtype of each, as `input_dtypes` gives them.
    """

    def tensor(dtype: str, values: Any) -> tf.Tensor:
        array = np.asarray(values)
        return tf.constant(array[:, None] if array.ndim == 1 else array, dtype=dtype)

    return keras.tree.map_structure_up_to(dtypes, tensor, dtypes, arrays)


def _prove(model: keras.Model, path: Path, probe: Any) -> None:
    inputs = as_inputs(probe, input_dtypes(model))
    again = load_model(path)
    before, after = model(inputs, training=False), again(inputs, training=False)
    pairs = zip(keras.tree.flatten(before), keras.tree.flatten(after), strict=True)
    for pair in pairs:
        # As numbers: a set is of truth values.
        one, other = (np.asarray(answer).astype("float64") for answer in pair)
        gap = float(np.max(np.abs(one - other), initial=0.0))
        size = float(np.max(np.abs(one), initial=0.0))
        if not gap <= _TOLERANCE * max(1.0, size):
            raise ArtifactError(
                f"The saved file answers differently from the model in memory (by up to {gap:.2g})."
                " Nothing was replaced. Please report this as a bug of kerasnas."
            )


def _opened(path: str | Path) -> zipfile.ZipFile:
    if not Path(path).is_file():
        raise ArtifactError(f"There is no file '{path}'.")
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise ArtifactError(f"'{path}' is not a `.keras` file, or is damaged ({error}).") from error


def _check_members(archive: zipfile.ZipFile, path: str | Path) -> None:
    try:
        bad = archive.testzip()
    except _DAMAGE as error:
        raise ArtifactError(f"'{path}' is damaged ({error}).") from error
    if bad is not None:
        raise ArtifactError(f"'{path}' is damaged: its part '{bad}' does not match its checksum.")
    if "config.json" not in archive.namelist():
        raise ArtifactError(f"'{path}' is not a `.keras` file: it holds no 'config.json'.")


def _foreign_code(config: Any) -> set[str]:
    """Names of classes and functions outside Keras that nobody has registered in this process."""
    found: set[str] = set()
    if isinstance(config, list):
        for item in config:
            found |= _foreign_code(item)
    elif isinstance(config, dict):
        module = config.get("module")
        if isinstance(module, str) and "class_name" in config:
            known = module.split(".")[0] in ("keras", "builtins")
            registered = keras.saving.get_registered_object(config.get("registered_name") or "")
            if not known and registered is None:
                found.add(f"{module}.{config['class_name']}")
        for item in config.values():
            found |= _foreign_code(item)
    return found
