"""A chain as a value: blocks in a row, in stages that halve the picture."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras_tuner
import numpy as np
from keras import layers

from kerasnas.errors import SearchSpaceError

BLOCKS = (
    "conv_3x3",
    "conv_5x5",
    "separable_3x3",
    "separable_5x5",
    "residual_3x3",
    "inverted_3x3",
    "inverted_5x5",
)
"""What a block may be. `inverted`: widen, depthwise convolution, narrow, with a shortcut."""

FILTERS = (8, 16, 24, 32, 48, 64)
"""Filters of the first stage; each further stage has twice as many."""

STAGES = (1, 2, 3, 4)
MOST_BLOCKS = 8

_MOMENTUM = 0.9
_EXPANSION = 4  # of inverted blocks


@dataclass(frozen=True)
class Chain:
    """Blocks in a row, spread over stages as evenly as it goes, later stages first.

    Args:
        blocks: Names from `BLOCKS`, one to `MOST_BLOCKS` of them.
        filters: Filters of the first stage, one of `FILTERS`.
        stages: Stages, one of `STAGES`; the picture halves between two of them.

    Raises:
        SearchSpaceError: If a part is not one of those.
    """

    blocks: tuple[str, ...]
    filters: int = 16
    stages: int = 3

    def __post_init__(self) -> None:
        if not 1 <= len(self.blocks) <= MOST_BLOCKS:
            raise SearchSpaceError(
                f"A chain has 1 to {MOST_BLOCKS} `blocks`, received {len(self.blocks)}."
            )
        for i, block in enumerate(self.blocks):
            if block not in BLOCKS:
                near = difflib.get_close_matches(str(block), BLOCKS, n=1, cutoff=0.4)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise SearchSpaceError(
                    f"`block_{i}` must be one of {', '.join(BLOCKS)}, received {block!r}.{hint}"
                )
        for name, value, allowed in (
            ("filters", self.filters, FILTERS),
            ("stages", self.stages, STAGES),
        ):
            if value not in allowed:
                raise SearchSpaceError(
                    f"`{name}` must be one of {', '.join(map(str, allowed))}, received {value!r}."
                )

    @classmethod
    def of(cls, values: Mapping[str, Any], prefix: str = "") -> Chain:
        """The chain that hyperparameters describe; see `values`.

        Args:
            values: Holds `blocks`, `block_0`, …, `filters` and `stages`, each behind `prefix`.
            prefix: Put in front of the names.
        """
        count = int(values.get(prefix + "blocks", 0))
        wanted = [*(f"block_{i}" for i in range(count)), "blocks", "filters", "stages"]
        missing = [prefix + name for name in wanted if prefix + name not in values]
        if missing:
            raise SearchSpaceError(f"A chain needs the values {', '.join(missing)}: add them.")
        blocks = tuple(str(values[f"{prefix}block_{i}"]) for i in range(count))
        return cls(blocks, int(values[prefix + "filters"]), int(values[prefix + "stages"]))

    @classmethod
    def random_sample(cls, rng: np.random.Generator) -> Chain:
        """A chain with random length, blocks, filters and stages."""
        count = int(rng.integers(1, MOST_BLOCKS + 1))
        blocks = tuple(BLOCKS[int(i)] for i in rng.integers(len(BLOCKS), size=count))
        return cls(
            blocks, FILTERS[int(rng.integers(len(FILTERS)))], STAGES[int(rng.integers(len(STAGES)))]
        )

    def mutate(self, rng: np.random.Generator) -> Chain:
        """One edit: another block, one block more or fewer, a step in filters or in stages."""
        edits = ["block", "longer", "shorter", "filters", "stages"]
        if len(self.blocks) == MOST_BLOCKS:
            edits.remove("longer")
        if len(self.blocks) == 1:
            edits.remove("shorter")
        edit = edits[int(rng.integers(len(edits)))]
        if edit == "filters":
            return replace(self, filters=_step(FILTERS, self.filters, rng))
        if edit == "stages":
            return replace(self, stages=_step(STAGES, self.stages, rng))
        blocks = list(self.blocks)
        place = int(rng.integers(len(blocks)))
        if edit == "shorter":
            del blocks[place]
        elif edit == "longer":
            blocks.insert(place, BLOCKS[int(rng.integers(len(BLOCKS)))])
        else:
            others = [b for b in BLOCKS if b != blocks[place]]
            blocks[place] = others[int(rng.integers(len(others)))]
        return replace(self, blocks=tuple(blocks))

    def encode(self) -> np.ndarray:
        """One-hot blocks (no block: zeros), then places of filters and stages in [0, 1]."""
        rows = np.zeros((MOST_BLOCKS, len(BLOCKS)))
        for i, block in enumerate(self.blocks):
            rows[i, BLOCKS.index(block)] = 1.0
        width = FILTERS.index(self.filters) / (len(FILTERS) - 1)
        depth = STAGES.index(self.stages) / (len(STAGES) - 1)
        return np.concatenate([rows.ravel(), [width, depth]])

    def values(self, prefix: str = "") -> dict[str, Any]:
        """The hyperparameters that describe this chain."""
        blocks = {f"{prefix}block_{i}": b for i, b in enumerate(self.blocks)}
        return {
            f"{prefix}blocks": len(self.blocks),
            f"{prefix}filters": self.filters,
            f"{prefix}stages": self.stages,
            **blocks,
        }

    @property
    def by_stage(self) -> list[list[str]]:
        """The blocks of each stage; a stage without one still halves the picture."""
        ends = [round(len(self.blocks) * s / self.stages) for s in range(self.stages + 1)]
        return [list(self.blocks[a:b]) for a, b in itertools.pairwise(ends)]


def chain_hyperparameters(hp: keras_tuner.HyperParameters, prefix: str = "") -> Chain:
    """Declares the hyperparameters of a chain and returns the chain that they name."""
    count = hp.Int(prefix + "blocks", 1, MOST_BLOCKS, default=4)
    filters = hp.Choice(prefix + "filters", list(FILTERS), default=16)
    stages = hp.Choice(prefix + "stages", list(STAGES), default=3)
    blocks = []
    for i in range(MOST_BLOCKS):
        # Declared for every length, so that one look at the space finds all of it.
        with hp.conditional_scope(prefix + "blocks", list(range(i + 1, MOST_BLOCKS + 1))):
            block = hp.Choice(f"{prefix}block_{i}", list(BLOCKS), default="residual_3x3")
        if i < count:
            blocks.append(block)
    return Chain(tuple(blocks), int(filters), int(stages))


def chain_features(x: Any, chain: Chain) -> Any:
    """The network of a chain, from pictures to one vector each.

    Args:
        x: Tensor of shape `(batch, height, width, channels)`; its scale does not matter.
        chain: The chain.

    Returns:
        Tensor of shape `(batch, filters · 2^(stages - 1))`.
    """
    x = layers.Conv2D(chain.filters, 3, padding="same", use_bias=False, name="stem_conv")(x)
    x = _norm_relu(x, "stem")
    number = 0
    for stage, blocks in enumerate(chain.by_stage):
        width = chain.filters * 2**stage
        if stage:
            x = layers.MaxPooling2D(2, padding="same", name=f"stage{stage}_pool")(x)
            x = layers.Conv2D(width, 1, use_bias=False, name=f"stage{stage}_widen")(x)
            x = _norm_relu(x, f"stage{stage}")
        for block in blocks:
            x = _block(x, block, width, f"block{number}")
            number += 1
    return layers.GlobalAveragePooling2D(name="pool")(x)


def _block(x: Any, block: str, width: int, name: str) -> Any:
    kind, _, size = block.partition("_")
    kernel = int(size[0])
    if kind == "conv":
        return _norm_relu(_conv(x, width, kernel, f"{name}_conv{kernel}"), name)
    if kind == "separable":
        y = layers.SeparableConv2D(
            width, kernel, padding="same", use_bias=False, name=f"{name}_separable{kernel}"
        )(x)
        return _norm_relu(y, name)
    if kind == "residual":
        y = _norm_relu(_conv(x, width, kernel, f"{name}_conv{kernel}a"), f"{name}_a")
        y = _conv(y, width, kernel, f"{name}_conv{kernel}b")
        y = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_b_norm")(y)
        y = layers.Add(name=f"{name}_sum")([x, y])
        return layers.ReLU(name=f"{name}_relu")(y)
    y = _norm_relu(_conv(x, _EXPANSION * width, 1, f"{name}_expand"), f"{name}_expand")
    y = layers.DepthwiseConv2D(
        kernel, padding="same", use_bias=False, name=f"{name}_depthwise{kernel}"
    )(y)
    y = _norm_relu(y, f"{name}_depthwise")
    y = _conv(y, width, 1, f"{name}_project")
    y = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_project_norm")(y)
    return layers.Add(name=f"{name}_sum")([x, y])


def _conv(x: Any, width: int, kernel: int, name: str) -> Any:
    return layers.Conv2D(
        width,
        kernel,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _norm_relu(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _step(options: tuple[int, ...], value: int, rng: np.random.Generator) -> int:
    """The option before or after."""
    here = options.index(value)
    near = [i for i in (here - 1, here + 1) if 0 <= i < len(options)]
    return options[near[int(rng.integers(len(near)))]]


KNOWN_GOOD = (
    Chain(("residual_3x3",) * 3, 16, 3),
    Chain(("conv_3x3",) * 4, 32, 2),
    Chain(("inverted_3x3",) * 4, 16, 3),
    Chain(("residual_3x3",) * 6, 32, 3),
)
"""Small networks in the style of those that people use; tried first."""
