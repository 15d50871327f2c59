"""The searcher of the default strategy: the rule that suits the space and the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.searchers.bandit import BanditSearcher
from kerasnas.oracles.searchers.bayesian import BayesianSearcher
from kerasnas.oracles.searchers.evolution import EvolutionSearcher
from kerasnas.oracles.searchers.gp import GpSearcher
from kerasnas.oracles.searchers.local import LocalSearcher
from kerasnas.oracles.searchers.nsga2 import Nsga2Searcher
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.searchers.steps import steps_from_best
from kerasnas.oracles.searchers.tpe import TpeSearcher
from kerasnas.oracles.space import Values, ValueSpace

FEW = 60
"""Up to so many trials a model of several objectives does better than a population."""

SMALL = 12
"""Up to so many hyperparameters a model needs no help."""

LARGE = 100
"""Beyond so many hyperparameters the model of several objectives is too slow."""

SEVERAL = f"multi-objective Parzen estimator for {FEW} trials, then ageing NSGA-II"
"""What is done for several objectives, in a few words."""


@dataclass(frozen=True)
class MixedSearcher(Searcher):
    """Picks a rule; the reasons are measurements, see `docs/strategies.md`.

    * One objective, only choices and none that depends on another: a Gaussian process, local
      search, evolution and a Parzen estimator, each as often as it succeeds. The process alone,
      whose candidates are edits of the best trials, may stay in the corner in which it began.
    * One objective, at most 12 hyperparameters of any kind: the Gaussian process alone, which is
      ahead of the four together where there are numbers.
    * One objective, larger spaces: in turn a Bayesian model and one-step mutations of the best
      trials. Known-good configurations are hard to beat by random points, and a model of many
      hyperparameters has little to go by at first: until then only the mutations make progress.
    * Several objectives: a multi-objective Parzen estimator for the first 60 trials, ageing
      NSGA-II after that.

    Args:
        best: How many of the best trials are mutated.
        startup: As in `BayesianSearcher`.
        short: Short trainings that the Gaussian process alone is told of.
    """

    best: int = 5
    startup: int = 10
    short: tuple[TrialRecord, ...] = ()
    name: str = "mixed"
    _bandit: BanditSearcher = field(init=False, repr=False, compare=False)
    _process: Searcher = field(init=False, repr=False, compare=False)
    _model: BayesianSearcher = field(init=False, repr=False, compare=False)
    _several: TpeSearcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        process = GpSearcher(self.startup)
        parts = (process, LocalSearcher(), EvolutionSearcher(), TpeSearcher(self.startup))
        object.__setattr__(self, "_process", process.beside(self.short))
        object.__setattr__(self, "_bandit", BanditSearcher(parts, self.startup))
        object.__setattr__(self, "_model", BayesianSearcher(self.startup))
        object.__setattr__(self, "_several", TpeSearcher(startup=self.startup))

    def beside(self, short: Sequence[TrialRecord]) -> Searcher:
        """Tells the process where it decides alone: elsewhere nobody has measured that it helps."""
        return replace(self, short=tuple(short))

    def turn(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Searcher:
        """The part of the bandit whose turn it is, where there is a bandit."""
        if len(objectives) > 1 or not only_choices(space):
            return self
        return self._bandit.turn(space, history, objectives, rng, constraints)

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """Asks the rule that suits."""
        if len(objectives) > 1:
            few = len(history.finished) < FEW and len(space) <= LARGE
            rule = self._several if few else Nsga2Searcher()
            return rule.suggest(space, history, objectives, rng, constraints)
        if by_gaussian_process(space, objectives):
            one: Searcher = self._bandit if only_choices(space) else self._process
            return one.suggest(space, history, objectives, rng, constraints)
        if len(history) % 2 == 0:
            steps = steps_from_best(space, history, objectives, rng, constraints, self.best)
            values = next(steps, None)
            if values is not None:
                return values
        return self._model.suggest(space, history, objectives, rng, constraints)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        if only_choices(space):
            return self._bandit.describe(space)
        model = self._model.describe(space)
        if by_gaussian_process(space, ()):
            return f"{model}, edits of the best trials as candidates"
        return f"steps from the best {self.best} trials, in turn with {model}"


def by_gaussian_process(space: ValueSpace, objectives: Sequence[Objective]) -> bool:
    """Whether a model alone does best: on lists of choices, and where there is little to learn."""
    few = sum(d.tunable for d in space.domains) <= SMALL
    return bool(len(space)) and len(objectives) < 2 and (only_choices(space) or few)


def only_choices(space: ValueSpace) -> bool:
    """Whether a space is a list of choices, none of which depends on another."""
    choices = all(d.kind in ("categorical", "fixed") for d in space.domains)
    return bool(len(space)) and choices and space.flat
