"""Domains: what one hyperparameter may be, as the searchers see it.

A domain is read off a keras-tuner hyperparameter once and knows everything a searcher needs: draw,
step, index, unit interval. keras-tuner's `prob_to_value` stays the one source of values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

Kind = Literal["categorical", "ordered", "int", "float", "fixed"]

FEW = 16
"""Up to this many values a numeric mutation walks on the grid, beyond it in the unit interval."""

MUTATION_SPREAD = 0.2


@dataclass(frozen=True)
class Domain:
    """One hyperparameter under its conditions.

    Attributes:
        name: Name in the values of a trial; not unique: it may occur under several conditions.
        key: Name and conditions together: the identity, `name|parent=values`.
        kind: `categorical` has no order; `ordered` is a list of numbers; `int` and `float` are
            ranges; `fixed` has one value.
        conditions: Pairs of a parent's name and the values of it under which this one is active.
        default: keras-tuner's default.
        count: Number of values; `None` for a continuous range.
        hp: The keras-tuner hyperparameter.
    """

    name: str
    key: str
    kind: Kind
    conditions: tuple[tuple[str, tuple[Any, ...]], ...]
    default: Any
    count: int | None
    hp: Any = field(repr=False, compare=False)

    @classmethod
    def of(cls, hp: Any) -> Domain:
        """Reads a keras-tuner hyperparameter (`Choice`, `Boolean`, `Int`, `Float` or `Fixed`)."""
        conditions = tuple((c.name, tuple(c.values)) for c in hp.conditions)
        key = "|".join([hp.name, *(f"{n}={','.join(map(str, v))}" for n, v in conditions)])
        kind, count = _kind_and_count(hp)
        return cls(hp.name, key, kind, conditions, hp.default, count, hp)

    @cached_property
    def numeric(self) -> bool:
        """Whether neighbouring values are alike."""
        return self.kind in ("ordered", "int", "float")

    @cached_property
    def _continuous(self) -> bool:
        return self.kind == "float" and self.count is None

    @cached_property
    def _low(self) -> float:
        return float(self.hp.min_value)

    @cached_property
    def _high(self) -> float:
        return float(self.hp.max_value)

    @cached_property
    def tunable(self) -> bool:
        """Whether there is more than one value."""
        return self.count != 1

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """All values of a finite domain, in order."""
        if self.kind in ("categorical", "ordered"):
            return tuple(dict.fromkeys(self.hp.values))
        return tuple(self.value_at(i) for i in range(self.count or 0))

    @cached_property
    def _places(self) -> dict[tuple[bool, Any], int]:
        """Index by value; `True` is kept apart from 1, as JSON does, and 1 is 1.0."""
        return {(isinstance(v, bool), v): i for i, v in enumerate(self.choices)}

    def active(self, values: dict[str, Any]) -> bool:
        """Whether all conditions hold in `values`."""
        for name, allowed in self.conditions:
            if name not in values or values[name] not in allowed:
                return False
        return True

    def value_at(self, index: int) -> Any:
        """The value with this index in a finite domain."""
        if self.kind in ("categorical", "ordered"):
            return self.choices[index]
        if self.kind == "int" and self.hp.step in (None, 1) and self.hp.sampling != "reverse_log":
            return int(self.hp.min_value) + index
        if self.kind == "int" and self.hp.step is None:
            return int(self.hp.min_value) + index
        return self.hp.prob_to_value((index + 0.5) / (self.count or 1))

    def index_of(self, value: Any) -> int | None:
        """The index of exactly this value, or `None` when it is not in the finite domain."""
        if self.kind in ("categorical", "ordered", "fixed") or self.count is None:
            try:
                return self._places.get((isinstance(value, bool | np.bool_), value))
            except TypeError:  # no value of a hyperparameter is unhashable
                return None
        if not _is_number(value):
            return None
        index = self._nearest(value)
        near = self.value_at(index)
        return index if math.isclose(near, value, rel_tol=1e-9, abs_tol=1e-12) else None

    def contains(self, value: Any) -> bool:
        """Whether `value` is one that the hyperparameter can take."""
        if self.count is not None:
            return self.index_of(value) is not None
        return _is_number(value) and self.hp.min_value <= value <= self.hp.max_value

    def canonical(self, value: Any) -> Any:
        """The domain's own spelling of `value`: 3 for 3.0 or `numpy.int64(3)`; others unchanged."""
        if self.count is None:
            return float(value) if self.contains(value) else value
        index = self.index_of(value)
        return value if index is None else self.value_at(index)

    def closest(self, value: Any) -> Any:
        """The nearest value of the domain; the default where nothing is near."""
        if self.count is not None and self.contains(value):
            return self.canonical(value)
        if not self.numeric or not _is_number(value) or math.isnan(value):
            return self.default
        if self.count is None:
            return float(min(max(value, self.hp.min_value), self.hp.max_value))
        return self.value_at(self._nearest(value))

    def coordinate(self, value: Any) -> float:
        """A value as a model sees it: place of a number in [0, 1], index of a choice."""
        if self._continuous and type(value) is float and self._low <= value <= self._high:
            prob = float(self.hp.value_to_prob(value))  # as below, without looking at what it is
            return min(max(prob, 0.0), 1.0)
        if self.numeric:
            return self.unit(self.closest(value))
        index = self.index_of(value)
        return float((self.index_of(self.default) or 0) if index is None else index)

    def unit(self, value: Any) -> float:
        """Place of a numeric value in [0, 1]."""
        if self.count is not None:
            if self.count == 1:
                return 0.5
            if self.kind == "ordered" or self.hp.step is not None:
                return (self._nearest(value) + 0.5) / self.count
        prob = float(self.hp.value_to_prob(value))
        return min(max(prob, 0.0), 1.0)

    def at_unit(self, prob: float) -> Any:
        """The value at a place in [0, 1]."""
        prob = float(min(max(prob, 0.0), 1.0))
        if self.count is not None and (self.kind == "ordered" or self.hp.step is not None):
            return self.value_at(min(int(prob * self.count), self.count - 1))
        value = self.hp.prob_to_value(prob)
        return type(value)(min(max(value, self.hp.min_value), self.hp.max_value))

    def sample(self, rng: np.random.Generator) -> Any:
        """A random value."""
        if self.kind == "fixed":
            return self.default
        if self.kind in ("categorical", "ordered"):
            return self.choices[int(rng.integers(len(self.choices)))]
        return self.at_unit(float(rng.random()))

    def step_from(self, value: Any, rng: np.random.Generator) -> Any:
        """A different value: any other one of a choice, a near one of a range (search mutation)."""
        if not self.tunable:
            return value
        if self.kind in ("categorical", "ordered"):
            others = [v for v in self.choices if v != value]
            return others[int(rng.integers(len(others)))]
        if self.count is not None and self.count <= FEW:
            here = self._nearest(value)
            steps = [i for i in (here - 2, here - 1, here + 1, here + 2) if 0 <= i < self.count]
            return self.value_at(steps[int(rng.integers(len(steps)))])
        return self._drift(value, rng)

    def neighbours(self, value: Any) -> list[Any]:
        """All values one step away: any other one of a choice, ±1 on a grid, ±0.1 and ±0.2 else."""
        if not self.tunable:
            return []
        if self.kind in ("categorical", "ordered"):
            return [v for v in self.choices if v != value]
        if self.count is not None and self.count <= FEW:
            here = self._nearest(value)
            return [self.value_at(i) for i in (here - 1, here + 1) if 0 <= i < self.count]
        places = [self.unit(value) + step for step in (-0.2, -0.1, 0.1, 0.2)]
        near = [self.at_unit(place) for place in places if 0.0 <= place <= 1.0]
        return [v for v in dict.fromkeys(near) if v != value]

    def _drift(self, value: Any, rng: np.random.Generator) -> Any:
        here = self.unit(value)
        for _ in range(20):
            moved = self.at_unit(here + float(rng.normal(0.0, MUTATION_SPREAD)))
            if moved != value:
                return moved
        return self.at_unit(0.0 if here > 0.5 else 1.0)

    def _nearest(self, value: Any) -> int:
        """Index of the nearest value of a finite numeric domain."""
        count = self.count or 1
        if self.kind == "ordered" or (self.kind == "float" or self.hp.sampling != "linear"):
            if self.kind == "int" and self.hp.step is None:
                return int(min(max(round(value) - self.hp.min_value, 0), count - 1))
            return int(np.argmin(np.abs(np.asarray(self.choices, dtype=float) - float(value))))
        index = round((value - self.hp.min_value) / (self.hp.step or 1))
        return int(min(max(index, 0), count - 1))


def _kind_and_count(hp: Any) -> tuple[Kind, int | None]:
    word = type(hp).__name__
    if word == "Fixed":
        return "fixed", 1
    if word == "Boolean":
        return "categorical", 2
    if word == "Choice":
        return ("ordered" if hp.ordered else "categorical"), len(dict.fromkeys(hp.values))
    if hp.step is not None:
        return ("int" if word == "Int" else "float"), _steps(hp)
    if word == "Int":
        return "int", int(hp.max_value - hp.min_value) + 1
    return "float", 1 if hp.min_value == hp.max_value else None


def _steps(hp: Any) -> int:
    """Number of values of a stepped range: keras-tuner's own count."""
    if hp.sampling == "linear":
        return int((hp.max_value - hp.min_value) // hp.step + 1)
    return int(math.log(hp.max_value / hp.min_value, hp.step) + 1e-8) + 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
