import math

import numpy as np
import pytest

from kerasnas.history import TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles import ranking

BOTH = (Objective("val_accuracy"), Objective("params"))


def record(number, accuracy, params, status="COMPLETED"):
    return TrialRecord(
        number, {}, status, metrics={"val_accuracy": accuracy}, measures={"params": params}
    )


def test_fronts_agree_with_the_definition():
    points = [(0.0, tuple(p)) for p in np.random.default_rng(0).integers(0, 6, size=(60, 2))]
    front = ranking.fronts(points)

    def dominates(a, b):
        return all(x <= y for x, y in zip(a, b, strict=True)) and a != b

    for level in range(max(front) + 1):
        members = [p for (_, p), f in zip(points, front, strict=True) if f == level]
        rest = [p for (_, p), f in zip(points, front, strict=True) if f >= level]
        assert not any(dominates(a, b) for a in rest for b in members)
    assert ranking.fronts([]) == []


def test_a_feasible_point_dominates_every_infeasible_one():
    points = [(0.0, (9.0, 9.0)), (2.0, (0.0, 0.0)), (1.0, (5.0, 5.0)), (math.inf, (1.0, 1.0))]
    assert ranking.fronts(points) == [0, 2, 1, 3]


def test_the_front_comes_first_and_infeasible_or_failed_trials_not_at_all():
    trials = [
        record(0, 0.80, 100),
        record(1, 0.90, 500),
        record(2, 0.85, 600),
        record(3, 0.95, 900),
        record(4, 0.99, 5000),
        record(5, math.nan, 1, status="FAILED"),
    ]
    limits = (Constraint("params", max=1000),)
    assert [t.number for t in ranking.pareto_first(trials, BOTH, limits)] == [3, 1, 0, 2]
    assert [t.number for t in ranking.pareto_first(trials, BOTH[:1], limits)] == [3, 1, 2, 0]


def test_failed_trials_are_behind_all_others():
    trials = [record(0, 0.1, 9e9), record(1, 0.9, 1, status="FAILED"), record(2, 0.5, 1)]
    for objectives in (BOTH, BOTH[:1]):
        assert [t.number for t in ranking.best_first(trials, objectives)] == [2, 0, 1]


def test_crowding_prefers_lonely_points_and_the_ends():
    distance = ranking.crowding([(0, 10), (1, 9), (5, 5), (10, 0)])
    assert distance[0] == distance[3] == math.inf
    assert distance[2] > distance[1]


def test_normal_scores_share_ranks_and_ignore_units():
    scores = ranking.normal_scores([(0.0, 3.0), (0.0, 1.0), (math.inf, math.inf), (0.0, 3.0)])
    assert scores[1] > scores[0] == scores[3] > scores[2]
    assert sum(ranking.normal_scores([(float(i),) for i in range(9)])) == pytest.approx(0)
