"""Classical models beside the trials of a table: the same at once or in stages, never for long."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from kerasnas.baselines import evidence, trees
from kerasnas.baselines.head_model import HeadLesson
from kerasnas.clock import ALLOTMENTS, ENDLESS, Clock, Deadline, OutOfTime, Purpose, allotments
from kerasnas.data import ClassTarget, infer_schema
from kerasnas.estimators.table_task import prepare
from kerasnas.problem.given import Given
from kerasnas.problem.heads import ClassHead, ValueHead
from kerasnas.spaces.linear_solver import affordable


def fitted(seconds, classes=3, rows=400, folds=0):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 5)), columns=list("abcde"))
    frame["kind"] = rng.choice(["x", "y"], rows)
    y = (frame["a"] * frame["b"] + rng.normal(size=rows) * 0.2).to_numpy()
    targets = y if classes is None else np.digitize(y, np.linspace(-0.5, 0.5, classes - 1))
    given = Given(frame, targets, seed=0, count_folds=lambda rows, classes, units: folds)
    prepared = prepare(given, classify=classes is not None)
    task = prepared.task(("linear",))
    found = prepared.baselines(task.problem.scorer(), Clock(seconds), 0)
    return {row["trial_id"]: row for row in found.rows}, found.answers


@pytest.mark.parametrize("classes", [None, 2, 4])
@pytest.mark.parametrize("folds", [0, 3])
def test_in_stages_boosting_answers_as_at_once(classes, folds):
    _, whole = fitted(None, classes, folds=folds)
    _, staged = fitted(1e6, classes, folds=folds)
    name = "hist_gradient_boosting"
    np.testing.assert_allclose(staged[name], whole[name], rtol=1e-6, atol=1e-9)


def test_boosting_that_stops_by_itself_is_not_gone_on_with():
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(12_000, 2)), rng.normal(size=12_000)  # many: it holds rows out
    whole = HistGradientBoostingRegressor(random_state=0).fit(x, noise)
    assert whole.n_iter_ < 16
    columns = infer_schema(pd.DataFrame(x, columns=["a", "b"])).used
    every = np.arange(len(x))
    seen = evidence.table_evidence(columns, {"a": x[:, 0], "b": x[:, 1]}, x, 0, every)
    lesson = HeadLesson(seen, ValueHead(), noise, None, every, made(1e6))
    answers = trees.fit_trees(trees.boosted, lesson).answer(seen, every[:50])
    np.testing.assert_array_equal(answers[:, 0], whole.predict(x[:50]))


def test_boosting_that_takes_too_long_is_given_up(monkeypatch):
    tiny = replace(ALLOTMENTS[Purpose.TABLE_BASELINE], share=1e-4)
    monkeypatch.setitem(allotments._TABLE, Purpose.TABLE_BASELINE, tiny)
    found, answers = fitted(100.0)
    row = found["hist_gradient_boosting"]
    assert row["status"] == "FAILED" and "trees of boosting" in row["failure"]
    assert "hist_gradient_boosting" not in answers
    assert found["linear"]["status"] == "COMPLETED"  # of a step or more


def made(seconds):
    return Deadline(seconds, now=lambda: 0.0)


def test_a_forest_that_takes_too_long_is_given_up(monkeypatch):
    x, y, every = np.arange(60.0)[:, None], np.arange(60) % 2, np.arange(60)
    monkeypatch.setattr(trees, "Stopwatch", lambda: SimpleNamespace(seconds=0.5))
    head, seen = ClassHead(ClassTarget([0, 1])), evidence.array_evidence(x)
    lesson = HeadLesson(seen, head, y, None, every, made(4.0))
    with pytest.raises(OutOfTime, match="all trees of a forest"):  # ten took half a second
        trees.fit_trees(trees.grown, lesson)
    model = trees.fit_trees(trees.grown, replace(lesson, deadline=made(5.0)))
    assert model.answer(seen, every[:3]).shape == (3, 2)


@pytest.mark.parametrize(
    ("took", "given_up"),
    [
        ([1.0], False),
        ([4.0], True),  # the rows are sorted into bins three more times
        ([1.0, 1.1], False),  # ten seconds say little after four iterations
        ([1.0, 3.0], True),
        ([0.2, 0.3, 0.6, 2.0], False),  # it is done
        ([0.2, 0.3, 2.0], True),
        ([0.5, 0.5, 0.5], False),
    ],
)
def test_what_the_rest_takes_is_told_by_the_stages(took, given_up):
    if given_up:
        with pytest.raises(OutOfTime, match="for all iterations of boosting"):
            trees.check_boosting(took, made(6.0 - sum(took)))
    else:
        trees.check_boosting(took, made(6.0 - sum(took)))


def test_many_classes_are_not_boosted_where_even_small_trees_would_take_too_long():
    y, every = np.arange(540) % 270, np.arange(540)
    seen = evidence.array_evidence(np.zeros((540, 2)))
    head = ClassHead(ClassTarget([*range(270)]))
    with pytest.raises(OutOfTime, match="27000 trees"):
        trees.fit_trees(trees.boosted, HeadLesson(seen, head, y, None, every, made(4.0)))


def test_wide_tables_are_fitted_on_fewer_rows(monkeypatch):
    every, wide = np.arange(800), np.zeros((900, 10))
    assert len(evidence.table_evidence((), {}, wide, 0, every).sampled(every)) == 800
    monkeypatch.setattr(evidence, "MOST_CELLS", 1000)
    assert len(evidence.table_evidence((), {}, wide, 0, every).sampled(every)) == 100


def test_a_solver_takes_as_many_steps_as_there_is_time_for():
    matrix = np.random.default_rng(0).normal(size=(2000, 50))
    assert affordable(matrix, 3, ENDLESS, 300) == 300
    assert affordable(matrix, 3, made(1e6), 300) == 300
    assert affordable(matrix, 3, made(0.0), 300) == 1


def test_a_precise_column_without_a_training_value_is_zeros():
    known = np.array([1e18, 2e18, 3e18, 2e18])
    values = {"a": np.where(np.arange(4) == 3, known, np.nan), "b": known}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evidence._standardising(values, np.arange(3))(values)
    assert not found[:, 0].any()
    assert found[3, 1] == 0 and found[2, 1] > 0
