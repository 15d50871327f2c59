"""Intervals, sets and thresholds of an `AutoModel`: those of the estimators, for every head."""

import keras
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import SearchSpaceError

ROWS = 360
BUDGET = kn.Budget(trials=2, epochs=16)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3)).astype("float32")
    price = 50 + 20 * x[:, 0] + rng.normal(size=ROWS)
    rare = np.where(x[:, 1] + 0.6 * rng.normal(size=ROWS) > 1.2, "rare", "usual")
    return x, {"price": price, "kind": rare, "range": price}


def compose(outputs=("price", "kind", "range"), **arguments):
    extra = kn.TensorInput(name="extra")
    z = kn.DenseBlock(layers=1)(extra)
    heads = {
        "price": kn.RegressionHead,
        "kind": kn.ClassificationHead,
        "range": kn.QuantileHead,
    }
    ends = {name: heads[name]()(z) for name in outputs}
    settings = {"budget": BUDGET, "seed": 0, "verbose": 0, **arguments}
    return kn.AutoModel(extra, ends, **settings)


@pytest.fixture(scope="module")
def fitted(data):
    auto = compose(intervals=0.8, objective="val_kind_f1", ensemble=False)
    auto.fit(data[0], data[1])
    return auto


def test_intervals_hold_the_number_as_often_as_they_say(fitted, data):
    intervals = fitted.predict_interval(data[0])
    assert set(intervals) == {"price"}, "a head of quantiles has intervals of its own"
    low, high = intervals["price"].T
    inside = (low <= data[1]["price"]) & (data[1]["price"] <= high)
    assert intervals["price"].dtype == "float64" and 0.7 < inside.mean() < 0.95


def test_sets_hold_the_label_as_often_as_they_say(fitted, data):
    sets = fitted.predict_set(data[0])
    assert set(sets) == {"kind"}
    held = [label in found for label, found in zip(data[1]["kind"], sets["kind"], strict=True)]
    assert np.mean(held) > 0.75 and min(map(len, sets["kind"])) >= 1


def test_the_constants_are_in_the_graph_and_come_back_from_the_file(fitted, data, tmp_path):
    path = tmp_path / "auto.keras"
    fitted.save(path)
    raw = {"extra": keras.ops.convert_to_tensor(data[0])}
    outputs = {n: np.asarray(v) for n, v in keras.models.load_model(path)(raw).items()}
    further = {"price.lower", "price.upper", "kind.set"}
    assert set(outputs) == {"price", "kind", "range", *further}
    interval = fitted.predict_interval(data[0])["price"]
    np.testing.assert_allclose(outputs["price.lower"][:, 0], interval[:, 0], rtol=1e-5)
    again = kn.load(path)
    assert again.fitted_.decisions == fitted.fitted_.decisions
    np.testing.assert_array_equal(again.predict_interval(data[0])["price"], interval)
    assert set(again.predict(data[0])) == {"price", "kind", "range"}


def test_the_threshold_of_the_head_that_is_optimised(fitted, data):
    threshold = fitted.fitted_.decisions.of("kind").threshold
    assert threshold is not None
    probabilities = fitted.predict_proba(data[0])["kind"]
    expected = np.where(probabilities[:, 1] >= threshold, "usual", "rare")
    assert fitted.predict(data[0])["kind"].tolist() == expected.tolist()
    assert fitted.evaluate(data[0], data[1])["kind_accuracy"] == pytest.approx(
        np.mean(expected == data[1]["kind"])
    )


def test_one_head_answers_as_an_estimator_does(data, tmp_path):
    auto = compose(["price"], intervals=0.8, ensemble=False)
    auto.fit(data[0], data[1]["price"])
    assert auto.predict_interval(data[0]).shape == (ROWS, 2)
    assert auto.predict(data[0]).shape == (ROWS,)
    assert set(auto.export_model().output) == {"prediction", "lower", "upper"}
    with pytest.raises(SearchSpaceError, match="No output of this AutoModel is a `Classific"):
        auto.predict_set(data[0])


def test_heads_without_intervals_are_told_before_the_search(data):
    with pytest.raises(SearchSpaceError, match="are for a `RegressionHead` or"):
        compose(["range"], intervals=0.9).fit(data[0], data[1]["range"])
    with pytest.raises(SearchSpaceError, match="Pass one of them"):
        compose(["price"], intervals=0.9, refit=True).fit(data[0], data[1]["price"])


def test_without_intervals_there_are_none(data):
    auto = compose(["price"], ensemble=False, budget=kn.Budget(trials=1, epochs=1))
    auto.fit(data[0], data[1]["price"])
    with pytest.raises(SearchSpaceError, match="fitted without intervals"):
        auto.predict_interval(data[0])


def test_folds_are_automatic_as_for_estimators():
    assert compose().folds == "auto"


def test_new_rows_on_the_leaderboard(fitted, data):
    table = fitted.leaderboard(data[0], data[1])
    assert {"kind_f1", "price_rmse", "range_pinball"} <= set(table) and len(table) == 5
    other = next(i for i in ("0000", "0001") if i != fitted.fitted_.chosen)
    assert set(fitted.predict(data[0], model=other)) == {"price", "kind", "range"}
    linear = fitted.predict(data[0], model="linear")
    assert set(linear) == {"price", "kind", "range"}
    assert np.corrcoef(np.ravel(linear["price"]), data[1]["price"])[0, 1] > 0.95
    assert "linear (baseline)" in set(fitted.leaderboard(*data)["model"])
