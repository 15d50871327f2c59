"""Every row is held out once, in its share of the classes, never apart from its group."""

import numpy as np
import pytest

from kerasnas.errors import SchemaError
from kerasnas.problem.split import folds


def test_shares_of_classes():
    labels = np.repeat([0, 1, 2], [50, 30, 10])
    for _, valid in folds(90, 5, seed=0, classes=labels):
        assert np.bincount(labels[valid]).tolist() == [10, 6, 2]


def test_groups_stay_together():
    groups = np.random.default_rng(0).integers(0, 12, 200)
    parts = folds(200, 4, seed=0, groups=groups)
    for train, valid in parts:
        assert not set(groups[train]) & set(groups[valid])
    assert max(len(v) for _, v in parts) < 80


def test_more_folds_than_groups():
    with pytest.raises(SchemaError, match="number of groups, which is 2"):
        folds(10, 3, seed=0, groups=np.arange(10) % 2)
