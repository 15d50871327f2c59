"""Rows held out: stratified, grouped, latest or random; both sides never empty, never by place."""

import numpy as np
import pandas as pd
import pytest

from kerasnas.errors import SchemaError
from kerasnas.problem.split import holdout, split


def check_parts(train, valid, n):
    assert train.dtype == valid.dtype == np.int64
    assert len(train) and len(valid)
    assert np.array_equal(np.sort(np.concatenate([train, valid])), np.arange(n))
    assert np.all(np.diff(train) > 0) and np.all(np.diff(valid) > 0)


def test_seeds_matter_and_rows_are_not_the_last():
    halves = [tuple(holdout(40, 0.25, seed=seed)[1]) for seed in (0, 1, 2)]
    assert len(set(halves)) == 3
    assert tuple(range(30, 40)) not in halves


def test_shares_are_kept():
    labels = np.repeat(["a", "b", "c"], [600, 300, 100])
    _, valid = holdout(1000, 0.2, seed=0, classes=labels)
    assert pd.Series(labels[valid]).value_counts().to_dict() == {"a": 120, "b": 60, "c": 20}


def test_ten_rows_of_three_classes():
    labels = np.array([0] * 5 + [1] * 4 + [2])
    for seed in range(20):
        train, valid = holdout(10, 0.2, seed=seed, classes=labels)
        assert len(valid) == 2 and 9 in train


def test_every_class_has_one_row():
    train, valid = holdout(3, 0.3, seed=0, classes=np.arange(3))
    check_parts(train, valid, 3)


def test_many_groups_come_near_and_keep_classes():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 3000).astype(str)
    classes = (rng.random(3000) < 0.2).astype(int)
    _, valid = holdout(3000, 0.2, seed=0, groups=groups, classes=classes)
    assert abs(len(valid) - 600) <= 3
    assert abs(classes[valid].mean() - classes.mean()) < 0.02


def test_groups_leave_every_class_in_training_if_they_can():
    groups = np.repeat(np.arange(10), 10)
    classes = (groups == 3).astype(int)  # one group holds all of a class
    for seed in range(10):
        train, _ = holdout(100, 0.2, seed=seed, groups=groups, classes=classes)
        assert 1 in classes[train]


@pytest.mark.parametrize(("groups", "fraction"), [(13, 0.02), (15, 1 / 30), (40, 0.001)])
def test_groups_that_are_all_larger_than_what_is_wanted(groups, fraction):
    train, valid = holdout(groups * 100, fraction, seed=0, groups=np.repeat(range(groups), 100))
    assert len(valid) == 100
    check_parts(train, valid, groups * 100)


@pytest.mark.parametrize("seed", range(20))
def test_rows_set_apart_leave_every_class(seed):
    labels = np.r_[np.zeros(600, int), 1, 1]
    found = split(602, seed=seed, labels=labels, calibration=100)
    assert len(found.calibration) == 100 and 1 in labels[found.train]


@pytest.mark.parametrize("fraction", [0, 1, 1.5, -0.1, np.nan, "0.2", True, None])
def test_bad_fractions(fraction):
    with pytest.raises(SchemaError, match="must be a number between 0 and 1 "):
        holdout(10, fraction, seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1}, "n_samples=1: expected at least 2 rows"),
        ({"groups": [1, 2]}, "`groups` has 2 values, but there are 4 rows"),
        ({"groups": [1, 1, 1, 1]}, "`groups` has one group only"),
        ({"groups": ["a", None, "b", "b"]}, "`groups` has 1 missing values .first in row 1"),
        ({"classes": [1, 2]}, "`classes` has 2 values"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(SchemaError, match=message):
        holdout(**{"n": 4, "fraction": 0.5, "seed": 0, **arguments})
