"""Folds are scored at an epoch that their own held-out rows did not choose."""

import numpy as np
import pytest

from kerasnas.problem import MultiLabelScorer, Scorer
from kerasnas.trial.epoch_answers import EpochAnswers, by_other_folds


def fold_of(targets, epochs, monitor="val_log_loss", sign=1):
    fold = EpochAnswers(Scorer(targets, 2), monitor, sign)
    for answers in epochs:
        fold(answers)
    fold.end(len(epochs))
    return fold


def chance(rng, rows=24, epochs=200):
    """Targets, and answers of epochs that know nothing of them."""
    first = rng.uniform(0.05, 0.95, (epochs, rows))
    return rng.integers(0, 2, rows), np.stack([first, 1 - first], axis=2).astype("float32")


@pytest.mark.parametrize(("metric", "sign"), [("log_loss", 1), ("accuracy", -1)])
def test_the_best_of_many_epochs_is_not_better_than_chance(metric, sign):
    rng = np.random.default_rng(0)
    data = [chance(rng) for _ in range(5)]
    folds = [fold_of(*part, f"val_{metric}", sign) for part in data]
    own = [f.answers[int(np.argmin(f.losses))] for f in folds]
    scorer = Scorer(np.concatenate([targets for targets, _ in data]), 2)
    epochs = zip(*(answers for _, answers in data), strict=True)
    usual = np.mean([scorer(np.concatenate(epoch))[metric] for epoch in epochs])
    flattered = scorer(np.concatenate(own))[metric]
    honest = scorer(np.concatenate(by_other_folds(folds, own)))[metric]
    assert abs(honest - usual) < 0.4 * abs(flattered - usual)


def test_each_fold_is_scored_at_the_epoch_that_the_others_chose():
    targets = np.array([0, 1, 0, 1])
    right, wrong = np.eye(2)[targets] * 0.8 + 0.1, np.eye(2)[1 - targets] * 0.8 + 0.1
    folds = [fold_of(targets, e) for e in ([right, wrong], [wrong, right], [wrong, right, right])]
    first, *_ = by_other_folds(folds, [right] * 3)
    assert np.array_equal(first, wrong)  # the others are best in their second epoch


def test_a_fold_that_ended_early_is_scored_at_its_end():
    targets = np.array([0, 1])
    good, bad = np.array([[0.9, 0.1], [0.1, 0.9]]), np.full((2, 2), 0.5)
    folds = [fold_of(targets, [bad, bad, bad, good])] * 2 + [fold_of(targets, [bad, good])]
    assert np.array_equal(by_other_folds(folds, [good] * 3)[2], good)


def test_what_was_scored_to_be_timed_is_forgotten():
    fold = fold_of(np.array([0, 1]), [np.full((2, 2), 0.5)] * 5)
    fold.end(3)
    assert len(fold.losses) == len(fold.answers) == 3


@pytest.mark.parametrize("monitor", [None, "latency_ms"])
def test_answers_stay_where_no_metric_chooses_epochs(monitor):
    own = [np.full((2, 2), 0.5)] * 2
    folds = [fold_of(np.array([0, 1]), own, monitor) for _ in own]
    assert by_other_folds(folds, own) == own


def test_answers_stay_where_a_fold_was_not_trained_here():
    own = [np.full((2, 2), 0.5)] * 2
    assert by_other_folds([fold_of(np.array([0, 1]), own)], own) == own


def test_values_and_several_labels():
    rng = np.random.default_rng(0)
    for scorer, width, monitor in [
        (Scorer(rng.normal(size=50)), 1, "val_rmse"),
        (MultiLabelScorer(rng.integers(0, 2, (50, 3)), 3), 3, "val_log_loss"),
    ]:
        folds = [EpochAnswers(scorer, monitor, 1) for _ in range(2)]
        for fold in folds:
            for _ in range(5):
                fold(rng.uniform(0.1, 0.9, (50, width)))
        found = by_other_folds(folds, [np.zeros((50, width))] * 2)
        assert [answers.shape for answers in found] == [(50, width)] * 2
        assert all(answers.all() for answers in found)
