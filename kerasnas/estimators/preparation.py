"""What all presets do with the user's data: read them by their input, check and split them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kerasnas.data import check_same_length
from kerasnas.problem.given import Given, Validation, parse_validation
from kerasnas.problem.given_folds import folds_of_kept
from kerasnas.problem.inputs import Input, RawRows
from kerasnas.problem.rows import Rows, Target, rows_of, settle_rows


def read_rows(
    source: Input, given: Given, target: Target, apart: Callable[[Any, Any], tuple[Any, Any]]
) -> tuple[RawRows, Rows]:
    """Checks everything that can be wrong with the data of one input and one head.

    Args:
        source: Reads the rows.
        given: What the user gives: rows of any kind that `source` reads, and their targets.
        target: What has learnt the targets.
        apart: Takes inputs and targets apart, where the inputs of `validation_data` may hold both.

    Returns:
        The raw rows, without those that cannot be used, and their targets, weights and split.

    Raises:
        SchemaError: For anything that does not fit.
    """
    validation = parse_validation(given.validation_data)
    if validation is not None:
        validation = Validation(*apart(validation.x, validation.y), validation.weights)
    raw = source.read(given.x, None if validation is None else validation.x)
    if given.y is not None:
        check_same_length(range(raw.asked), given.y)
    if validation is not None:
        check_same_length(range(raw.total - raw.given), validation.y, "validation_data[1]")
    kept = raw.kept
    if kept is not None:
        # Targets are learnt from all rows: a broken file is no reason to forget its class.
        given = replace(
            given,
            y=rows_of(given.y, kept),
            sample_weight=rows_of(given.sample_weight, kept),
            groups=rows_of(given.groups, kept),
            count_folds=folds_of_kept(given.count_folds, kept, raw.asked),
        )
    rows = settle_rows(given, raw.given, target, validation)
    return raw, rows
