"""A problem, the space that is searched for it, and what its trials are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasnas.baselines import Baselines
from kerasnas.clock import Clock
from kerasnas.objectives import Objective
from kerasnas.problem import AnswerScorer, AnyProblem
from kerasnas.spaces.space import Space

_KINDS_BETWEEN = 2  # configurations of other kinds, before another one of the best baseline's


def _no_baselines(scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
    return Baselines()


@dataclass(frozen=True, eq=False)
class Task:
    """What a modality gives to a search.

    Attributes:
        problem: What is learnt, from what, and judged on which rows.
        hypermodel: The search space.
        baselines: Fits and scores honest baselines on the rows of the problem.
        notes: Lines for the user, before the search begins.
    """

    problem: AnyProblem
    hypermodel: Space
    baselines: Callable[[Any, Clock, int], Baselines] = _no_baselines
    notes: Sequence[str] = ()

    def portfolio(self, baselines: Baselines, objective: Objective) -> Sequence[Mapping[str, Any]]:
        """Known-good configurations; where rows are few, the kind of the best baseline first.

        So the best baseline is a trial like any other, however few trials there are: it can answer,
        and be a member of the ensemble.

        Args:
            baselines: What the trials are compared with, scored.
            objective: Says which baseline is the best.
        """
        known = self.hypermodel.portfolio
        done = [row for row in baselines.rows if not row["failure"]]
        if not self.problem.rows.folds or not done:
            return known
        best = min(done, key=lambda row: objective.loss(row))
        alike = [dict(c) for c in self.hypermodel.like_baseline(best["trial_id"])]
        rest = [c for c in known if dict(c) not in alike]
        # What is much like the first one waits until there is something else beside it.
        return [*alike[:1], *rest[:_KINDS_BETWEEN], *alike[1:], *rest[_KINDS_BETWEEN:]]
