"""Baselines of images and sounds, of every kind of target."""

from types import SimpleNamespace

import numpy as np
import pytest

from kerasnas.baselines.features import MOST_ROWS, feature_baselines, sampled
from kerasnas.clock import Clock
from kerasnas.problem import MultiLabelScorer, Scorer

ROWS = 120


def case(kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3))
    if kind == "classes":
        targets, classes = (x[:, 0] > 0).astype(int) + (x[:, 1] > 1), 3
    elif kind == "labels":
        targets, classes = (x[:, :2] > 0).astype(int), 2
    else:
        targets, classes = 3 * x[:, 0] + 7, None
    rows = SimpleNamespace(
        targets=targets,
        weights=None,
        parts=[(np.arange(80), np.arange(80, ROWS))],
        joined=lambda answers: answers[0],
        classes=classes,
        multilabel=kind == "labels",
    )
    scorer = (MultiLabelScorer if kind == "labels" else Scorer)(targets[80:], classes)
    return x, rows, scorer


@pytest.mark.parametrize("kind", ["classes", "labels", "values"])
def test_the_linear_model_beats_the_constant_and_both_leave_their_answers(kind):
    x, rows, scorer = case(kind)
    answers = {}
    first, linear = feature_baselines(x, rows, scorer, Clock(), answers)
    metric = "val_rmse" if kind == "values" else "val_log_loss"
    assert linear[metric] < first[metric]
    assert list(answers) == [first["trial_id"], "linear"]
    for found in answers.values():
        assert scorer.validation(found)[metric] in (first[metric], linear[metric])


def test_near_the_end_of_the_budget_only_the_constant_is_fitted():
    x, rows, scorer = case("classes")
    first, linear = feature_baselines(x, rows, scorer, Clock(5.0), {})
    assert (first["status"], linear["status"]) == ("COMPLETED", "FAILED")
    assert "no time left" in linear["failure"]


@pytest.mark.parametrize("count", [1, MOST_ROWS, MOST_ROWS + 1, 5 * MOST_ROWS])
def test_a_sample_is_bounded_and_spread(count):
    kept = sampled(np.arange(count))
    assert 0 < len(kept) <= MOST_ROWS
    assert kept[0] == 0 and kept[-1] >= 0.9 * (count - 1)
