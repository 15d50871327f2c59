"""Strategies by their short names, and what users may pass instead of a name."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

import keras_tuner

from kerasnas.errors import SearchSpaceError
from kerasnas.oracles.auto import Auto
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


def create(given: str | Oracle) -> Oracle:
    """The oracle that a user asked for, to be told its context by `begin`.

    Args:
        given: A short name, one that an installed package registers under the entry-point
            group `kerasnas.oracles`, or an oracle of kerasnas, which is copied.

    Raises:
        SearchSpaceError: If no strategy has this name, or the object is no oracle of kerasnas.
    """
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
