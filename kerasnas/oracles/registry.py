"""The strategies: short names and objects, each one oracle with a searcher inside."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras_tuner

from kerasnas.errors import SearchSpaceError
from kerasnas.objectives import Constraint, ObjectiveLike
from kerasnas.oracles.oracle import Oracle
from kerasnas.oracles.searchers import RandomSearcher, TpeSearcher
from kerasnas.oracles.space import Values


class Random(Oracle):
    """Random search: the yardstick. Arguments as in `kerasnas.oracles.Oracle`."""

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(objective, max_trials, seed, searcher=RandomSearcher(), **settings)


class Bayesian(Oracle):
    """Model-based search with a tree-structured Parzen estimator.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        startup: Random trials before the model takes over.
        **settings: As there.
    """

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        startup: int = 10,
        **settings: Any,
    ) -> None:
        super().__init__(
            objective, max_trials, seed, searcher=TpeSearcher(startup=startup), **settings
        )


class Auto(Bayesian):
    """The default: known-good configurations first, then model-based search."""


STRATEGIES: Mapping[str, type[Oracle]] = {
    "auto": Auto,
    "bayesian": Bayesian,
    "random": Random,
}


def create(
    name_or_oracle: str | keras_tuner.Oracle,
    *,
    objective: ObjectiveLike | None = None,
    max_trials: int | None = None,
    seed: int | None = None,
    constraints: Sequence[Constraint] = (),
    portfolio: Sequence[Mapping[str, Any]] = (),
    initial: Sequence[Mapping[str, Any]] = (),
    accept: Callable[[Values], bool] | None = None,
) -> keras_tuner.Oracle:
    """The oracle that a user asked for.

    Args:
        name_or_oracle: A short name, or an oracle, which is used as it is.
        objective: What to optimise.
        max_trials: Most configurations to start.
        seed: Any whole number; `None` draws one.
        constraints: Bounds on metrics and measures.
        portfolio: Known-good configurations; only `auto` begins with them.
        initial: Configurations of the user, tried before all others.
        accept: Whether values meet what is known without training.

    Raises:
        SearchSpaceError: If no strategy has this name, or the object is no oracle.
    """
    if isinstance(name_or_oracle, keras_tuner.Oracle):
        return name_or_oracle
    if not isinstance(name_or_oracle, str):
        raise SearchSpaceError(
            "`oracle` must be a name or a `keras_tuner.Oracle`, received "
            f"{name_or_oracle!r} ({type(name_or_oracle).__name__}). Names: {', '.join(STRATEGIES)}."
        )
    if name_or_oracle not in STRATEGIES:
        near = difflib.get_close_matches(name_or_oracle.lower(), STRATEGIES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SearchSpaceError(
            f"`oracle` {name_or_oracle!r} is not a strategy.{hint} Names: {', '.join(STRATEGIES)}."
        )
    strategy: Callable[..., Oracle] = STRATEGIES[name_or_oracle]
    return strategy(
        objective,
        max_trials,
        seed,
        constraints=constraints,
        portfolio=portfolio if name_or_oracle == "auto" else (),
        initial=initial,
        accept=accept,
    )
