"""What every block has to keep, as checks that can be run on any `kerasnas.Block`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas.auto_model import Block

_MOST_BRANCHES = 30
_ROWS = 3


def check_block(
    make_block: Callable[[], Block],
    shape: Sequence[int] = (7,),
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Runs all conformance checks on a block. Trains nothing.

    Args:
        make_block: A class or function without arguments that returns a fresh block.
        shape: Shape of one row of what the block is called on.
        facts: What the input in front of the block knows of itself, as `Block.build` gets it.

    Raises:
        AssertionError: With a sentence that says what does not hold.
    """
    facts = {} if facts is None else facts
    for check in BLOCK_CHECKS:
        check(make_block, tuple(shape), facts)


def check_kinds(make_block: Any, shape: tuple[int, ...], facts: Mapping[str, Any]) -> None:
    """A block says what it takes, and gives features."""
    block = make_block()
    assert isinstance(block, Block), f"{type(block).__name__} is no subclass of kerasnas.Block."
    assert block.takes, f"{type(block).__name__}.takes is empty: name the kinds of data it takes."
    assert block.gives == "features", "A block gives 'features'; a head gives an answer."


def check_features(make_block: Any, shape: tuple[int, ...], facts: Mapping[str, Any]) -> None:
    """In every branch of its space a block gives one vector of features a row, for any batch."""
    for values, model in _branches(make_block, shape, facts):
        rank = len(model.output.shape)
        assert rank == 2, f"With {values} the block gives a tensor of rank {rank}, expected 2."
        assert model.output.shape[0] is None, f"With {values} the number of rows is fixed."
        assert model.output.shape[1] is not None, f"With {values} the width is unknown."
        for rows in (1, _ROWS):
            answer = np.asarray(model(_rows(shape, rows), training=False))
            assert answer.shape == (rows, model.output.shape[1])
            assert np.isfinite(answer).all(), f"With {values} features are not finite."


def check_repeatable(make_block: Any, shape: tuple[int, ...], facts: Mapping[str, Any]) -> None:
    """The same values give the same network, and asking for them declares nothing new."""
    hp = keras_tuner.HyperParameters()
    block = make_block()
    first = _model(block, hp, shape, facts)
    declared = [p.name for p in hp.space]
    second = _model(block, hp, shape, facts)
    assert [p.name for p in hp.space] == declared, "A second build declares other hyperparameters."
    assert [w.shape for w in first.weights] == [w.shape for w in second.weights], (
        "Two builds of the same values have weights of different shapes."
    )


def check_plain_keras(make_block: Any, shape: tuple[int, ...], facts: Mapping[str, Any]) -> None:
    """In every branch a network with the block can be saved, and consists of Keras's own layers."""
    with tempfile.TemporaryDirectory(prefix="kerasnas-") as folder:
        path = Path(folder) / "block.keras"
        for values, model in _branches(make_block, shape, facts):
            foreign = {
                type(layer).__module__
                for layer in _layers(model)
                if type(layer).__module__.split(".")[0] != "keras"
            }
            assert not foreign, (
                f"With {values} the block has layers of {sorted(foreign)}: the exported file would "
                "not load in plain Keras. Use built-in layers and keras.ops."
            )
            model.save(path)
            again = keras.models.load_model(path)
            x = _rows(shape, _ROWS)
            gap = np.abs(np.asarray(model(x)) - np.asarray(again(x))).max()
            assert gap < 1e-5, f"With {values} the loaded network answers differently ({gap:.2g})."


def check_settings(make_block: Any, shape: tuple[int, ...], facts: Mapping[str, Any]) -> None:
    """Every hyperparameter can be given a value from outside."""
    hp = keras_tuner.HyperParameters()
    _model(make_block(), hp, shape, facts)
    for parameter in hp.space:
        block = make_block()
        block.settings.given[parameter.name] = parameter.default
        settled = keras_tuner.HyperParameters()
        _model(block, settled, shape, facts)
        kinds = {p.name: type(p).__name__ for p in settled.space}
        assert kinds.get(parameter.name) == "Fixed", (
            f"`{parameter.name}` cannot be set: declare it through the `hp` that `build` is given."
        )


BLOCK_CHECKS: tuple[Callable[[Any, tuple[int, ...], Mapping[str, Any]], None], ...] = (
    check_kinds,
    check_features,
    check_repeatable,
    check_plain_keras,
    check_settings,
)


def _branches(
    make_block: Any, shape: tuple[int, ...], facts: Mapping[str, Any]
) -> list[tuple[dict[str, Any], keras.Model]]:
    """The block in its default, and with every value of every choice."""
    block = make_block()
    hp = keras_tuner.HyperParameters()
    found = [(dict(hp.values), _model(block, hp, shape, facts))]
    tried: set[tuple[str, Any]] = set()
    waiting = [hp]
    while waiting and len(found) < _MOST_BRANCHES:
        base = waiting.pop()
        for parameter in base.space:
            for value in _values(parameter):
                if (parameter.name, value) in tried:
                    continue
                tried.add((parameter.name, value))
                other = keras_tuner.HyperParameters()
                other.values = {**base.values, parameter.name: value}
                found.append((dict(other.values), _model(block, other, shape, facts)))
                waiting.append(other)
    return found


def _values(parameter: Any) -> list[Any]:
    kinds = keras_tuner.engine.hyperparameters
    if isinstance(parameter, kinds.Int | kinds.Float):
        return [parameter.min_value, parameter.max_value]
    many = isinstance(parameter, kinds.Choice | kinds.Boolean)
    return list(parameter.values) if many else [parameter.default]


def _model(block: Block, hp: Any, shape: tuple[int, ...], facts: Mapping[str, Any]) -> keras.Model:
    x = keras.Input(shape)
    return keras.Model(x, block.build(block.settings.on(hp), x, facts))


def _layers(model: Any) -> Iterator[Any]:
    """All layers, those of layers that hold others included."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _rows(shape: tuple[int, ...], rows: int) -> Any:
    noise = np.random.default_rng(0).normal(size=(rows, *shape))
    return keras.ops.convert_to_tensor(noise.astype("float32"))
