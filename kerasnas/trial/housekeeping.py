"""Which files of trials are kept: those that somebody may still ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kerasnas.objectives import Objective
from kerasnas.oracles.ranking import fronts
from kerasnas.oracles.relatives import RECENT
from kerasnas.trial.candidates import keep_only
from kerasnas.trial.checkpoint import checkpoint_path
from kerasnas.trial.networks import Networks

_TRADED = ("params", "latency_ms")
_MOST_FILES = 32  # of trials that are best for some trade-off


def keep_the_best(networks: Networks, oracle: Any, candidates: int) -> None:
    """Deletes the networks of all trials that nobody will ask for.

    Args:
        networks: The networks of trials.
        oracle: Knows the history and what is optimised.
        candidates: Trials, the best ones, that an ensemble may choose from.
    """
    best = {t.trial_id for t in oracle.get_best_trials(candidates)}
    parents: set[str] = set()
    if oracle.inherit:
        parents = {t.trial_id for t in oracle.history.finished[-RECENT:]}
    # Another process may have written the files of a trial that still counts as running.
    running = {t.trial_id for t in oracle.history.running}
    keep_only(networks.folder, best | _trade_offs(networks, oracle) | parents | running)
    networks.tidy()


def _trade_offs(networks: Networks, oracle: Any) -> set[str]:
    """The trials that are best for some limit of size or speed: see `best_model(where=…)`."""
    wanted = {o.name: o for o in oracle.objectives}
    done = [t for t in oracle.history.scored() if networks.there(t.trial_id)]
    measured = [n for n in _TRADED if n not in wanted and all(n in t.scores for t in done)]
    wanted |= {name: Objective(name, "min") for name in measured}
    points = [(0.0, tuple(o.loss(t.scores) for o in wanted.values())) for t in done]
    front = [t for t, level in zip(done, fronts(points), strict=True) if level == 0]
    front.sort(key=lambda t: oracle.objectives[0].loss(t.scores))
    return {t.trial_id for t in front[:_MOST_FILES]}


def keep_checkpoints(folder: Path, oracle: Any) -> None:
    """Deletes the checkpoints of trials that cannot go on any more."""
    history = oracle.history
    needed = oracle.promotable() | {t.trial_id for t in history.running}
    kept = {
        checkpoint_path(folder, t.trial_id, t.executions[-1].rung)
        for t in history.trials
        if t.trial_id in needed and t.executions
    }
    for path in folder.glob("[0-9]*.rung*.npz"):
        if path not in kept:
            path.unlink(missing_ok=True)
