"""Intervals and sets hold the truth as often as they say, and travel in the file."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import SchemaError, SearchSpaceError
from kerasnas.results.conformal import check_level, fit_conformal, needed_rows


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_values_are_covered_on_average_and_skew_is_followed(level):
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(150):
        noise = rng.gamma(1.0, 2.0, 240)
        found = fit_conformal(np.zeros((40, 1)), noise[:40], level, None)
        covered.append(np.mean((noise[40:] >= found.low) & (noise[40:] <= found.high)))
        assert found.low >= 0 and found.high > 2 * found.low
    assert level - 0.01 < np.mean(covered) < level + 0.06


def test_sets_are_covered_on_average():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(100):
        p = rng.dirichlet([0.5] * 4, 300)
        labels = np.array([rng.choice(4, p=row) for row in p])
        found = fit_conformal(p[:60], labels[:60], 0.9, 4)
        picked = p[np.arange(300), labels][60:]
        covered.append(np.mean(picked >= found.least))
    assert 0.89 < np.mean(covered) < 0.93


@pytest.mark.parametrize(
    "level, classes, rows", [(0.9, 3, 9), (0.95, 2, 19), (0.9, None, 19), (0.5, 2, 1)]
)
def test_the_least_rows(level, classes, rows):
    assert needed_rows(level, classes) == rows
    with pytest.raises(SchemaError, match="calibration rows"):
        answers = np.full((rows - 1, classes or 1), 0.5)
        fit_conformal(answers, np.zeros(rows - 1, dtype=int), level, classes)


@pytest.mark.parametrize("value", [0, 1, 90, True, "0.9", -0.1])
def test_what_intervals_may_not_be(value):
    if value == 0 and value is not False:
        value = 0.0
    with pytest.raises(SearchSpaceError, match="`intervals` must be"):
        check_level(value)


def table(rows: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    x = pd.DataFrame(rng.normal(size=(rows, 3)), columns=list("abc"))
    return x, (x["a"] * 2 - x["b"] + rng.normal(size=rows)).to_numpy()


QUICK = {
    "budget": kn.Budget(trials=1),
    "seed": 0,
    "verbose": 0,
    "space": "linear",
    "folds": False,
}


def test_a_regression_in_the_file(tmp_path):
    x, y = table(1200)
    regressor = kn.TabularRegressor(**QUICK, intervals=0.8).fit(x[:600], y[:600])
    interval = regressor.predict_interval(x[600:])
    assert interval.shape == (600, 2)
    inside = (interval[:, 0] <= y[600:]) & (y[600:] <= interval[:, 1])
    assert 0.72 < inside.mean() < 0.9
    assert (interval[:, 0] < regressor.predict(x[600:])).all()
    path = tmp_path / "interval.keras"
    regressor.save(path)
    again = kn.load(path)
    np.testing.assert_allclose(again.predict_interval(x[:9]), regressor.predict_interval(x[:9]))
    np.testing.assert_allclose(again.predict(x[:9]), regressor.predict(x[:9]))
    plain = keras.models.load_model(path)
    columns = {name: x[name].to_numpy("float32")[:9, None] for name in x}
    answers = plain(columns)
    assert set(answers) == {"prediction", "lower", "upper"}
    np.testing.assert_allclose(answers["upper"][:, 0], interval_end(regressor, x[:9]), rtol=1e-5)


def interval_end(regressor, x):
    return regressor.predict_interval(x)[:, 1]


def test_sets_of_labels(tmp_path):
    x, y = table(1200)
    labels = np.array(["low", "middle", "high"])[np.digitize(y, [-1, 1])]
    classifier = kn.TabularClassifier(**QUICK, intervals=0.9).fit(x[:600], labels[:600])
    sets = classifier.predict_set(x[600:])
    inside = np.mean([label in found for label, found in zip(labels[600:], sets, strict=True)])
    assert 0.85 < inside < 0.97
    assert all(len(found) >= 1 for found in sets)
    assert classifier.predict_proba(x[:5]).shape == (5, 3)
    classifier.save(tmp_path / "sets.keras")
    again = kn.load(tmp_path / "sets.keras").predict_set(x[600:])
    assert all(np.array_equal(a, b) for a, b in zip(again, sets, strict=True))
    assert 0.3 < classifier.score(x[600:], labels[600:]) <= 1


def test_calibration_rows_are_nobody_elses():
    x, y = table()
    regressor = kn.TabularRegressor(**{**QUICK, "folds": 3}, intervals=0.9).fit(x, y)
    rows = len(np.load(regressor.result_.folder / "0000.answers.npy"))
    assert rows == 400 - max(400 // 6, 4 * 19)


def test_rows_without_weight_do_not_widen_intervals():
    x, y = table(300)
    wrong = np.arange(300) % 3 == 0
    regressor = kn.TabularRegressor(**QUICK, intervals=0.8)
    regressor.fit(x, np.where(wrong, 1e4, y), sample_weight=(~wrong).astype(float))
    low, high = regressor.predict_interval(x).T
    assert (high - low).max() < 100


def test_without_intervals_there_are_none():
    x, y = table(60)
    regressor = kn.TabularRegressor(**QUICK).fit(x, y)
    with pytest.raises(SearchSpaceError, match="fitted without intervals"):
        regressor.predict_interval(x)


def test_too_few_rows_and_refit_are_refused_before_training():
    x, y = table(40)
    with pytest.raises(SchemaError, match="sets at least 19 rows apart"):
        kn.TabularRegressor(**QUICK, intervals=0.9).fit(x, y)
    with pytest.raises(SearchSpaceError, match="`refit` trains on all"):
        kn.TabularRegressor(**QUICK, intervals=0.9, refit=True).fit(*table(200))
