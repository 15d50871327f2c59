"""Members of an ensemble that are fitted in seconds, fitted once more on all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from kerasnas.clock import Purpose, Stopwatch
from kerasnas.history import TrialRecord
from kerasnas.problem import View
from kerasnas.spaces.method import Solution, Solve
from kerasnas.spaces.space import Space
from kerasnas.trial import Job
from kerasnas.trial.folds import mean_of
from kerasnas.trial.job import Solved
from kerasnas.trial.networks import hyperparameters
from kerasnas.trial.seeding import seed_of, seeded

_TWINS = 2  # of a member, at most: a third one brings next to nothing


@dataclass(eq=False)
class Again:
    """Fits trees and linear models again, now on the validation rows as well, while there is time.

    A trial's network and its twins answer with their mean. A twin takes the iterations at which
    the trial was best, so that no rows are needed to stop by.

    Attributes:
        trials: Trials by their ids.
        solved: Networks that can be fitted again.
        space: The search space, whose solvers fitted them.
        job: What they were fitted on.
        rows: From hyperparameters to the view with all rows to train on.
        member_seconds: Seconds that a member needs to be built into the ensemble.
    """

    trials: Mapping[str, TrialRecord]
    solved: Mapping[str, Solved]
    space: Space
    job: Job
    rows: Callable[[Any], View]
    member_seconds: float = 0.0

    def __call__(self, weights: Mapping[str, float]) -> dict[str, keras.Model]:
        """The exported models that take the place of members.

        Args:
            weights: Weights of the members by trial; the weightiest ones are fitted first.
        """
        building = len(weights) * self.member_seconds + self.job.clock.kept(Purpose.ANSWER)
        order = [k for k in sorted(weights, key=lambda k: -weights[k]) if k in self.solved]
        # The second fit has a quarter more rows but looks for no place to stop: it takes as long.
        seconds = {k: self.solved[k].seconds for k in order}
        twins: dict[str, list[Solution]] = {k: [] for k in order}
        for turn in range(1, 1 + _TWINS):
            for trial_id in order:
                if turn > 1 and self.solved[trial_id].solution.rounds is None:
                    continue  # a linear model would come to the same
                if self.job.clock.left - building < seconds[trial_id]:
                    continue
                watch = Stopwatch()
                twin = self._twin(trial_id, turn)
                seconds[trial_id] = watch.seconds
                if twin is not None:
                    twins[trial_id].append(twin)
        return {k: self._joined(k, fitted) for k, fitted in twins.items() if fitted}

    def _twin(self, trial_id: str, turn: int) -> Solution | None:
        trial = self.trials[trial_id]
        hp, seed = hyperparameters(trial), seed_of(self.job.seed, trial.number)
        method = self.space.method(hp)
        if not isinstance(method, Solve) or method.again is None:
            return None
        with seeded(seed, turn):
            return method.again(self.rows(hp), seed ^ turn, self.solved[trial_id].solution)

    def _joined(self, trial_id: str, twins: Sequence[Solution]) -> keras.Model:
        view = self.job.view(hyperparameters(self.trials[trial_id]))
        return view.assemble(mean_of([self.solved[trial_id].solution, *twins]))
