"""Bagging over folds: every row scored by networks that have not seen it."""

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import SearchSpaceError
from kerasnas.estimators.folds import parse_folds, settle_folds


@pytest.mark.parametrize(
    "budget, rows, count",
    [
        (kn.Budget(seconds=60), 2100, 5),
        (kn.Budget(seconds=60), 5000, 0),
        (kn.Budget(seconds=300), 4000, 8),
        (kn.Budget(seconds=600), 15_000, 5),
        (kn.Budget(trials=20), 2100, 0),
        (kn.Budget(seconds=10), 2100, 0),
    ],
)
def test_automatic_folds(budget, rows, count):
    assert parse_folds("auto", budget, 35.0, 2000)(rows, 2, rows) == count
    assert parse_folds(False, budget, 35.0, 2000)(rows, 2, rows) == 0
    assert parse_folds(3, budget, 0.0)(rows, 2, rows) == 3


@pytest.mark.parametrize(
    "seconds, rows, units, count",
    [
        (300, 2500, 5, 5),
        (60, 500, 3, 3),
        (60, 500, 2, 0),  # one held out leaves one
        (60, 500, 9, 0),  # one of many says enough of the others
        (60, 5, 5, 0),  # rows of no group
        (60, 900, 5, 0),  # no time
        (20, 100, 5, 0),
    ],
)
def test_each_of_a_few_groups_is_held_out_once(seconds, rows, units, count):
    folds = parse_folds("auto", kn.Budget(seconds=seconds), 0.0, grouped=10.0)
    assert folds(rows, 2, units) == count


@pytest.mark.parametrize(
    "budget", [kn.Budget(trials=2), kn.Budget(seconds=5), kn.Budget(seconds=3600)]
)
@pytest.mark.parametrize(
    "rows, classes, units, count",
    [
        (2000, 2, 2000, 5),
        (80, 1, 80, 5),
        (79, 1, 79, 4),
        (40, 2, 40, 2),
        (31, 2, 31, 0),
        (150, 3, 150, 5),
        (150, 9, 150, 2),
        (150, 12, 150, 0),
        (2000, 2, 3, 3),  # groups
    ],
)
def test_small_tables_have_folds_whatever_the_budget(budget, rows, classes, units, count):
    assert parse_folds("auto", budget, 35.0, 2000)(rows, classes, units) == count


def test_a_table_is_small_by_its_rows_alone():
    x, y = np.random.default_rng(0).normal(size=(100, 2)), np.arange(100) % 2
    given = {"budget": kn.Budget(trials=1), "space": "linear", "verbose": 0}
    small = kn.TabularClassifier(**given).fit(x, y)
    assert len(np.load(small.result_.folder / "0000.answers.npy")) == 100
    groups = kn.TabularClassifier(**given).fit(x, y, groups=np.arange(100) % 3)
    assert len(np.load(groups.result_.folder / "0000.answers.npy")) == 100


@pytest.mark.parametrize("value", [1, True, "many", 2.5])
def test_what_folds_may_not_be(value):
    with pytest.raises(SearchSpaceError, match="`folds` must be"):
        parse_folds(value, kn.Budget(seconds=60), 35.0)


@pytest.fixture(scope="module")
def bagged():
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(240, 3)), columns=list("abc"))
    x["noise"] = rng.permutation(240) / 7  # whole numbers without repeats would be an id
    y = pd.Series(np.where(rng.random(240) < 0.5, "yes", "no"))  # nothing to learn
    estimator = kn.TabularClassifier(
        budget=kn.Budget(trials=3, epochs=2),
        folds=3,
        seed=0,
        verbose=0,
        space=("linear", "extra_trees", "mlp"),
        initial=[
            {"family": "linear", "linear_penalty": 1.0},  # that of the baseline
            {"family": "extra_trees"},
            {"family": "mlp"},
        ],
    )
    return x, y, estimator.fit(x, y)


def test_scores_are_out_of_fold(bagged):
    x, y, estimator = bagged
    rows = estimator.leaderboard(full=True).query("kind == 'trial'")
    assert len(rows) == 3
    # On labels without any signal a score on rows that were trained on would be far below this.
    assert (rows["val_log_loss"] > 0.66).all()
    proba = estimator.predict_proba(x)
    seen = -np.log(proba[np.arange(len(y)), (y == "yes").astype(int)]).mean()
    assert seen < rows["val_log_loss"].min()


def test_the_answer_is_the_mean_of_the_folds(bagged):
    _, _, estimator = bagged
    linear = estimator.result_.history.trials[0]
    model = estimator.result_.networks.model(linear)
    assert all(f'"fold_{i}"' in model.to_json() for i in range(3))
    assert len(np.load(estimator.result_.folder / "0000.answers.npy")) == 240


def test_baselines_are_scored_on_the_same_folds(bagged):
    _, _, estimator = bagged
    rows = estimator.leaderboard(full=True).set_index("trial_id")
    assert rows.loc["majority", "val_log_loss"] == pytest.approx(0.693, abs=0.01)
    linear = rows[rows["hyperparameters"].map(lambda h: h.get("family") == "linear")]
    expected = rows.loc["linear", "val_log_loss"]
    assert linear["val_log_loss"].iloc[0] == pytest.approx(expected, abs=0.01)


def test_folds_and_validation_data_exclude_each_other(bagged):
    x, y, _ = bagged
    with pytest.raises(kn.errors.SchemaError, match="`folds` and `validation_data`"):
        kn.TabularClassifier(folds=3, verbose=0).fit(x, y, validation_data=(x, y))


@pytest.mark.parametrize(("folds", "count"), [(3, 3), (False, 0)])
def test_a_larger_budget_goes_on_with_the_folds_that_a_search_began_with(tmp_path, folds, count):
    x, y = ["red sea", "blue sky", "red sun", "blue car"] * 20, ["a", "b"] * 40
    given = {"space": "linear", "seed": 0, "verbose": 0, "directory": tmp_path}
    kn.TextClassifier(budget=kn.Budget(trials=1), folds=folds, **given).fit(x, y)
    goes_on = settle_folds("auto", kn.Budget(seconds=60), 35.0, tmp_path, None, small=2000)
    assert goes_on(len(x), 2, len(x)) == count
    again = kn.TextClassifier(budget=kn.Budget(trials=2), **given).fit(x, y)
    assert len(again.result_.history.scored()) == 2


def test_a_linear_model_that_answers_alone_is_fitted_on_all_rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(100, 4)), columns=list("abcd"))
    y = frame["a"] - 2 * frame["b"] + 0.1 * rng.normal(size=100)
    reg = kn.TabularRegressor(
        budget=kn.Budget(trials=1), space="linear", ensemble=False, seed=0, verbose=0, folds=4
    ).fit(frame, y)
    parts = reg.result_.best_model()  # the mean over folds, as it was scored
    inputs = {n: frame[[n]].to_numpy("float32") for n in frame}
    folds = parts.predict(inputs, verbose=0)[:, 0]
    assert not np.allclose(folds, reg.predict(frame), atol=1e-6)
    assert np.corrcoef(folds, reg.predict(frame))[0, 1] > 0.999
    # One fit: the graph has the coefficients of one model, not the mean of four.
    assert reg.model_.count_params() < parts.count_params()
