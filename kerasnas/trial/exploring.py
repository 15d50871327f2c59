"""Finding all hyperparameters of a build function before a search begins."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from kerasnas.spaces.space import Space


def explore(space: Space, oracle: Any, check: Callable[[Any], None] = lambda network: None) -> None:
    """Builds until every conditional scope has been active once, and tells the oracle the space.

    What keras-tuner does, but for two things. Hyperparameters that a scope brings take their
    defaults instead of values drawn without a seed, so that the order of the space, and with it
    every seeded choice, is the same in every run. And a scope that is never
    active, being gone where its condition holds, is tried once instead of for ever.

    Args:
        space: A search space.
        oracle: A keras-tuner oracle.
        check: Told each network that is built, to end the search where no trial could train it.
    """
    hp = oracle.get_space()
    space.declare_hyperparameters(hp)
    oracle.update_space(hp)
    hp = oracle.get_space()
    waiting: list[Any] = []
    seen: list[Any] = []  # active once, or tried
    while True:
        check(space.sketch(hp))
        oracle.update_space(hp)
        seen.extend(copy.deepcopy(c) for c in hp.active_scopes if c not in seen)
        waiting.extend(copy.deepcopy(c) for c in hp.inactive_scopes if c not in waiting)
        waiting = [conditions for conditions in waiting if conditions not in seen]
        if not waiting:
            return
        seen.append(waiting[0])
        hp = oracle.get_space()
        for condition in waiting[0]:
            hp.values[condition.name] = condition.values[0]
        for parameter in hp.space:
            if hp.is_active(parameter):
                hp.values.setdefault(parameter.name, parameter.default)
            elif not any(hp.is_active(p) for p in hp.space if p.name == parameter.name):
                hp.values.pop(parameter.name, None)
