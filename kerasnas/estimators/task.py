"""A problem, the space that is searched for it, and what its trials are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kerasnas.baselines import Baselines
from kerasnas.clock import Clock
from kerasnas.problem import AnswerScorer, AnyProblem
from kerasnas.spaces.space import Space


def _no_baselines(scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
    return Baselines()


@dataclass(frozen=True, eq=False)
class Task:
    """What a modality gives to a search.

    Attributes:
        problem: What is learnt, from what, and judged on which rows.
        hypermodel: The search space.
        baselines: Fits and scores honest baselines on the rows of the problem.
    """

    problem: AnyProblem
    hypermodel: Space
    baselines: Callable[[Any, Clock, int], Baselines] = _no_baselines
