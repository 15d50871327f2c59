"""Embeddings of numbers, against their formulas in NumPy."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.spaces.blocks.numerical import periodic, piecewise_linear

X = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")


def embed(function, *args):
    keras.utils.set_random_seed(0)
    x = keras.Input((X.shape[1],))
    return keras.Model(x, function(x, *args))


def bins(x, cuts):
    """Position in each bin: 0 before it, 1 after it; the ends extrapolate."""
    place = (x[:, None] - cuts[:-1]) / np.diff(cuts)
    low, high = np.zeros(len(cuts) - 1), np.ones(len(cuts) - 1)
    low[0], high[-1] = -np.inf, np.inf
    return np.clip(place, low, high)


EDGES = [np.array([-1.0, 0.0, 2.0]), np.array([-0.5, 0.5]), np.linspace(-3, 3, 8)]


def test_piecewise_linear():
    model = embed(piecewise_linear, EDGES, 5)
    weights = {v.path.split("/")[0]: [] for v in model.trainable_variables}
    for v in model.trainable_variables:
        weights[v.path.split("/")[0]].append(v)
    (slope, shift), (bend,) = sorted(weights.values(), key=len, reverse=True)
    linear = X[:, :, None] * slope.numpy() + shift.numpy()
    assert np.allclose(model(X), linear, atol=1e-6)  # before training
    bend.assign(np.random.default_rng(1).normal(size=bend.shape))
    expected = linear.copy()
    for j, cuts in enumerate(EDGES):
        expected[:, j] += bins(X[:, j], cuts) @ bend.numpy()[j, : len(cuts) - 1]
    assert np.allclose(model(X), expected, atol=1e-4)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3))
def test_piecewise_linear_is_finite_and_continuous(row):
    model = PIECEWISE
    x = np.array([row], dtype="float32")
    here, near = np.asarray(model(x)), np.asarray(model(x + 1e-3))
    assert np.isfinite(here).all()
    assert np.abs(here - near).max() < 0.1


PIECEWISE = embed(piecewise_linear, EDGES, 4)


@pytest.mark.parametrize("kind", ["pbld", "pl", "plr"])
def test_periodic(kind):
    model = embed(periodic, kind, 16, 6, 0.5)
    values = [v.numpy() for v in model.trainable_variables]
    answer = np.asarray(model(X))
    assert answer.shape == (50, 3, 6)
    if kind == "pbld":
        wave, phase, kernel, bias = values
        hidden = np.cos(X[:, :, None] * wave + phase)
        assert np.allclose(answer[:, :, 5], X)
        expected = np.einsum("bfh,fhe->bfe", hidden, kernel) + bias
        assert np.allclose(answer[:, :, :5], expected, atol=1e-5)
        assert np.abs(phase).max() <= np.pi
        assert np.abs(kernel).max() <= 0.25
    else:
        wave, kernel, bias = values
        angle = X[:, :, None] * wave
        hidden = np.concatenate([np.cos(angle), np.sin(angle)], axis=-1)
        expected = np.einsum("bfh,fhe->bfe", hidden, kernel) + bias
        expected = np.maximum(expected, 0) if kind == "plr" else expected
        assert np.allclose(answer, expected, atol=1e-5)
    assert wave.std() == pytest.approx(2 * np.pi * 0.5, rel=0.4)
