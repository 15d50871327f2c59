"""Strategies by their short names, and what users may pass instead of a name."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

import keras_tuner

from kerasnas.errors import SearchSpaceError
from kerasnas.objectives import Constraint, ObjectiveLike
from kerasnas.oracles.auto import Auto
from kerasnas.oracles.filters import Accept
from kerasnas.oracles.oracle import Oracle
from kerasnas.oracles.strategies import (
    Asha,
    Bayesian,
    Bohb,
    Evolution,
    Grid,
    Hyperband,
    LocalSearch,
    Nsga2,
    Random,
    Reinforce,
)

STRATEGIES: Mapping[str, type[Oracle]] = {
    strategy.short_name: strategy
    for strategy in (
        Auto,
        Random,
        Grid,
        Evolution,
        LocalSearch,
        Reinforce,
        Bayesian,
        Hyperband,
        Asha,
        Bohb,
        Nsga2,
    )
}

GROUP = "kerasnas.oracles"
"""Entry points of other packages that make an oracle by a name of their own."""


def create(
    name_or_oracle: str | Oracle,
    *,
    objective: ObjectiveLike | None = None,
    max_trials: int | None = None,
    seed: int | None = None,
    constraints: Sequence[Constraint] = (),
    portfolio: Sequence[Mapping[str, Any]] = (),
    initial: Sequence[Mapping[str, Any]] = (),
    accept: Accept | None = None,
    turns_after: int | None = None,
) -> Oracle:
    """The oracle that a user asked for.

    Args:
        name_or_oracle: A short name, one that an installed package registers under the entry-point
            group `kerasnas.oracles`, or an oracle of kerasnas. The oracle is copied; the copy keeps
            its own settings, and the arguments below fill in what it was made without.
        objective: What to optimise.
        max_trials: Most configurations to start.
        seed: Any whole number; `None` draws one.
        constraints: Bounds on metrics and measures.
        portfolio: Known-good configurations; only `auto` begins with them.
        initial: Configurations of the user, tried before all others.
        accept: Whether values meet what is known without training, or the measures that tell.
        turns_after: Known-good configurations after which steps from the best trials take turns
            with them; `None` tries them all first.

    Raises:
        SearchSpaceError: If no strategy has this name, or the object is no oracle of kerasnas.
    """
    oracle = _oracle(name_or_oracle)
    oracle.fill(
        objective=objective,
        max_trials=max_trials,
        seed=seed,
        constraints=constraints,
        portfolio=portfolio if isinstance(oracle, Auto) else (),
        initial=initial,
        accept=accept,
        turns_after=turns_after,
    )
    return oracle


def _oracle(given: object) -> Oracle:
    """A fresh oracle: a copy of the given one, or one by name."""
    if isinstance(given, Oracle):
        return copy.deepcopy(given)
    names = ", ".join(STRATEGIES)
    kind = type(given).__name__
    if isinstance(given, keras_tuner.Oracle):
        raise SearchSpaceError(
            f"`oracle` must be a name or an oracle of kerasnas, received a {kind}, which keeps no "
            f"journal. Pass one of {names}, or use it as `keras_tuner.Tuner(oracle=...)`."
        )
    if not isinstance(given, str):
        raise SearchSpaceError(
            "`oracle` must be a name or an oracle of kerasnas, received "
            f"{given!r} ({kind}). Names: {names}."
        )
    if given in STRATEGIES:
        make: Callable[[], Oracle] = STRATEGIES[given]
        return make()
    plugins = {entry.name: entry for entry in entry_points(group=GROUP)}
    if given not in plugins:
        near = difflib.get_close_matches(given.lower(), [*STRATEGIES, *plugins], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SearchSpaceError(f"`oracle` {given!r} is not a strategy.{hint} Names: {names}.")
    made = plugins[given].load()()
    if not isinstance(made, Oracle):
        raise SearchSpaceError(
            f"The entry point {given!r} makes a {type(made).__name__}, expected an oracle of "
            "kerasnas."
        )
    return made
