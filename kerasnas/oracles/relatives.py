"""Which finished trial a new configuration descends from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import pareto_first

RECENT = 20
"""Trials whose models are kept for their children: the latest ones."""


def parent_of(
    values: Mapping[str, Any],
    history: History,
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> int | None:
    """The number of the best recent trial that is one edit away; `None` where there is none.

    An edit is a hyperparameter of another value; what an edit switches on or off comes with it.
    """
    recent = [t for t in history.finished[-RECENT:] if _distance(t.values, values) <= 1]
    best = pareto_first(recent, objectives, constraints)
    return best[0].number if best else None


def _distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """How many hyperparameters that both have differ."""
    return sum(one[name] != other[name] for name in one if name in other)
