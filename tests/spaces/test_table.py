"""What networks read from training rows: which columns are numbers, bins, tokens."""

import numpy as np
import pytest

from kerasnas.spaces.blocks.ft_transformer import MOST_TOKENS
from kerasnas.spaces.table import MOST_NUMBERS, SAMPLE, settled_table
from kerasnas.spaces.tabular import tabular


def sample(rows=200):
    """Two numbers, a flag, a category in three columns, a constant, an index."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, rows)
    columns = [
        rng.normal(size=rows),
        rng.integers(0, 5, rows),
        rng.integers(0, 2, rows),
        *(kind == k for k in range(3)),
        np.full(rows, 0.5),
        rng.integers(0, 40, rows),
    ]
    return np.stack(columns, axis=1).astype("float32")


GROUPS = ("a", "b", "b", "c", "c", "c", "d")


def table(rows=200, **changes):
    given = {"embedded": [40], "rows": None, "sample": sample(rows or 200), "groups": GROUPS}
    return settled_table(8, 3, **{**given, **changes})


def test_numbers_have_more_than_two_values():
    assert table().numbers.tolist() == [0, 1]
    assert table().others.tolist() == [2, 3, 4, 5, 6]
    assert table(sample=None).numbers.tolist() == list(range(7))
    assert table().rows == 200
    assert table(sample=None).rows is None


def test_a_sample_is_evenly_spread_and_bounded():
    rows = np.arange(3 * SAMPLE, dtype="float32")[:, None]
    kept = settled_table(1, None, [], 7, rows, None)
    assert kept.rows == 7
    assert len(kept.sample) == SAMPLE
    assert kept.sample[0, 0] == 0
    assert kept.sample[-1, 0] == 3 * SAMPLE - 1
    assert np.ptp(np.diff(kept.sample[:, 0])) <= 1


def test_very_many_numbers_leave_those_with_most_values():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(50, MOST_NUMBERS + 20)).astype("float32")
    wide[:, :20] = wide[:, :20].round()
    kept = settled_table(wide.shape[1], None, [], None, wide, None)
    assert kept.numbers.tolist() == list(range(20, MOST_NUMBERS + 20))
    assert kept.others.tolist() == list(range(20))


def test_edges_are_distinct_quantiles():
    given = table(2000)
    normal, whole = given.edges(8)
    assert np.allclose(normal, np.quantile(given.sample[:, 0], np.linspace(0, 1, 9)), atol=1e-6)
    assert whole.tolist() == [0, 1, 2, 3, 4]
    assert all(cuts[0] < cuts[-1] for cuts in table(sample=None).edges(4))


def test_a_column_that_hardly_changes_has_one_bin():
    few = settled_table(1, None, [], None, np.array([[1.0], [1.0 + 1e-7], [1.0 + 2e-7]]), None)
    assert few.numbers.tolist() in ([], [0])
    for cuts in few.edges(4):
        assert len(cuts) == 2
        assert cuts[1] - cuts[0] == 1


def test_tokens_follow_raw_columns():
    rng = np.random.default_rng(0)
    single, joint = table().tokens
    assert single.tolist() == [0, 1]
    assert [places.tolist() for places in joint] == [[2], [3, 4, 5], [6]]
    assert table().token_count == 6
    many = settled_table(20, None, [], None, rng.normal(size=(30, 20)), ["text"] * 20)
    assert [len(many.tokens[0]), len(many.tokens[1])] == [0, 1]
    alone = settled_table(3, None, [], None, rng.normal(size=(30, 3)), None)
    assert alone.token_count == 3


@pytest.mark.parametrize(("columns", "there"), [(MOST_TOKENS, True), (MOST_TOKENS + 1, False)])
def test_a_transformer_is_for_few_columns(columns, there):
    space = tabular(columns, 2)
    assert ("ft_transformer" in space.families) == there
    assert ("ft_transformer" in {c["family"] for c in space.portfolio}) == there
    assert tabular(columns, 2, families=["ft_transformer"]).families == ("ft_transformer",)
