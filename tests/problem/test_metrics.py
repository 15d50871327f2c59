"""Scores equal scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from kerasnas.problem import CLASSIFICATION, REGRESSION, Scorer
from kerasnas.problem.metrics import is_quantile_loss


def sample(seed, classes, rows, weighted, rounded):
    """Labels with every class, probabilities (with ties where rounded), weights or `None`."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, rows)])
    raw = rng.random((len(labels), classes)) + 0.05
    if rounded:
        raw = np.ceil(raw * 4)
    weights = rng.integers(0, 4, len(labels)) + 0.5 if weighted else None
    return labels, raw / raw.sum(axis=1, keepdims=True), weights


@pytest.mark.parametrize("off", [0.0, 1.0])
def test_constant_targets(off):
    targets = np.full(5, 2.0)
    found = Scorer(targets)((targets + off)[:, None])
    assert found["r2"] == metrics.r2_score(targets, targets + off)
    assert found["rmse"] == found["mae"] == off


def test_area_under_the_curve_with_ties_only():
    p = np.full((6, 2), 0.5)
    assert Scorer(np.array([0, 1, 0, 1, 1, 1]), 2)(p)["auc"] == 0.5


def test_missing_classes_do_not_count():
    labels, p, _ = sample(3, 4, 40, False, False)
    kept = labels != 2
    found = Scorer(labels[kept], 4)(p[kept])["auc"]
    areas = [metrics.roc_auc_score(labels[kept] == c, p[kept][:, c]) for c in (0, 1, 3)]
    assert found == pytest.approx(np.mean(areas))


def test_one_class_only():
    p = np.array([[0.1, 0.9], [0.2, 0.8]])
    found = Scorer(np.array([1, 1]), 2)(p)
    assert found["auc"] == 0.5
    assert found["log_loss"] == pytest.approx(metrics.log_loss([1, 1], p, labels=[0, 1]))
    assert Scorer(np.array([0, 0]), 1)(np.ones((2, 1)))["log_loss"] == 0


def test_rows_without_weight_do_not_count():
    labels, p, _ = sample(5, 3, 30, False, True)
    weights = np.ones(len(labels))
    weights[::3] = 0
    kept = weights > 0
    assert Scorer(labels, 3, weights)(p) == pytest.approx(Scorer(labels[kept], 3)(p[kept]))


def test_probability_of_zero_costs_a_finite_amount():
    p = np.array([[1.0, 0.0], [0.0, 1.0]], dtype="float32")
    assert Scorer(np.array([1, 1]), 2)(p)["log_loss"] == pytest.approx(-np.log(1e-7) / 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_predictions_that_are_no_numbers(bad):
    p = np.array([[0.5, bad]])
    assert all(np.isnan(v) for v in Scorer(np.array([1]), 2)(p).values())
    assert all(np.isnan(v) for v in Scorer(np.array([1.0]))(np.array([[bad]])).values())


def test_large_values_do_not_overflow():
    found = Scorer(np.array([1e30, -1e30, 0]))(np.array([[3e38], [-3e38], [1]], dtype="float32"))
    assert all(np.isfinite(v) for v in found.values())


def test_names_of_validation():
    scorer = Scorer(np.array([1.0, 2.0]))
    assert scorer.names == REGRESSION
    assert set(scorer.validation(np.array([[1.0], [2.0]]))) == {
        f"val_{name}" for name in REGRESSION
    }
    assert Scorer(np.array([0]), 3).names == CLASSIFICATION


def test_no_logarithm_of_targets_below_minus_one():
    scorer = Scorer(np.array([-3.0, 2.0]))
    assert "rmsle" not in scorer.names
    assert "rmsle" not in scorer(np.array([[1.0], [1.0]]))


@pytest.mark.parametrize(
    "name, right",
    [("quantile_loss_5", True), ("quantile_loss_0", False), ("quantile_loss_100", False)],
)
def test_names_of_quantile_losses(name, right):
    assert is_quantile_loss(name) == right
