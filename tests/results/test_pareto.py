"""Fronts, hypervolumes, knees."""

import numpy as np
import pytest

from kerasnas.errors import ObjectiveError
from kerasnas.results.pareto import front, hypervolume, knee, reference_point


def by_sampling(points, reference, draws=200_000):
    rng = np.random.default_rng(0)
    low = points.min(axis=0)
    sample = rng.uniform(low, reference, size=(draws, len(reference)))
    covered = np.zeros(draws, dtype=bool)
    for point in points:
        covered |= (sample >= point).all(axis=1)
    return covered.mean() * np.prod(reference - low)


@pytest.mark.parametrize("objectives", [2, 3])
def test_hypervolume_is_the_volume(objectives):
    rng = np.random.default_rng(objectives)
    for _ in range(3):
        points = rng.random((12, objectives))
        reference = np.full(objectives, 1.1)
        expected = by_sampling(points, reference)
        assert hypervolume(points, reference) == pytest.approx(expected, rel=0.02)


def test_hypervolume_agrees_with_the_formula_for_boxes():
    assert hypervolume([[0, 0]], (2, 3)) == 6
    assert hypervolume([[0, 1], [1, 0]], (2, 2)) == 3
    assert hypervolume([[0, 0, 0], [1, 1, 1]], (2, 2, 2)) == 8
    assert hypervolume([[1, 0, 0], [0, 1, 0], [0, 0, 1]], (2, 2, 2)) == 7
    assert hypervolume([[3, 0]], (2, 2)) == 0 and hypervolume([], (2, 2)) == 0


def test_dominated_and_equal_points_add_nothing():
    rng = np.random.default_rng(5)
    points = rng.random((40, 3))
    reference = (1.0, 1.0, 1.0)
    whole = hypervolume(points, reference)
    assert hypervolume(points[front(points)], reference) == pytest.approx(whole)
    assert hypervolume(np.vstack([points, points]), reference) == pytest.approx(whole)
    assert hypervolume(points[rng.permutation(40)], reference) == pytest.approx(whole)


def test_hypervolume_of_other_dimensions_is_an_error():
    with pytest.raises(ObjectiveError, match="two or three objectives, received 4"):
        hypervolume(np.zeros((2, 4)), np.ones(4))


def test_the_front_holds_what_nothing_dominates():
    points = np.array([[0, 3], [1, 1], [3, 0], [2, 2], [1, 1], [np.nan, -9], [np.inf, 0]])
    assert front(points).tolist() == [True, True, True, False, True, False, False]


def test_the_knee_is_where_a_curve_bends():
    x = np.linspace(0.1, 10, 60)
    points = np.stack([x, 1 / x], axis=1)
    assert x[knee(points)] == pytest.approx(1.0, abs=0.1)
    # Units do not move it, nor do points off the front.
    assert knee(points * [1, 1e6]) == knee(points)
    assert knee(np.vstack([points, [[-1e3, np.nan], [50, 50]]])) == knee(points)
    with pytest.raises(ObjectiveError, match="no point"):
        knee([[np.nan, 1.0]])


def test_the_reference_is_beyond_the_worst():
    points = np.array([[0.0, 10.0], [1.0, 5.0]])
    assert (reference_point(points) > points.max(axis=0)).all()
