"""What a search may change of the process that it runs in, and puts back."""

from __future__ import annotations

import copy
import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import numpy as np

from kerasnas.errors import SearchSpaceError

_FLOAT = "float32"
_LOGGERS = ("", "kerasnas", "tensorflow", "optuna")


@contextmanager
def process_state_kept() -> Iterator[None]:
    """Inside, a search and the code of users run; afterwards the process is as it was.

    That holds for the dtype policy, `floatx` and the permission for unsafe files of Keras, the
    random states of Python and NumPy, the filters of warnings and the levels of loggers. Nothing
    draws from TensorFlow's random state, and nothing sets threads or the umask for longer than a
    call. The state of `keras.random` without a seed begins anew: Keras gives no way to it.
    """
    policy, floatx, unsafe = keras.config.dtype_policy(), keras.config.floatx(), allows_unsafe()
    randoms = random.getstate(), np.random.get_state()
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        random.setstate(randoms[0])
        np.random.set_state(randoms[1])
        for name, level in levels.items():
            if logging.getLogger(name).level != level:
                logging.getLogger(name).setLevel(level)
        keras.config.set_floatx(floatx)
        _put_back(policy, unsafe)


def begin_names() -> None:
    """Lets Keras name layers from the start again, as for the first network of a process.

    Keras forgets the dtype policy and the permission for unsafe files with the names; these stay.
    """
    policy, unsafe = keras.config.dtype_policy(), allows_unsafe()
    keras.backend.clear_session(free_memory=False)
    _put_back(policy, unsafe)


def check_single_precision() -> None:
    """Whether Keras is set up for what estimators train in.

    Raises:
        SearchSpaceError: If the dtype policy or `floatx` is another one than `float32`.
    """
    policy, floatx = keras.config.dtype_policy().name, keras.config.floatx()
    if (policy, floatx) == (_FLOAT, _FLOAT):
        return
    call = "set_dtype_policy" if policy != _FLOAT else "set_floatx"
    raise SearchSpaceError(
        f"Keras's dtype policy is '{policy}' and its `floatx` '{floatx}', and estimators train in "
        f"'{_FLOAT}'. Write `keras.config.{call}('{_FLOAT}')` before `fit`. `kerasnas.search` "
        "trains networks of your own by the policy that is set."
    )


def allows_unsafe() -> bool:
    """Whether `keras.config.enable_unsafe_deserialization` has been called."""
    try:
        keras.layers.Lambda.from_config(copy.deepcopy(_lambda_config()))  # which Keras changes
    except ValueError:
        return False
    return True


@cache
def _lambda_config() -> dict[str, Any]:
    return dict(keras.layers.Lambda(lambda x: x, name="asked").get_config())


def _put_back(policy: Any, unsafe: bool) -> None:
    if keras.config.dtype_policy() != policy:
        keras.config.set_dtype_policy(policy)
    if unsafe and not allows_unsafe():
        keras.config.enable_unsafe_deserialization()
