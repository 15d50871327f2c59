"""Choosing members, calibrating them, and one graph that answers as they do together."""

import dataclasses
import json
import math

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas import artifact
from kerasnas.errors import SearchFailedError, SearchSpaceError
from kerasnas.objectives import Objective
from kerasnas.problem import Scorer
from kerasnas.results.calibration import (
    CalibratedHead,
    Calibration,
    Temperature,
    fit_temperature,
)
from kerasnas.results.ensemble import Wish, parse_ensemble
from kerasnas.results.fusion import fuse
from kerasnas.results.selection import Candidate, flattery, select

RMSE = Objective("val_rmse")


def values(*errors: np.ndarray) -> tuple[Scorer, list[Candidate]]:
    rows = len(errors[0])
    targets = np.random.default_rng(9).normal(size=rows) * 3
    found = [
        Candidate(f"{i:04d}", (targets + e)[:, None], latency_ms=1.0 + i)
        for i, e in enumerate(errors)
    ]
    return Scorer(targets), found


def test_members_with_errors_of_their_own_help_each_other():
    rng = np.random.default_rng(0)
    scorer, candidates = values(*(rng.normal(size=(6, 400)) * np.linspace(1, 1.2, 6)[:, None]))
    chosen = select(candidates, scorer, RMSE, size=6, seed=0)
    assert len(chosen.weights) > 3
    assert sum(chosen.weights.values()) == pytest.approx(1.0)
    best = scorer(candidates[0].answers)["rmse"]
    assert chosen.loss < 0.6 * best
    assert chosen.loss == pytest.approx(scorer(chosen.answer(candidates))["rmse"])
    assert chosen.better
    # Chosen on the rows that it is scored on it looks better than it is.
    assert chosen.loss < chosen.held_out < chosen.single


def test_the_best_of_many_flatters_as_much_without_an_ensemble_beside_it():
    rng = np.random.default_rng(0)
    scorer, candidates = values(*(rng.normal(size=(6, 40)) * np.linspace(1, 1.2, 6)[:, None]))
    chosen = select(candidates, scorer, RMSE, size=1, seed=3)
    alone = min(scorer(c.answers)["rmse"] for c in candidates)
    found = flattery(candidates, scorer, RMSE, seed=3)
    assert found == pytest.approx(chosen.single - alone)
    assert found > 0.01


def test_noise_does_not_make_an_ensemble_better():
    rng = np.random.default_rng(0)
    good = rng.normal(size=300) * 0.1
    scorer, candidates = values(good, *(rng.normal(size=(8, 300)) * 3 + 2))
    chosen = select(candidates, scorer, RMSE, size=8, seed=0)
    assert list(chosen.weights) == ["0000"]
    assert not chosen.better


def test_no_more_members_than_asked_for():
    rng = np.random.default_rng(0)
    scorer, candidates = values(*rng.normal(size=(6, 200)))
    chosen = select(candidates, scorer, RMSE, size=2, seed=0)
    assert len(chosen.weights) == 2


def test_of_equal_candidates_the_fastest_is_taken():
    error = np.random.default_rng(0).normal(size=50)
    scorer, candidates = values(error, error, error)
    slow_first = [candidates[2], candidates[0], candidates[1]]
    chosen = select(slow_first, scorer, RMSE, size=3, seed=0)
    assert list(chosen.weights) == ["0000"]


def test_metrics_to_maximise_are_maximised():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    right = np.clip(np.where(labels == 1, 0.7, 0.3) + rng.normal(size=300) * 0.3, 0.01, 0.99)
    wrong = 1.0 - right
    candidates = [
        Candidate("a", np.stack([1 - wrong, wrong], axis=1)),
        Candidate("b", np.stack([1 - right, right], axis=1)),
    ]
    scorer = Scorer(labels, 2)
    chosen = select(candidates, scorer, Objective("val_auc"), size=2, seed=0)
    assert list(chosen.weights) == ["b"]


def overconfident(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(rows, 3)) * 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(3, p=row) for row in p])
    sharp = np.exp(3 * logits)
    return sharp / sharp.sum(axis=1, keepdims=True), labels


def test_temperature_finds_what_made_a_model_too_sure():
    p, labels = overconfident()
    found = fit_temperature(p, labels)
    assert found.value == pytest.approx(3.0, rel=0.1)
    scorer = Scorer(labels, 3)
    assert scorer(found(p))["log_loss"] < 0.7 * scorer(p)["log_loss"]
    np.testing.assert_allclose(found(p).sum(axis=1), 1.0)


def test_temperature_survives_certainty_and_one_row():
    assert math.isfinite(fit_temperature(np.array([[0.0, 1.0]]), np.array([0])).value)
    exact = fit_temperature(np.eye(2), np.array([0, 1]))
    assert np.isfinite(exact(np.eye(2))).all()


def test_temperature_in_a_graph_is_the_same():
    p, labels = overconfident(200)
    found = fit_temperature(p, labels)
    x = keras.Input((3,))
    np.testing.assert_allclose(
        keras.Model(x, found.build(x))(p.astype("float32")), found(p), atol=1e-6
    )


@pytest.mark.parametrize(
    "value, wish",
    [
        ("auto", Wish(8)),
        (False, Wish(1)),
        (3, Wish(3)),
        ("2.5ms", Wish(8, 2.5)),
        ("10 ms", Wish(8, 10.0)),
    ],
)
def test_what_ensemble_may_be(value, wish):
    assert parse_ensemble(value) == wish


@pytest.mark.parametrize("value", ["big", 0, 99, "0ms", 2.5, "-1ms"])
def test_what_ensemble_may_not_be(value):
    with pytest.raises(SearchSpaceError, match="`ensemble` must be"):
        parse_ensemble(value)


FAST = {
    "budget": kn.Budget(trials=5, epochs=3),
    "seed": 0,
    "verbose": 0,
    "folds": False,
    "space": ("histgb", "mlp", "linear", "extra_trees"),
}

QUICK = {**FAST, "budget": kn.Budget(trials=2), "space": ("linear", "extra_trees")}


def table(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd"))
    frame["kind"] = rng.choice(["x", "y", "z"], rows)
    signal = frame["a"] - frame["b"] * (frame["kind"] == "x") + rng.normal(size=rows) * 0.7
    frame["value"] = signal * 100
    frame["label"] = np.where(signal > 0, "high", "low")
    frame.loc[::7, "a"] = np.nan
    return frame


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    frame = table()
    folder = tmp_path_factory.mktemp("search")
    x = frame.drop(columns=["value", "label"])
    return x, kn.TabularClassifier(**FAST, directory=folder).fit(x, frame["label"])


def members(estimator) -> tuple[list[keras.Model], list[float], dict]:
    rows = estimator.leaderboard(full=True)
    facts = rows[rows["kind"] == "ensemble"].iloc[0]["hyperparameters"]
    result = estimator.result_
    trials = {t.trial_id: t for t in result.history}
    models = [result.networks.model(trials[k]) for k in facts["members"]]
    return models, list(facts["members"].values()), facts


def test_the_fused_graph_is_the_weighted_mean_of_its_members(fitted):
    _, estimator = fitted
    found = estimator.result_.choose_ensemble(Wish(8))
    weights, result = found.selection.weights, estimator.result_
    assert len(weights) > 1
    models = [result.networks.model(t) for t in result.history if t.trial_id in weights]
    weights = {t.trial_id: weights[t.trial_id] for t in result.history if t.trial_id in weights}
    inputs = artifact.as_inputs(
        estimator.fitted_.reader.probe(), artifact.input_dtypes(found.model)
    )
    answers = [np.asarray(m(inputs)) for m in models]
    mean = np.average(answers, axis=0, weights=list(weights.values()))
    np.testing.assert_allclose(found.model(inputs), found.selection.calibration(mean), atol=1e-5)
    warm = Temperature(2.0, 0.01)
    fused = fuse(
        models, list(weights.values()), Calibration((CalibratedHead("", 0, mean.shape[1], warm),))
    )
    np.testing.assert_allclose(fused(inputs), warm(mean), atol=1e-5)


def test_asking_for_an_ensemble_leaves_the_files_of_the_search_alone(fitted):
    _, estimator = fitted
    folder = estimator.result_.folder

    def files():
        return {p: p.stat().st_mtime_ns for p in folder.rglob("*.keras")}

    before = files()
    estimator.result_.ensemble(size=2)
    assert files() == before


def test_equal_front_ends_are_there_once(fitted):
    _, estimator = fitted
    models, weights, _ = members(estimator)
    fused = fuse(models, weights)
    fronts = [n for n in (layer.name for layer in fused.layers) if "preprocessing" in n]
    assert len(fronts) <= 2  # one for networks, one for trees
    assert sum("member" in layer.name for layer in fused.layers) == len(models)


def test_the_row_tells_how_much_the_choice_flatters(fitted):
    _, estimator = fitted
    row = estimator.leaderboard(full=True).query("kind == 'ensemble'").iloc[0]
    assert row["val_log_loss_held_out"] - row["val_log_loss"] == pytest.approx(row["optimism"])
    assert row["params"] > 0 and row["size_bytes"] > 0


def test_only_what_answers_is_timed_and_only_when_it_is_asked_for(fitted):
    _, estimator = fitted
    assert not any(row.get("latency_ms") for row in estimator.fitted_.rows)
    timed = estimator.leaderboard(full=True).query("latency_ms > 0")
    assert [*timed["answers"]] == [True]


def test_an_ensemble_of_any_size_on_request(fitted):
    _, estimator = fitted
    model = estimator.result_.ensemble(size=2)
    assert sum("member" in layer.name for layer in model.layers) <= 2


PLAIN = """
import sys
for name in ("kerasnas", "sklearn"):
    for loaded in [m for m in sys.modules if m.split(".")[0] == name] + [name]:
        sys.modules[loaded] = None
import json, keras, numpy as np, tensorflow as tf
model = keras.models.load_model(sys.argv[1])
one = {
    key: tf.constant([["x"]] if t.dtype == "string" else [[0.5]], dtype=t.dtype)
    for key, t in model.input.items()
}
json.dump(np.asarray(model(one))[0].tolist(), open(sys.argv[2], "w"))
"""


def test_the_file_needs_neither_kerasnas_nor_scikit_learn(fitted, run_script, tmp_path):
    _, estimator = fitted
    path = tmp_path / "fused.keras"
    artifact.write(estimator.result_.ensemble(size=4), path)
    (tmp_path / "plain.py").write_text(PLAIN)
    code, printed = run_script(
        tmp_path / "plain.py", path, tmp_path / "answer.json", folder=tmp_path
    )
    assert code == 0, printed
    answer = (tmp_path / "answer.json").read_text()
    model = artifact.load_written(path)
    one = artifact.as_inputs(
        {k: ["x"] if t.dtype == "string" else [0.5] for k, t in model.input.items()},
        artifact.input_dtypes(model),
    )
    np.testing.assert_allclose(json.loads(answer), np.asarray(model(one))[0], atol=1e-6)


def test_a_regression_can_be_an_ensemble_and_comes_back_from_its_file(tmp_path):
    frame = table()
    x = frame.drop(columns=["value", "label"])
    regressor = kn.TabularRegressor(**QUICK).fit(x, frame["value"])
    kinds = set(regressor.leaderboard(full=True)["kind"])
    assert "ensemble" in kinds
    regressor.save(tmp_path / "values.keras")
    again = kn.load(tmp_path / "values.keras")
    np.testing.assert_allclose(again.predict(x), regressor.predict(x), rtol=1e-5)
    assert "ensemble" in set(again.leaderboard(full=True)["kind"])


def test_without_an_ensemble_the_best_trial_answers():
    frame = table(120)
    x = frame.drop(columns=["value", "label"])
    one = {**QUICK, "budget": kn.Budget(trials=1)}
    estimator = kn.TabularClassifier(**one, ensemble=False).fit(x, frame["label"])
    assert "ensemble" not in set(estimator.leaderboard(full=True)["kind"])
    with pytest.raises(SearchFailedError, match="two finished trials"):
        estimator.result_.ensemble()


def test_a_constraint_binds_the_ensemble_too(fitted):
    _, estimator = fitted
    result = estimator.result_
    largest = result.leaderboard(full=True).query("kind == 'trial'")["size_bytes"].max()
    bound = kn.Constraint("size_bytes", max=float(largest) + 1)
    strict = dataclasses.replace(result, constraints=(bound,))
    found = strict.choose_ensemble(Wish(8))
    assert found is None or found.row["size_bytes"] <= largest + 1
    impossible = dataclasses.replace(result, constraints=(kn.Constraint("params", max=1),))
    assert impossible.choose_ensemble(Wish(8)) is None
