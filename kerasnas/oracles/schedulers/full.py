"""No rungs: every trial is trained in full, or stopped when it is hopeless."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.schedulers.protocol import Decision, Done, Scheduler, Start, Verdict


@dataclass(frozen=True)
class Full(Scheduler):
    """Trains every trial in full, save those that the median rule gives up.

    A trial is stopped at a step when the best it has reported is worse than the median of what the
    completed trials had averaged up to that step. Source: Golovin et al., *Google Vizier*, KDD
    2017, section 3.2.2. Only for one objective: of several none tells by itself what is hopeless.

    Args:
        median: Whether the rule is applied.
        least_trials: Completed trials that must have come so far.
        least_reports: Reports of a trial before the rule looks at it.
        least_share: The same as a share of what completed trials usually report: a learning rate
            that rises late is no reason to give up.
    """

    median: bool = True
    least_trials: int = 5
    least_reports: int = 8
    least_share: float = 0.5
    name: str = "full"
    rungs: tuple[float, ...] = (1.0,)

    def next(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        may_start: bool = True,
    ) -> Decision:
        """A new configuration as long as there is one."""
        return Start() if may_start else Done()

    def on_report(self, history: History, number: int, objectives: Sequence[Objective]) -> Verdict:
        """Stops what is worse than the median."""
        mine = history.trials[number]
        if not self.median or len(objectives) > 1 or len(mine.reports) < self.least_reports:
            return "continue"
        usual = [len(trial.reports) for trial in history.completed()]
        if usual and len(mine.reports) < self.least_share * float(np.median(usual)):
            return "continue"
        step = mine.reports[-1][0]
        averages = [
            average
            for trial in history.completed()
            if trial.reports and trial.reports[-1][0] >= step
            if math.isfinite(average := _average(trial, step, objectives[0]))
        ]
        if len(averages) < self.least_trials:
            return "continue"
        best = min((objectives[0].loss(m) for _, m in mine.reports), default=math.inf)
        return "stop" if best > float(np.median(averages)) else "continue"


def _average(trial: TrialRecord, step: int, objective: Objective) -> float:
    """Mean loss of the reports up to a step."""
    values = [objective.loss(metrics) for s, metrics in trial.reports if s <= step]
    return float(np.mean(values)) if values else math.inf
