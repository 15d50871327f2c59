"""Fitted trees of any library as plain arrays, and as a Keras network.

The network is a functional model of built-in layers and `keras.ops`: all rows walk down all trees
at once, one level a step. It gives the very answers of the library, for every float32 input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

from kerasnas.errors import ArtifactError

Link = Literal["identity", "sigmoid", "softmax", "exp"]

_MOST_NODES = 2**24  # node numbers travel as float32, exact up to here


def round_down(thresholds: np.ndarray) -> np.ndarray:
    """The greatest float32 numbers that are not above float64 thresholds.

    For every float32 `x`, `x <= t` and `x <= round_down(t)` are then the same decision.
    """
    with np.errstate(over="ignore"):
        nearest = thresholds.astype("float32")
        lower = np.nextafter(nearest, np.float32(-np.inf))
    return _normal(np.where(nearest.astype("float64") > thresholds, lower, nearest))


def below(thresholds: np.ndarray) -> np.ndarray:
    """The greatest float32 numbers under float32 thresholds, for libraries that ask `x < t`."""
    return _normal(np.nextafter(thresholds.astype("float32"), np.float32(-np.inf)))


def _normal(thresholds: np.ndarray) -> np.ndarray:
    """TensorFlow counts float32 numbers nearer to 0 than the least normal one as 0."""
    tiny = np.finfo("float32").tiny
    subnormal = (thresholds > -tiny) & (thresholds < tiny)
    return np.where(subnormal, np.where(thresholds < 0, -tiny, np.float32(0)), thresholds)


@dataclass(frozen=True)
class Sets:
    """Sets of categories that splits ask for.

    Each set has one bit for a missing value (first), one for every code from 0 on, and one for
    codes beyond and numbers that are no codes (last): 1 where the split sends it right.

    Attributes:
        columns: Input column of each set.
        bits: Its bits.
        truncates: Whether the library cuts off what follows the decimal point of a code.
    """

    columns: list[int] = field(default_factory=list)
    bits: list[np.ndarray] = field(default_factory=list)
    truncates: bool = False
    _known: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def add(self, column: int, bits: np.ndarray) -> int:
        """The number of a set, a new one only if no split has asked for it before."""
        key = (column, bits.astype("uint8").tobytes())
        if key not in self._known:
            self._known[key] = len(self.columns)
            self.columns.append(column)
            self.bits.append(bits.astype("float32"))
        return self._known[key]


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree; node 0 is its root.

    Attributes:
        column: Input column of each node's split; of a split by categories the width of the input
            plus the number of its set.
        threshold: float32: `x <= threshold` goes left.
        left: Left child; a leaf is its own child.
        right: Right child.
        missing_left: Whether a missing value goes left.
        values: What each leaf adds, shape `(nodes, outputs or 1)`.
    """

    column: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    values: np.ndarray

    @property
    def is_leaf(self) -> np.ndarray:
        """Which nodes are leaves."""
        return self.left == np.arange(len(self.left))

    def depth(self) -> int:
        """Steps from the root to the deepest leaf."""
        level, steps, leaf = np.array([0]), 0, self.is_leaf
        while len(level := level[~leaf[level]]):
            level = np.concatenate([self.left[level], self.right[level]])
            steps += 1
        return steps


@dataclass(frozen=True, eq=False)
class Trees:
    """A fitted ensemble of trees.

    Attributes:
        width: Columns of the input.
        trees: The trees. Where a tree has one value a leaf, tree `i` adds to output
            `i % outputs`.
        baseline: What every answer starts from, shape `(outputs,)`.
        link: From the sums to answers. `sigmoid` turns one sum into two probabilities.
        sets: Sets of categories.
        present: Classes that the outputs stand for, and the number of classes there are; `None`
            where these are the same.
    """

    width: int
    trees: Sequence[Tree]
    baseline: np.ndarray
    link: Link
    sets: Sets = field(default_factory=Sets)
    present: tuple[tuple[int, ...], int] | None = None

    def network(self) -> keras.Model:
        """The trees as a Keras model from `(batch, width)` to answers."""
        return mean_network([self])

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The answers of the network, without Keras: for rows that are looked at once."""
        known = x.astype("float32")
        full = np.concatenate([known, self._rights(known)], axis=1) if self.sets.columns else known
        sums = np.tile(self.baseline, (len(x), 1))
        rows = np.arange(len(x))
        for i, tree in enumerate(self.trees):
            leaf, node = tree.is_leaf, np.zeros(len(x), dtype="int64")
            while not leaf[node].all():
                value = full[rows, tree.column[node]]
                gone = ~tree.missing_left[node]
                above = np.where(np.isnan(value), gone, value > tree.threshold[node])
                right = above & ~leaf[node]
                node = np.where(right, tree.right[node], tree.left[node])
            if tree.values.shape[1] > 1 or len(self.baseline) == 1:
                sums += tree.values[node]
            else:
                sums[:, i % len(self.baseline)] += tree.values[node][:, 0]
        answers = self._linked(sums)
        if self.present is not None:
            full = np.zeros((len(x), self.present[1]))
            full[:, list(self.present[0])] = answers
            answers = full
        return answers.astype("float32")

    def _rights(self, x: np.ndarray) -> np.ndarray:
        columns = []
        for column, bits in zip(self.sets.columns, self.sets.bits, strict=True):
            code = x[:, column]
            whole = np.trunc(code) if self.sets.truncates else code
            with np.errstate(invalid="ignore"):
                known = (whole == np.floor(whole)) & (whole >= 0) & (whole < len(bits) - 2)
            place = np.where(known, whole + 1, len(bits) - 1)
            columns.append(bits[np.where(np.isnan(code), 0, place).astype("int64")])
        return np.stack(columns, axis=1)

    def _linked(self, sums: np.ndarray) -> np.ndarray:
        if self.link == "softmax":
            powers = np.exp(sums - sums.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        if self.link == "exp":
            return np.exp(sums)
        if self.link == "sigmoid":
            return 1.0 / (1.0 + np.exp(np.concatenate([sums, -sums], axis=1)))
        return sums

    def first(self, count: int) -> Trees:
        """The same ensemble with its first trees only."""
        return dataclasses.replace(self, trees=self.trees[:count])

    def among(self, present: np.ndarray, classes: int) -> Trees:
        """The same ensemble for more classes, of which it knows those `present`."""
        return dataclasses.replace(self, present=(tuple(present.tolist()), classes))

    def within(self, width: int, places: np.ndarray) -> Trees:
        """The same ensemble for a wider input, of which it knows the columns at some places."""
        numbers = np.concatenate([places, width + np.arange(len(self.sets.columns))])
        trees = [dataclasses.replace(t, column=numbers[t.column]) for t in self.trees]
        columns = [int(places[column]) for column in self.sets.columns]
        sets = Sets(columns, self.sets.bits, self.sets.truncates)
        return dataclasses.replace(self, width=width, trees=trees, sets=sets)

    def build(self, x: Any, picked: Any) -> Any:
        """Answers, from the values of the leaves that rows have come to.

        Args:
            x: The input, for its number of rows.
            picked: Shape `(batch, trees, values)` in the order of the trees; `None` without trees.
        """
        if picked is None:
            sums = ops.zeros_like(x[:, :1]) * np.zeros((1, len(self.baseline)), "float32")
        elif self.trees[0].values.shape[1] > 1 or len(self.baseline) == 1:
            sums = ops.sum(picked, axis=1)
        else:
            outputs = len(self.baseline)
            sums = ops.sum(ops.reshape(picked, (-1, len(self.trees) // outputs, outputs)), axis=1)
        answers = self._answers(sums + self.baseline.astype("float32")[None, :])
        if self.present is not None:
            chosen, classes = self.present
            places = np.zeros((len(chosen), classes), dtype="float32")
            places[np.arange(len(chosen)), chosen] = 1.0
            answers = ops.matmul(answers, places)
        return answers

    def _answers(self, sums: Any) -> Any:
        if self.link == "softmax":
            return layers.Softmax()(sums)
        if self.link == "exp":
            return ops.exp(sums)
        if self.link == "sigmoid":
            # Both by their own sigmoid: 1 - p loses the digits of small probabilities.
            return layers.Concatenate()([ops.sigmoid(ops.negative(sums)), ops.sigmoid(sums)])
        return sums


def mean_network(ensembles: Sequence[Trees]) -> keras.Model:
    """A Keras model from `(batch, width)` to the mean of the answers of several ensembles of trees.

    All their trees are walked together: as many steps as one ensemble would need.

    Args:
        ensembles: Of the same library, width and outputs.

    Raises:
        ArtifactError: If there are too many nodes for float32 to number them.
    """
    count = sum(len(tree.left) for trees in ensembles for tree in trees.trees)
    if count >= _MOST_NODES:
        raise ArtifactError(
            f"The trees have {count} nodes, more than a graph can number ({_MOST_NODES}). "
            "Limit the number of trees or of their leaves."
        )
    x = keras.Input((ensembles[0].width,), name="features")
    picked = _picked(x, ensembles) if count else None
    answers, at = [], 0
    for trees in ensembles:
        end = at + len(trees.trees)
        own = picked
        if picked is not None and len(ensembles) > 1:
            own = picked[:, at:end]
        answers.append(trees.build(x, own if trees.trees else None))
        at = end
    mean = layers.Average(name="mean_of_folds")(answers) if len(answers) > 1 else answers[0]
    return keras.Model(x, mean)


def _picked(x: Any, ensembles: Sequence[Trees]) -> Any:
    """The values of the leaves that rows come to, shape `(batch, trees, values)`."""
    joined, trees = _joined_sets(ensembles)
    # The deepest trees first: the further down, the fewer trees are still to be walked.
    depths = np.array([tree.depth() for tree in trees])
    order = np.argsort(-depths, kind="stable")
    ordered = [trees[i] for i in order]
    starts = np.cumsum([0, *(len(tree.left) for tree in ordered)])[:-1].astype("int32")
    full = _with_sets(x, joined)
    step, table = _step(int(full.shape[-1]), ordered)
    zero = ops.cast(ops.zeros_like(x[:, :1]), "int32")
    node, at = ops.add(zero, starts[None, :]), 0
    for depth, active in _stops(depths[order]):
        moving = node if active == len(ordered) else node[:, :active]
        for _ in range(at, depth):
            moving = step([full, moving])
        rest = [] if active == len(ordered) else [node[:, active:]]
        node = layers.Concatenate()([moving, *rest]) if rest else moving
        at = depth
    table.set_weights([_table(ordered, starts)])
    values = np.concatenate([tree.values for tree in ordered]).astype("float32")
    leaf = layers.Embedding(*values.shape, trainable=False, embeddings_initializer="zeros")
    back = np.argsort(order).astype("int32")
    found = leaf(ops.take(node, back, axis=1) if (np.diff(back) != 1).any() else node)
    leaf.set_weights([values])
    return found


def _joined_sets(ensembles: Sequence[Trees]) -> tuple[Sets, list[Tree]]:
    """The sets of all ensembles, each once, and the trees with their numbers."""
    first = ensembles[0]
    if len(ensembles) == 1:
        return first.sets, list(first.trees)
    joined, trees = Sets(truncates=first.sets.truncates), []
    for one in ensembles:
        known = zip(one.sets.columns, one.sets.bits, strict=True)
        places = [one.width + joined.add(column, bits) for column, bits in known]
        numbers = np.array([*range(one.width), *places])
        trees += [dataclasses.replace(tree, column=numbers[tree.column]) for tree in one.trees]
    return joined, trees


def _with_sets(x: Any, sets: Sets) -> Any:
    """The input, and one column for every set: 1 where a row is to go right."""
    if not sets.columns:
        return x
    columns = np.array(sets.columns, dtype="int32")
    lengths = np.array([len(bits) for bits in sets.bits])
    base = np.cumsum([0, *lengths])[:-1].astype("int32")
    codes = ops.take(x, columns, axis=1)
    if sets.truncates:
        codes = ops.where(codes < 0.0, ops.ceil(codes), ops.floor(codes))
    last = (lengths - 2).astype("float32")[None, :]  # the codes are 0 .. last - 1
    whole = ops.equal(codes, ops.floor(codes))
    known = ops.logical_and(whole, ops.logical_and(codes >= 0.0, ops.less(codes, last)))
    place = ops.where(known, codes + 1.0, ops.add(ops.zeros_like(codes), last + 1.0))
    place = ops.where(ops.isnan(codes), 0.0, place)
    bits = np.concatenate(sets.bits)[:, None]
    look = layers.Embedding(len(bits), 1, trainable=False, embeddings_initializer="zeros")
    right = ops.squeeze(look(ops.add(ops.cast(place, "int32"), base[None, :])), axis=-1)
    look.set_weights([bits])
    return layers.Concatenate()([x, right])


def _stops(depths: np.ndarray) -> list[tuple[int, int]]:
    """Depths at which trees that have ended are left behind: (walk to here, trees still walking).

    Args:
        depths: Depth of each tree, falling.
    """
    deepest = int(depths[0])
    marks = sorted({int(d) for d in np.quantile(depths, [0.25, 0.6, 0.9])} | {deepest})
    stops, before = [], 0
    for mark in marks:
        if mark > before:
            stops.append((mark, int((depths > before).sum())))
            before = mark
    return stops


def _step(width: int, trees: Sequence[Tree]) -> tuple[keras.Model, layers.Embedding]:
    """One level down: a model from (rows, nodes) to the next nodes, and its table of nodes."""
    count = sum(len(tree.left) for tree in trees)
    x, node = keras.Input((width,)), keras.Input((None,), dtype="int32")
    table = layers.Embedding(count, 4, trainable=False, embeddings_initializer="zeros")
    facts = table(node)
    value = ops.take_along_axis(x, ops.cast(facts[:, :, 0], "int32"), axis=1)
    # A missing value goes by the sign of the last number; a leaf sends everything left, to itself.
    right = ops.where(ops.isnan(value), facts[:, :, 3] > 0.0, value > facts[:, :, 1])
    following = ops.cast(facts[:, :, 2], "int32") + ops.cast(right, "int32")
    return keras.Model([x, node], following), table


def _table(trees: Sequence[Tree], starts: np.ndarray) -> np.ndarray:
    """Column, threshold, left child and way of missing values of all nodes, below each other."""
    rows = []
    for tree, start in zip(trees, starts, strict=True):
        leaf = tree.is_leaf
        threshold = np.where(leaf, np.float32(np.inf), tree.threshold)
        column = np.where(leaf, 0, tree.column)
        way = np.where(leaf | tree.missing_left, -1.0, 1.0)
        rows.append(np.stack([column, threshold, tree.left + start, way], axis=1))
    return np.concatenate(rows).astype("float32")


def siblings_adjacent(
    column: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    missing_left: np.ndarray,
    values: np.ndarray,
) -> Tree:
    """A tree whose nodes are renumbered so that every right child follows its left sibling.

    Args:
        column: As in `Tree`, for each node; the root is node 0.
        threshold: float32.
        left: Left child; negative for a leaf.
        right: Right child; negative for a leaf.
        missing_left: Whether a missing value goes left.
        values: Shape `(nodes, any)`.
    """
    order, place = [0], 0
    first = np.zeros(len(left), dtype="int64")
    while place < len(order):
        node = order[place]
        if left[node] >= 0:
            first[place] = len(order)
            order += [int(left[node]), int(right[node])]
        else:
            first[place] = place
        place += 1
    chosen = np.array(order)
    children = first[: len(order)]
    leaf = left[chosen] < 0
    return Tree(
        column=np.where(leaf, 0, column[chosen]),
        threshold=threshold[chosen].astype("float32"),
        left=children,
        right=np.where(leaf, children, children + 1),
        missing_left=missing_left[chosen].astype(bool),
        values=np.where(leaf[:, None], values[chosen], 0.0),
    )
