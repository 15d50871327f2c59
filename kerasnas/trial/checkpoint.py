"""The state of a paused training: in memory, and in a file of plain arrays."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.files import fresh_file

_PARTS = ("variables", "optimizer", "weights")


def checkpoint_path(folder: Path, trial_id: str, rung: int) -> Path:
    """Where the checkpoint of a trial that paused at a rung is, or would be."""
    return folder / f"{trial_id}.rung{rung}.npz"


@dataclass
class State:
    """Everything that a training needs to go on as if it had not paused.

    Attributes:
        epochs: Epochs that are done.
        epoch: The best of them, from 0.
        best: What the monitored metric was there, to minimise.
        metrics: All metrics there.
        variables: The model at the end of the last epoch, the states of its random layers included.
        optimizer: The optimiser at the end of the last epoch, its step counter included.
        weights: The weights of the best epoch.
    """

    epochs: int
    epoch: int = 0
    best: float = np.inf
    metrics: dict[str, float] = field(default_factory=dict)
    variables: list[np.ndarray] = field(default_factory=list)
    optimizer: list[np.ndarray] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, model: keras.Model, **facts: Any) -> State:
        """The state of a model as it is now."""
        slots = _slots(model)
        return cls(
            variables=[_array(v) for v in model.variables],
            optimizer=[_array(v) for v in slots],
            **facts,
        )

    def restore(self, model: keras.Model) -> bool:
        """Puts model and optimiser, both built, back into this state; `False` if they differ."""
        slots = _slots(model)
        pairs = [*_paired(model.variables, self.variables), *_paired(slots, self.optimizer)]
        fits = len(pairs) == len(self.variables) + len(self.optimizer)
        if not fits or len(pairs) != len(model.variables) + len(slots):
            return False
        for variable, value in pairs:
            variable.assign(value)
        return True

    def write(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        arrays = {
            f"{part}.{i}": array for part in _PARTS for i, array in enumerate(getattr(self, part))
        }
        facts = {
            "epochs": self.epochs,
            "epoch": self.epoch,
            "best": float(self.best),
            "metrics": self.metrics,
            "counts": {part: len(getattr(self, part)) for part in _PARTS},
        }
        with fresh_file(path) as fresh:
            np.savez(fresh, facts=np.array(json.dumps(facts)), **arrays)

    @classmethod
    def read(cls, path: Path) -> State | None:
        """Reads the file; `None` where there is none, or none that can be read."""
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                facts = json.loads(str(file["facts"]))
                counts = facts.pop("counts")
                for part in _PARTS:
                    facts[part] = [file[f"{part}.{i}"] for i in range(counts[part])]
                return cls(**facts)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None


def optimizer_of(model: keras.Model) -> keras.optimizers.Optimizer | None:
    """The optimiser of a model; `None` where a loop of the user's own trains with another one."""
    # Keras gives a model that was never compiled no such attribute.
    optimizer = getattr(model, "optimizer", None)
    return optimizer if isinstance(optimizer, keras.optimizers.Optimizer) else None


def first_rows(x: Any) -> Any:
    """A few rows of inputs, as a model is called with them; `None` of what can be read once."""
    if isinstance(x, tf.data.Dataset | keras.utils.PyDataset):
        batch = x[0] if isinstance(x, keras.utils.PyDataset) else next(iter(x.take(1)))
        x = batch[0] if isinstance(batch, tuple) else batch
    elif isinstance(x, Iterator):
        return None
    return tf.nest.map_structure(lambda a: tf.convert_to_tensor(a[:2]), x)


def build(model: keras.Model, x: Any) -> None:
    """Creates the variables of a model that has no `Input`, and of its optimiser."""
    if not model.built:
        model(first_rows(x), training=False)
    optimizer = optimizer_of(model)
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)


def _slots(model: keras.Model) -> list[Any]:
    """Variables of the optimiser; none of a model that a loop of the user's own trains."""
    optimizer = optimizer_of(model)
    return [] if optimizer is None else list(optimizer.variables)


def _paired(variables: Sequence[Any], values: Sequence[np.ndarray]) -> list[tuple[Any, np.ndarray]]:
    return [
        (variable, value)
        for variable, value in zip(variables, values, strict=False)
        if tuple(variable.shape) == value.shape
    ]


def _array(variable: Any) -> np.ndarray:
    """The value as an array that a file of arrays can hold: half precisions in single."""
    value = keras.ops.convert_to_numpy(variable)
    return value if value.dtype.kind in "biuf" else value.astype("float32")
