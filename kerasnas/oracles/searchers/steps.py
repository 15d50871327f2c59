"""One-step mutations of the best trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import infeasibility, positions
from kerasnas.oracles.space import Values, ValueSpace


def steps_from_best(
    space: ValueSpace,
    history: History,
    objectives: Sequence[Objective],
    rng: np.random.Generator,
    constraints: Sequence[Constraint] = (),
    best: int = 5,
) -> Iterator[Values]:
    """Mutations of the best trials without end; nothing where there is none to start from.

    Args:
        space: The search space.
        history: All trials so far.
        objectives: What is optimised.
        rng: Source of random numbers.
        constraints: Bounds; trials without finite violation are not mutated.
        best: How many trials are mutated, the best one most often: ranks are drawn with weights
            1, 1/2, 1/3, …
    """
    done = [t for t in history.finished if math.isfinite(infeasibility(t, constraints))]
    place = positions(done, objectives, constraints)
    order = sorted(range(len(done)), key=lambda i: place[i])[:best]
    weights = 1.0 / np.arange(1, len(order) + 1)
    while order:
        chosen = int(rng.choice(len(order), p=weights / weights.sum()))
        yield space.mutate(done[order[chosen]].values, rng)
