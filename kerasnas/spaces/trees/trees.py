"""Fitted trees of any library as plain arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

_TOGETHER = 16  # trees that rows walk at once: their nodes stay near the processor
_CELLS = 2**23  # of columns and sets, which are some 40 bytes each while rows are answered
_HUGE = 1e300  # beyond all numbers of float32, which an infinity of theirs counts as

Link = Literal["identity", "sigmoid", "softmax", "exp"]


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
        rate: Learning rate that boosting went on with for want of time; `None` where it is the one
            of the hyperparameters.
    """

    width: int
    trees: Sequence[Tree]
    baseline: np.ndarray
    link: Link
    sets: Sets = field(default_factory=Sets)
    present: tuple[tuple[int, ...], int] | None = None
    rate: float | None = None

    @property
    def rounds(self) -> int:
        """Iterations of boosting, or trees of a forest."""
        together = bool(self.trees) and self.trees[0].values.shape[1] > 1
        return len(self.trees) // (1 if together else len(self.baseline))

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The answers of the network, without Keras: for rows that are looked at once."""
        some = max(1, _CELLS // (x.shape[1] + len(self.sets.columns)))
        parts = [self._answered(x[i : i + some]) for i in range(0, max(1, len(x)), some)]
        return np.concatenate(parts)

    def _answered(self, x: np.ndarray) -> np.ndarray:
        known = x.astype("float32")
        full = np.concatenate([known, self._rights(known)], axis=1) if self.sets.columns else known
        sums = np.tile(self.baseline, (len(x), 1))
        for first, values in self._leaves(full):
            if values.shape[2] > 1 or len(self.baseline) == 1:
                sums += values.sum(axis=1)
            else:
                for i in range(values.shape[1]):
                    sums[:, (first + i) % len(self.baseline)] += values[:, i, 0]
        answers = self._linked(sums)
        if self.present is not None:
            full = np.zeros((len(x), self.present[1]))
            full[:, list(self.present[0])] = answers
            answers = full
        return answers.astype("float32")

    def _leaves(self, full: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Values of the leaves that rows come to, `(rows, trees, values)`, a few trees at a time.

        Args:
            full: float32, the input and a column for every set.
        """
        # Two columns for each: a missing value is less than all numbers in the first, and more
        # than all in the second. Numbers are compared as float64, in which infinities have room.
        missing = np.isnan(full)
        wide = np.clip(full.astype("float64"), -_HUGE, _HUGE)
        both = np.where(np.tile(missing, 2), np.repeat([-np.inf, np.inf], full.shape[1]), 0.0)
        both += np.tile(np.where(missing, 0.0, wide), 2)
        values, start = both.reshape(-1), (np.arange(len(full)) * both.shape[1])[:, None]
        for first in range(0, len(self.trees), _TOGETHER):
            some = self.trees[first : first + _TOGETHER]
            base = np.cumsum([0, *(len(tree.left) for tree in some)])[:-1]
            column = np.concatenate(
                [t.column + np.where(t.missing_left, 0, full.shape[1]) for t in some]
            )
            limit = np.concatenate(
                [
                    np.where(
                        t.is_leaf, np.inf, np.clip(t.threshold.astype("float64"), -_HUGE, _HUGE)
                    )
                    for t in some
                ]
            )
            child = np.concatenate([t.left + at for t, at in zip(some, base, strict=True)])
            node = np.tile(base, (len(full), 1))
            for _ in range(max(tree.depth() for tree in some)):
                node = child[node] + (values[start + column[node]] > limit[node])
            yield first, np.concatenate([tree.values for tree in some])[node]

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

    def at_rate(self, rate: float | None) -> Trees:
        """The same ensemble, which remembers the rate that boosting went on with."""
        return dataclasses.replace(self, rate=rate)

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
    if len(left) != 2 * int((left >= 0).sum()) + 1:
        used = _reached(left, right)
        number = np.full(len(left) + 1, -1)  # the last one is that of no child
        number[used] = np.arange(len(used))
        left, right = (number[np.maximum(child[used], -1)] for child in (left, right))
        column, threshold, missing_left, values = (
            part[used] for part in (column, threshold, missing_left, values)
        )
    sizes = np.array([len(left)])
    return whole_trees(sizes, column, threshold, left, right, missing_left, values)[0]


def whole_trees(
    sizes: np.ndarray,
    column: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    missing_left: np.ndarray,
    values: np.ndarray,
) -> list[Tree]:
    """Many trees at once, renumbered as `siblings_adjacent` does: no node of them is out of use.

    Args:
        sizes: Nodes of each tree. The nodes of all trees stand behind one another in what follows.
        column: As in `Tree`; each tree's first node is its root.
        threshold: float32.
        left: Left child, by its number within its tree; negative for a leaf.
        right: Right child likewise.
        missing_left: Whether a missing value goes left.
        values: Shape `(nodes, any)`.
    """
    ends = np.cumsum(sizes)
    start = np.repeat(ends - sizes, sizes)  # of each node's tree
    own = np.arange(len(left)) - start
    inner = np.flatnonzero(left >= 0)
    # The children of each split follow those of the split before it in its tree.
    before = np.cumsum(left >= 0) - 1
    following = 1 + 2 * (before[inner] - before[start[inner]])
    place = start.copy()
    place[start[inner] + left[inner]] = start[inner] + following
    place[start[inner] + right[inner]] = start[inner] + following + 1
    chosen = np.empty_like(place)
    chosen[place] = np.arange(len(place))
    first = own
    first[place[inner]] = following
    leaf = left[chosen] < 0
    parts = (
        np.where(leaf, 0, column[chosen]),
        threshold[chosen].astype("float32"),
        first,
        np.where(leaf, first, first + 1),
        missing_left[chosen].astype(bool),
        np.where(leaf[:, None], values[chosen], 0.0),
    )
    bounds = zip((ends - sizes).tolist(), ends.tolist(), strict=True)
    return [Tree(*(part[begin:end] for part in parts)) for begin, end in bounds]


def _reached(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Nodes that can be reached from the root, level by level."""
    parts = [np.array([0])]
    while len(level := parts[-1]):
        inner = level[left[level] >= 0]
        parts.append(np.concatenate([left[inner], right[inner]]))
    return np.concatenate(parts).astype("int64")
