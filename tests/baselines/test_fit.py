"""Classical models beside the trials, for every kind of head: each beats the constant."""

from dataclasses import replace

import numpy as np
import pytest

from kerasnas.baselines import Evidence, array_evidence, fit_baselines, joined_evidence, sampled
from kerasnas.baselines.constant import constant_answers
from kerasnas.clock import Clock
from kerasnas.data import ClassTarget, MultiLabelTarget
from kerasnas.problem import HeadsScorer
from kerasnas.problem.given import Given
from kerasnas.problem.heads import (
    ArrayTarget,
    ClassHead,
    LabelsHead,
    OwnLossHead,
    QuantilesHead,
    QuantileTarget,
    ValueHead,
)
from kerasnas.problem.rows import Rows, split_rows
from kerasnas.problem.split import Split

ROWS, TRAIN = 240, 180
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 3))
VALUE = 3 * X[:, 0] + 7


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


HEADS = {
    "kind": ClassHead(ClassTarget(np.arange(3))),
    "tags": LabelsHead(MultiLabelTarget((0, 1), True)),
    "value": ValueHead().on(VALUE[:TRAIN]),
    "range": QuantilesHead(QuantileTarget((0.1, 0.9))).on(VALUE[:TRAIN]),
    "own": OwnLossHead(ArrayTarget(2), answer_width=2, keras_loss=squared),
}
ENCODED = {
    "kind": (X[:, 0] > 0).astype(int) + (X[:, 1] > 1),
    "tags": (X[:, :2] > 0).astype(int),
    "value": VALUE,
    "range": VALUE,
    "own": X[:, :2].astype("float32"),
}


def case(*names, folds=()):
    heads = {name: HEADS[name] for name in names}
    encoded = {name: ENCODED[name] for name in names}
    every = np.arange(ROWS)
    split = Split(every, every, folds) if folds else Split(every[:TRAIN], every[TRAIN:])
    rows = Rows(heads, encoded, None, split)
    scorers = {n: h.scorer(encoded[n][rows.valid]) for n, h in heads.items()}
    return rows, HeadsScorer(heads, scorers, dict.fromkeys(heads, 1.0))


def fitted(evidence, *names, clock=None, folds=()):
    rows, scorer = case(*names, folds=folds)
    found = fit_baselines(evidence, rows, scorer, clock or Clock(), 0)
    return {row["trial_id"]: row for row in found.rows}, found.answers


@pytest.mark.parametrize("name", HEADS)
def test_every_model_beats_the_constant_for_every_kind_of_head(name):
    found, answers = fitted(array_evidence(X), name)
    first = "majority" if name in ("kind", "tags") else "mean"
    assert list(found) == list(answers) == [first, "linear", "hist_gradient_boosting"]
    assert found["linear"]["val_loss"] < found[first]["val_loss"]
    assert found["hist_gradient_boosting"]["val_loss"] < found[first]["val_loss"]


def test_several_heads_are_one_row_each_answered_by_its_own_model():
    found, answers = fitted(array_evidence(X), "kind", "value")
    assert list(found) == ["constant", "linear", "hist_gradient_boosting"]
    alone, _ = fitted(array_evidence(X), "value")
    assert found["linear"]["val_value_rmse"] == pytest.approx(alone["linear"]["val_rmse"])
    assert answers["linear"].shape == (ROWS - TRAIN, 4)


def test_folds_answer_every_row_from_the_others():
    every = np.arange(ROWS)
    folds = tuple((every[every % 3 != i], every[every % 3 == i]) for i in range(3))
    _, answers = fitted(array_evidence(X), "value", folds=folds)
    assert answers["linear"].shape == (ROWS, 1)
    np.testing.assert_allclose(answers["linear"][:, 0], VALUE, atol=0.01)


@pytest.mark.parametrize("name", HEADS)
def test_on_folds_a_forest_is_a_baseline_where_it_knows_an_answer(name):
    every = np.arange(ROWS)
    folds = tuple((every[every % 3 != i], every[every % 3 == i]) for i in range(3))
    found, answers = fitted(array_evidence(X), name, folds=folds)
    assert ("random_forest" in found) == (name != "range")
    if name != "range":
        first = next(iter(found))
        assert found["random_forest"]["val_loss"] < found[first]["val_loss"]
        assert answers["random_forest"].shape == answers["linear"].shape


def test_many_columns_are_given_to_no_forest():
    every = np.arange(ROWS)
    folds = tuple((every[every % 2 != i], every[every % 2 == i]) for i in range(2))
    many = {"columns": lambda rows: np.tile(X[rows], 100), "categorical": (False,) * 300}
    wide = replace(array_evidence(X), **many)
    assert "random_forest" not in fitted(wide, "kind", folds=folds)[0]


def test_inputs_side_by_side_are_seen_together():
    from scipy import sparse

    left, right = array_evidence(X[:, :1]), array_evidence(X[:, 1:])
    both = joined_evidence({"left": left, "right": right})
    np.testing.assert_array_equal(both.linear(np.arange(5)), X[:5])
    terms = Evidence(linear=lambda rows: sparse.csr_matrix(X[rows, :1]))
    mixed = joined_evidence({"terms": terms, "right": right})
    np.testing.assert_allclose(mixed.linear(np.arange(5)).toarray(), X[:5])
    assert mixed.columns(np.arange(5)).shape == (5, 2) and list(mixed.categorical) == [False] * 2
    found, _ = fitted(mixed, "kind", "value")
    assert found["linear"]["val_value_rmse"] < 0.5 * found["constant"]["val_value_rmse"]


def test_near_the_end_of_the_budget_only_the_constant_is_fitted():
    found, answers = fitted(array_evidence(X), "kind", clock=Clock(5.0))
    assert found["majority"]["status"] == "COMPLETED"
    assert "no time left" in found["linear"]["failure"]
    assert list(answers) == ["majority"]


def test_without_features_there_is_the_constant():
    found, _ = fitted(None, "value")
    assert list(found) == ["mean"]


def test_rows_with_too_many_columns_are_not_boosted():
    wide = array_evidence(np.zeros((ROWS, 300)))
    assert wide.columns is None
    assert "hist_gradient_boosting" not in fitted(wide, "value")[0]


@pytest.mark.parametrize("count", [1, 100, 101, 500])
def test_a_sample_is_bounded_and_spread(count):
    kept = sampled(np.arange(count), 100)
    assert 0 < len(kept) <= 100
    assert kept[0] == 0 and kept[-1] >= 0.9 * (count - 1)


@pytest.mark.parametrize("name", list(HEADS))
def test_training_rows_that_all_have_no_weight_count_alike(name):
    rows, _ = case(name)
    weights = np.r_[np.zeros(TRAIN), np.ones(ROWS - TRAIN)]
    answers = constant_answers(replace(rows, weights=weights))
    np.testing.assert_allclose(answers, constant_answers(rows))
    y = HEADS[name].target.decode(ENCODED[name]) if name == "kind" else ENCODED[name]
    found = split_rows(
        {name: HEADS[name]},
        Given(None, {name: y}, seed=0, sample_weight=np.r_[np.ones(1), np.zeros(ROWS - 1)]),
        ROWS,
        None,
    )
    assert np.isfinite(constant_answers(found)).all()
