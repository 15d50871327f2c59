"""A small network out of a large model: honest about what it gives up, and one plain file."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import BudgetError, SchemaError
from kerasnas.results import distillation
from kerasnas.results.distillation import _mixed, _nearest

ROWS = 500
SECONDS = 300  # more than is used on any machine


@pytest.fixture(scope="module", autouse=True)
def _one_length():
    """What is learnt then does not hang on how fast a machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distillation, "_LENGTHS", (24,))
        yield


def table(seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(size=ROWS) for name in "abc"})
    frame["kind"] = rng.choice(["red", "green", "blue"], ROWS)
    shift = frame["kind"].map({"red": 1.5, "green": -1.5, "blue": 0.0})
    value = frame["a"] * 2 + np.sin(2 * frame["b"]) * 1.5 + shift + 0.3 * rng.normal(size=ROWS)
    frame.loc[::17, "c"] = np.nan
    return frame, value.to_numpy() * 100 + 1000


def fitted(cls, y, **changes):
    arguments = {
        "budget": kn.Budget(trials=1),
        "space": "extra_trees",
        "initial": [{"family": "extra_trees", "forest_trees": 50, "forest_depth": 8}],
        "ensemble": False,
        "folds": False,
        "seed": 0,
        "verbose": 0,
    }
    return cls(**{**arguments, **changes}).fit(table()[0], y)


@pytest.fixture(scope="module")
def labels():
    return np.where(table()[1] > 1000, "yes", "no")


@pytest.fixture(scope="module")
def classifier(labels):
    return fitted(kn.TabularClassifier, labels)


@pytest.fixture(scope="module")
def small(classifier):
    return classifier.distil(seconds=SECONDS, seed=1)


def test_a_classifier_becomes_one_small_file(classifier, small, labels, tmp_path):
    frame, _ = table()
    assert type(small) is kn.TabularClassifier
    assert small.model_ is not classifier.model_
    row = classifier.leaderboard(full=True).set_index("trial_id").loc["distilled"]
    assert row["kind"] == "distilled"
    assert row["val_log_loss"] < 0.5
    assert row["hyperparameters"]["made_rows"] > 0
    timed = ["latency_ms", "latency_p95_ms"]  # each measures its own
    tables = [m.leaderboard(full=True).drop(columns=timed) for m in (small, classifier)]
    assert tables[0].equals(tables[1])
    small.save(tmp_path / "small.keras")
    classifier.save(tmp_path / "large.keras")
    size = {n: (tmp_path / f"{n}.keras").stat().st_size for n in ("small", "large")}
    assert size["small"] < size["large"]
    assert row["size_bytes"] == pytest.approx(size["small"], rel=0.2)
    plain = keras.models.load_model(tmp_path / "small.keras")
    assert set(plain.input) == set(frame.columns)
    again = kn.load(tmp_path / "small.keras")
    np.testing.assert_allclose(again.predict_proba(frame), small.predict_proba(frame), atol=1e-6)
    assert small.score(frame, labels) > 0.7


def test_scores_are_those_of_the_validation_rows(classifier, small):
    origin = classifier.fitted_.origin
    raw, scorer = classifier.fitted_.reader.take(origin.raw, origin.rows.valid), origin.scorer
    row = classifier.leaderboard(full=True).set_index("trial_id").loc["distilled"]
    own = scorer.some(["log_loss"], small.fitted_.answer_raw(raw))["log_loss"]
    assert row["val_log_loss"] == pytest.approx(own, abs=1e-4)
    taught = scorer.some(["log_loss"], classifier.fitted_.answer_raw(raw))["log_loss"]
    assert row["val_log_loss_teacher"] == pytest.approx(taught, abs=1e-4)


def test_it_answers_as_its_teacher_does(classifier, small):
    other, _ = table(seed=5)
    taught, learnt = classifier.predict_proba(other), small.predict_proba(other)
    assert np.corrcoef(taught[:, 0], learnt[:, 0])[0, 1] > 0.7


def test_doing_it_again_replaces_the_row(labels):
    model = fitted(kn.TabularClassifier, labels)  # its own: the leaderboard changes
    first = model.distil(seconds=SECONDS).leaderboard(full=True)
    second = model.distil(seconds=SECONDS, seed=7).leaderboard(full=True)
    assert (second["kind"] == "distilled").sum() == 1
    assert not second.equals(first)


def test_a_regressor_with_intervals_weights_and_folds(tmp_path, capsys):
    frame, value = table()
    weight = np.where(np.arange(ROWS) % 2, 1.0, 0.5)
    model = kn.TabularRegressor(
        budget=kn.Budget(trials=1, epochs=2),
        space="linear",
        folds=2,
        intervals=0.8,
        seed=0,
        verbose=1,
    ).fit(frame, value, sample_weight=weight)
    capsys.readouterr()
    small = model.distil(seconds=SECONDS)
    said = capsys.readouterr().err
    assert said.startswith("distilled: val_rmse ")
    assert "teacher" in said
    assert " ms instead of " in said
    assert "the teacher has learnt from" in said
    assert small.score(frame, value) > 0.6
    inside = small.predict_interval(table(seed=9)[0])
    truth = table(seed=9)[1]
    assert 0.65 < np.mean((inside[:, 0] <= truth) & (truth <= inside[:, 1])) < 0.95
    small.save(tmp_path / "small.keras")
    plain = keras.models.load_model(tmp_path / "small.keras")
    assert set(plain.output) == {"prediction", "lower", "upper"}


def test_the_threshold_is_chosen_anew(labels):
    rare = np.where(table()[1] > 1250, "yes", "no")
    model = fitted(kn.TabularClassifier, rare, objective="val_f1")
    small = model.distil(seconds=SECONDS)
    assert model.fitted_.decisions.threshold is not None
    assert small.fitted_.decisions.threshold is not None
    assert set(small.predict(table()[0])) == {"yes", "no"}


def test_what_cannot_be(classifier, small, tmp_path):
    with pytest.raises(BudgetError, match="seconds"):
        classifier.distil(seconds=0)
    small.save(tmp_path / "small.keras")
    with pytest.raises(SchemaError, match="loaded estimator"):
        kn.load(tmp_path / "small.keras").distil()


def test_made_rows_hold_values_of_near_rows_only():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 0.1, (50, 2)), rng.normal(9, 0.1, (50, 2))])
    partner = _nearest(x, 0)
    assert (partner != np.arange(100)).all()
    raw = {"number": x[:, 0], "side": np.repeat(["left", "right"], 50)}
    made = _mixed(raw, partner, rng)
    assert np.isin(made["number"], x[:, 0]).all()
    assert 20 < (made["number"] != x[:, 0]).sum() < 80
    np.testing.assert_array_equal(made["side"], raw["side"])
