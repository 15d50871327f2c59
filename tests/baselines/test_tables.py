"""Classical models beside the trials: the same at once or in stages, and never for long."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kerasnas.baselines import tables as baselines
from kerasnas.clock import ALLOTMENTS, ENDLESS, Clock, Deadline, OutOfTime, Purpose, allotments
from kerasnas.data import infer_schema
from kerasnas.estimators.preparation import prepare
from kerasnas.spaces.linear_solver import affordable


def fitted(seconds, classes=3, rows=400, folds=0):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 5)), columns=list("abcde"))
    frame["kind"] = rng.choice(["x", "y"], rows)
    y = (frame["a"] * frame["b"] + rng.normal(size=rows) * 0.2).to_numpy()
    targets = y if classes is None else np.digitize(y, np.linspace(-0.5, 0.5, classes - 1))
    given = {"count_folds": lambda rows: folds}
    prepared = prepare(frame, targets, classify=classes is not None, seed=0, **given)
    task = prepared.task(("linear",))
    found = prepared.baselines(task.scorer(), Clock(seconds), 0)
    return {row["trial_id"]: row for row in found}, prepared.answers


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
    raw = {"a": x[:, 0], "b": x[:, 1]}
    every = np.arange(len(x))
    split = baselines.Split(columns, raw, x, 0, noise, None, every, every[:50])
    answers = baselines._boosting(split, "regression", None, 0, made(1e6))
    np.testing.assert_array_equal(answers[:, 0], whole.predict(x[:50]))


def test_boosting_that_takes_too_long_is_given_up(monkeypatch):
    tiny = replace(ALLOTMENTS[Purpose.TABLE_BASELINE], share=1e-4)
    monkeypatch.setitem(allotments._TABLE, Purpose.TABLE_BASELINE, tiny)
    found, answers = fitted(100.0)
    row = found["hist_gradient_boosting"]
    assert row["status"] == "FAILED" and "no time for all iterations of boosting" in row["failure"]
    assert "hist_gradient_boosting" not in answers
    assert found["linear"]["status"] == "COMPLETED"  # of a step or more


def made(seconds):
    return Deadline(seconds, now=lambda: 0.0)


@pytest.mark.parametrize(
    ("took", "given_up"),
    [
        ([1.0], False),
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
            baselines._check_boosting(took, made(6.0 - sum(took)))
    else:
        baselines._check_boosting(took, made(6.0 - sum(took)))


def test_wide_tables_are_fitted_on_fewer_rows(monkeypatch):
    monkeypatch.setattr(baselines, "_MOST_CELLS", 1000)
    split = baselines.Split((), {}, np.zeros((900, 10)), 0, np.zeros(900), None, np.arange(800), [])
    assert len(split.train) == 100
    monkeypatch.undo()
    split = baselines.Split((), {}, np.zeros((900, 10)), 0, np.zeros(900), None, np.arange(800), [])
    assert len(split.train) == 800


def test_a_solver_takes_as_many_steps_as_there_is_time_for():
    matrix = np.random.default_rng(0).normal(size=(2000, 50))
    assert affordable(matrix, 3, ENDLESS, 300) == 300
    assert affordable(matrix, 3, made(1e6), 300) == 300
    assert affordable(matrix, 3, made(0.0), 300) == 1
