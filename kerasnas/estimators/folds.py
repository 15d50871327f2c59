"""When rows are few enough to train every configuration on several folds."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasnas.clock import ALLOTMENTS, Budget, Margin, Purpose, amount
from kerasnas.errors import SchemaError, SearchSpaceError
from kerasnas.journal import begun_in
from kerasnas.problem.given_folds import given_folds
from kerasnas.problem.split import Folding

_FEW, _MANY = 5, 8  # folds
_FEWEST_GROUPS = 3  # that are held out one after the other
_MOST_ROWS = 20_000
_LEAST_ROWS = 50

SMALL_TABLE_ROWS = 2000
"""Up to here one split of the rows says little, and training is cheap: `"auto"` makes folds,
whatever the budget is. (breast_cancer, 426 rows to fit on: the best of three trials promised a log
loss of 0.006 on its 85 validation rows, and had 0.24 on new ones.)"""
_ROWS_FOR_A_FOLD = 8  # of each class: 80 rows of two classes have five folds, fewer rows have fewer


def parse_folds(
    value: Any, budget: Budget, pace: float, small: int = 0, grouped: float = 0.0
) -> Folding:
    """From the numbers of rows, classes and groups to the number of folds, 0 for a single split.

    Args:
        value: `"auto"`, `False`, a number from 2, a splitter of scikit-learn, or pairs of indices.
        budget: With a number of trials, or without seconds, `"auto"` makes no folds of more than
            `small` rows: each trial would take several times as long as its user counts on.
        pace: Rows for each second of the budget, up to which `"auto"` makes folds.
        small: Rows up to which `"auto"` makes folds whatever the budget is.
        grouped: Rows for each second of the budget, up to which `"auto"` makes each of a few groups
            a fold.

    Raises:
        SearchSpaceError: For any other value.
    """
    own = given_folds(value)
    if own is not None:
        return own
    if value is False or value is None:
        return lambda rows, classes, units: 0
    if isinstance(value, str) and value == "auto":
        return lambda rows, classes, units: (
            _each_group(rows, units, budget, grouped)
            or min(units, _automatic(rows, classes, budget, pace, small))
        )
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 2:
        return lambda rows, classes, units: int(value)
    raise SearchSpaceError(
        f'`folds` must be "auto", False, a number of folds from 2, a splitter such as '
        f"`sklearn.model_selection.GroupKFold()`, or pairs of indices, received {value!r}."
    )


def settle_folds(
    folds: Any,
    budget: Budget,
    pace: float,
    directory: Any,
    validation_data: Any,
    *,
    small: int = 0,
    grouped: float = 0.0,
) -> Folding:
    """From the numbers of rows, classes and groups to the number of folds, 0 for a single split.

    Args:
        folds: The argument `folds`.
        budget: The budget of the fit.
        pace: Rows for each second of the budget, up to which `"auto"` makes folds.
        directory: The argument `directory`: a search in it goes on with the folds that it has.
        validation_data: Rows that the user holds out; these exclude folds.
        small: Rows up to which `"auto"` makes folds whatever the budget is.
        grouped: As in `parse_folds`.

    Raises:
        SchemaError: If folds and validation rows are both given.
        SearchSpaceError: If `folds` has none of its forms.
    """
    auto = isinstance(folds, str) and folds == "auto"
    if validation_data is not None and not (auto or folds is False or folds is None):
        raise SchemaError("`folds` and `validation_data` exclude each other. Pass one of them.")
    begun = begun_in(directory) if auto else {}
    if "folds" in begun:
        return lambda rows, classes, units: int(begun["folds"])
    return parse_folds(folds, budget, pace, small, grouped)


def fits_again(value: Any, budget: Budget) -> bool:
    """Whether `"auto"` has members of an ensemble fitted again on all rows, for want of folds.

    Args:
        value: As in `parse_folds`.
        budget: As in `parse_folds`.
    """
    needed = ALLOTMENTS[Purpose.FOLDS].needed_seconds
    auto = isinstance(value, str) and value == "auto"
    return auto and budget.trials is None and (budget.seconds or 0.0) >= needed


def _each_group(rows: int, units: int, budget: Budget, pace: float) -> int:
    """The number of groups, where each of them can be held out once; 0 elsewhere.

    One group held out says little of others, and a network that it is kept from knows fewer.
    """
    few = _FEWEST_GROUPS <= units <= _MANY and units < rows
    affordable = fits_again("auto", budget) and rows <= pace * (budget.seconds or 0.0)
    return units if few and affordable else 0


def _automatic(rows: int, classes: int, budget: Budget, pace: float, small: int) -> int:
    if rows <= small:
        folds = min(_FEW, rows // (_ROWS_FOR_A_FOLD * max(2, classes)))
        return folds if folds > 1 else 0
    seconds = budget.seconds or 0.0
    if not fits_again("auto", budget) or rows < _LEAST_ROWS:
        return 0
    if rows > min(_MOST_ROWS, pace * seconds):
        return 0
    usual = amount(Margin.USUAL_BUDGET_SECONDS)
    return _MANY if seconds >= usual and rows <= 5000 else _FEW
