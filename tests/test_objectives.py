import math

import keras_tuner
import numpy as np
import pytest

from kerasnas.errors import ObjectiveError
from kerasnas.objectives import (
    Constraint,
    Objective,
    check_constraints,
    parse_objectives,
    violation,
)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val_loss", "min"),
        ("val_log_loss", "min"),
        ("val_rmse", "min"),
        ("val_root_mean_squared_error", "min"),
        ("val_sparse_categorical_crossentropy", "min"),
        ("wer", "min"),
        ("params", "min"),
        ("latency_ms", "min"),
        ("size_bytes", "min"),
        ("train_seconds", "min"),
        ("val_accuracy", "max"),
        ("val_acc", "max"),
        ("balanced_accuracy", "max"),
        ("val_auc_1", "max"),
        ("val_f1_score", "max"),
        ("val_r2_score", "max"),
        # A word error rate hides in the first, an accuracy in the second.
        ("answer_f1", "max"),
        ("accelerator_loss", "min"),
        ("val_kl_divergence", "min"),
        ("val_hinge", "min"),
        ("val_inaccuracy", "min"),
        ("val_dice_loss", "min"),
        ("val_dice_coef", "max"),
        ("val_fbeta_score", "max"),
        ("val_sensitivity_at_specificity", "max"),
    ],
)
def test_directions_of_well_known_names(name, direction):
    assert Objective(name).direction == direction


@pytest.mark.parametrize("name", ["glorp", "answer", "racc", "val_", "val_neg_log_loss"])
def test_unknown_directions_are_asked_for(name):
    with pytest.raises(ObjectiveError, match="direction='min'"):
        Objective(name)
    assert Objective(name, "max").direction == "max"


def test_a_wrong_direction_is_named():
    with pytest.raises(ObjectiveError, match="must be 'min' or 'max', received 'down'"):
        Objective("val_loss", "down")


def test_losses_are_infinite_for_everything_that_is_no_score():
    accuracy = Objective("val_accuracy")
    assert accuracy.loss({"val_accuracy": 0.9}) == -0.9
    for value in (math.nan, math.inf, -math.inf):
        assert accuracy.loss({"val_accuracy": value}) == math.inf
        assert Objective("val_loss").loss({"val_loss": value}) == math.inf
    assert accuracy.loss({}) == math.inf


def test_parsing_takes_names_objects_and_lists():
    both = (Objective("val_accuracy", "max"), Objective("params", "min"))
    assert parse_objectives("val_accuracy") == both[:1]
    assert parse_objectives(["val_accuracy", Objective("params")]) == both
    assert parse_objectives(keras_tuner.Objective("val_accuracy", "max")) == both[:1]
    assert parse_objectives((keras_tuner.Objective("x", "min"),)) == (Objective("x", "min"),)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "`objective` is empty"),
        ("val_acuracy", "Did you mean 'val_accuracy'"),
        (["val_accuracy", "val_accuracy"], "more than once"),
    ],
)
def test_bad_objectives_are_one_sentence(value, words):
    with pytest.raises(ObjectiveError, match=words):
        parse_objectives(value, known=["val_accuracy", "params"])


def test_constraints():
    limit = Constraint("latency_ms", min=1, max=5)
    assert [limit.violation({"latency_ms": v}) for v in (0.5, 1, 3, 5, 7)] == [0.5, 0, 0, 0, 2]
    assert limit.violation({}) == limit.violation({"latency_ms": math.nan}) == math.inf
    assert limit.violation({"latency_ms": math.inf}) == math.inf
    assert violation((limit, Constraint("params", max=1)), {"latency_ms": 7, "params": 4}) == 5
    assert violation((), {}) == 0
    assert limit.free and not Constraint("val_loss", max=1).free


@pytest.mark.parametrize(
    ("limits", "words"), [({}, "needs `min=` or `max=`"), ({"min": 2, "max": 1}, "above")]
)
def test_impossible_constraints(limits, words):
    with pytest.raises(ObjectiveError, match=words):
        Constraint("params", **limits)


@pytest.mark.parametrize("bound", ["1000", math.nan, True, [3]])
def test_a_bound_that_is_no_number_would_never_be_broken(bound):
    with pytest.raises(ObjectiveError, match=r"needs a number as `max`.*Constraint\('params', max"):
        Constraint("params", max=bound)


def test_a_bound_says_which_one_it_is():
    with pytest.raises(TypeError, match="positional"):
        Constraint("params", 1000)


def test_bounds_of_numpy_become_those_of_python():
    limit = Constraint("params", min=np.float32(0.5), max=np.int64(7))
    assert (type(limit.min), type(limit.max)) == (float, int)


@pytest.mark.parametrize("known", [None, ["val_loss", "params"]])
def test_a_dict_of_constraints_is_answered_with_the_line_to_write(known):
    line = r"received a dict\. Write constraints=\[kerasnas\.Constraint\('params', max=\.\.\.\)\]"
    with pytest.raises(ObjectiveError, match=line):
        check_constraints({"parms": 5}, known)
