"""One `.keras` file as the model and the extra member in it: the trust boundary.

A file may come from anybody. It is read once; its zip, its JSON and its weights are judged before
Keras sees them (`archive`, `plain_json`, `configuration`, `weights`), and Keras is given a copy of
the very bytes that were judged. Nothing in the file is executed.
"""

from __future__ import annotations

import inspect
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.artifact.archive import read_members
from kerasnas.artifact.blocks import BlockModel, blocks_of_config
from kerasnas.artifact.configuration import checked_config
from kerasnas.artifact.member import (
    CONFIG,
    DIGESTS,
    FORMAT,
    MEMBER,
    METADATA,
    WEIGHTS,
    digest_of_member,
    digests_of,
)
from kerasnas.artifact.plain_json import parse_json
from kerasnas.artifact.unfit import Unfit, about
from kerasnas.artifact.weights import count_weights
from kerasnas.assembly import KEYS_ARE_NO_NAMES
from kerasnas.errors import ArtifactError

# Numbers that a network may create beyond those in its file: the weights of words, which a lookup
# takes from the configuration.
_FURTHER_NUMBERS = 1_000_000

_MOST_REASON_CHARACTERS = 2000  # of an error of Keras, which quotes whole configurations


@dataclass(frozen=True, eq=False)
class KerasFile:
    """The members of a file, in memory, each of them whole.

    Attributes:
        path: Where the file is, for messages.
        members: Content by name.
    """

    path: Path
    members: Mapping[str, bytes]

    def member(self) -> dict[str, Any]:
        """The extra member, which is of this model.

        Raises:
            ArtifactError: If there is none, or if it is damaged, of another model, or newer than
                this version.
        """
        if MEMBER not in self.members:
            raise ArtifactError(
                f"'{self.path}' is a plain Keras model without the member '{MEMBER}': it was not "
                "saved by kerasnas, or was loaded and saved again by Keras. "
                f"Use `keras.models.load_model('{self.path}')`."
            )
        with about(self.path):
            content = parse_json(self.members[MEMBER], MEMBER)
            if not isinstance(content, dict) or not isinstance(content.get("format"), int):
                raise Unfit(f"is damaged: '{MEMBER}' has no format number.")
            if content["format"] > FORMAT:
                raise Unfit(
                    f"has format {content['format']}, this kerasnas reads up to {FORMAT}. "
                    "Upgrade kerasnas, or use `keras.models.load_model`."
                )
            digests = content.pop(DIGESTS, None)  # none: written before there were digests
            if isinstance(digests, dict):
                own = digests.pop(MEMBER, None)  # none: written before it had one of its own
                if own is not None and own != digest_of_member(content):
                    raise Unfit(f"is damaged: '{MEMBER}' is not as it was written.")
            if digests is not None and digests != digests_of(self.members):
                raise Unfit(f"is damaged: '{MEMBER}' was written for another model than this one.")
        return content

    def model(self) -> keras.Model:
        """The Keras model, uncompiled.

        Raises:
            ArtifactError: If the file is damaged, uses a layer or an operation that is not on the
                list, or declares more weights than it holds.
        """
        return self._built(self._config)

    def blocks(self) -> BlockModel | None:
        """The Keras model behind the concatenations of its columns, uncompiled.

        Returns:
            `None` if the model has no such columns, or too few for it to matter.

        Raises:
            ArtifactError: As `model` does.
        """
        config, columns = blocks_of_config(self._config)
        return BlockModel(self._built(config), columns) if columns else None

    @cached_property
    def _config(self) -> dict[str, Any]:
        """The configuration, judged."""
        with about(self.path):
            for name in (CONFIG, WEIGHTS, METADATA):
                if name not in self.members:
                    raise Unfit(f"cannot be loaded: it holds no '{name}'.")
            size = len(self.members[WEIGHTS])
            config = checked_config(parse_json(self.members[CONFIG], CONFIG), size)
            parse_json(self.members[METADATA], METADATA)
        return config

    def _built(self, config: Mapping[str, Any]) -> keras.Model:
        with about(self.path):
            numbers = count_weights(self.members[WEIGHTS])
        judged = {name: content for name, content in self.members.items() if name != MEMBER}
        judged[CONFIG] = json.dumps(config).encode()
        try:
            return _built(judged, numbers)
        except Exception as error:  # whatever Keras meets in a damaged file, the file is at fault
            reason = str(error)[:_MOST_REASON_CHARACTERS]
            raise ArtifactError(f"'{self.path}' cannot be loaded by Keras: {reason}") from error


def open_file(path: str | Path) -> KerasFile:
    """Reads and judges the zip of a file.

    Raises:
        ArtifactError: If the file is missing, no `.keras` file, damaged or crafted.
    """
    _check_there(path)
    with about(path):
        try:
            return KerasFile(Path(path), read_members(path))
        except OSError as error:
            raise Unfit(f"cannot be read: {error.strerror or error}.") from error


def load_model(path: str | Path) -> keras.Model:
    """The Keras model in a file, uncompiled.

    Raises:
        ArtifactError: If the file is missing or damaged, or names code outside Keras that the
            caller has not registered.
    """
    return open_file(path).model()


def load_written(path: str | Path) -> keras.Model:
    """The model in a file that the trial engine wrote, uncompiled.

    Keras reads it, in safe mode. `load_model` would refuse what networks of users may hold: layers
    of other libraries, and `Lambda` over a registered function.

    Raises:
        ArtifactError: If the file is missing or damaged, or Keras does not open it.
    """
    _check_there(path)
    try:
        return _loaded(path)
    except Exception as error:  # as in `KerasFile.model`
        reason = str(error)[:_MOST_REASON_CHARACTERS]
        raise ArtifactError(f"'{path}' cannot be loaded by Keras: {reason}") from error


def _check_there(path: str | Path) -> None:
    if not Path(path).is_file():
        raise ArtifactError(f"There is no file '{path}'.")


def _built(members: Mapping[str, bytes], numbers: int) -> keras.Model:
    """What Keras makes of members that have been judged.

    Keras takes a path only, so that the members are written to a folder of their own.
    """
    with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
        path = Path(folder) / "judged.keras"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with tf.variable_creator_scope(_limited(numbers + _FURTHER_NUMBERS)):
            model = _loaded(path)
    if not isinstance(model, keras.Model) or not model.inputs:
        raise ValueError("it holds no model that says what its inputs are.")
    return model


def _loaded(path: str | Path) -> keras.Model:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=KEYS_ARE_NO_NAMES)
        return keras.saving.load_model(path, compile=False, safe_mode=True)


def _limited(left: int) -> Callable[..., Any]:
    """Lets TensorFlow create variables of so many numbers and no more.

    A configuration may ask for a layer of any size. Its variables are counted before they take
    memory, against the numbers that the file of weights holds.
    """

    def create(next_creator: Callable[..., Any], **settings: Any) -> Any:
        nonlocal left
        left -= _size(settings.get("initial_value"))
        if left < 0:
            raise ValueError("its layers have more weights than the file holds.")
        return next_creator(**settings)

    return create


def _size(value: Any) -> int:
    """The numbers that a variable is to hold, found without making them."""
    if callable(value):
        asked = inspect.getclosurevars(value).nonlocals.get("self")
        if isinstance(asked, keras.Variable):
            return int(tf.TensorShape(asked.shape).num_elements() or 0)
        with tf.Graph().as_default():
            value = tf.convert_to_tensor(value())
            return int(value.shape.num_elements() or 0)
    return int(np.size(value))
