"""The forms of the data that trials ask for: made while there is time, the last few kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import keras
import numpy as np

from kerasnas import artifact
from kerasnas.assembly import Fronts, alone
from kerasnas.clock import Clock, Purpose, Stopwatch
from kerasnas.data import Reader
from kerasnas.data.stored import StoredRows
from kerasnas.problem import AnyProblem, Problem
from kerasnas.problem.inputs import FittedInput, Form
from kerasnas.spaces.space import Space
from kerasnas.trial.measure import latency

_KEPT_ON_DISK = 8  # forms in files: to read all rows again takes longer than many epochs


class FeatureCache:
    """All rows in the forms that trials ask for.

    Args:
        make: From the key of a form to all rows in it; see `forms_of`.
        clock: The clock of the fit.
        things: What the rows are, for errors.
        kept: Forms that are kept in memory; of those in files there may be more.
    """

    def __init__(
        self, make: Callable[[Any], Form], clock: Clock, things: str, kept: int = 3
    ) -> None:
        self._make = make
        self._clock = clock
        self._things = things
        self._in_memory = kept
        self._seconds: list[float] = []  # that forms have taken
        self._kept: dict[Hashable, Form] = {}

    def __call__(self, form: Hashable, timed: bool = True) -> Form:
        """All rows in a form, and the way back to raw data.

        Args:
            form: The form.
            timed: Whether it takes as long as others, for which there may be no time.

        Raises:
            OutOfTime: If there is no time to make one more form and to train on it.
        """
        if not timed:
            return last_few(self._kept, form, self._make, self._most)
        if form not in self._kept:
            what = (
                f"to bring all {self._things} to another form, after {len(self._seconds)} of them"
            )
            self._clock.allot(Purpose.FORM).require(self._needed, what)
        return last_few(self._kept, form, self._timed, self._most)

    @property
    def has_time(self) -> bool:
        """Whether there is time for one more form, and to train on it for as long as that takes."""
        return 2.0 * self._needed <= self._clock.allot(Purpose.FORM).left

    @property
    def _needed(self) -> float:
        """Seconds that one more form takes, by those before it."""
        return float(np.median(self._seconds)) if self._seconds else 0.0

    @property
    def _most(self) -> int:
        on_disk = any(isinstance(made.data, StoredRows) for made in self._kept.values())
        return _KEPT_ON_DISK if on_disk else self._in_memory

    def _timed(self, form: Hashable) -> Form:
        watch = Stopwatch(self._clock.now)
        made = self._make(form)
        self._seconds.append(watch.seconds)
        return made


def forms_of(fitted: FittedInput) -> Callable[[Any], Form]:
    """From the key of a form of an input to that form, with a front whose latency can be told."""
    return lambda key: with_latency(fitted.form(key), fitted.reader)


def with_latency(form: Form, reader: Reader) -> Form:
    """The form, with what measures the latency of its front."""
    return replace(form, latency_ms=cache(partial(_front_latency, form.front, reader)))


def front_latency(problem: AnyProblem, space: Space) -> Callable[[Any], float]:
    """From hyperparameters to the latency of the front of their form, which needs no rows.

    Args:
        problem: Knows the fronts.
        space: Knows the forms; each is timed once.
    """
    known = dict[Hashable, float]()
    front = problem.front if isinstance(problem, Problem) else None

    def timed(hp: Any) -> float:
        if front is None:
            return 0.0  # the form is there with its front
        key = space.form(hp)
        if key not in known:
            known[key] = _front_latency(front(hp), problem.reader)
        return known[key]

    return timed


def _front_latency(front: Fronts, reader: Reader) -> float:
    model = alone(front)
    one = keras.tree.map_structure(lambda a: a[:1], reader.probe())
    return latency(model, artifact.as_inputs(one, artifact.input_dtypes(model)))["latency_ms"]


def last_few(store: dict[Any, Any], key: Any, make: Callable[[Any], Any], most: int) -> Any:
    """What `make` gives for a key, from a store of the last few."""
    if key not in store:
        while len(store) >= most:
            store.pop(next(iter(store)))
        store[key] = make(key)
    else:
        store[key] = store.pop(key)
    return store[key]
