"""How many texts, and how much of each, a time budget has room for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.clock import Clock, Purpose, Stopwatch
from kerasnas.data.documents import Documents
from kerasnas.data.texts import character_counts
from kerasnas.problem.rows import Rows

log = logging.getLogger("kerasnas")

_SAFE = 60_000  # characters a second of the budget, which leave time on any machine
_SAMPLE = (2_000, 200_000)  # texts and characters whose reading is timed
_LEAST = 600  # characters of a text, before texts are left out
_VALID = 0.25  # of the texts that are kept, at most, once texts have to be left out
_FEWEST = 40  # texts to train on, and to validate with


@dataclass(frozen=True)
class Room:
    """What there is time for.

    Attributes:
        longest: Characters of a text to look at.
        train: Indices of the rows to train on.
        valid: Indices of the rows to validate with.
    """

    longest: int
    train: np.ndarray
    valid: np.ndarray


def room_for(
    documents: Documents,
    rows: Rows,
    longest: int,
    clock: Clock,
    seed: int,
    read: Callable[[Documents], None],
    begun: Mapping[str, Any],
) -> Room:
    """Everything, unless there is too much of it for the time left.

    Args:
        documents: All texts.
        rows: Targets and split.
        longest: Characters of a text to look at.
        clock: The clock of the fit.
        seed: Seed of the choice of rows.
        read: Learns a form from some texts and brings them to it, which is timed.
        begun: What identifies the search that goes on; empty for a new one. It keeps its room.
    """
    if "longest" in begun and "rows" in begun:
        many, few = begun["rows"]
        train = _some(rows, rows.train, int(many), seed)
        return Room(int(begun["longest"]), train, _some(rows, rows.valid, int(few), seed))
    everything = Room(longest, rows.train, rows.valid)
    used = np.unique(np.concatenate([rows.train, rows.valid]))
    total = int(_lengths(documents, used, longest).sum())
    if clock.seconds is None or total <= _SAFE * clock.seconds:
        return everything
    seconds = max(clock.allot(Purpose.READ_TEXTS).left, 0.0)
    affordable = seconds * _pace(documents, used, longest, clock, read)
    if total <= affordable:
        return everything
    cut = longest
    while cut > _LEAST and int(_lengths(documents, used, cut).sum()) > affordable:
        cut = max(_LEAST, int(0.8 * cut))
    lengths = _lengths(documents, np.arange(len(documents)), cut)
    train, valid = rows.train, rows.valid
    if int(lengths[used].sum()) > affordable:
        few = max(_FEWEST, int(_VALID * affordable / max(lengths[valid].mean(), 1.0)))
        valid = _some(rows, valid, few, seed)
        left = affordable - lengths[valid].sum()
        many = max(2 * _FEWEST, int(left / max(lengths[train].mean(), 1.0)))
        train = _some(rows, train, many, seed)
    log.warning(
        "The budget has no time to read all texts: %d of %d are used, up to %d characters of each. "
        "Give it more time to use more.",
        len(train) + len(valid),
        len(used),
        cut,
    )
    return Room(cut, train, valid)


def kept(documents: Documents, rows: Rows, room: Room) -> tuple[Documents, Rows]:
    """The texts and rows that there is room for, without the others."""
    if len(room.train) == len(rows.train) and len(room.valid) == len(rows.valid):
        return documents, rows
    index = rows.places(room.train, room.valid)
    return documents.take(index), rows.only(room.train, room.valid)


def _pace(
    documents: Documents,
    used: np.ndarray,
    longest: int,
    clock: Clock,
    read: Callable[[Documents], None],
) -> float:
    """Characters a second: time for many texts less time for few, to leave out graph tracing."""
    texts, characters = _SAMPLE
    sample = used[np.unique(np.linspace(0, len(used) - 1, texts).astype(int))]
    lengths = _lengths(documents, sample, longest)
    sample = sample[: max(2, int(np.searchsorted(np.cumsum(lengths), characters)))]
    seconds = []
    for some in (sample[: max(2, len(sample) // 20)], sample):
        columns = {n: _cut(t[some], longest) for n, t in documents.columns.items()}
        watch = Stopwatch(clock.now)
        read(Documents(columns, documents.named))
        seconds.append(watch.seconds)
    more = max(seconds[1] - seconds[0], 0.05 * seconds[1], 1e-6)
    return float(_lengths(documents, sample, longest).sum()) / more


def _some(rows: Rows, index: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Some rows at random, but of every class a few where there are so many."""
    if count >= len(index):
        return index
    order = np.random.default_rng([seed, 0x7E]).permutation(index)
    if rows.classes is not None and not rows.multilabel:
        labels = rows.targets[order]
        by_class = np.argsort(labels, kind="stable")
        start = np.searchsorted(labels[by_class], labels[by_class])
        rank = np.empty(len(order), dtype=int)
        rank[by_class] = np.arange(len(order)) - start
        order = order[np.argsort(rank >= 2, kind="stable")]
    return np.sort(order[:count])


def _lengths(documents: Documents, index: np.ndarray, longest: int) -> np.ndarray:
    columns = documents.columns.values()
    return np.sum([np.minimum(character_counts(t[index]), longest) for t in columns], axis=0)


def _cut(texts: np.ndarray, longest: int) -> np.ndarray:
    return np.array([*(text[:longest] for text in texts), None], dtype=object)[:-1]
