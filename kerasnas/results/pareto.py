"""Choosing among several objectives: the front, the volume that it covers, its knee."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kerasnas.errors import ObjectiveError

NADIR_SHARE = 1.1
"""The reference point, where none is given: so many times the worst of the first points."""


def front(points: ArrayLike) -> np.ndarray:
    """Which points no other point dominates; all objectives are to be minimised.

    Args:
        points: Shape `(count, objectives)`. Rows with a value that is not finite are never on it.

    Returns:
        Boolean mask of shape `(count,)`. Of equal points all are on the front.
    """
    points = np.asarray(points, dtype=float)
    finite = np.isfinite(points).all(axis=1) if len(points) else np.zeros(0, bool)
    on = finite.copy()
    for i in np.flatnonzero(finite):
        no_worse = (points[finite] <= points[i]).all(axis=1)
        better = (points[finite] < points[i]).any(axis=1)
        on[i] = not (no_worse & better).any()
    return on


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """The volume between a front and a reference point, exactly, for two or three objectives.

    Args:
        points: Shape `(count, objectives)`, to be minimised. Points that are not below the
            reference in every objective add nothing.
        reference: The worst point that counts; keep it fixed to compare two searches.

    Raises:
        ObjectiveError: If there are not two or three objectives.
    """
    limit = np.asarray(reference, dtype=float)
    points = np.asarray(points, dtype=float).reshape(-1, len(limit))
    if len(limit) not in (2, 3):
        raise ObjectiveError(
            f"`hypervolume` is for two or three objectives, received {len(limit)}. "
            "Leave some of them out."
        )
    points = points[(points < limit).all(axis=1)]
    if not len(points):
        return 0.0
    if len(limit) == 2:
        return _area(points, limit)
    # Slices along the third objective: each is an area times the distance to the next point.
    points = points[np.argsort(points[:, 2], kind="stable")]
    ends = np.append(points[1:, 2], limit[2])
    return float(
        sum(
            _area(points[: i + 1, :2], limit[:2]) * (end - points[i, 2])
            for i, end in enumerate(ends)
            if end > points[i, 2]
        )
    )


def reference_point(points: ArrayLike) -> np.ndarray:
    """A reference a little beyond the worst of some points, for `hypervolume`."""
    points = np.asarray(points, dtype=float)
    worst, best = points.max(axis=0), points.min(axis=0)
    return np.asarray(best + NADIR_SHARE * np.maximum(worst - best, 1e-12))


def knee(points: ArrayLike) -> int:
    """The index of the point of a front where giving up one objective gains least of the others.

    Objectives are scaled to [0, 1] over the front; the knee lies farthest from the plane through
    the best points of each objective, on the side of the ideal point. Source: Das, *On
    Characterizing the Knee of the Pareto Curve*, 1999, with the plane through the ends. On a front
    that does not bulge this is the point nearest to the ideal one.

    Args:
        points: Shape `(count, objectives)`, to be minimised; others than those on the front are
            never the knee.

    Raises:
        ObjectiveError: If no point is finite.
    """
    points = np.asarray(points, dtype=float)
    members = np.flatnonzero(front(points))
    if not len(members):
        raise ObjectiveError("There is no knee: no point has finite values in all objectives.")
    low, high = points[members].min(axis=0), points[members].max(axis=0)
    scaled = (points[members] - low) / np.where(high > low, high - low, 1.0)
    # The ends have coordinates 0 and 1, so the plane through them is about sum = const; distances
    # to it order points by their sum, and ties go to the point nearest to the ideal one.
    order = np.lexsort((np.linalg.norm(scaled, axis=1), np.round(scaled.sum(axis=1), 12)))
    return int(members[order[0]])


def _area(points: np.ndarray, limit: np.ndarray) -> float:
    """The area of two objectives."""
    area, height = 0.0, limit[1]
    for x, y in points[np.lexsort((points[:, 1], points[:, 0]))]:
        if y < height:
            area += (limit[0] - x) * (height - y)
            height = y
    return float(area)
