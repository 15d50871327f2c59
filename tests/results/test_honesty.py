"""A threshold only where it helps, and a word where the winner may be chance."""

import logging

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.objectives import Objective
from kerasnas.problem import Scorer
from kerasnas.results.honesty import compare, standard_error
from kerasnas.results.threshold import choose_threshold

F1 = Objective("val_f1")
BALANCED = Objective("val_balanced_accuracy")


def rare(rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Honest probabilities of a class that one row in ten has."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.6, 5.4, rows)
    return np.stack([1 - p, p], axis=1), (rng.random(rows) < p).astype(int)


def test_the_threshold_of_a_rare_class_is_below_one_half():
    p, labels = rare()
    scorer = Scorer(labels, 2)
    threshold = choose_threshold(p, scorer, F1, 0)
    assert 0.1 < threshold < 0.4
    assert scorer.at(threshold)(p)["f1"] > 1.1 * scorer(p)["f1"]
    fresh, truth = rare(2999)
    assert Scorer(truth, 2, threshold=threshold)(fresh)["f1"] > Scorer(truth, 2)(fresh)["f1"]


def test_one_half_stays_where_nothing_is_better():
    rng = np.random.default_rng(0)
    p = rng.random(400)
    labels = (rng.random(400) < p).astype(int)
    assert choose_threshold(np.stack([1 - p, p], axis=1), Scorer(labels, 2), BALANCED, 0) == 0.5


def test_a_classifier_decides_by_its_threshold_also_from_its_file(tmp_path):
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(900, 3)), columns=list("abc"))
    y = np.where(x["a"] + rng.normal(size=900) * 1.5 > 2.2, "yes", "no")
    classifier = kn.TabularClassifier(
        objective="val_f1",
        budget=kn.Budget(trials=1),
        space="linear",
        folds=False,
        seed=0,
        verbose=0,
    ).fit(x, y)
    chosen = classifier.predict(x)
    proba = classifier.predict_proba(x)
    assert (chosen == "yes").sum() > (proba[:, 1] > 0.5).sum()
    classifier.save(tmp_path / "rare.keras")
    np.testing.assert_array_equal(kn.load(tmp_path / "rare.keras").predict(x), chosen)
    scores = classifier.evaluate(x, y)
    from sklearn.metrics import f1_score

    assert scores["f1"] == pytest.approx(f1_score(y, chosen, pos_label="yes"))


def test_a_clear_gain_and_a_gain_within_noise():
    rng = np.random.default_rng(0)
    targets = rng.normal(size=300)
    scorer, rmse = Scorer(targets), Objective("val_rmse")
    good = (targets + rng.normal(size=300) * 0.1)[:, None]
    mean = np.zeros((300, 1))
    clear = compare(good, {"mean": mean}, scorer, rmse, 0)
    assert clear.beyond_noise and clear.gain == pytest.approx(0.9, abs=0.15)
    close = compare(good, {"mean": mean, "twin": good + 1e-3}, scorer, rmse, 0)
    assert close.baseline == "twin" and not close.beyond_noise
    assert "twin" in close.sentence(rmse)


def test_a_fit_without_signal_says_so(caplog):
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    y = rng.normal(size=200)
    with caplog.at_level(logging.WARNING, logger="kerasnas"):
        kn.TabularRegressor(budget=kn.Budget(trials=1), space="linear", seed=0, verbose=0).fit(x, y)
    assert "than the baseline" in caplog.text


@pytest.mark.parametrize("number", [1, 3])
def test_a_table_of_noise_is_told_and_scored_as_chance(number, caplog):
    rng = np.random.default_rng(number)
    x, y = rng.normal(size=(150, 30)), rng.integers(0, 2, 150)
    trees = {"space": ("histgb", "extra_trees"), "folds": 3, "budget": kn.Budget(trials=4)}
    with caplog.at_level(logging.WARNING, "kerasnas"):
        clf = kn.TabularClassifier(**trees, seed=0, verbose=0).fit(x, y)
    assert "than the baseline" in caplog.text
    board = clf.leaderboard(full=True).set_index("trial_id")
    row, majority = board.loc[clf.fitted_.chosen], board.loc["majority", "val_log_loss"]
    known = row["val_log_loss_held_out"]
    assert known >= np.log(2) - row["val_log_loss_held_out_error"]
    assert clf.fitted_.comparison.gain == pytest.approx(majority - known, abs=1e-6)


def fitted_on(signal):
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    chosen = {
        "space": ("linear", "histgb", "extra_trees"),
        "initial": [{"family": f} for f in ("linear", "histgb", "extra_trees")],
    }
    y = signal(x) + rng.normal(size=300)
    return kn.TabularRegressor(
        budget=kn.Budget(trials=3), folds=3, seed=0, verbose=0, **chosen
    ).fit(x, y)


def test_a_linear_model_answers_where_nothing_beats_it_beyond_noise(caplog):
    with caplog.at_level(logging.WARNING, logger="kerasnas"):
        regressor = fitted_on(lambda x: 3 * x["a"] - 2 * x["b"])
    assert "linear model beyond noise" in caplog.text
    linear = regressor.result_.networks.model(regressor.result_.history.trials[0])
    # Fitted once on all rows, it has the coefficients of one model instead of those of three folds.
    assert regressor.model_.count_params() < linear.count_params()


def test_what_beats_a_linear_model_beyond_noise_answers():
    regressor = fitted_on(lambda x: 4 * np.sign(x["a"] * x["b"]))
    linear = regressor.result_.networks.model(regressor.result_.history.trials[0])
    assert regressor.model_.count_params() > linear.count_params()


def test_windows_that_overlap_are_no_evidence_of_their_own():
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(20), 25)
    truth = rng.normal(size=500)
    shared = rng.normal(size=20)[blocks]  # all rows of a block err alike
    baseline, answers = (truth + e for e in (1.0 + 0.5 * shared, 0.9 + 0.5 * shared[::-1]))
    scorer, objective = Scorer(truth), Objective("val_mae")
    alone = compare(answers[:, None], {"naive": baseline[:, None]}, scorer, objective, 0)
    whole = compare(answers[:, None], {"naive": baseline[:, None]}, scorer, objective, 0, blocks)
    assert whole.gain == alone.gain
    assert whole.error > 3 * alone.error


def test_a_standard_error_counts_that_other_rows_would_train_another_model():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    answers = (truth + rng.normal(size=400))[:, None]
    rows = np.arange(400)
    five = [(np.delete(rows, part), part) for part in np.array_split(rows, 5)]

    def error(parts):
        return standard_error(answers, Scorer(truth), Objective("val_mae"), 0, parts)

    # The standard deviation of the size of a normal number, and the mean of 400 of them.
    by_rows = np.sqrt((1 - 2 / np.pi) / 400)
    assert error([(np.arange(1600), rows)]) == pytest.approx(by_rows * np.sqrt(1.25), rel=0.15)
    assert error(five) == pytest.approx(1.5 / np.sqrt(1.25) * error([(np.arange(1600), rows)]))
