"""The filter of columns of a table: when it is worth its time, and on which rows it looks."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np

from kerasnas.clock import ALLOTMENTS, Budget, Deadline, OutOfTime, Purpose
from kerasnas.journal import begun_in
from kerasnas.preprocessing import Preprocessing, Sample, useful_columns
from kerasnas.problem.rows import Rows
from kerasnas.spaces.table import ColumnFilter

FILTERED = "filtered"
"""What the identity of a search says where the filter has made its space larger."""

log = logging.getLogger("kerasnas")

_LEAST_TRIALS = 10


def filter_seconds(budget: Budget, directory: str | Path | None = None) -> float:
    """Seconds that the filter may take; 0 where it would cost more than it can bring.

    Args:
        budget: The budget of the fit.
        directory: Where a search may lie already: a larger budget continues it in the space that
            it began with.
    """
    begun = begun_in(directory)
    if begun:
        return math.inf if begun.get(FILTERED) else 0.0
    if budget.trials is not None and budget.trials < _LEAST_TRIALS:
        return 0.0
    if budget.seconds is None:
        return math.inf
    allotment = ALLOTMENTS[Purpose.COLUMN_FILTER]
    enough = budget.seconds >= allotment.needed_seconds
    return allotment.seconds(budget.seconds) if enough else 0.0


def filter_columns(
    features: Preprocessing,
    codes: Preprocessing,
    matrix: np.ndarray,
    rows: Rows,
    seed: int,
    seconds: float,
) -> list[ColumnFilter]:
    """The useful columns by all training rows, then by those of each fold; empty without noise.

    Args:
        features: The front end of networks.
        codes: The front end of trees.
        matrix: All rows in the form that trees see.
        rows: Targets, weights and split.
        seed: Seed.
        seconds: Seconds after which the filter is given up.
    """
    deadline = Deadline.after(seconds)

    def kept(train: np.ndarray, prove: bool) -> tuple[str, ...] | None:
        sample = Sample(
            matrix=matrix[train],
            owners=codes.owners,
            codes=len(codes.embedded),
            targets=rows.targets[train],
            classes=rows.classes,
            weights=None if rows.weights is None else rows.weights[train],
        )
        return useful_columns(sample, seed, deadline, prove=prove)

    def places(columns: tuple[str, ...] | None) -> ColumnFilter:
        return ColumnFilter(*(_places(front, columns) for front in (features, codes)))

    try:
        useful = kept(rows.train, True)
        if useful is None:
            return []
        # Columns are chosen again for each fold, without the rows that it holds out.
        in_folds = [kept(train, False) for train, _ in rows.parts] if rows.folds else []
    except OutOfTime:
        log.info("No time to tell which columns are noise.")
        return []
    log.info("%d of %d columns are useful.", len(useful), len(set(codes.owners)))
    return [places(columns) for columns in (useful, *in_folds)]


def _places(front: Preprocessing, columns: tuple[str, ...] | None) -> np.ndarray:
    chosen = [columns is None or owner in columns for owner in front.owners]
    return np.flatnonzero(chosen).astype("int32")
