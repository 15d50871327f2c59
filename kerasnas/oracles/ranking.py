"""The order in which trials stand: losses, violations, non-dominated fronts, crowding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

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


def dominates(one: tuple[float, Sequence[float]], other: tuple[float, Sequence[float]]) -> bool:
    """Constrained domination between pairs of violation and losses.

    Source: Deb et al., *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, section VI.
    """
    if one[0] > 0 or other[0] > 0:
        return one[0] < other[0]
    pairs = list(zip(one[1], other[1], strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def fronts(points: Sequence[tuple[float, Sequence[float]]]) -> list[int]:
    """The index of the non-dominated front of every point, 0 is the best.

    Args:
        points: Pairs of violation and losses.
    """
    front = [-1] * len(points)
    left = list(range(len(points)))
    level = 0
    while left:
        best = [i for i in left if not any(dominates(points[j], points[i]) for j in left)]
        for i in best:
            front[i] = level
        left = [i for i in left if front[i] < 0]
        level += 1
    return front


def crowding(points: Sequence[Sequence[float]]) -> list[float]:
    """Crowding distance within one front: larger is lonelier, the ends are infinite.

    Source: Deb et al., NSGA-II, section III-B.
    """
    values = np.asarray(points, dtype=float)
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        distance[order[[0, -1]]] = math.inf
        width = column[order[-1]] - column[order[0]]
        if width > 0 and math.isfinite(width):
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
    off_front = [any(dominates(other, point) for other in points) for point in points]
    order = sorted(range(len(good)), key=lambda i: (off_front[i], points[i][1]))
    return [good[i] for i in order]
