"""The bridge to Optuna: one distribution a domain, and trials of the history as Optuna trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kerasnas.history import TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.domains import Domain
from kerasnas.oracles.ranking import infeasibility, losses
from kerasnas.oracles.space import ValueSpace


def by_index(domain: Domain) -> bool:
    """Whether Optuna sees the index of a value: on all numeric grids but a linear `Int`."""
    if domain.kind == "ordered":
        return True
    if domain.kind not in ("int", "float") or domain.hp.step is None:
        return False
    return domain.kind == "float" or domain.hp.sampling != "linear"


def by_unit(domain: Domain) -> bool:
    """Whether Optuna sees the place in [0, 1]: `reverse_log` ranges without a step."""
    return domain.kind in ("int", "float") and (
        domain.hp.sampling == "reverse_log" and domain.hp.step is None
    )


def distribution(domain: Domain) -> Any:
    """The Optuna distribution of a tunable domain."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if domain.kind == "categorical":
        return CategoricalDistribution(domain.choices)
    if by_index(domain):
        return IntDistribution(0, (domain.count or 1) - 1)
    if by_unit(domain):
        return FloatDistribution(0.0, 1.0)
    hp, log = domain.hp, domain.hp.sampling == "log"
    if domain.kind == "float":
        return FloatDistribution(hp.min_value, hp.max_value, log=log)
    step = hp.step or 1
    # Optuna wants the upper end to lie on the grid.
    high = hp.min_value + (hp.max_value - hp.min_value) // step * step
    return IntDistribution(hp.min_value, high, log=log, step=step)


def ask(trial: Any, domain: Domain) -> Any:
    """Lets an Optuna trial choose the value of a domain, by the public `suggest_*` of its type."""
    if not domain.tunable:
        return domain.default
    shape = distribution(domain)
    if domain.kind == "categorical":
        return trial.suggest_categorical(domain.key, domain.choices)
    if by_index(domain):
        return domain.value_at(trial.suggest_int(domain.key, 0, shape.high))
    if by_unit(domain):
        return domain.at_unit(trial.suggest_float(domain.key, 0.0, 1.0))
    suggest = trial.suggest_float if domain.kind == "float" else trial.suggest_int
    extra = {} if domain.kind == "float" else {"step": shape.step}
    return suggest(domain.key, shape.low, shape.high, log=shape.log, **extra)


def tell(domain: Domain, value: Any) -> Any:
    """The value of a domain as Optuna knows it; values off the grid go to the nearest."""
    value = domain.closest(value)
    if by_index(domain):
        return domain.index_of(value)
    return domain.unit(value) if by_unit(domain) else value


def frozen_trial(
    space: ValueSpace,
    record: TrialRecord,
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
) -> Any:
    """A trial of the history as Optuna's.

    Failed trials become pruned ones with an infinite violation: Optuna then sorts them behind all
    others, where its own FAIL would make it forget them. Trials that were not trained in full are
    pruned at the fidelity they reached; with several objectives they carry no step, which Optuna
    could not compare.
    """
    from optuna.trial import TrialState, create_trial

    domains = [d for d in space.active(record.values) if d.tunable]
    facts: dict[str, Any] = {
        "params": {d.key: tell(d, record.values[d.name]) for d in domains},
        "distributions": {d.key: distribution(d) for d in domains},
    }
    if record.status == "RUNNING":
        return create_trial(state=TrialState.RUNNING, **facts)
    values = losses(record, objectives)
    outside = infeasibility(record, constraints)
    sound = all(map(math.isfinite, values))
    if constraints or not sound:
        facts["constraints"] = {"violation": outside if sound else math.inf}
    whole = record.status == "COMPLETED" and record.reached >= 1
    if whole and sound:
        return create_trial(state=TrialState.COMPLETE, values=list(values), **facts)
    if record.status in ("COMPLETED", "STOPPED") and sound and len(values) == 1:
        facts["intermediate_values"] = {round(1e6 * record.reached): values[0]}
    return create_trial(state=TrialState.PRUNED, **facts)
