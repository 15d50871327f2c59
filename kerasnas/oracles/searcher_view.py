"""What a searcher is told: the finished trials, whatever else goes on in the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kerasnas.history import Execution, History, TrialRecord
from kerasnas.objectives import Objective
from kerasnas.oracles.ranking import is_sound
from kerasnas.oracles.space import Values

Rejected = tuple[Values, Mapping[str, float]]

MOST_REJECTED = 50
"""Rejected configurations that searchers hear of: the latest ones."""


def searcher_view(
    history: History, objectives: Sequence[Objective], rejected: Sequence[Rejected] = ()
) -> History:
    """The history as searchers see it.

    A trial that runs again counts with the rung that it has finished. Configurations that were
    rejected before any training come first, as trials that break their constraints and score like
    the worst: models learn from them where not to look.

    Args:
        history: All trials.
        objectives: What to optimise.
        rejected: Values and measures of configurations that break a constraint.
    """
    again = {t.number: _paused(t) for t in history.running if t.executions}
    if not again and not rejected:
        return history
    seen = History()
    seen.trials = [again.get(t.number, t) for t in history.trials]
    seen.finished = [
        *_misfits(history, objectives, rejected[-MOST_REJECTED:]),
        *(again.get(t.number, t) for t in history.finished),
    ]
    return seen


def at_highest_rung(history: History, objectives: Sequence[Objective], needed: int) -> History:
    """The history at the highest fidelity with so many results, as if there was no other.

    Trials that failed there or before are kept as failed; of all others the values are known and
    no score. Source: Falkner et al., *BOHB*, ICML 2018, section 3.2.

    Args:
        history: All trials, as `searcher_view` gives them.
        objectives: What to optimise.
        needed: Results that make a fidelity count.
    """
    latest = {e.fidelity for t in history.finished for e in _executions(t)}
    for fidelity in sorted(latest, reverse=True):
        seen = at_fidelity(history, fidelity)
        if sum(is_sound(t, objectives) for t in seen.finished) >= needed:
            return seen
    return at_fidelity(history, None)


def at_fidelity(history: History, fidelity: float | None) -> History:
    """The history at one fidelity, as if there was no other; `None` keeps failures only."""
    found = {t.number: _as_of(t, fidelity) for t in history.finished}
    records = {n: r for n, r in found.items() if r is not None}
    seen = History()
    seen.trials = [
        records.get(t.number, t if t.status == "RUNNING" else replace(t, status="STOPPED"))
        for t in history.trials
    ]
    seen.finished = [records[t.number] for t in history.finished if t.number in records]
    return seen


def _executions(trial: TrialRecord) -> Sequence[Execution]:
    return [e for e in trial.executions if e.status != "FAILED"] or (
        [_latest(trial)] if trial.status in ("COMPLETED", "STOPPED") else []
    )


def _latest(trial: TrialRecord) -> Execution:
    """The execution that a record without any stands for."""
    return Execution(trial.rung, trial.fidelity, trial.status, trial.metrics, trial.measures)


def _as_of(trial: TrialRecord, fidelity: float | None) -> TrialRecord | None:
    """The trial as it was at a fidelity, as a completed one; `None` if it never was there."""
    if trial.status == "FAILED":
        return trial
    for execution in _executions(trial):
        if execution.fidelity == fidelity:
            return replace(
                trial,
                status="COMPLETED",
                fidelity=1.0,
                metrics=execution.metrics,
                measures=execution.measures,
            )
    return None


def _paused(trial: TrialRecord) -> TrialRecord:
    return replace(trial, status="STOPPED", fidelity=trial.reached)


def _misfits(
    history: History, objectives: Sequence[Objective], rejected: Sequence[Rejected]
) -> list[TrialRecord]:
    sound = [t.scores for t in history.finished if is_sound(t, objectives)]
    worst = {}
    for objective in objectives:
        values = [scores[objective.name] for scores in sound]
        pick = max if objective.direction == "min" else min
        worst[objective.name] = pick(values, default=0.0)
    return [
        TrialRecord(
            -1 - i,
            values,
            "COMPLETED",
            metrics={k: v for k, v in worst.items() if k not in measures},
            measures=dict(measures),
        )
        for i, (values, measures) in enumerate(rejected)
    ]
