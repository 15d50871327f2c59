"""Linear models: categories of many rows are a sparse matrix, which changes no answer."""

import numpy as np
import pytest

from kerasnas.spaces import linear
from kerasnas.spaces.linear import LinearValues, solve_linear


@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("columns", ["clipped", "plain", "both"])
def test_sparse_indicators_give_the_same_answers(classes, columns, monkeypatch):
    rng = np.random.default_rng(0)
    numbers, codes = rng.normal(size=(400, 3)), rng.integers(0, 40, size=(400, 2))
    x = np.concatenate([numbers, codes], axis=1).astype("float32")
    score = numbers[:, 0] + np.sin(codes[:, 0]) + (codes[:, 1] > 20)
    y = score.astype("float32") if classes is None else np.digitize(score, [0.0, 1.0])
    values = LinearValues(1.0, columns)
    answers = []
    for most in (10**9, 0):
        monkeypatch.setattr(linear, "_DENSE_CELLS", most)
        network = solve_linear(x, y, None, (40, 40), classes, values)
        answers.append(network.predict(x, verbose=0))
    np.testing.assert_allclose(*answers, atol=1e-2)  # one of them is solved in steps
