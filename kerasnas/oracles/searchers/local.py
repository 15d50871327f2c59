"""Local search."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import positions
from kerasnas.oracles.searchers.protocol import Searcher, seen_keys
from kerasnas.oracles.space import Values, ValueSpace


@dataclass(frozen=True)
class LocalSearcher(Searcher):
    """Visits the one-edit neighbours of the incumbent in random order, moves at the first gain.

    Source: White et al., *Exploring the Loss Landscape in Neural Architecture Search*, UAI 2021.
    Starts from the best of a few random points; at a local optimum it restarts from a random one.
    The walk is replayed from the history: with parallel trials, in the order in which they ended.

    Args:
        starts: Random points before the walk begins.
        neighbours: Most neighbours looked at from one point; larger neighbourhoods are sampled.
    """

    starts: int = 5
    neighbours: int = 48
    name: str = "local"
    _known: dict[Any, dict[str, dict[str, Values]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """An untried neighbour of the incumbent, or a random point at a local optimum."""
        if len(history) < self.starts or not history.finished:
            return space.random(rng)
        incumbent = self._walk(space, history, objectives, constraints)
        seen = seen_keys(space, history)
        fresh = [v for k, v in self._around(space, incumbent).items() if k not in seen]
        return fresh[int(rng.integers(len(fresh)))] if fresh else space.random(rng)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return f"local search ({self.starts} starts)"

    def _walk(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> TrialRecord:
        """Replays the walk and returns where it stands."""
        trials = history.finished
        place = positions(trials, objectives, constraints)
        starts = range(min(self.starts, len(trials)))
        here = _Stand(min(starts, key=lambda i: place[i]))
        done = {space.recorded(ValueSpace.key, trials[i].values) for i in starts}
        for i in range(len(starts), len(trials)):
            key = space.recorded(ValueSpace.key, trials[i].values)
            if here.around is None:
                here.around = set(self._around(space, trials[here.index]))
            better = place[i] < place[here.index]
            restart = key not in here.around and here.around <= done
            if better or restart:
                here = _Stand(i)
            done.add(key)
        return trials[here.index]

    def _around(self, space: ValueSpace, record: TrialRecord) -> dict[str, Values]:
        """The neighbours by key, always the same ones for one configuration."""
        own = space.recorded(ValueSpace.key, record.values)
        if space not in self._known:
            self._known.clear()
        known = self._known.setdefault(space, {})
        if own not in known:
            known[own] = self._look_around(space, record, own)
        return known[own]

    def _look_around(self, space: ValueSpace, record: TrialRecord, own: str) -> dict[str, Values]:
        rng = np.random.default_rng(zlib.crc32(own.encode()))
        found = space.neighbours(record.values, rng, self.neighbours)
        return {key: v for v in found if (key := space.key(v)) != own}


@dataclass
class _Stand:
    """Where the walk stands, and the keys around it once they are needed."""

    index: int
    around: set[str] | None = field(default=None)
