"""Wide beams find the text that trying all paths finds."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.problem.decoding import beam


def exact(frames):
    """The most probable text by trying all paths."""
    found = {}
    for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
        text = tuple(c for c, _ in itertools.groupby(path) if c)
        total = sum(frames[i, c] for i, c in enumerate(path))
        found[text] = np.logaddexp(found.get(text, -math.inf), total)
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_wide_beams_find_the_most_probable_text(seed, length):
    rng = np.random.default_rng(seed)
    frames = np.log(rng.dirichlet([0.6] * 3, length) + 1e-4)
    frames -= np.logaddexp.reduce(frames, axis=1, keepdims=True)
    table = exact(frames)
    assert table[tuple(beam(frames, width=100))] == pytest.approx(max(table.values()), abs=1e-2)
