"""The strategies: each one oracle with a searcher inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasnas.objectives import ObjectiveLike
from kerasnas.oracles.oracle import Oracle
from kerasnas.oracles.schedulers import AshaScheduler, HyperbandScheduler
from kerasnas.oracles.schedulers.rungs import check_settings
from kerasnas.oracles.searchers import (
    BayesianSearcher,
    EvolutionSearcher,
    GridSearcher,
    LocalSearcher,
    Nsga2Searcher,
    RandomSearcher,
    ReinforceSearcher,
)
from kerasnas.oracles.searchers.by_rung import RungSearcher
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import CONTINUOUS_POINTS

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
    seeded = False

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
        inherit: Whether a trial begins with the weights of a recent one that is one edit away,
            where layers agree. That saves epochs; such scores are optimistic beside those of
            trainings from scratch.
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
        inherit: bool = False,
        **settings: Any,
    ) -> None:
        self._sizes = population, sample
        self.inherit = inherit
        searcher = self._searcher_for(max_trials)
        super().__init__(objective, max_trials, seed, searcher=searcher, **settings)

    def _searcher_for(self, max_trials: int | None) -> Searcher:
        population, sample = self._sizes
        small = max_trials is not None and max_trials < SMALL_BUDGET
        return EvolutionSearcher(population or (10 if small else 20), sample or (3 if small else 5))


class LocalSearch(Oracle):
    """Local search with restarts: strong on architectures when there are up to 100 trials.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        starts: Random points before the walk begins.
        inherit: As in `Evolution`.
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
        inherit: bool = False,
        **settings: Any,
    ) -> None:
        self.inherit = inherit
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
    """Model-based search: a Gaussian process for one objective, a Parzen estimator for several.

    The Parzen estimator takes over beyond 200 trials too.

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


class Hyperband(Oracle):
    """Many short trainings, few long ones: brackets of successive halving.

    In a tuner that cannot pause trials every trial is trained in full, with a warning.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there; configurations are counted, not their trainings.
        seed: As there.
        eta: One in so many configurations goes on at each rung, for so many times as long.
        min_fidelity: Share of a full training at the lowest rung; default one epoch, or a ninth
            where the length of a full training is not known at the start.
        fidelities: All shares, ascending and ending in 1, instead of `eta` and `min_fidelity`: one
            in so many goes on as the next training is longer.
        fidelity: What a share is a share of: `"epochs"`, or training `"rows"`.
        searcher: The rule that picks values; random.
        **settings: As there.

    Raises:
        SearchSpaceError: If a setting is out of range.
    """

    short_name = "hyperband"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        eta: float = 3,
        min_fidelity: float | None = None,
        fidelities: Sequence[float] | None = None,
        fidelity: str = "epochs",
        searcher: Searcher | None = None,
        **settings: Any,
    ) -> None:
        check_settings(eta, min_fidelity, fidelities, fidelity)
        fixed = None if fidelities is None else tuple(map(float, fidelities))
        super().__init__(
            objective,
            max_trials,
            seed,
            searcher=searcher or self._searcher(),
            scheduler=HyperbandScheduler(eta, min_fidelity, fixed),
            fidelity=fidelity,
            **settings,
        )

    def _searcher(self) -> Searcher:
        return RandomSearcher()


class Bohb(Hyperband):
    """Hyperband with a model in place of random draws, fed by the highest rung that can feed it.

    Arguments as in `Hyperband`.
    """

    short_name = "bohb"

    def _searcher(self) -> Searcher:
        return RungSearcher()


class Asha(Oracle):
    """Asynchronous successive halving: promotes as soon as a trial is among the best of its rung.

    With several objectives the best are those of the first non-dominated fronts (MO-ASHA). In a
    tuner that cannot pause trials every trial is trained in full, with a warning.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there; configurations are counted, not their trainings.
        seed: As there.
        eta: One in so many configurations goes on at each rung, for so many times as long.
        min_fidelity: Share of a full training at the lowest rung; default a ninth.
        fidelities: All shares, ascending and ending in 1, instead of `eta` and `min_fidelity`: one
            in so many goes on as the next training is longer.
        fidelity: What a share is a share of: `"epochs"`, or training `"rows"`.
        searcher: The rule that picks values; random.
        **settings: As there.

    Raises:
        SearchSpaceError: If a setting is out of range.
    """

    short_name = "asha"

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        eta: float = 3,
        min_fidelity: float | None = None,
        fidelities: Sequence[float] | None = None,
        fidelity: str = "epochs",
        searcher: Searcher | None = None,
        **settings: Any,
    ) -> None:
        check_settings(eta, min_fidelity, fidelities, fidelity)
        fixed = None if fidelities is None else tuple(map(float, fidelities))
        super().__init__(
            objective,
            max_trials,
            seed,
            searcher=searcher or RandomSearcher(),
            scheduler=AshaScheduler(eta, min_fidelity, fixed),
            fidelity=fidelity,
            **settings,
        )
