"""The user's Keras callbacks: checked before a search, and copied for every training in it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from kerasnas.errors import SearchSpaceError

_WHOLE_ENDINGS = (".weights.h5", ".keras", ".h5")  # that Keras looks for in the name of a file


def settle_callbacks(given: Any) -> tuple[keras.callbacks.Callback, ...]:
    """Callbacks that every trial can have a copy of.

    Args:
        given: A callback, a sequence of them, or `None`.

    Raises:
        SearchSpaceError: If something is no callback, or cannot be copied.
    """
    if given is None:
        return ()
    callbacks = [given] if isinstance(given, keras.callbacks.Callback) else given
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    if not isinstance(callbacks, Sequence) or isinstance(callbacks, str):
        callbacks = [callbacks]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            hint = f" Pass `{callback.__name__}()`." if isinstance(callback, type) else ""
            raise SearchSpaceError(
                "`callbacks` must hold `keras.callbacks.Callback` objects, received "
                f"{type(callback).__name__}.{hint}"
            )
        try:
            copy.deepcopy(callback)
        except Exception as error:  # whatever the attributes of a callback raise
            raise SearchSpaceError(
                f"`callbacks`: {type(callback).__name__} cannot be copied for every trial "
                f"({error}). Open files and make locks in its `on_train_begin`, or give it a "
                "`__deepcopy__`."
            ) from error
    return tuple(callbacks)


def copies_for(
    callbacks: Sequence[keras.callbacks.Callback], label: str, *, goes_on: bool = False
) -> list[keras.callbacks.Callback]:
    """A copy of every callback for one training; what it writes is apart from that of others.

    Args:
        callbacks: As `settle_callbacks` gives them.
        label: Name of the training, such as the number of the trial.
        goes_on: Whether an earlier training of this name goes on.
    """
    copies = list(copy.deepcopy(callbacks))
    for place, callback in enumerate(copies):
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.filename = _apart(callback.filename, label)
            callback.append = callback.append or goes_on
        elif isinstance(callback, keras.callbacks.ModelCheckpoint):
            callback.filepath = _apart(callback.filepath, label)
        elif isinstance(callback, keras.callbacks.TensorBoard):
            callback.log_dir = str(Path(callback.log_dir) / label)
        elif type(callback) is keras.callbacks.BackupAndRestore:
            # Its paths are settled when it is made.
            copies[place] = keras.callbacks.BackupAndRestore(
                str(Path(callback.backup_dir) / label),
                save_freq=callback.save_freq,
                double_checkpoint=callback.double_checkpoint,
                delete_checkpoint=callback.delete_checkpoint,
            )
    return copies


def settings_of(callbacks: Sequence[keras.callbacks.Callback]) -> list[tuple[str, dict[str, Any]]]:
    """The class and the plain public attributes of each callback, to recognise a search by."""
    # Some attributes are made when they are first read, and could not be copied afterwards.
    return [(type(c).__name__, _plain_attributes(copy.deepcopy(c))) for c in callbacks]


def _plain_attributes(callback: keras.callbacks.Callback) -> dict[str, Any]:
    found = {}
    for name in dir(callback):
        try:
            value = None if name.startswith("_") else getattr(callback, name)
        except Exception:  # an attribute that exists in a training only
            continue
        if isinstance(value, str | bool | int | float):
            # JSON has no word for numbers that are not finite.
            found[name] = str(value) if isinstance(value, float) else value
    return found


def _apart(path: Any, label: str) -> str:
    """The path of a file with the label before its ending."""
    whole = Path(path)
    ending = next((e for e in _WHOLE_ENDINGS if whole.name.endswith(e)), whole.suffix)
    if "}" in ending:  # a number is written there, such as {val_loss:.2f}
        ending = ""
    name = whole.name.removesuffix(ending) if ending else whole.name
    return str(whole.with_name(f"{name}_{label}{ending}"))
