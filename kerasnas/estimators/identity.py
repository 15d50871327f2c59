"""What tells a search from another one in the same directory."""

from __future__ import annotations

from typing import Any

from kerasnas.data.fingerprint import fingerprint
from kerasnas.problem import AnyProblem, Problem


def identity_of(problem: AnyProblem) -> dict[str, Any]:
    """The identity of a problem, with a digest of which rows are trained on and held out.

    Args:
        problem: The problem of the search.
    """
    found = dict(problem.identity())
    if isinstance(problem, Problem):
        rows = problem.rows
        flat = [part for fold in rows.folds for part in fold]
        found["split"] = fingerprint(rows.train, rows.valid, rows.calibration, *flat)
    return found
