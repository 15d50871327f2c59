"""The order in which trials stand: losses, violations, non-dominated fronts, crowding."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

import numpy as np

from kerasnas.history import Execution, TrialRecord
from kerasnas.objectives import Constraint, Objective, violation

Scored = TrialRecord | Execution
"""What has a status and scores: a trial by its latest execution, or one execution."""


def losses(trial: Scored, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """The values to minimise, one an objective; infinite for a failed trial."""
    if trial.status == "FAILED":
        return (math.inf,) * len(objectives)
    return tuple(objective.loss(trial.scores) for objective in objectives)


def infeasibility(trial: Scored, constraints: Sequence[Constraint]) -> float:
    """Sum of violations; infinite for a failed trial."""
    return math.inf if trial.status == "FAILED" else violation(constraints, trial.scores)


def is_sound(trial: Scored, objectives: Sequence[Objective]) -> bool:
    """Whether the trial ended or paused well and every objective is a finite number."""
    ended = trial.status in ("COMPLETED", "STOPPED")
    return ended and all(map(math.isfinite, losses(trial, objectives)))


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


def epsilon_net(points: Sequence[Sequence[float]]) -> list[int]:
    """An order of points of which every beginning is spread out over all of them.

    The first one is the best by the first objective, each next one the farthest from all before,
    in objectives scaled to [0, 1]. Source: Salinas et al., *A Multi-objective Perspective on
    Jointly Tuning Hardware and Hyperparameters*, 2021.
    """
    values = np.asarray(points, dtype=float)
    width = values.max(0) - values.min(0)
    values = (values - values.min(0)) / np.where(width > 0, width, 1.0)
    order = [int(np.lexsort(values.T[::-1])[0])]
    gap = np.full(len(values), math.inf)
    while len(order) < len(values):
        gap = np.minimum(gap, np.linalg.norm(values - values[order[-1]], axis=1))
        gap[order] = -1.0
        order.append(int(np.argmax(gap)))
    return order


def rung_order(
    results: Sequence[Scored],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> list[int]:
    """Indices of results at one fidelity, the best first; equals stay in their order.

    One objective: by violation, then loss. Several: by front, inside a front by `epsilon_net`.
    Failed ones are last.
    """
    points = [(infeasibility(r, constraints), losses(r, objectives)) for r in results]
    if len(objectives) == 1:
        return sorted(range(len(points)), key=lambda i: (points[i][0], points[i][1]))
    usable = [i for i, (v, p) in enumerate(points) if math.isfinite(v) and np.isfinite(p).all()]
    front = fronts([points[i] for i in usable])
    order: list[int] = []
    for level in sorted(set(front)):
        members = [i for i, f in zip(usable, front, strict=True) if f == level]
        order += [members[i] for i in epsilon_net([points[m][1] for m in members])]
    return order + [i for i in range(len(points)) if i not in set(usable)]


def positions(
    trials: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> list[tuple[float, ...]]:
    """A sortable place for every trial, smaller is better; only equal fidelities are compared.

    A trial that was trained for longer stands before all shorter ones: it was chosen among them,
    or nobody knows how it would compare. One objective: (violation, -fidelity, loss). Several:
    (infeasible, -fidelity, front, -crowding). A failed trial is behind all.
    """
    points = [(infeasibility(t, constraints), losses(t, objectives)) for t in trials]
    if len(objectives) == 1:
        return [(v, -t.reached, p[0]) for t, (v, p) in zip(trials, points, strict=True)]
    place: list[tuple[float, ...]] = [(math.inf, 0.0, 0.0, 0.0)] * len(trials)
    groups: dict[tuple[float, float], list[int]] = {}
    for i, (outside, values) in enumerate(points):
        if math.isfinite(outside) and all(map(math.isfinite, values)):
            groups.setdefault((float(outside > 0), -trials[i].reached), []).append(i)
    for group, members in groups.items():
        front = fronts([points[i] for i in members])
        for level in set(front):
            those = [i for i, f in zip(members, front, strict=True) if f == level]
            lonely = crowding([points[i][1] for i in those])
            for i, distance in zip(those, lonely, strict=True):
                place[i] = (*group, float(level), -distance)
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
    """Feasible, sound trials: the Pareto front first; each part by the first objective.

    This is the order in which to choose a model, so a paused trial takes part with the score of the
    model that it has: what was trained for less time may well be better.
    """
    good = [t for t in trials if is_sound(t, objectives) and infeasibility(t, constraints) == 0]
    if len(objectives) == 1:
        return _by_mean(good, objectives)
    points = [(0.0, losses(t, objectives)) for t in good]
    off_front = [level > 0 for level in fronts(points)]
    order = sorted(range(len(good)), key=lambda i: (off_front[i], points[i][1]))
    return [good[i] for i in order]


def _by_mean(trials: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[TrialRecord]:
    """By the only objective; configurations that were trained several times first, by their mean.

    They were the best of all before they were trained again, and their scores are no lucky ones any
    more.
    """
    groups: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        key = json.dumps([trial.values, trial.reached], sort_keys=True, default=str)
        groups.setdefault(key, []).append(trial)
    if len(groups) == len(trials):
        return sorted(trials, key=lambda t: losses(t, objectives))
    place = {}
    for group in groups.values():
        mean = float(np.mean([losses(t, objectives)[0] for t in group]))
        for trial in group:
            place[trial.number] = (len(group) == 1, mean, losses(trial, objectives))
    return sorted(trials, key=lambda t: place[t.number])


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
