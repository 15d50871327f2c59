"""Known-good configurations of the tabular space, and the orders in which they are tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import zip_longest
from typing import Any, Literal

from kerasnas.spaces import solved

Order = Literal[
    "learnt", "simple_first", "simple_quick_first", "quick_first", "hurried", "many_classes"
]

# Defaults of libraries that need not be there: no portfolio can be learnt with them everywhere.
_OPTIONAL = ("catboost", "xgboost")
_ON_DEMAND = ("histgb",)  # tried where it is asked for by name only
_BEFORE_OPTIONAL = 4
_LONG = 1.0  # effort from which on a configuration waits for the first network
_WITH_USEFUL = 2  # of the best configurations are tried on the useful columns alone as well


@cache
def _portfolio() -> tuple[dict[str, Any], ...]:
    """Known-good configurations, best first; what they do not name takes its default.

    Learnt by `benchmarks/portfolio.py`.
    """
    path = files("kerasnas.spaces") / "portfolios" / "tabular.json"
    learnt = json.loads(path.read_text(encoding="utf-8"))["configurations"]
    optional = [{"family": family} for family in _OPTIONAL]
    on_demand = [{"family": family} for family in _ON_DEMAND]
    return (*learnt[:_BEFORE_OPTIONAL], *optional, *learnt[_BEFORE_OPTIONAL:], *on_demand)


def _in_a_hurry(known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is fitted in seconds before networks, the quickest first.

    What takes longest of it, forests and boosting in many small steps, waits for the first network.
    """
    fitted = sorted((c for c in known if c["family"] in solved.SOLVED), key=_effort)
    quick = [c for c in fitted if _effort(c) < _LONG]
    networks = [c for c in known if c["family"] not in solved.SOLVED]
    return [*quick, *networks[:1], *fitted[len(quick) :], *networks[1:]]


def _in_turns(known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The linear model, then networks and trees in turns, the quickest trees first.

    Boosting has a tree a class in every iteration: one after the other, its configurations would
    leave networks no time.
    """
    linear = [c for c in known if c["family"] == solved.LINEAR]
    networks = [c for c in known if c["family"] not in solved.SOLVED]
    trees = sorted(
        (c for c in known if c["family"] in solved.SOLVED and c not in linear), key=_effort
    )
    pairs = [c for pair in zip_longest(networks, trees) for c in pair if c is not None]
    return [*linear[:1], *pairs, *linear[1:]]


def _effort(configuration: dict[str, Any]) -> float:
    """What a configuration takes, relatively: boosting by small trees at a small rate most."""
    family = configuration["family"]
    if family == "extra_trees":
        return _LONG
    if family not in ("lightgbm", "histgb"):
        return 0.0
    leaves = configuration.get(f"{family}_leaves", 31)
    return 1.0 / (leaves * configuration.get(f"{family}_learning_rate", 0.04))


def known_good(
    families: Sequence[str], order: Order, first: int, useful: bool
) -> list[dict[str, Any]]:
    """Known-good configurations of some families, best first.

    Args:
        families: The families in use.
        order: As in `TabularHyperModel`.
        first: How many count as the first ones, among which the quick ones may go first.
        useful: Whether the best ones are tried on the useful columns alone as well.
    """
    known = [dict(c) for c in _portfolio() if c["family"] in families]
    again = [{**c, "columns": "useful"} for c in known[:_WITH_USEFUL]]
    if order == "hurried":
        known = _in_a_hurry(known)
    elif order == "many_classes":
        known = _in_turns(known)
    elif order in ("quick_first", "simple_quick_first"):
        known[:first] = sorted(known[:first], key=lambda c: c["family"] not in solved.SOLVED)
    if order in ("simple_first", "simple_quick_first"):
        known.sort(key=lambda c: c["family"] != solved.LINEAR)
    if not useful:
        return known
    return [*known[:_BEFORE_OPTIONAL], *again, *known[_BEFORE_OPTIONAL:]]
