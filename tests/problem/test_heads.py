"""Fitted heads, and the scorer of several of them."""

import numpy as np
import pytest

from kerasnas.data import ClassTarget, MultiLabelTarget, RegressionTarget
from kerasnas.errors import SchemaError
from kerasnas.problem import HeadsScorer
from kerasnas.problem.heads import (
    ArrayTarget,
    ClassHead,
    LabelsHead,
    OwnLossHead,
    QuantilesHead,
    QuantileTarget,
    ValueHead,
    head_of,
)
from kerasnas.problem.heads.targets import HeadTargets

ROWS = 60
RNG = np.random.default_rng(0)
VALUE = RNG.normal(100, 7, ROWS)
KIND = RNG.integers(0, 3, ROWS)
TAGS = RNG.integers(0, 2, (ROWS, 2))


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


def heads():
    return {
        "value": ValueHead().on(VALUE),
        "kind": ClassHead(ClassTarget(np.array(["a", "b", "c"]))),
        "tags": LabelsHead(MultiLabelTarget((0, 1), True)),
        "range": QuantilesHead(QuantileTarget((0.1, 0.9))).on(VALUE),
        "own": OwnLossHead(ArrayTarget(1), keras_loss=squared),
    }


ENCODED = {
    "value": VALUE,
    "kind": KIND,
    "tags": TAGS,
    "range": VALUE,
    "own": VALUE[:, None].astype("float32"),
}


def scorer(weights=None, names=None):
    chosen = {n: h for n, h in heads().items() if names is None or n in names}
    scorers = {n: h.scorer(ENCODED[n], weights) for n, h in chosen.items()}
    return HeadsScorer(chosen, scorers, dict.fromkeys(chosen, 2.0))


def constants():
    return {
        name: np.tile(head.constant(ENCODED[name]), (ROWS, 1)) for name, head in heads().items()
    }


def test_a_constant_has_the_loss_of_its_kind():
    scores = scorer()(scorer().joined(constants()))
    shares = np.bincount(KIND) / ROWS
    assert scores["value_rmse"] == pytest.approx(VALUE.std())
    assert scores["kind_log_loss"] == pytest.approx(-(shares * np.log(shares)).sum())
    assert scores["own_own_loss"] == pytest.approx(VALUE.var(), rel=1e-4)
    parts = [
        1.0,  # the mean squared error of standardised values
        scores["kind_log_loss"],
        scores["tags_log_loss"],
        scores["range_pinball"] / VALUE.std(),
        scores["own_own_loss"],
    ]
    assert scores["loss"] == pytest.approx(2.0 * sum(parts))


def test_some_scores_are_those_of_all():
    score, answers = scorer(), scorer().joined(constants())
    every = score(answers)
    assert list(every) == list(score.names)
    for name in ("loss", "kind_auc", "range_pinball"):
        assert score.some([name], answers) == {name: every[name]}


def test_a_network_answers_in_standardised_units():
    score = scorer(names=("value", "kind"))
    probabilities = np.full((ROWS, 3), 1 / 3, "float32")
    answers = score.answers({"value": np.zeros((ROWS, 1), "float32"), "kind": probabilities})
    assert answers.shape == (ROWS, 4)
    np.testing.assert_allclose(answers[:, 0], VALUE.mean(), rtol=1e-6)
    validated = score.validation({"value": np.zeros((ROWS, 1)), "kind": probabilities})
    assert validated["val_value_rmse"] == pytest.approx(VALUE.std(), rel=1e-5)


def test_one_head_has_scores_without_a_prefix():
    score = scorer(names=("kind",))
    assert score.names[:2] == ("loss", "log_loss")
    assert score.answers(np.full((ROWS, 3), 1 / 3)).shape == (ROWS, 3)
    assert [c.head for c in score.class_columns] == [""]


def test_rows_weights_and_columns_of_a_part():
    weights = np.zeros(ROWS)
    weights[:10] = 1.0
    rows = np.arange(5, 40)
    part, answers = scorer(weights).of(rows), scorer().joined(constants())
    assert part.rows == len(rows)
    plain = scorer().of(np.arange(5, 10))(answers[5:10])
    weighted = part(answers[rows])
    for name in ("value_rmse", "kind_log_loss", "tags_log_loss", "range_pinball"):
        assert weighted[name] == pytest.approx(plain[name])
    (columns,) = part.class_columns  # labels of any number are not calibrated together
    assert (columns.head, columns.start, columns.stop) == ("kind", 1, 4)
    np.testing.assert_array_equal(columns.scorer.targets, KIND[rows])


def test_a_head_that_is_not_finite_spoils_the_sum_and_no_other_head():
    score, answers = scorer(), scorer().joined(constants())
    answers[3, 0] = np.nan
    scores = score(answers)
    assert np.isnan(scores["loss"]) and np.isnan(scores["value_mae"])
    assert np.isfinite(scores["kind_log_loss"])


def test_weights_count_in_scales_and_constants():
    weights = np.where(np.arange(ROWS) < 10, 1.0, 0.0)
    head = ValueHead().on(VALUE, weights)
    assert head.units.mean == pytest.approx(VALUE[:10].mean())
    assert head.constant(VALUE, weights) == pytest.approx(VALUE[:10].mean())
    kinds = heads()["kind"].constant(KIND, weights)
    np.testing.assert_allclose(kinds, np.bincount(KIND[:10], minlength=3) / 10)
    low, high = heads()["range"].constant(VALUE, weights)
    assert VALUE[:10].min() <= low < high <= VALUE[:10].max()


def test_targets_of_several_heads_come_back_from_a_file():
    targets = HeadTargets({name: head.target for name, head in heads().items()})
    again = HeadTargets.from_json(targets.to_json())
    assert [type(head_of(t)) for t in again.targets.values()] == [type(h) for h in heads().values()]
    with pytest.raises(SchemaError, match="unknown here"):
        HeadTargets.from_json({"a": {"kind": "Other", "content": {}}})
    with pytest.raises(SchemaError, match="No head answers"):
        head_of(object())
    assert isinstance(head_of(RegressionTarget()), ValueHead)


def test_a_threshold_decides_between_two_classes():
    head = ClassHead(ClassTarget(np.array(["no", "yes"])))
    answers = np.array([[0.7, 0.3], [0.6, 0.4]])
    assert head.decode(answers).tolist() == ["no", "no"]
    assert head.decode(answers, threshold=0.35).tolist() == ["no", "yes"]
