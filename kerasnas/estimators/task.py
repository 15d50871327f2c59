"""A prepared table as the task of every trial: what it trains on and how it is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas import artifact
from kerasnas.artifact import Units
from kerasnas.budget import Clock
from kerasnas.estimators.preparation import Prepared
from kerasnas.results.baselines import Split, baseline_rows
from kerasnas.runner import Job, Scorer
from kerasnas.runner.measure import latency
from kerasnas.search import fingerprint

_MARGIN = 0.05  # of the training range, by which a regression's answers may leave it


def target_units(data: Prepared) -> Units | None:
    """The scale of a regression's targets, from training rows; `None` for classes."""
    if data.classes is not None:
        return None
    values = data.targets[data.train]
    weights = None if data.weights is None else data.weights[data.train]
    mean = float(np.average(values, weights=weights))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    margin = _MARGIN * float(np.ptp(values))
    return Units(
        scale=deviation if deviation > 0 else 1.0,
        mean=mean,
        low=float(values.min()) - margin,
        high=float(values.max()) + margin,
    )


def learnt(targets: np.ndarray, units: Units | None) -> np.ndarray:
    """Targets as a network learns them: labels, or standardised values of shape `(rows, 1)`."""
    return targets.astype("int32") if units is None else units.standardise(targets)


@dataclass(frozen=True)
class UnitScorer(Scorer):
    """Scores a network's own output in the target's units, as the exported graph gives it."""

    units: Units | None = None

    def validation(self, predictions: np.ndarray) -> dict[str, float]:
        """As `Scorer.validation`."""
        return super().validation(
            predictions if self.units is None else self.units.restore(predictions)
        )


def trial_job(
    data: Prepared,
    objectives: tuple[Any, ...],
    clock: Clock,
    seed: int,
    units: Units | None,
) -> Job:
    """What every trial trains on: features, standardised targets, a scorer in the user's units."""
    train, valid = data.train, data.valid
    weights = None
    if data.weights is not None:
        # Weights of mean 1 leave the size of the gradient, and so the recipes, as they are.
        kept = data.weights[train]
        weights = (kept / kept.mean()).astype("float32") if kept.mean() > 0 else kept
    held_out = None if data.weights is None else data.weights[valid]
    if held_out is not None and held_out.sum() == 0:
        held_out = None
    scorer = Scorer(data.targets[valid], data.classes, held_out)
    if units is not None:
        scorer = UnitScorer(scorer.targets, None, scorer.weights, units)
    raw = {name: values[:1] for name, values in data.raw.items()}
    front = data.preprocessing
    one = [t[:1] for t in front.tensors(raw)]
    return Job(
        x=data.matrix[train],
        y=learnt(data.targets[train], units),
        weights=weights,
        validation=(data.matrix[valid],),
        scorer=scorer,
        objectives=objectives,
        seed=seed,
        clock=clock,
        reserve=_reserve(clock),
        assemble=lambda network: artifact.assemble(front, network, units),
        example=data.matrix[:1],
        extra_latency=latency(front.model, one)["latency_ms"],
    )


def baselines(data: Prepared, job: Job, seed: int) -> list[dict[str, Any]]:
    """Baseline rows of the leaderboard, on the split that trials are scored on."""
    assert job.scorer is not None
    split = Split(
        columns=data.preprocessing.columns,
        raw=data.raw,
        matrix=data.matrix,
        embedded=len(data.preprocessing.embedded),
        targets=data.targets,
        weights=data.weights,
        train=data.train,
        valid=data.valid,
    )
    scorer = Scorer(job.scorer.targets, job.scorer.classes, job.scorer.weights)
    return baseline_rows(split, scorer, job.clock, seed)


def identity(data: Prepared) -> dict[str, Any]:
    """What tells this search from another one in the same directory."""
    return {
        "columns": [[c.name, c.kind] for c in data.schema.columns],
        "rows": [len(data.train), len(data.valid)],
        "data": fingerprint(data.matrix, data.targets, data.weights),
    }


def _reserve(clock: Clock) -> float:
    """Seconds for what comes after the last trial: loading the best file, the first prediction."""
    return 0.0 if clock.seconds is None else min(3.0, max(0.5, 0.03 * clock.seconds))
