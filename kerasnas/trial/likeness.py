"""Whether two models are the same layers in the same places, whatever their names."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np

_NAMES = ("name", "keras_history", "input_layers", "output_layers")


def described(model: keras.Model, *, seeds: bool = True) -> str:
    """Layers and connections as text, with numbers in place of names.

    Args:
        model: A functional model.
        seeds: Whether seeds of initialisers and of dropout are part of it.
    """
    config = model.get_config()
    names: dict[str, str] = {}
    _collect(config, names)
    left_out = () if seeds else ("seed",)
    return json.dumps(_renamed(config, names, left_out), default=_whole)


def _whole(value: Any) -> Any:
    """What JSON has no form for; the text of a long array would leave out its middle."""
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def _collect(config: Any, names: dict[str, str]) -> None:
    """Numbers the names of layers in the order in which they occur."""
    if isinstance(config, dict):
        if isinstance(config.get("name"), str):
            names.setdefault(config["name"], f"layer {len(names)}")
        for value in config.values():
            _collect(value, names)
    elif isinstance(config, list | tuple):
        for value in config:
            _collect(value, names)


def _renamed(config: Any, names: dict[str, str], left_out: tuple[str, ...], key: str = "") -> Any:
    if isinstance(config, dict):
        return {k: _renamed(v, names, left_out, k) for k, v in config.items() if k not in left_out}
    if isinstance(config, list | tuple):
        return [_renamed(v, names, left_out, key) for v in config]
    if isinstance(config, str) and key in _NAMES:
        return names.get(config, config)
    return config
