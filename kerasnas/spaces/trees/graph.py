"""Fitted trees as a Keras network.

The network is a functional model of built-in layers and `keras.ops`: all rows walk down all trees
at once, one level a step. It gives the very answers of the library, for every float32 input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasnas.errors import ArtifactError
from kerasnas.spaces.trees.trees import Link, Sets, Tree, Trees

_MOST_NODES = 2**24  # node numbers travel as float32, exact up to here


def network_of(*ensembles: Trees) -> keras.Model:
    """A Keras model from `(batch, width)` to the mean of the answers of ensembles of trees.

    All their trees are walked together: as many steps as one ensemble would need.

    Args:
        *ensembles: One, or several of the same library, width and outputs.

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
        answers.append(_answers(trees, x, own if trees.trees else None))
        at = end
    mean = layers.Average(name="mean_of_folds")(answers) if len(answers) > 1 else answers[0]
    return keras.Model(x, mean)


def _answers(trees: Trees, x: Any, picked: Any) -> Any:
    """Answers, from the values of the leaves that rows have come to.

    Args:
        trees: The trees.
        x: The input, for its number of rows.
        picked: Shape `(batch, trees, values)` in the order of the trees; `None` without trees.
    """
    outputs = len(trees.baseline)
    if picked is None:
        sums = ops.zeros_like(x[:, :1]) * np.zeros((1, outputs), "float32")
    elif trees.trees[0].values.shape[1] > 1 or outputs == 1:
        sums = ops.sum(picked, axis=1)
    else:
        rounds = len(trees.trees) // outputs
        sums = ops.sum(ops.reshape(picked, (-1, rounds, outputs)), axis=1)
    answers = _linked(trees.link, sums + trees.baseline.astype("float32")[None, :])
    if trees.present is not None:
        chosen, classes = trees.present
        places = np.zeros((len(chosen), classes), dtype="float32")
        places[np.arange(len(chosen)), chosen] = 1.0
        answers = ops.matmul(answers, places)
    return answers


def _linked(link: Link, sums: Any) -> Any:
    if link == "softmax":
        return layers.Softmax()(sums)
    if link == "exp":
        return ops.exp(sums)
    if link == "sigmoid":
        # Both by their own sigmoid: 1 - p loses the digits of small probabilities.
        return layers.Concatenate()([ops.sigmoid(ops.negative(sums)), ops.sigmoid(sums)])
    return sums


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
