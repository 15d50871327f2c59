"""What the leaderboard shows, on which rows, and that any row of it answers."""

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas import artifact
from kerasnas.errors import SchemaError, SearchSpaceError
from kerasnas.objectives import Objective
from kerasnas.results.leaderboard import short_frame

ROWS = [
    {
        "rank": 1,
        "trial_id": "ensemble",
        "kind": "ensemble",
        "val_auc": 0.9,
        "val_auc_held_out": 0.88,
        "seconds": 1.0,
        "size_bytes": 5000.0,
        "hyperparameters": {"members": {"0000": 0.5, "0001": 0.5}},
    },
    {
        "rank": 2,
        "trial_id": "0001",
        "kind": "trial",
        "val_auc": 0.85,
        "optimism": 0.02,
        "seconds": 3.0,
        "size_bytes": None,
        "hyperparameters": {"family": "mlp"},
    },
    {"rank": 3, "trial_id": "linear", "kind": "baseline", "val_auc": 0.8, "hyperparameters": {}},
    {"rank": None, "trial_id": "0000", "kind": "trial", "hyperparameters": {"units": 3}},
]


def test_the_short_table_has_what_people_read():
    table = short_frame(ROWS, [Objective("val_auc", "max")])
    assert [*table] == ["rank", "model", "val_auc", "held_out", "seconds", "size_bytes"]
    assert [*table["model"]] == ["ensemble of 2", "0001 mlp", "linear (baseline)", "0000"]
    # What choosing adds to a score is taken off, in its own direction.
    np.testing.assert_allclose([*table["held_out"][:3]], [0.88, 0.83, 0.8])
    assert table["held_out"].isna().tolist() == [False, False, False, True]
    assert "nan" not in table.to_string()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    return x, np.where(x["a"] * x["b"] + rng.normal(size=200) * 0.3 > 0, "up", "down")


@pytest.fixture(scope="module")
def clf(data):
    return kn.TabularClassifier(
        budget=kn.Budget(trials=3),
        folds=False,
        seed=0,
        verbose=0,
        space=("linear", "histgb", "extra_trees"),
    ).fit(*data)


def test_an_estimator_shows_both_tables(clf, tmp_path):
    short = clf.leaderboard(full=False)
    assert len(short.columns) == 6 and len(short) == len(clf.leaderboard(full=True))
    clf.save(tmp_path / "model.keras")
    again = kn.load(tmp_path / "model.keras").leaderboard(full=False)
    assert [*again["model"]] == [*short["model"]]
    assert [*again] == [*short]


def test_every_kept_model_is_scored_on_new_rows(clf, data):
    table = clf.leaderboard(*data)
    assert table["log_loss"].is_monotonic_increasing
    trials = clf.leaderboard(full=True).query("kind == 'trial'")
    named = {name.split(" ")[0] for name in table["model"]}
    assert {*trials["trial_id"]} <= named
    own = clf.evaluate(*data)["log_loss"]
    assert any(abs(table["log_loss"] - own) < 1e-6)
    with pytest.raises(SchemaError, match="`y` is missing"):
        clf.leaderboard(data[0])


def test_any_trial_answers(clf, data, tmp_path):
    x, _ = data
    answers = {k: clf.predict_proba(x, model=k) for k in ("0000", "0001", "0002")}
    assert not np.allclose(answers["0000"], answers["0001"])
    probe = clf.result_.networks.model(clf.result_.history.trials[1])
    raw = clf.fitted_.reader.probe()
    inputs = artifact.as_inputs(raw, artifact.input_dtypes(probe))
    expected = np.asarray(probe(inputs))
    rows = pd.DataFrame({k: np.asarray(v).reshape(-1) for k, v in inputs.items()})
    np.testing.assert_allclose(clf.predict_proba(rows, model="0001"), expected, atol=1e-6)
    assert set(clf.predict(x, model="0002")) <= {"up", "down"}
    with pytest.raises(SearchSpaceError, match=r"`model` '0009' has no model here.*0000"):
        clf.predict(x, model="0009")
    clf.save(tmp_path / "one.keras")
    loaded = kn.load(tmp_path / "one.keras")
    with pytest.raises(SearchSpaceError, match="'linear' is a baseline, which no file keeps"):
        loaded.predict(x, model="linear")
    with pytest.raises(SearchSpaceError, match="Those that answer"):
        loaded.predict(x, model="0002" if clf.fitted_.chosen != "0002" else "0001")
    np.testing.assert_allclose(
        loaded.predict_proba(x, model=clf.fitted_.chosen), clf.predict_proba(x), atol=1e-6
    )


def test_baselines_answer_by_name_and_are_scored_on_new_rows(clf, data):
    x, y = data
    assert set(clf.predict(x, model="majority")) == {pd.Series(y).mode()[0]}
    linear = clf.predict_proba(x, model="linear")
    assert linear.shape == (200, 2) and len({*linear[:, 0]}) > 100
    assert (clf.predict(x, model="linear") == clf.classes_[linear.argmax(axis=1)]).all()
    names = [row["trial_id"] for row in clf.fitted_.rows if row["kind"] == "baseline"]
    assert {f"{name} (baseline)" for name in names} <= set(clf.leaderboard(x, y)["model"])
