"""The strategies: short names and objects, each one oracle with a searcher inside."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras_tuner

from kerasnas.errors import SearchSpaceError
from kerasnas.objectives import Constraint, ObjectiveLike
from kerasnas.oracles.oracle import Oracle
from kerasnas.oracles.searchers import (
    BayesianSearcher,
    EvolutionSearcher,
    GridSearcher,
    LocalSearcher,
    MixedSearcher,
    Nsga2Searcher,
    RandomSearcher,
    ReinforceSearcher,
)
from kerasnas.oracles.space import CONTINUOUS_POINTS, Values

SMALL_BUDGET = 50
"""Below so many trials evolution works with a smaller population."""


class Random(Oracle):
    """Random search: the yardstick for all others.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        **settings: As there.
    """

    short_name = "random"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(objective, max_trials, seed, searcher=RandomSearcher(), **settings)


class Grid(Oracle):
    """Every configuration once; ends when the grid does.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        points: Points on each continuous range.
        **settings: As there.
    """

    short_name = "grid"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        points: int = CONTINUOUS_POINTS,
        **settings: Any,
    ) -> None:
        super().__init__(objective, max_trials, seed, searcher=GridSearcher(points), **settings)


class Evolution(Oracle):
    """Regularized (ageing) evolution.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        population: Size of the population; 20, or 10 when `max_trials` is below 50.
        sample: Members of a tournament; 5, or 3 when `max_trials` is below 50.
        **settings: As there.
    """

    short_name = "evolution"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        population: int | None = None,
        sample: int | None = None,
        **settings: Any,
    ) -> None:
        small = max_trials is not None and max_trials < SMALL_BUDGET
        searcher = EvolutionSearcher(
            population or (10 if small else 20), sample or (3 if small else 5)
        )
        super().__init__(objective, max_trials, seed, searcher=searcher, **settings)


class LocalSearch(Oracle):
    """Local search with restarts: strong on architectures when there are up to 100 trials.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        starts: Random points before the walk begins.
        **settings: As there.
    """

    short_name = "local"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        starts: int = 5,
        **settings: Any,
    ) -> None:
        super().__init__(objective, max_trials, seed, searcher=LocalSearcher(starts), **settings)


class Reinforce(Oracle):
    """A REINFORCE controller; numbers are seen on a grid of 8.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        learning_rate: Of the controller; 0.01 is the published one, 0.1 suits 50 trials and more.
        **settings: As there.
    """

    short_name = "reinforce"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        learning_rate: float = 0.1,
        **settings: Any,
    ) -> None:
        super().__init__(
            objective, max_trials, seed, searcher=ReinforceSearcher(learning_rate), **settings
        )


class Bayesian(Oracle):
    """Model-based search: a Gaussian process on flat, discrete spaces, TPE on all others.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        startup: Random trials before the model takes over; known-good ones count.
        **settings: As there.
    """

    short_name = "bayesian"

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
            objective, max_trials, seed, searcher=BayesianSearcher(startup), **settings
        )


class Nsga2(Oracle):
    """Ageing NSGA-II, for two objectives or more.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        population: Finished trials that take part.
        sample: Members of a tournament.
        **settings: As there.
    """

    short_name = "nsga2"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        population: int = 20,
        sample: int = 5,
        **settings: Any,
    ) -> None:
        super().__init__(
            objective, max_trials, seed, searcher=Nsga2Searcher(population, sample), **settings
        )


class Auto(Oracle):
    """The default: known-good configurations, then small steps from the best and a model in turn.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        startup: Random trials before the model takes over; known-good ones count.
        **settings: As there.
    """

    short_name = "auto"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        startup: int = 10,
        **settings: Any,
    ) -> None:
        searcher = MixedSearcher(startup=startup)
        super().__init__(objective, max_trials, seed, searcher=searcher, **settings)


STRATEGIES: Mapping[str, type[Oracle]] = {
    strategy.short_name: strategy
    for strategy in (Auto, Random, Grid, Evolution, LocalSearch, Reinforce, Bayesian, Nsga2)
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
    strategy: Callable[..., Oracle] = _strategy(name_or_oracle)
    return strategy(
        objective,
        max_trials,
        seed,
        constraints=constraints,
        portfolio=portfolio if name_or_oracle == "auto" else (),
        initial=initial,
        accept=accept,
    )


def _strategy(name: object) -> type[Oracle]:
    if not isinstance(name, str):
        raise SearchSpaceError(
            "`oracle` must be a name or a `keras_tuner.Oracle`, received "
            f"{name!r} ({type(name).__name__}). Names: {', '.join(STRATEGIES)}."
        )
    if name not in STRATEGIES:
        near = difflib.get_close_matches(name.lower(), STRATEGIES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SearchSpaceError(
            f"`oracle` {name!r} is not a strategy.{hint} Names: {', '.join(STRATEGIES)}."
        )
    return STRATEGIES[name]
