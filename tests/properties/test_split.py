"""Any split has every row on one side, and neither side is empty."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kerasnas.problem.split import holdout


def check_parts(train, valid, n):
    assert train.dtype == valid.dtype == np.int64
    assert len(train) and len(valid)
    assert np.array_equal(np.sort(np.concatenate([train, valid])), np.arange(n))
    assert np.all(np.diff(train) > 0) and np.all(np.diff(valid) > 0)


fractions = st.floats(0.01, 0.99)


seeds = st.integers(0, 2**32)


@given(st.integers(2, 200), fractions, seeds)
def test_random(n, fraction, seed):
    train, valid = holdout(n, fraction, seed=seed)
    check_parts(train, valid, n)
    assert abs(len(valid) - n * fraction) <= 1
    again = holdout(n, fraction, seed=seed)
    assert np.array_equal(valid, again[1])


@given(st.lists(st.integers(0, 5), min_size=2, max_size=80), fractions, seeds)
def test_stratified(labels, fraction, seed):
    labels = np.array(labels)
    train, valid = holdout(len(labels), fraction, seed=seed, classes=labels)
    check_parts(train, valid, len(labels))
    counts = np.bincount(labels)
    if counts.max() > 1:
        assert set(labels[train]) == set(labels)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=120), fractions, seeds)
def test_no_group_on_both_sides(groups, fraction, seed):
    groups = np.array(groups)
    if len(set(groups)) < 2:
        return
    train, valid = holdout(len(groups), fraction, seed=seed, groups=groups)
    check_parts(train, valid, len(groups))
    assert not set(groups[train]) & set(groups[valid])
    assert np.array_equal(valid, holdout(len(groups), fraction, seed=seed, groups=groups)[1])


@given(st.lists(st.integers(1, 40), min_size=2, max_size=8), fractions)
def test_few_groups_come_as_near_as_can_be(sizes, fraction):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    n = len(groups)
    target = min(max(round(n * fraction), 1), n - 1)
    _, valid = holdout(n, fraction, seed=0, groups=groups)
    totals = [
        sum(chosen) for k in range(1, len(sizes)) for chosen in itertools.combinations(sizes, k)
    ]
    assert abs(len(valid) - target) == min(abs(total - target) for total in totals)
