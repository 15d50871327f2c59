"""Where nothing is better than what is simple, that answers, and the score promises no more."""

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.results.result import SearchResult
from kerasnas.spaces.linear_penalty import CONSTANT, chosen

DRAWS = 2


def rows(draw: int, count: int = 160) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(draw).normal(size=(count, 4)), columns=list("abcd"))


def few_trials(**more) -> kn.TabularClassifier:
    budget = kn.Budget(trials=more.pop("trials", 1), epochs=4)
    return kn.TabularClassifier(budget=budget, seed=0, verbose=0, **more)


@pytest.fixture(scope="module")
def learnt_nothing():
    """Estimators of labels that have nothing to do with the rows."""
    labels = [np.random.default_rng([draw, 1]).integers(0, 2, 160) for draw in range(DRAWS)]
    given = {"trials": 2, "folds": 3, "space": ("linear", "histgb")}
    return [few_trials(**given).fit(rows(draw), y) for draw, y in enumerate(labels)]


def test_random_labels_promise_chance(learnt_nothing):
    promised = []
    for estimator in learnt_nothing:
        chosen = estimator.leaderboard(full=True)["trial_id"] == estimator.fitted_.chosen
        promised.append(float(estimator.leaderboard()[chosen]["held_out"].iloc[0]))
    assert np.mean(promised) == pytest.approx(np.log(2), abs=0.02)
    assert min(promised) > np.log(2) - 0.03


def test_random_labels_are_answered_as_by_a_coin(learnt_nothing):
    new = rows(99)
    for estimator in learnt_nothing:
        assert np.abs(estimator.predict_proba(new) - 0.5).max() < 0.15


def test_the_score_that_is_promised_has_its_standard_error(learnt_nothing):
    for estimator in learnt_nothing:
        table = estimator.leaderboard(full=True).set_index("trial_id")
        row = table.loc[estimator.fitted_.chosen]
        assert 0 < row["val_log_loss_held_out_error"] < 0.05
        assert row["val_log_loss_held_out"] == pytest.approx(row["val_log_loss"], abs=0.03)


def test_a_trial_that_answers_for_want_of_an_ensemble_promises_too(monkeypatch):
    """The last trial may have taken the time that was kept for the ensemble."""
    monkeypatch.setattr(SearchResult, "choose_ensemble", lambda *given, **more: None)
    y = rows(0).sum(axis=1) + np.random.default_rng(1).normal(size=160) > 0
    given = {"trials": 2, "folds": 3, "space": ("linear", "extra_trees")}
    table = few_trials(**given).fit(rows(0), y).leaderboard(full=True)
    (row,) = table[table["answers"]].to_dict("records")
    assert row["kind"] == "trial"
    assert np.isfinite(row["val_log_loss_held_out"]) and np.isfinite(row["optimism"])


def test_the_best_trial_promises_without_an_ensemble_too():
    y = rows(0).sum(axis=1) + np.random.default_rng(1).normal(size=160) > 0
    given = {"trials": 3, "folds": 3, "space": ("linear", "extra_trees"), "ensemble": False}
    table = few_trials(**given).fit(rows(0), y).leaderboard(full=True)
    (row,) = table[table["answers"]].to_dict("records")
    assert np.isfinite(row["val_log_loss_held_out"])
    assert row["val_log_loss_held_out_error"] > 0


def test_boosting_stops_by_rows_that_do_not_score_it():
    scores = []
    for draw in range(3):
        y = np.random.default_rng([draw, 1]).integers(0, 2, 160)
        given = {"folds": 3, "space": "histgb", "ensemble": False}
        table = few_trials(**given).fit(rows(draw), y).leaderboard(full=True)
        scores += [*table.loc[table["kind"] == "trial", "val_log_loss"]]
    assert np.mean(scores) > np.log(2) - 0.005


def test_a_strong_penalty_leaves_nothing_but_the_shares_of_classes():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(160, 8)), rng.integers(0, 2, 160)
    assert chosen(x, y, None, 2) == CONSTANT


def test_the_kind_of_the_best_baseline_is_the_first_trial():
    x = rows(0, 300)
    y = (x["a"] > 0) ^ (x["b"] > 0)  # nothing for a linear model
    estimator = few_trials(ensemble=False, folds=2).fit(x, y)
    assert [t.values["family"] for t in estimator.result_.history] == ["lightgbm"]
    noisy = x.sum(axis=1) + np.random.default_rng(1).normal(size=300) > 0
    straight = few_trials(ensemble=False, folds=2).fit(x, noisy)
    assert [t.values["family"] for t in straight.result_.history] == ["linear"]


def test_the_leaderboard_says_which_row_answers(learnt_nothing, tmp_path):
    for estimator in learnt_nothing:
        table = estimator.leaderboard(full=True)
        assert list(table["trial_id"][table["answers"]]) == [estimator.fitted_.chosen]
    estimator.save(tmp_path / "coin.keras")
    again = kn.load(tmp_path / "coin.keras").leaderboard(full=True)
    assert list(again["trial_id"][again["answers"]]) == [estimator.fitted_.chosen]
