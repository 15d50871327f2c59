"""Tree-structured Parzen estimator, through Optuna's ask and tell."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import is_sound
from kerasnas.oracles.searchers.optuna_bridge import ask, frozen_trial
from kerasnas.oracles.searchers.protocol import Searcher, seen_keys
from kerasnas.oracles.space import Values, ValueSpace

MOST_SPENT = 256
"""After so many suggestions the cached study is built anew: each leaves a spent trial in it."""


MOST_EDITS = 20
"""Edits of an answer that was tried before, until it is new."""


@dataclass
class _Study:
    """A study that holds the finished trials in the order in which they ended, told once each."""

    study: Any
    space: ValueSpace
    told: list[tuple[Any, ...]] = field(default_factory=list)
    spent: int = 0


@dataclass
class TpeSearcher(Searcher):
    """Models good and bad trials by two densities and takes the candidate with the best ratio.

    Sources: Bergstra et al., *Algorithms for Hyper-Parameter Optimization*, NeurIPS 2011; Watanabe,
    *Tree-Structured Parzen Estimator*, 2023. Optuna 5 carries it out: multivariate for one
    objective, the independent multi-objective form (Ozaki et al., *Multiobjective TPE*, JAIR 2022)
    for several. A conditional space is walked parent by parent.

    Args:
        startup: Random suggestions before the model takes over.
        group: Models each conditional group jointly (experimental in Optuna).
    """

    startup: int = 10
    group: bool = False
    name: str = "tpe"
    _cache: _Study | None = field(default=None, init=False, repr=False, compare=False)

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """Asks a study that has been told the history.

        An answer that was tried before is edited until it is new: on lists of choices the model
        soon repeats itself, and to ask it is the dear part.
        """
        seed = int(rng.integers(2**31 - 1))
        if not any(is_sound(t, objectives) for t in history.finished):
            return space.random(rng)
        cache = self._study(space, history, objectives, constraints)
        values = self._ask(cache, seed, space, history, objectives, constraints)
        seen, tries = seen_keys(space, history), 0
        while space.key(values) in seen and tries < MOST_EDITS:
            values, tries = space.mutate(values, rng), tries + 1
        return values

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return "tree-structured Parzen estimator"

    def __getstate__(self) -> dict[str, Any]:
        """A copy builds a study of its own."""
        return {"startup": self.startup, "group": self.group, "name": self.name, "_cache": None}

    def _ask(
        self,
        cache: _Study,
        seed: int,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> Values:
        from optuna.trial import TrialState

        study = cache.study
        first_spent = len(study.get_trials(deepcopy=False))
        for record in history.running:
            study.add_trial(frozen_trial(space, record, objectives, constraints))
        with _quiet():
            study.sampler = self._sampler(seed)
            trial = study.ask()
            values = space.walk(lambda domain, _: ask(trial, domain))
        # What was asked and what still runs must not stay: the model ignores failed trials.
        for number in range(first_spent, len(study.get_trials(deepcopy=False))):
            study.tell(number, state=TrialState.FAIL)
            cache.spent += 1
        return values

    def _study(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> _Study:
        """The study of all finished trials: the cached one, brought up to date, or a new one."""
        wanted = [_identity(t, objectives, constraints) for t in history.finished]
        cache = self._cache
        if (
            cache is None
            or cache.space is not space
            or cache.spent > MOST_SPENT
            or cache.told != wanted[: len(cache.told)]
        ):
            cache = self._cache = _Study(_new_study(objectives), space)
        for record, identity in zip(
            history.finished[len(cache.told) :], wanted[len(cache.told) :], strict=True
        ):
            cache.study.add_trial(frozen_trial(space, record, objectives, constraints))
            cache.told.append(identity)
        return cache

    def _sampler(self, seed: int) -> Any:
        from optuna.samplers import TPESampler

        return TPESampler(n_startup_trials=self.startup, group=self.group, seed=seed)


def _identity(
    record: TrialRecord, objectives: Sequence[Objective], constraints: Sequence[Constraint]
) -> tuple[Any, ...]:
    """Everything that decides how a trial is told; NaN is replaced since it differs from itself."""
    scores = tuple(
        (k, v if math.isfinite(v) else repr(v)) for k, v in sorted(record.scores.items())
    )
    setting = (tuple(objectives), tuple(constraints))
    # The values of a record are replaced, never changed: the same object is the same values.
    return (record.number, record.status, record.reached, record.values, scores, setting)


def _new_study(objectives: Sequence[Objective]) -> Any:
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(directions=["minimize"] * len(objectives))
    finally:
        optuna.logging.set_verbosity(verbosity)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences what Optuna says about its experimental parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
