"""Columns that are noise: a hyperparameter where there are some, and one file all the same."""

from functools import cache

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.clock import Budget, Deadline
from kerasnas.estimators.column_filter import filter_seconds
from kerasnas.estimators.table_task import prepare
from kerasnas.problem.given import Given

ROWS, NOISE = 400, 30
REAL = ["one", "two", "three", "four", "kind"]


def table(noise=NOISE):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.normal(size=ROWS) for name in REAL[:4]})
    frame["kind"] = rng.choice(["red", "green", "blue"], ROWS)
    shift = frame["kind"].map({"red": 2.0, "green": -2.0, "blue": 0.0})
    score = frame["one"] + 2 * frame["two"] - frame["three"] * 1.5 + frame["four"] + shift
    for i in range(noise):
        words = rng.choice(list("abcdef"), ROWS)
        frame[f"noise {i}"] = rng.normal(size=ROWS) if i % 3 else words
    return frame, np.where(score + 0.3 * rng.normal(size=ROWS) > 0, "yes", "no"), score.to_numpy()


@cache
def task_of(families, *, classify=True, noise=NOISE, **split):
    frame, labels, values = table(noise)
    given = Given(frame, labels if classify else values, seed=0, **split)
    prepared = prepare(given, classify=classify)
    return prepared, prepared.task(families, seed=0, filter_seconds=60.0)


def values(**given):
    hp = keras_tuner.HyperParameters()
    hp.values.update(given)
    return hp


def test_only_budgets_that_are_worth_it_filter():
    assert filter_seconds(Budget(trials=3)) == 0.0
    assert filter_seconds(Budget(trials=3, seconds=600)) == 0.0
    assert filter_seconds(Budget(seconds=10)) == 0.0
    assert filter_seconds(Budget(seconds=60)) == 3.0
    assert filter_seconds(Budget(trials=20)) == np.inf


def test_a_table_without_noise_has_no_such_hyperparameter():
    _, task = task_of(("mlp", "histgb"), noise=0)
    hp = values()
    task.hypermodel.build(hp)
    assert "columns" not in hp.values
    assert all("columns" not in c for c in task.hypermodel.portfolio)


def test_it_is_in_the_space_and_in_the_portfolio():
    _, task = task_of(("mlp", "histgb"))
    hp = values()
    task.hypermodel.build(hp)
    assert hp.values["columns"] == "all"
    assert hp.space[1].values == ["all", "useful"]
    assert any(c.get("columns") == "useful" for c in task.hypermodel.portfolio)


@pytest.mark.parametrize("family", ["realmlp", "tabm", "mlp"])
def test_networks_on_useful_columns_do_not_see_the_others(family):
    prepared, task = task_of((family,), classify=family != "tabm")
    hp = values(family=family, columns="useful")
    network = task.hypermodel.build(hp)
    trained = task.hypermodel.training(hp, network).model
    view = task.problem.view(hp)
    trained.train_on_batch(view.x[:64], view.y[:64])
    x = prepared.table.matrix[:50]
    dropped = [
        i for i, o in enumerate(prepared.table.preprocessing.owners) if o.startswith("noise")
    ]
    kept = set(task.hypermodel.column_filter.features.tolist())
    dropped = [i for i in dropped if i not in kept]
    assert len(dropped) > 15
    other = x.copy()
    other[:, dropped] = 0.5
    before = np.asarray(network(x, training=False))
    assert np.array_equal(before, np.asarray(network(other, training=False)))
    assert np.ptp(before[:, 0]) > 0


@pytest.mark.parametrize("family", ["histgb", "extra_trees", "linear"])
@pytest.mark.parametrize("classify", [True, False])
def test_libraries_fitted_on_useful_columns_answer_for_whole_rows(family, classify):
    _, task = task_of((family,), classify=classify)
    hp = values(family=family, columns="useful", histgb_leaves=8)
    task.hypermodel.build(hp)
    view = task.problem.view(hp)
    network = task.hypermodel.solve(hp, view, 0, Deadline.after(30.0)).network
    useful = task.hypermodel.column_filter
    places = useful.features if family == "linear" else useful.codes
    assert network.input_shape == (None, view.x.shape[1])
    x = view.validation[0][:40]
    other = np.where(np.isin(np.arange(x.shape[1]), places), x, 0.0).astype("float32")
    before = np.asarray(network(x))
    assert np.array_equal(before, np.asarray(network(other)))
    loss = view.scorer.validation(np.asarray(network(view.validation[0])))
    assert loss["val_accuracy"] > 0.8 if classify else loss["val_r2"] > 0.7


def test_folds_know_of_columns_only_what_their_own_rows_tell():
    def three(rows, classes, units):
        return 3

    prepared, task = task_of(("linear",), classify=False, count_folds=three)
    parts = [task.hypermodel.for_fold(i) for i in range(3)]
    assert len({tuple(p.column_filter.features.tolist()) for p in parts}) > 1
    # The targets of the rows that a fold holds out do not matter to it.
    frame, _, scores = table()
    held_out = prepared.rows.train[prepared.rows.folds[1][1]]
    other = scores.copy()
    other[held_out] = np.random.default_rng(5).permutation(other[held_out])
    again = prepare(Given(frame, other, seed=0, count_folds=three), classify=False)
    np.testing.assert_array_equal(again.rows.folds[1][1], prepared.rows.folds[1][1])
    changed = again.task(("linear",), seed=0, filter_seconds=60.0).hypermodel.for_fold(1)
    np.testing.assert_array_equal(changed.column_filter.features, parts[1].column_filter.features)


def test_a_trial_on_useful_columns_is_one_plain_file(tmp_path):
    frame, labels, _ = table()
    chosen = {"family": "histgb", "columns": "useful"}
    clf = kn.TabularClassifier(
        budget=Budget(trials=10, epochs=1),
        space=("linear", "histgb"),
        oracle="random",
        initial=[chosen, {"family": "linear", "columns": "useful"}],
        ensemble=False,
        folds=False,
        seed=0,
        verbose=0,
    ).fit(frame, labels)
    rows = clf.leaderboard(full=True)
    trials = rows[rows["kind"] == "trial"].set_index("trial_id")["hyperparameters"]
    assert trials["0000"]["columns"] == "useful"
    assert {h["columns"] for h in trials} == {"all", "useful"}
    clf.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    assert set(model.input) == set(frame.columns)
    inputs = clf.fitted_.reader.batches(clf.fitted_.reader.read(frame, "TabularClassifier"))
    _, arrays = next(iter(inputs))
    tensors = kn.artifact.as_inputs(arrays, kn.artifact.input_dtypes(model))
    answers = np.asarray(model(tensors))[: len(frame)]
    np.testing.assert_allclose(answers, clf.predict_proba(frame)[: len(answers)], atol=1e-6)


@pytest.mark.parametrize(
    ("begun", "continued", "filtered"),
    [
        (Budget(trials=10), Budget(trials=11, seconds=25), True),
        (Budget(trials=2), Budget(trials=11), False),
    ],
)
def test_another_budget_continues_in_the_space_that_was_begun(begun, continued, filtered, tmp_path):
    frame, labels, _ = table()
    for budget in (begun, continued):
        clf = kn.TabularClassifier(
            budget=budget,
            space="linear",
            oracle="random",
            ensemble=False,
            folds=False,
            directory=tmp_path / "search",
            seed=0,
            verbose=0,
        ).fit(frame, labels)
        rows = clf.leaderboard(full=True)
        values = rows[rows["kind"] == "trial"]["hyperparameters"]
        assert all(("columns" in v) == filtered for v in values)
    assert len(values) >= begun.trials
