"""Which files and models of trials are kept: those that somebody may still ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from kerasnas.objectives import Objective
from kerasnas.oracles.ranking import fronts
from kerasnas.oracles.relatives import RECENT
from kerasnas.trial.candidates import keep_only
from kerasnas.trial.checkpoint import checkpoint_path

_TRADED = ("params", "latency_ms")
_MOST_FILES = 32  # of trials that are best for some trade-off
_MOST_BYTES = 256 * 2**20  # of models in memory, by the sizes of their files


def keep_the_best(folder: Path, oracle: Any, candidates: int) -> None:
    """Deletes the models of all trials that nobody will ask for.

    Args:
        folder: Where they are.
        oracle: Knows the history and what is optimised.
        candidates: Trials, the best ones, that an ensemble may choose from.
    """
    best = {t.trial_id for t in oracle.get_best_trials(candidates)}
    parents: set[str] = set()
    if oracle.inherit:
        parents = {t.trial_id for t in oracle.history.finished[-RECENT:]}
    keep_only(folder, best | _trade_offs(folder, oracle) | parents)


def _trade_offs(folder: Path, oracle: Any) -> set[str]:
    """The trials that are best for some limit of size or speed: see `best_model(where=…)`."""
    wanted = {o.name: o for o in oracle.objectives}
    done = [t for t in oracle.history.scored() if (folder / f"{t.trial_id}.keras").exists()]
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


def keep_in_memory(models: dict[str, keras.Model], folder: Path) -> None:
    """Lets go of models without a file, and of the oldest where all are too large together.

    Args:
        models: Exported models by trial.
        folder: Where their files are.
    """
    files = {trial_id: folder / f"{trial_id}.keras" for trial_id in models}
    sizes = {trial_id: path.stat().st_size for trial_id, path in files.items() if path.exists()}
    room = _MOST_BYTES
    for trial_id in reversed([*models]):
        room -= sizes.get(trial_id, 0)
        if trial_id not in sizes or room < 0:
            del models[trial_id]
