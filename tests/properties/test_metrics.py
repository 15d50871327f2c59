"""Scores of any answers are those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from kerasnas.problem import CLASSIFICATION, REGRESSION, Scorer


def sample(seed, classes, rows, weighted, rounded):
    """Labels with every class, probabilities (with ties where rounded), weights or `None`."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, rows)])
    raw = rng.random((len(labels), classes)) + 0.05
    if rounded:
        raw = np.ceil(raw * 4)
    weights = rng.integers(0, 4, len(labels)) + 0.5 if weighted else None
    return labels, raw / raw.sum(axis=1, keepdims=True), weights


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 60), st.booleans(), st.booleans())
def test_classification(seed, classes, rows, weighted, rounded):
    labels, p, weights = sample(seed, classes, rows, weighted, rounded)
    found = Scorer(labels, classes, weights)(p)
    assert tuple(found) == CLASSIFICATION
    expected = {
        "log_loss": metrics.log_loss(labels, p, sample_weight=weights),
        "accuracy": metrics.accuracy_score(labels, p.argmax(axis=1), sample_weight=weights),
        "auc": metrics.roc_auc_score(
            labels,
            p[:, 1] if classes == 2 else p,
            sample_weight=weights,
            multi_class="ovr",
            average="macro",
        ),
        "balanced_accuracy": metrics.balanced_accuracy_score(
            labels, p.argmax(axis=1), sample_weight=weights
        ),
        "f1": metrics.f1_score(
            labels,
            p.argmax(axis=1),
            sample_weight=weights,
            average="binary" if classes == 2 else "macro",
            zero_division=0.0,
        ),
        "average_precision": metrics.average_precision_score(
            labels, p[:, 1] if classes == 2 else p, sample_weight=weights
        ),
    }
    assert found == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.booleans(), st.floats(-1e3, 1e3))
def test_regression(seed, rows, weighted, shift):
    rng = np.random.default_rng(seed)
    targets = np.maximum(rng.normal(size=rows) + shift, -0.9)
    values = (targets + rng.normal(size=rows)).astype("float32")[:, None]
    weights = rng.random(rows) + 0.1 if weighted else None
    found = Scorer(targets, None, weights, extra=("quantile_loss_90",))(values)
    assert tuple(found) == (*REGRESSION, "quantile_loss_90")
    expected = {
        "rmse": metrics.root_mean_squared_error(targets, values[:, 0], sample_weight=weights),
        "mae": metrics.mean_absolute_error(targets, values[:, 0], sample_weight=weights),
        "r2": metrics.r2_score(targets, values[:, 0], sample_weight=weights),
        "rmsle": metrics.root_mean_squared_log_error(
            targets, np.maximum(values[:, 0].astype("float64"), -1 + 1e-9), sample_weight=weights
        ),
        "quantile_loss_90": metrics.mean_pinball_loss(
            targets, values[:, 0], sample_weight=weights, alpha=0.9
        ),
    }
    assert found == pytest.approx(expected, rel=1e-6)
