"""Scores of predictions with any number of labels a row."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from kerasnas.problem import MultiLabelScorer


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_scikit_learn_s(weighted):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (40, 3))
    answers = rng.uniform(0.01, 0.99, (40, 3))
    weights = rng.uniform(0.5, 2, 40) if weighted else None
    scores = MultiLabelScorer(truth, 3, weights)(answers)
    losses = [log_loss(truth[:, i], answers[:, i], sample_weight=weights) for i in range(3)]
    assert scores["log_loss"] == pytest.approx(np.mean(losses))
    assert scores["auc"] == pytest.approx(
        roc_auc_score(truth, answers, average="macro", sample_weight=weights)
    )
    right = ((answers > 0.5) == truth).mean(axis=1)
    assert scores["accuracy"] == pytest.approx(np.average(right, weights=weights))


def test_a_label_that_never_occurs_has_no_say_in_the_area():
    truth = np.array([[0, 1], [0, 0]])
    answers = np.array([[0.5, 0.9], [0.5, 0.1]])
    assert MultiLabelScorer(truth, 2)(answers)["auc"] == 1.0
