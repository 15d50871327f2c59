"""A cell as a value: the small graph of four nodes and five operations of NAS-Bench-201."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras_tuner
import numpy as np
from keras import layers

from kerasnas.errors import SearchSpaceError

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""What an edge may do, by the names of NAS-Bench-201."""

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""The edges in the benchmark's order: node 0 is the input, node 3 the output."""

NAMES = tuple(f"edge_{a}_{b}" for a, b in EDGES)
"""Names of the six hyperparameters."""

_MOMENTUM = 0.9  # of batch statistics: Keras's 0.99 needs more steps than a short training has


@dataclass(frozen=True)
class Cell:
    """Six operations, one an edge. Every node is the sum of what its edges bring.

    Source: Dong and Yang, *NAS-Bench-201*, ICLR 2020. There are 15,625 cells.

    Args:
        operations: Names from `OPERATIONS`, in the order of `EDGES`.

    Raises:
        SearchSpaceError: If the number of operations or one of their names is wrong.
    """

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.operations) != len(EDGES):
            raise SearchSpaceError(
                f"A cell has {len(EDGES)} `operations`, one for each of {', '.join(NAMES)}; "
                f"received {len(self.operations)}: {list(self.operations)}."
            )
        for name, operation in zip(NAMES, self.operations, strict=True):
            if operation not in OPERATIONS:
                near = difflib.get_close_matches(str(operation), OPERATIONS, n=1, cutoff=0.4)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise SearchSpaceError(
                    f"`{name}` must be one of {', '.join(OPERATIONS)}, "
                    f"received {operation!r}.{hint}"
                )

    @classmethod
    def of(cls, values: Mapping[str, Any], prefix: str = "") -> Cell:
        """The cell that hyperparameters describe.

        Args:
            values: Holds the six `edge_*` names, each behind `prefix`; others are ignored.
            prefix: Put in front of the names.
        """
        missing = [prefix + name for name in NAMES if prefix + name not in values]
        if missing:
            raise SearchSpaceError(f"A cell needs the values {', '.join(missing)}: add them.")
        return cls(tuple(str(values[prefix + name]) for name in NAMES))

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Reads the benchmark's notation, such as `|nor_conv_3x3~0|+|none~0|…`; see `str(cell)`."""
        found: dict[tuple[str, int], str] = {}
        for node, part in enumerate(text.split("+"), start=1):
            for token in filter(None, part.split("|")):
                operation, _, source = token.partition("~")
                found[source, node] = operation
        wanted = [(str(a), b) for a, b in EDGES]
        if set(found) != set(wanted):
            raise SearchSpaceError(
                f"A cell is written as '|op~0|+|op~0|op~1|+|op~0|op~1|op~2|', received {text!r}."
            )
        return cls(tuple(found[edge] for edge in wanted))

    @classmethod
    def random_sample(cls, rng: np.random.Generator) -> Cell:
        """A cell drawn uniformly from all."""
        return cls(tuple(OPERATIONS[int(i)] for i in rng.integers(len(OPERATIONS), size=6)))

    def mutate(self, rng: np.random.Generator) -> Cell:
        """This cell with another operation on one edge."""
        edge = int(rng.integers(len(EDGES)))
        others = [o for o in OPERATIONS if o != self.operations[edge]]
        changed = list(self.operations)
        changed[edge] = others[int(rng.integers(len(others)))]
        return Cell(tuple(changed))

    def encode(self) -> np.ndarray:
        """One-hot operations of all edges, shape `(30,)`."""
        return np.concatenate(
            [np.eye(len(OPERATIONS))[OPERATIONS.index(o)] for o in self.operations]
        )

    def values(self, prefix: str = "") -> dict[str, str]:
        """The hyperparameters that describe this cell."""
        return {prefix + n: o for n, o in zip(NAMES, self.operations, strict=True)}

    @property
    def edges(self) -> dict[tuple[int, int], str]:
        """Operation by edge."""
        return dict(zip(EDGES, self.operations, strict=True))

    @property
    def graph(self) -> str:
        """What the cell computes, as a text: equal for cells that differ in dead edges only."""
        return "+".join(self._terms(3))

    @property
    def connected(self) -> bool:
        """Whether anything of the input reaches the output."""
        return bool(self.graph)

    def __str__(self) -> str:
        at = self.edges
        nodes = [[f"{at[a, b]}~{a}" for a in range(b)] for b in (1, 2, 3)]
        return "+".join("|" + "|".join(node) + "|" for node in nodes)

    def _terms(self, node: int) -> list[str]:
        """The terms of the sum at a node, sorted; a sum that is passed on joins the next one."""
        if node == 0:
            return ["x"]
        terms = []
        for source in range(node):
            operation, before = self.edges[source, node], self._terms(source)
            if operation == "skip_connect":
                terms += before
            elif operation != "none" and before:
                terms.append(f"{operation}({'+'.join(before)})")
        return sorted(terms)


def cell_hyperparameters(hp: keras_tuner.HyperParameters, prefix: str = "") -> Cell:
    """Declares the six choices of a cell and returns the cell that they name.

    The default is the cell of a residual network: three convolutions in a row, every node joined
    to every other, the input added to the output.
    """
    return Cell(
        tuple(
            hp.Choice(prefix + name, list(OPERATIONS), default=default)
            for name, default in zip(NAMES, RESIDUAL.operations, strict=True)
        )
    )


def cell_features(
    x: Any, cell: Cell, *, filters: int = 16, cells_per_stage: int = 5, stages: int = 3
) -> Any:
    """A network of equal cells: `stages` of them in a row, joined by residual blocks.

    Between two stages the picture halves and the filters double. With the default sizes and three
    stages this is the network of NAS-Bench-201.

    Args:
        x: Tensor of shape `(batch, height, width, channels)`; its scale does not matter.
        cell: The cell.
        filters: Filters of the first stage.
        cells_per_stage: Cells in a row in each stage.
        stages: Stages.

    Returns:
        Tensor of shape `(batch, filters · 2^(stages - 1))`.
    """
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name="stem_conv")(x)
    x = layers.BatchNormalization(momentum=_MOMENTUM, name="stem_norm")(x)
    for stage in range(stages):
        width = filters * 2**stage
        if stage:
            x = _reduce(x, width, f"stage{stage}_reduce")
        for i in range(cells_per_stage):
            x = _apply(x, cell, width, f"stage{stage}_cell{i}")
    x = layers.BatchNormalization(momentum=_MOMENTUM, name="last_norm")(x)
    x = layers.ReLU(name="last_relu")(x)
    return layers.GlobalAveragePooling2D(name="pool")(x)


def _apply(x: Any, cell: Cell, width: int, name: str) -> Any:
    """One cell. Every layer is named after its edge, so that a mutated cell finds its weights."""
    nodes: list[Any] = [x]
    for node in (1, 2, 3):
        brought = []
        for source in range(node):
            operation = cell.edges[source, node]
            if nodes[source] is not None and operation != "none":
                path = f"{name}_{source}_{node}"
                brought.append(_operate(nodes[source], operation, width, path))
        if len(brought) > 1:
            nodes.append(layers.Add(name=f"{name}_node{node}")(brought))
        else:
            nodes.append(brought[0] if brought else None)
    if nodes[3] is None:
        # Nothing reaches the output, which is then zero, as in the benchmark.
        return layers.Rescaling(0.0, name=f"{name}_zero")(x)
    return nodes[3]


def _operate(x: Any, operation: str, width: int, name: str) -> Any:
    if operation == "skip_connect":
        return x
    if operation == "avg_pool_3x3":
        return layers.AveragePooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    return _convolve(x, width, 1 if operation == "nor_conv_1x1" else 3, 1, name)


def _convolve(x: Any, width: int, kernel: int, stride: int, name: str) -> Any:
    x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv{kernel}",
    )(x)
    return layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_norm{kernel}")(x)


def _reduce(x: Any, width: int, name: str) -> Any:
    """A residual block that halves the picture."""
    path = _convolve(x, width, 3, 2, f"{name}_a")
    path = _convolve(path, width, 3, 1, f"{name}_b")
    short = layers.AveragePooling2D(2, padding="same", name=f"{name}_pool")(x)
    short = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_short")(short)
    return layers.Add(name=f"{name}_sum")([path, short])


RESIDUAL = Cell(
    ("nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", "skip_connect", "nor_conv_3x3", "nor_conv_3x3")
)
"""The cell of a residual network; tried first."""

KNOWN_GOOD: Sequence[Cell] = (
    RESIDUAL,
    Cell(("nor_conv_3x3",) * 6),
    Cell(("nor_conv_3x3", "none", "nor_conv_3x3", "skip_connect", "none", "nor_conv_3x3")),
    Cell(
        (
            "nor_conv_1x1",
            "nor_conv_3x3",
            "nor_conv_3x3",
            "skip_connect",
            "nor_conv_1x1",
            "skip_connect",
        )
    ),
)
"""Cells in the style of networks that people use: residual, dense, plain with a shortcut, mixed."""


def cell(hp: keras_tuner.HyperParameters, x: Any, width: int = 16) -> Any:
    """A network of equal cells of the NAS-Bench-201 kind.

    Args:
        hp: Declares `cell_width`, `cell_repeats` and the six `cell_edge_*`.
        x: Tensor of shape `(batch, height, width, channels)`.
        width: Default filters of the first stage.

    Returns:
        Tensor of shape `(batch, features)`.
    """
    width = int(hp.Choice("cell_width", [8, 12, 16, 24, 32], default=width))
    repeats = int(hp.Int("cell_repeats", 1, 3, default=1))
    chosen = cell_hyperparameters(hp, "cell_")
    stages = 3 if min(int(x.shape[1]), int(x.shape[2])) >= 16 else 2
    return cell_features(x, chosen, filters=width, cells_per_stage=repeats, stages=stages)
