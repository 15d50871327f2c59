"""The order in which trials stand: losses, violations, non-dominated fronts, crowding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

import numpy as np

from kerasnas.history import TrialRecord
from kerasnas.objectives import Constraint, Objective, violation


def losses(trial: TrialRecord, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """The values to minimise, one an objective; infinite for a failed trial."""
    if trial.status == "FAILED":
        return (math.inf,) * len(objectives)
    return tuple(objective.loss(trial.scores) for objective in objectives)


def infeasibility(trial: TrialRecord, constraints: Sequence[Constraint]) -> float:
    """Sum of violations; infinite for a failed trial."""
    return math.inf if trial.status == "FAILED" else violation(constraints, trial.scores)


def is_sound(trial: TrialRecord, objectives: Sequence[Objective]) -> bool:
    """Whether the trial ended well and every objective is a finite number."""
    return trial.status == "COMPLETED" and all(map(math.isfinite, losses(trial, objectives)))


def domination(points: Sequence[tuple[float, Sequence[float]]]) -> np.ndarray:
    """Which point dominates which: entry [i, j] tells whether i dominates j.

    A smaller violation wins where one is positive; otherwise Pareto domination.
    Source: Deb et al., *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, section VI.

    Args:
        points: Pairs of violation and losses.
    """
    outside = np.array([violation for violation, _ in points])
    values = np.array([list(losses) for _, losses in points])
    infeasible = (outside[:, None] > 0) | (outside[None, :] > 0)
    no_worse = (values[:, None, :] <= values[None, :, :]).all(-1)
    better = (values[:, None, :] < values[None, :, :]).any(-1)
    return np.where(infeasible, outside[:, None] < outside[None, :], no_worse & better)


def fronts(points: Sequence[tuple[float, Sequence[float]]]) -> list[int]:
    """The index of the non-dominated front of every point, 0 is the best.

    Args:
        points: Pairs of violation and losses.
    """
    if not points:
        return []
    above = domination(points)
    front = np.full(len(points), -1)
    left = np.ones(len(points), dtype=bool)
    level = 0
    while left.any():
        best = left & ~above[left].any(0)
        front[best] = level
        left &= ~best
        level += 1
    return [int(f) for f in front]


def crowding(points: Sequence[Sequence[float]]) -> list[float]:
    """Crowding distance within one front: larger is lonelier, the ends are infinite.

    Source: Deb et al., NSGA-II, section III-B.
    """
    values = np.asarray(points, dtype=float)
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        distance[order[[0, -1]]] = math.inf
        if not np.isfinite(column).all():
            continue
        width = column[order[-1]] - column[order[0]]
        if width > 0:
            gaps = column[order[2:]] - column[order[:-2]]
            distance[order[1:-1]] += gaps / width
    return [float(d) for d in distance]


def positions(
    trials: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> list[tuple[float, ...]]:
    """A sortable place for every trial, smaller is better.

    One objective: (violation, loss). Several: (front, -crowding). A failed trial is behind all.
    """
    points = [(infeasibility(t, constraints), losses(t, objectives)) for t in trials]
    if len(objectives) == 1:
        return [(v, values[0]) for v, values in points]
    front = fronts(points)
    place: list[tuple[float, ...]] = [(math.inf, 0.0)] * len(trials)
    for level in set(front):
        members = [i for i, f in enumerate(front) if f == level]
        lonely = crowding([points[i][1] for i in members])
        for i, distance in zip(members, lonely, strict=True):
            sound = math.isfinite(points[i][0]) and all(map(math.isfinite, points[i][1]))
            place[i] = (float(level) if sound else math.inf, -distance)
    return place


def best_first(
    trials: Iterable[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> list[TrialRecord]:
    """Trials sorted by `positions`; equals stay in their order."""
    items = list(trials)
    place = positions(items, objectives, constraints)
    return [items[i] for i in sorted(range(len(items)), key=lambda i: place[i])]


def pareto_first(
    trials: Iterable[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> list[TrialRecord]:
    """Feasible, sound trials: the Pareto front first; each part by the first objective."""
    good = [t for t in trials if is_sound(t, objectives) and infeasibility(t, constraints) == 0]
    if len(objectives) == 1:
        return sorted(good, key=lambda t: losses(t, objectives))
    points = [(0.0, losses(t, objectives)) for t in good]
    off_front = [level > 0 for level in fronts(points)]
    order = sorted(range(len(good)), key=lambda i: (off_front[i], points[i][1]))
    return [good[i] for i in order]


def normal_scores(place: Sequence[tuple[float, ...]]) -> list[float]:
    """Normal scores of ranks, the best place highest; equal places share their mean rank."""
    count = len(place)
    order = sorted(range(count), key=lambda i: place[i], reverse=True)
    rank = [0.0] * count
    start = 0
    while start < count:
        end = start
        while end + 1 < count and place[order[end + 1]] == place[order[start]]:
            end += 1
        for i in order[start : end + 1]:
            rank[i] = (start + end) / 2
        start = end + 1
    normal = NormalDist()
    return [normal.inv_cdf((r + 0.5) / count) for r in rank]
