"""Rates of any schedule are shares of the rate."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.spaces.recipes import rates

SCHEDULES = ["constant", "cosine", "one_cycle", "flat_cos", "coslog4"]


@settings(deadline=None)
@given(st.sampled_from(SCHEDULES), st.integers(0, 3000))
def test_rates_are_shares(schedule, steps):
    share = rates(schedule, steps)
    assert share.shape == (steps,)
    assert share.dtype == np.float32
    assert (share > 0).all()
    assert (share <= 1).all()
