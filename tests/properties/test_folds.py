"""Any folds hold out every row once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.problem.split import folds


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 80), st.integers(2, 5), st.integers(0, 99))
def test_every_row_once(rows, count, seed):
    parts = folds(rows, count, seed=seed)
    held = np.concatenate([valid for _, valid in parts])
    assert sorted(held.tolist()) == list(range(rows))
    for train, valid in parts:
        assert sorted([*train.tolist(), *valid.tolist()]) == list(range(rows))
    sizes = [len(valid) for _, valid in parts]
    assert max(sizes) - min(sizes) <= 1
    again = folds(rows, count, seed=seed)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(parts, again, strict=True))
