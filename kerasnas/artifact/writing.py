"""A fitted model into one `.keras` file.

The file is what `keras.saving.save_model` writes, plus one member, `kerasnas.json`, that plain
Keras ignores: labels, schema, leaderboard, versions. Nothing in it is ever executed.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from kerasnas.artifact.member import DIGESTS, FORMAT, MEMBER, digest_of_member, digests_of
from kerasnas.artifact.reading import open_file
from kerasnas.artifact.tensors import as_inputs, gap_of, input_dtypes
from kerasnas.errors import ArtifactError
from kerasnas.files import fresh_file

_ENDING = ".keras"
_TOLERANCE = 1e-5


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
            give the same answers to them first. Many columns are handed over as matrices.

    Raises:
        ArtifactError: If the path has another ending, no folder or one that cannot be written to,
            the model cannot be saved, or the file does not answer as the model does.
    """
    with fresh_file(path, (_ENDING,)) as fresh:
        try:
            with _without_training(model):
                keras.saving.save_model(model, fresh)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ArtifactError(
                f"The model cannot be saved as a `.keras` file: {error} Give custom layers a "
                "`get_config` and `keras.saving.register_keras_serializable`."
            ) from error
        if member is not None:
            with zipfile.ZipFile(fresh, "a", zipfile.ZIP_DEFLATED) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
                content = {"format": FORMAT, **member}
                content[DIGESTS] = {**digests_of(members), MEMBER: digest_of_member(content)}
                archive.writestr(MEMBER, json.dumps(content))
        if probe is not None:
            _prove(model, fresh, probe)


def size_of(model: keras.Model) -> int:
    """Bytes of the `.keras` file that `write` would make of a model.

    Raises:
        ArtifactError: If the model cannot be saved.
    """
    with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
        path = Path(folder) / "model.keras"
        write(model, path)
        return path.stat().st_size


@contextmanager
def _without_training(model: keras.Model) -> Iterator[None]:
    """Inside, a model and those it consists of have neither optimiser nor loss.

    Their file needs no state of a training, and would need our optimisers to be opened.
    """
    compiled = [part for part in _models(model) if part.compiled]
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
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _models(layer)


def _prove(model: keras.Model, path: Path, probe: Any) -> None:
    inputs = as_inputs(probe, input_dtypes(model))
    file = open_file(path)
    blocks = file.blocks()
    if blocks is None:
        answers = file.model()(inputs, training=False)
    else:
        answers = blocks.model(blocks.matrices(inputs), training=False)
    gap = gap_of(model(inputs, training=False), answers)
    if not gap <= _TOLERANCE:
        raise ArtifactError(
            f"The saved file answers differently from the model in memory (by up to "
            f"{gap:.2g} of the largest answer). "
            "Nothing was replaced. Please report this as a bug of kerasnas."
        )
