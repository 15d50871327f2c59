"""Every row is held out once, in its share of the classes, never apart from its group."""

import numpy as np
import pytest

from kerasnas.errors import SchemaError
from kerasnas.estimators.preparation import read_rows
from kerasnas.problem.given import Given
from kerasnas.problem.given_folds import GivenFolds
from kerasnas.problem.inputs import RawRows
from kerasnas.problem.rows import fit_target
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


class Broken:
    """An input of numbers of which the rows 1 and 4 cannot be read."""

    def read(self, x, further=None):
        kept = np.setdiff1d(np.arange(len(x)), [1, 4])
        return RawRows(None, x[kept], len(kept), len(kept), kept, ["1", "4"])


def test_indices_of_the_user_stay_those_of_x_where_files_are_broken():
    x, first = np.arange(10), np.arange(10) < 5
    pairs = [(np.flatnonzero(first), np.flatnonzero(~first)), (~first, first)]
    y = np.arange(10) % 2
    given = Given(x, y, seed=0, count_folds=GivenFolds(pairs))
    target = fit_target(y, classify=True)
    raw, rows = read_rows(Broken(), given, target, apart=lambda x, y: (x, y))
    (train, valid), (again, apart) = rows.parts
    assert raw.data[train].tolist() == raw.data[apart].tolist() == [0, 2, 3]
    assert raw.data[valid].tolist() == raw.data[again].tolist() == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("row", [-11, 10])
def test_a_row_that_is_not_there_is_named(row):
    with pytest.raises(SchemaError, match=rf"names the row {row}, but `x` has 10 rows"):
        GivenFolds([([0, 1], [2, row])]).pairs(np.arange(10), 10, None, None)
