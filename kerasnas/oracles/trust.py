"""Whether short trainings order configurations as full ones do, by the trials at hand."""

from __future__ import annotations

from collections.abc import Sequence

from kerasnas.history import Execution, History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import infeasibility, losses

PROOFS = 6
"""Trials that are trained in full after a short training; then there are only full ones."""

FIRST_VERDICT = 4
"""Proofs after which the first verdict is given."""

BELIEF = (3, 1)
"""Pairs of trials that count as seen before the first one: ordered alike, and the other way round.
Short trainings are believed at first."""

LEAST_AGREEMENT = 0.3
"""Kendall's correlation, shrunk by `BELIEF`, below which short trainings are not believed."""


def proofs(history: History) -> list[tuple[Execution, Execution]]:
    """The short and the full training of each trial that had both."""
    pairs = []
    for trial in history.trials:
        at = {e.rung: e for e in trial.executions if e.status != "FAILED"}
        if 0 in at and 1 in at:
            pairs.append((at[0], at[1]))
    return pairs


def agreement(
    pairs: Sequence[tuple[Execution, Execution]],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> float:
    """Kendall's correlation of short and full trainings, shrunk by `BELIEF`."""
    places = [
        tuple((infeasibility(e, constraints), losses(e, objectives)) for e in pair)
        for pair in pairs
    ]
    alike, against = BELIEF
    for i, (low, high) in enumerate(places):
        for other_low, other_high in places[:i]:
            same = (low < other_low) == (high < other_high)
            alike, against = alike + same, against + (not same)
    return (alike - against) / (alike + against)


def short_first(
    history: History, objectives: Sequence[Objective], constraints: Sequence[Constraint] = ()
) -> bool:
    """Whether the search is still one of short trainings.

    It ends when enough of them are tested, sooner where they order trials otherwise than full ones.
    Where they agree, full ones still end ahead: the best short training is not the best full one.
    """
    pairs = proofs(history)
    if not FIRST_VERDICT <= len(pairs) < PROOFS:
        return len(pairs) < PROOFS
    return agreement(pairs, objectives, constraints) >= LEAST_AGREEMENT
