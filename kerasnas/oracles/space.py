"""A search space as a value: domains in an order in which parents come before their children."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import keras_tuner
import numpy as np

from kerasnas.oracles.domains import Domain

Values = dict[str, Any]

Made = TypeVar("Made")

CONTINUOUS_POINTS = 8
"""Points that a grid puts on a continuous range."""


class ValueSpace:
    """The names, domains and conditions of a `keras_tuner.HyperParameters`, frozen.

    Args:
        hyperparameters: The hyperparameters, or a list of single ones.
    """

    def __init__(self, hyperparameters: Any = ()) -> None:
        listed = isinstance(hyperparameters, keras_tuner.HyperParameters)
        hps = hyperparameters.space if listed else hyperparameters
        self.domains: tuple[Domain, ...] = _parents_first([Domain.of(hp) for hp in hps])
        self._parents = {name for d in self.domains for name, _ in d.conditions}
        self._recorded: dict[tuple[Any, int], tuple[Mapping[str, Any], Any]] = {}

    def __len__(self) -> int:
        return len(self.domains)

    @property
    def names(self) -> list[str]:
        """All names, each once."""
        return list(dict.fromkeys(d.name for d in self.domains))

    @cached_property
    def flat(self) -> bool:
        """Whether no hyperparameter depends on another."""
        return not any(d.conditions for d in self.domains)

    @property
    def discrete(self) -> bool:
        """Whether no range is continuous."""
        return all(d.count is not None for d in self.domains)

    def walk(self, choose: Callable[[Domain, Values], Any]) -> Values:
        """Builds values parent by parent; `choose(domain, values so far)` is asked for each."""
        values: Values = {}
        for domain in self.domains:
            if domain.name not in values and domain.active(values):
                values[domain.name] = choose(domain, values)
        return values

    def active(self, values: Mapping[str, Any]) -> list[Domain]:
        """The domains that are active in `values` and have a value there."""
        found: dict[str, Domain] = {}
        known: Values = {}
        for domain in self.domains:
            if domain.name not in found and domain.name in values and domain.active(known):
                found[domain.name] = domain
                known[domain.name] = values[domain.name]
        return list(found.values())

    def tunable(self, whole: Mapping[str, Any]) -> Sequence[Domain]:
        """The active domains of valid values that have more than one value."""
        return self._tunable if self.flat else [d for d in self.active(whole) if d.tunable]

    @cached_property
    def _tunable(self) -> list[Domain]:
        return [d for d in self.domains if d.tunable]

    def branch(self, values: Mapping[str, Any]) -> Values:
        """The values that others depend on, such as the family of a network."""
        return {d.name: values[d.name] for d in self.active(values) if d.name in self._parents}

    def random(self, rng: np.random.Generator) -> Values:
        """Random values of the active hyperparameters."""
        return self.walk(lambda domain, _: domain.sample(rng))

    def default(self) -> Values:
        """The defaults of the active hyperparameters."""
        return self.walk(lambda domain, _: domain.default)

    def mutate(self, values: Mapping[str, Any], rng: np.random.Generator) -> Values:
        """Changes one active hyperparameter to a different value and repairs what depends on it.

        A child that becomes active is drawn at random, one that becomes inactive is dropped.
        Returns a copy of `values` when nothing can change.
        """
        return self.step(self.repair(values, rng), rng)

    def step(self, whole: Values, rng: np.random.Generator) -> Values:
        """`mutate` of values that are known to be valid."""
        candidates = self.tunable(whole)
        if not candidates:
            return dict(whole)
        domain = candidates[int(rng.integers(len(candidates)))]
        return self.edited(whole, {domain.name: domain.step_from(whole[domain.name], rng)}, rng)

    def edited(
        self, whole: Values, changes: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Values:
        """Valid values with some of them changed to other valid ones, and what depends on these."""
        changed = {**whole, **changes}
        return changed if self._parents.isdisjoint(changes) else self.repair(changed, rng)

    def neighbours(
        self, values: Mapping[str, Any], rng: np.random.Generator, most: int | None = None
    ) -> Iterator[Values]:
        """Sets of values that one edit leads to: all of them, or `most` that are drawn of them."""
        whole = self.repair(values, rng)
        edits = [(d.name, v) for d in self.tunable(whole) for v in d.neighbours(whole[d.name])]
        if most is not None and len(edits) > most:
            edits = [edits[int(i)] for i in rng.permutation(len(edits))[:most]]
        for name, value in edits:
            yield self.edited(whole, {name: value}, rng)

    def repair(self, values: Mapping[str, Any], rng: np.random.Generator | None = None) -> Values:
        """Makes `values` valid: drops what is unknown or inactive, moves numbers into their range.

        Args:
            values: Any mapping.
            rng: Draws what is missing or impossible; without it these take their defaults.
        """

        def choose(domain: Domain, _: Values) -> Any:
            if domain.name in values:
                value = values[domain.name]
                if domain.contains(value):
                    return domain.canonical(value)
                if domain.numeric and isinstance(value, int | float):
                    return domain.closest(value)
            return domain.default if rng is None else domain.sample(rng)

        return self.walk(choose)

    def complete(self, values: Mapping[str, Any]) -> Values:
        """The active part of `values` with defaults for what is missing; nothing is corrected.

        Values are spelled as the domain does, so that NumPy numbers and 3.0 for 3 do no harm.
        """
        return self.walk(lambda d, _: d.canonical(values.get(d.name, d.default)))

    def key(self, values: Mapping[str, Any]) -> str:
        """A canonical string of the active values: equal configurations have equal keys."""
        return json.dumps(self.complete(values), sort_keys=True, default=_plain)

    def recorded(
        self, make: Callable[[ValueSpace, Mapping[str, Any]], Made], values: Mapping[str, Any]
    ) -> Made:
        """`make(space, values)` of a trial's values in a history: made once, they never change."""
        known = self._recorded.get((make, id(values)))
        if known is None:  # the values are kept, so that no others get their number
            known = self._recorded[make, id(values)] = values, make(self, values)
        made: Made = known[1]
        return made

    def encode(self, values: Mapping[str, Any]) -> np.ndarray:
        """One number a domain: index of a choice, place of a number in [0, 1], NaN if inactive."""
        if self.flat:  # everything that has a value is active
            known = [(d, values.get(d.name, values)) for d in self.domains]
            return np.array([math.nan if v is values else d.coordinate(v) for d, v in known])
        row = np.full(len(self.domains), np.nan)
        names = {id(d) for d in self.active(values)}
        for i, domain in enumerate(self.domains):
            if id(domain) not in names:
                continue
            row[i] = domain.coordinate(values[domain.name])
        return row

    @cached_property
    def size(self) -> int | None:
        """How many configurations there are; `None` when a range is continuous."""
        if not self.discrete:
            return None
        memo: dict[tuple[int, str], int] = {}

        def count(i: int, known: Values) -> int:
            if i == len(self.domains):
                return 1
            domain = self.domains[i]
            if domain.name in known or not domain.active(known):
                return count(i + 1, known)
            state = (i, repr(known))
            if state not in memo:
                memo[state] = self._count_from(i, known, count)
            return memo[state]

        return count(0, {})

    def _count_from(self, i: int, known: Values, count: Callable[[int, Values], int]) -> int:
        domain = self.domains[i]
        shared = sum(d.name == domain.name for d in self.domains) > 1
        if domain.name not in self._parents and not shared:
            return (domain.count or 1) * count(i + 1, known)
        return sum(count(i + 1, {**known, domain.name: v}) for v in domain.choices)

    def grid(self, points: int = CONTINUOUS_POINTS) -> Iterator[Values]:
        """All configurations in lexicographic order; `points` on each continuous range."""

        def expand(i: int, known: Values) -> Iterator[Values]:
            if i == len(self.domains):
                yield dict(known)
                return
            domain = self.domains[i]
            if domain.name in known or not domain.active(known):
                yield from expand(i + 1, known)
                return
            for value in _grid_values(domain, points):
                yield from expand(i + 1, {**known, domain.name: value})

        return expand(0, {})

    def check(self, values: Mapping[str, Any]) -> list[str]:
        """What is wrong with values of a user, one sentence a problem; missing ones are fine."""
        problems = []
        whole = self.complete(values)
        by_name = {d.name: d for d in self.active(whole)}
        for name, value in values.items():
            if name not in self.names:
                near = difflib.get_close_matches(name, self.names, n=1)
                hint = f" Did you mean `{near[0]}`?" if near else f" Known: {_listed(self.names)}."
                problems.append(f"`{name}` is not a hyperparameter of this space.{hint}")
            elif name not in by_name:
                problems.append(f"`{name}` is not active here: {self._wanted(name)}.")
            elif not by_name[name].contains(value):
                problems.append(f"`{name}` must be {describe(by_name[name])}, received {value!r}.")
        return problems

    def _wanted(self, name: str) -> str:
        options = []
        for domain in self.domains:
            if domain.name == name and domain.conditions:
                parts = [f"`{n}` in {list(v)}" for n, v in domain.conditions]
                options.append(" and ".join(parts))
        return "it needs " + ", or ".join(options)


def describe(domain: Domain) -> str:
    """The domain in words, for error messages."""
    if domain.kind in ("categorical", "ordered", "fixed"):
        return f"one of {_listed([repr(c) for c in domain.choices])}"
    article = "a whole number" if domain.kind == "int" else "a number"
    step = "" if domain.hp.step in (None, 1) else f" in steps of {domain.hp.step}"
    return f"{article} in [{domain.hp.min_value}, {domain.hp.max_value}]{step}"


def _grid_values(domain: Domain, points: int) -> Sequence[Any]:
    if domain.count is not None and (domain.count <= points or not domain.numeric):
        return domain.choices
    if domain.count is not None and domain.count <= 1000:
        return domain.choices
    return list(dict.fromkeys(domain.at_unit((i + 0.5) / points) for i in range(points)))


def _parents_first(domains: list[Domain]) -> tuple[Domain, ...]:
    """Keeps the order of registration, except that no child stands before a parent."""
    ordered: list[Domain] = []
    waiting = list(domains)
    while waiting:
        open_names = [d.name for d in waiting]
        ready = [d for d in waiting if not any(n in open_names for n, _ in d.conditions)]
        if not ready:
            return tuple(ordered + waiting)
        if ready[0] is waiting[0] and len(ready) == len(waiting):
            return tuple(ordered + waiting)
        first = ready[0]
        ordered.append(first)
        waiting.remove(first)
    return tuple(ordered)


def _listed(items: Sequence[str], most: int = 12) -> str:
    more = f", … ({len(items)} in all)" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
