"""What stands between a searcher and a trial: good values first, duplicates and misfits out."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.errors import SearchSpaceError
from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.context import Accept
from kerasnas.oracles.searcher_view import searcher_view
from kerasnas.oracles.searchers.protocol import Searcher, seen_keys
from kerasnas.oracles.searchers.steps import steps_from_best
from kerasnas.oracles.space import Values, ValueSpace

logger = logging.getLogger("kerasnas")

DUPLICATES = 20
"""Times a searcher may repeat itself in one suggestion before another way is taken."""

REJECTIONS = 50
"""Times a suggestion may be redrawn because it breaks a constraint that costs nothing to check."""

FEW_REJECTIONS = 20
"""The same once there are trials."""

DESCENT = 200
"""Edits of what is least outside the constraints, while nothing inside is found."""

AGAIN = 10
"""Rejections after which a searcher hears of them."""

LAST_DRAWS = 1000
"""Random draws, and rejections of enumerated configurations, before a search gives up."""

ENUMERABLE = 20_000
"""Spaces up to this size are searched to the last configuration."""

STEPPING = 3
"""How many of the best trials are stepped from in turn with the rest of a portfolio."""


class _NoTime(Exception):
    """There is no time left to look for values."""


@dataclass(frozen=True)
class Proposal:
    """Values for a trial, and who proposed them."""

    values: Values
    origin: str


class Affordable:
    """Whether there is time for a trial, by what those of the same branch have taken.

    Args:
        space: The search space.
        history: All trials so far.
        seconds_left: Seconds that trials may still use; `None` where no clock runs.
    """

    def __init__(
        self, space: ValueSpace, history: History, seconds_left: Callable[[], float] | None
    ) -> None:
        self._space = space
        self._left = math.inf if seconds_left is None else seconds_left()
        self._least: dict[str, float] = {}
        for trial in history.trials if math.isfinite(self._left) else ():
            seconds = math.inf  # one for which time was too short has taken too long
            if trial.status != "FAILED":
                seconds = trial.seconds
            elif not trial.out_of_time:
                continue
            branch = repr(space.branch(trial.values))
            self._least[branch] = min(seconds, self._least.get(branch, math.inf))

    def __call__(self, values: Values) -> bool:
        """Whether the fastest trial of the branch would still come to its end."""
        return self._least.get(repr(self._space.branch(values)), 0.0) <= self._left


@dataclass
class Proposer:
    """The chain: initial configurations, portfolio, searcher, and two ways out when it is stuck.

    A pure function of the history like the searcher: which initial configurations are done is read
    off the history too. Nothing seen is proposed again, whether it ran, runs or failed.

    Args:
        searcher: The rule that picks values.
        initial: Configurations of the user, tried first as they are; missing values take defaults.
        portfolio: Known-good configurations, tried next; unknown names are ignored.
        accept: What is known of values without training, see `Accept`. Values that break a
            constraint are drawn again and use up no trial.
        turns_after: Trials of the portfolio after which what is left of it takes turns with steps
            from the best trials, and what takes longer than there is time for is passed over;
            `None` tries the whole portfolio first.
        seconds_left: Seconds that trials may still use.

    Attributes:
        turned_down: Values and measures that were rejected and are not in the history yet.
        out_of_time: Whether there was no time left to look for values.
    """

    searcher: Searcher
    initial: Sequence[Mapping[str, Any]] = ()
    portfolio: Sequence[Mapping[str, Any]] = ()
    accept: Accept | None = None
    turns_after: int | None = None
    seconds_left: Callable[[], float] | None = None
    turned_down: list[tuple[Values, dict[str, float]]] = field(default_factory=list, init=False)
    out_of_time: bool = field(default=False, init=False)
    _outside: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _nearest: tuple[float, Values] | None = field(default=None, init=False, repr=False)
    _recalled: int = field(default=0, init=False, repr=False)
    _warned: set[str] = field(default_factory=set, init=False, repr=False)
    _constraints: Sequence[Constraint] = field(default=(), init=False, repr=False)

    def propose(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
        ranked: Sequence[Values] = (),
    ) -> Proposal | None:
        """The next unseen, accepted values, or `None` when there are none left.

        Args:
            space: The search space.
            history: All trials so far.
            objectives: What to optimise.
            rng: The only source of randomness.
            constraints: Bounds; trials outside are worse than any trial inside.
            ranked: Configurations that look best without training, tried after the portfolio.
        """
        self._constraints = constraints
        self._recall(space, history)
        try:
            return self._propose(space, history, objectives, rng, constraints, ranked)
        except _NoTime:
            self.out_of_time = True
            return None

    def _propose(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint],
        ranked: Sequence[Values],
    ) -> Proposal | None:
        seen = seen_keys(space, history)
        known = [space.repair(v) for v in self.portfolio]
        steps: Iterable[Values] = ()
        if self.turns_after is not None:
            affordable = Affordable(space, history, self.seconds_left)
            left = [v for v in known if space.key(v) not in seen]
            known = [v for v in left if affordable(v)]
            if left and (not known or self._steps_next(history, self.turns_after)):
                steps = steps_from_best(space, history, objectives, rng, constraints, STEPPING)
                steps = filter(affordable, itertools.islice(steps, DUPLICATES))
        listed = [
            ("initial", self._wanted(space)),
            ("step", steps),
            ("portfolio", known),
            ("zero-cost", ranked),
        ]
        for origin, source in listed:
            values = self._first_new(source, space, seen)
            if values is not None:
                return Proposal(values, origin)
        in_order = self.searcher.candidates(space, history)
        if in_order is not None:
            values = self._first_new(in_order, space, seen)
            return None if values is None else Proposal(values, self.searcher.name)
        return self._searched(space, history, objectives, rng, constraints, seen)

    @staticmethod
    def _steps_next(history: History, turns_after: int) -> bool:
        origins = [t.origin for t in history.trials]
        return origins[-1:] == ["portfolio"] and origins.count("portfolio") >= turns_after

    @property
    def rejected(self) -> int:
        """Configurations that `accept` has turned down so far."""
        return sum(outside > 0 for outside in self._outside.values())

    def check(self, space: ValueSpace) -> None:
        """Checks the user's configurations against the space.

        Raises:
            SearchSpaceError: With all problems of all configurations.
        """
        problems = [
            f"initial[{i}]: {problem}"
            for i, values in enumerate(self.initial)
            for problem in space.check(values)
        ]
        if problems:
            raise SearchSpaceError(
                f"`initial` does not fit the search space. {' '.join(problems)} "
                "Correct these values or leave them out: missing ones take their defaults."
            )

    def _searched(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint],
        seen: set[str],
    ) -> Proposal | None:
        """What the searcher says; where it is stuck, edits of accepted values, then random ones."""
        part = self.searcher.turn(space, history, objectives, rng, constraints)

        def asked() -> Iterator[Values]:
            shown, seen_by = -AGAIN, history
            while True:
                rejected = [*history.rejected, *self.turned_down]
                if len(rejected) >= shown + AGAIN:
                    shown, seen_by = len(rejected), searcher_view(history, objectives, rejected)
                values = part.suggest(space, seen_by, objectives, rng, constraints)
                if values is None:
                    return
                yield values

        # Once something fits, what lies around it does so more often than a random draw.
        rejections = FEW_REJECTIONS if history.trials else REJECTIONS
        values = self._first_new(asked(), space, seen, DUPLICATES, rejections)
        if values is not None:
            return Proposal(values, part.name)
        if self.accept is not None:
            nearby = _mutations(space, history, rng)
            values = self._first_new(nearby, space, seen, REJECTIONS, REJECTIONS)
            if values is not None:
                return Proposal(values, "mutation")
            values = self._first_new(self._descent(space, rng), space, seen)
            if values is not None:
                return Proposal(values, "descent")
        others = _others(space, rng)
        values = self._first_new(others, space, seen, rejections=LAST_DRAWS)
        return None if values is None else Proposal(values, "random")

    def _wanted(self, space: ValueSpace) -> Iterator[Values]:
        """The user's configurations; one that breaks a constraint is left out with a warning."""
        for given in self.initial:
            values = space.complete(given)
            key = space.key(values)
            if not self._passes(values, key) and key not in self._warned:
                self._warned.add(key)
                logger.warning("The initial configuration %s breaks a constraint: left out.", given)
            yield values

    def _first_new(
        self,
        source: Iterable[Values],
        space: ValueSpace,
        seen: set[str],
        duplicates: float = math.inf,
        rejections: float = math.inf,
    ) -> Values | None:
        """The first unseen, accepted values of a source, which is left after too many misses."""
        for values in source:
            key = space.key(values)
            if key in seen:
                duplicates -= 1
            elif self._passes(values, key):
                return values
            else:
                rejections -= 1
            if duplicates <= 0 or rejections <= 0:
                return None
        return None

    def _passes(self, values: Values, key: str) -> bool:
        if self.accept is None:
            return True
        if key not in self._outside:
            known = self.accept(values)
            if known is None:
                raise _NoTime
            if isinstance(known, Mapping):
                self._judge(values, key, known)
                if self._outside[key] > 0:
                    self.turned_down.append((values, dict(known)))
            else:
                self._outside[key] = 0.0 if known else math.inf
        return self._outside[key] == 0

    def _judge(self, values: Values, key: str, measures: Mapping[str, float]) -> None:
        """How far outside the constraints values are, in shares of the limits."""
        outside = sum(
            c.violation(measures) / max(abs(c.min or 0.0), abs(c.max or 0.0), 1e-12)
            for c in self._constraints
            if c.name in measures
        )
        self._outside[key] = outside
        if outside > 0 and (self._nearest is None or outside < self._nearest[0]):
            self._nearest = outside, values

    def forget_turned_down(self) -> None:
        """Called when what was turned down has been written into the history."""
        self._recalled += len(self.turned_down)
        self.turned_down.clear()

    def _recall(self, space: ValueSpace, history: History) -> None:
        """Learns from the history what was rejected before this process began."""
        for values, measures in history.rejected[self._recalled :]:
            self._judge(values, space.key(values), measures)
        self._recalled = len(history.rejected)

    def _descent(self, space: ValueSpace, rng: np.random.Generator) -> Iterator[Values]:
        """Edits of the configuration that is least outside, which improve it step by step."""
        for _ in range(DESCENT):
            if self._nearest is None:
                return
            values = self._nearest[1]
            for _ in range(int(rng.integers(1, 4))):
                values = space.mutate(values, rng)
            yield values


def _mutations(space: ValueSpace, history: History, rng: np.random.Generator) -> Iterator[Values]:
    """One to three edits away from what was accepted before: feasible regions are connected."""
    known = [t.values for t in history.trials if t.status != "FAILED"]
    while known:
        values = known[int(rng.integers(len(known)))]
        for _ in range(int(rng.integers(1, 4))):
            values = space.mutate(values, rng)
        yield values


def _others(space: ValueSpace, rng: np.random.Generator) -> Iterator[Values]:
    """Random draws, and all configurations of a small space in random order."""
    small = space.size is not None and space.size <= ENUMERABLE
    for _ in range(2 * REJECTIONS if small else LAST_DRAWS):
        yield space.random(rng)
    if small:
        everything = list(space.grid(points=ENUMERABLE))
        for i in rng.permutation(len(everything)):
            yield everything[int(i)]
