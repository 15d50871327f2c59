import math
from datetime import timedelta

import numpy as np
import pytest

from kerasnas.clock import Budget
from kerasnas.errors import BudgetError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10min", 600),
        ("1h30min", 5400),
        ("1h 30m", 5400),
        ("45s", 45),
        ("1.5 h", 5400),
        (90, 90),
        (2.5, 2.5),
        ("1 hour", 3600),
        ("2 hours 5 minutes", 7500),
        ("90 seconds", 90),
        ("1d", 86400),
        (timedelta(minutes=3), 180),
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
    ],
)
def test_durations(value, seconds):
    assert Budget.parse(value) == Budget(seconds=seconds) == Budget(seconds=value)


def test_counts_are_whole_numbers_whatever_they_were_written_as():
    budget = Budget(trials=20.0, epochs=np.int64(3))
    assert (type(budget.trials), type(budget.epochs)) == (int, int)
    assert budget == Budget(trials=20, epochs=3)


def test_a_budget_is_left_as_it_is():
    budget = Budget(trials=3, epochs=5)
    assert Budget.parse(budget) is budget
    assert budget.with_epochs(5) == budget.with_epochs(None) == budget


@pytest.mark.parametrize(
    "value",
    ["soon", "10", "10 parsecs", "min", "", "5min!", None, True, [], -1, 0, math.inf, math.nan],
)
def test_what_is_no_duration(value):
    with pytest.raises(BudgetError):
        Budget.parse(value)


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"epochs": 3},
        {"trials": 0},
        {"trials": 2.5},
        {"trials": True},
        {"trials": "abc"},
        {"trials": float("inf")},
        {"epochs": float("nan")},
        {"trials": [3]},
        {"trials": 3, "epochs": 0},
        {"seconds": 0},
    ],
)
def test_budgets_that_cannot_be(limits):
    with pytest.raises(BudgetError, match="Write"):
        Budget(**limits)


def test_values_of_any_length_are_refused_at_once():
    for value in "9" * 20_000, "1h" * 20_000, 10**400, 10**5000, -(10**5000), "1" * 400 + "s":
        with pytest.raises(BudgetError) as caught:
            Budget.parse(value)
        assert len(str(caught.value)) < 400
