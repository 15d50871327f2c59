"""Whether the networks of a user's `build` can be trained on the data, found out before training.

Otherwise every trial would fail for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnas.errors import SchemaError, SearchSpaceError, shown
from kerasnas.problem.own_data import is_arrays, is_text
from kerasnas.problem.view import View
from kerasnas.spaces.space import UserSpace


def check_network(space: UserSpace, network: Any, view: View) -> None:
    """Whether trials can train what `build` returns.

    A `fit` of the user's own may do anything with a network and with data. It only needs a network.

    Args:
        space: The hypermodel.
        network: What its `build` has returned.
        view: The data.

    Raises:
        SearchSpaceError: If it is no network, or nothing says how to train it.
        SchemaError: If the data hold strings where the network takes numbers.
    """
    if not isinstance(network, keras.Model):
        raise SearchSpaceError(
            f"`build` must return a compiled keras.Model, received {shown(network)}. End it with "
            "`return model`."
        )
    if space.has_own_fit or type(network).fit is not keras.Model.fit:
        return
    if not network.compiled:
        raise SearchSpaceError(
            "`build` returns a model that is not compiled, so that no trial could train it. Add "
            "`model.compile(optimizer, loss, metrics=[...])` to `build`, or compile it in the "
            "`fit` of a `keras_tuner.HyperModel`."
        )
    if is_arrays(view.x):
        _check_inputs(network, view.x)
        if type(network).train_step is keras.Model.train_step:
            _check_targets(view.y)


def _check_inputs(network: keras.Model, x: Any) -> None:
    """Whether inputs that are arrays are numbers or strings as the network takes them."""
    takes_strings = {name: "string" in str(dtype) for name, dtype in _inputs(network)}
    found = _named(x)
    for name, array in found:
        other = _first_other(array)
        if other is not None:
            raise SchemaError(
                f"`x` has{_place(name)} a cell that is neither a number nor a string: "
                f"{shown(other)}. A network takes arrays of numbers or arrays of strings."
            )
    if not takes_strings or any(takes_strings.values()):
        return  # a network of the user's own class does not tell what it takes
    for name, array in found:
        if is_text(array):
            raise SchemaError(
                f"`x` holds strings{_place(name)}, such as {_an_example(array)}, and the network "
                "of `build` takes numbers only. Encode them before the search, or give `build` "
                '`keras.Input(..., dtype="string")` and a `keras.layers.StringLookup` or '
                "`TextVectorization` behind it. A frame with columns of strings and of numbers is "
                "handed over as a dict of its columns: an input for each, by its name."
            )


def _check_targets(y: Any) -> None:
    """Whether targets are numbers, as Keras's own losses need them."""
    for name, array in _named(y):
        if is_text(array):
            raise SchemaError(
                f"`y` holds strings{_place(name)}, such as {_an_example(array)}, and losses take "
                "numbers. Write `names, y = np.unique(y, return_inverse=True)` before the search; "
                "`names` turns the answers back."
            )


def _inputs(network: keras.Model) -> Iterator[tuple[str, str]]:
    """Name and dtype of each input; nothing where a model has no graph of layers yet."""
    if isinstance(network, keras.Sequential) and not network.built:
        return
    try:
        tensors = keras.tree.flatten(network.inputs)
    except AttributeError:
        return
    for i, tensor in enumerate(tensors):
        yield f"{i}.{tensor.name}", keras.backend.standardize_dtype(tensor.dtype)


def _named(data: Any) -> list[tuple[str, Any]]:
    """The arrays in a structure, with a path to each."""
    if data is None:
        return []
    return [(".".join(map(str, path)), array) for path, array in keras.tree.flatten_with_path(data)]


def _first_other(array: Any) -> Any:
    """The first cell of an array of objects that is no string; `None` where there is none."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "O":
        return None
    return next((cell for cell in array.ravel() if not isinstance(cell, str | bytes)), None)


def _an_example(array: Any) -> str:
    first = np.asarray(array).ravel()[0]
    return shown(first.decode(errors="replace") if isinstance(first, bytes) else str(first))


def _place(name: str) -> str:
    return f" in `{name}`" if name else ""
