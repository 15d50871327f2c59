"""What all presets do with the user's data: read them by their input, check and split them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasnas.data import check_same_length
from kerasnas.problem.given_folds import folds_of_kept
from kerasnas.problem.inputs import Input, RawRows
from kerasnas.problem.rows import (
    Rows,
    Target,
    Validation,
    parse_validation,
    rows_of,
    settle_rows,
)
from kerasnas.problem.split import Folding


def read_rows(
    source: Input,
    x: Any,
    y: Any,
    target: Target,
    *,
    apart: Callable[[Any, Any], tuple[Any, Any]],
    validation_data: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    count_folds: Folding | None = None,
    **split: Any,
) -> tuple[RawRows, Rows]:
    """Checks everything that can be wrong with the data of one input and one head.

    Args:
        source: Reads the rows.
        x: Rows of any kind that `source` reads.
        y: Their targets.
        target: What has learnt the targets.
        apart: Takes inputs and targets apart, where the inputs of `validation_data` may hold both.
        validation_data: `(x, y)` or `(x, y, weights)`; without it rows are held out.
        sample_weight: Weight of each row.
        groups: Group of each row.
        count_folds: As in `settle_rows`; indices are places in `x`.
        **split: Further arguments of `settle_rows`.

    Returns:
        The raw rows, without those that cannot be used, and their targets, weights and split.

    Raises:
        SchemaError: For anything that does not fit.
    """
    validation = parse_validation(validation_data)
    if validation is not None:
        validation = Validation(*apart(validation.x, validation.y), validation.weights)
    raw = source.read(x, None if validation is None else validation.x)
    if y is not None:
        check_same_length(range(raw.asked), y)
    if validation is not None:
        check_same_length(range(raw.total - raw.given), validation.y, "validation_data[1]")
    if raw.kept is not None:
        # Targets are learnt from all rows: a broken file is no reason to forget its class.
        y, sample_weight, groups = (rows_of(v, raw.kept) for v in (y, sample_weight, groups))
        count_folds = folds_of_kept(count_folds, raw.kept, raw.asked)
    rows = settle_rows(
        y,
        raw.given,
        target,
        validation=validation,
        sample_weight=sample_weight,
        groups=groups,
        count_folds=count_folds,
        **split,
    )
    return raw, rows
