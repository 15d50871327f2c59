"""Members of an ensemble that are fitted in seconds, fitted once more on all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from kerasnas.history import TrialRecord
from kerasnas.results.refit import hyperparameters
from kerasnas.runner import Job, View
from kerasnas.runner.folds import mean_of
from kerasnas.runner.job import Solved
from kerasnas.runner.offers import Offers
from kerasnas.runner.seeding import seed_of, seeded

_LONGER = 1.3  # times what a fit on the training rows alone has taken


@dataclass(eq=False)
class Again:
    """Fits trees and linear models again, now on the validation rows as well, while there is time.

    A trial's network and its twin answer with their mean. The twin takes the iterations at which
    the trial was best, so that no rows are needed to stop by.

    Attributes:
        trials: Trials by their ids.
        solved: Networks that can be fitted again.
        hypermodel: What they were fitted with.
        job: What they were fitted on.
        rows: From hyperparameters to the view with all rows to train on.
    """

    trials: Mapping[str, TrialRecord]
    solved: Mapping[str, Solved]
    hypermodel: Any
    job: Job
    rows: Callable[[Any], View]

    def __call__(self, trial_id: str) -> keras.Model | None:
        """The exported model of both, `None` where there is no time or nothing to be fitted."""
        first = self.solved.get(trial_id)
        building = self.job.members * self.job.member_seconds
        if first is None or self.job.clock.left - building < _LONGER * first.seconds:
            return None
        trial = self.trials[trial_id]
        hp, seed = hyperparameters(trial), seed_of(self.job.seed, trial.number)
        with seeded(seed, 1):
            twin = Offers(self.hypermodel).solve_again(hp, self.rows(hp), seed ^ 1, first.network)
        if twin is None:
            return None
        return self.job.view(hp).assemble(mean_of([first.network, twin]))
