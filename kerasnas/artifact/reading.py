"""One `.keras` file as the model and the extra member in it. Nothing in the file is executed."""

from __future__ import annotations

import json
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import keras

from kerasnas.artifact.member import FORMAT, MEMBER
from kerasnas.assembly import KEYS_ARE_NO_NAMES
from kerasnas.errors import ArtifactError

_MOST_BYTES = 64 * 2**20  # of the member, so that a crafted file cannot fill the memory

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
