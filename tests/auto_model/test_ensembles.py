"""What estimators have, for several outputs: ensembles, folds, optimism, refit, class weights."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import SchemaError
from kerasnas.trial.candidates import read_answers

ROWS = 150


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    size, noise = rng.normal(size=(2, ROWS))
    frame = pd.DataFrame({"size": size + 0.3 * noise, "place": rng.choice(["a", "b"], ROWS)})
    signal = rng.normal(size=(ROWS, 3)).astype("float32")
    price = 50 + 20 * size + 5 * signal[:, 0]
    kind = np.where(size + rng.normal(size=ROWS) > 0, "big", "small")
    return {"facts": frame, "extra": signal}, {"price": price, "kind": kind}


def compose(outputs=("price", "kind"), trials=3, **arguments):
    facts, extra = kn.TabularInput(name="facts"), kn.TensorInput(name="extra")
    z = kn.Merge()([kn.TabularBlock()(facts), kn.DenseBlock()(extra)])
    heads = {"price": kn.RegressionHead, "kind": kn.ClassificationHead}
    budget = kn.Budget(trials=trials, epochs=12)
    ends = {name: heads[name]()(z) for name in outputs}
    return kn.AutoModel([facts, extra], ends, budget=budget, seed=0, verbose=0, **arguments)


@pytest.fixture(scope="module")
def ensemble(data):
    auto = compose(ensemble=3)
    auto.fit(*data)
    return auto


def test_an_ensemble_is_a_row_with_a_temperature_for_the_head_of_classes(ensemble):
    table = ensemble.leaderboard(full=True).set_index("trial_id")
    row = table.loc["ensemble"]
    assert np.isfinite(row[["val_loss", "val_price_rmse", "val_kind_log_loss"]].astype(float)).all()
    assert row["val_loss"] <= table[table["kind"] == "trial"]["val_loss"].min()
    facts = next(r for r in ensemble.fitted_.rows if r["trial_id"] == "ensemble")
    assert 1 < len(facts["hyperparameters"]["members"]) <= 3
    temperature = facts["hyperparameters"]["temperature"]
    assert temperature == 1.0 or set(temperature) == {"kind"}
    assert np.isfinite(table["optimism"].dropna()).all() and table["optimism"].notna().any()


def test_the_fused_graph_answers_as_the_members_do_together(ensemble, data):
    found = ensemble.result_.ensemble(3)
    facts = next(r for r in ensemble.fitted_.rows if r["trial_id"] == "ensemble")["hyperparameters"]
    assert {layer.name for layer in found.layers} >= {"facts_preprocessing", "member_1"}
    fronts = [layer.name for layer in found.layers if layer.name.endswith("preprocessing")]
    assert len(fronts) == 2, "the front ends are shared"
    inputs = {
        "facts.size": keras.ops.convert_to_tensor(data[0]["facts"][["size"]].to_numpy("float32")),
        "facts.place": keras.ops.convert_to_tensor(
            data[0]["facts"][["place"]].to_numpy("str"), dtype="string"
        ),
        "extra": keras.ops.convert_to_tensor(data[0]["extra"]),
    }
    result = ensemble.result_
    trials = {t.trial_id: t for t in result.history}
    models = {k: result.networks.model(trials[k]) for k in facts["members"]}
    expected = sum(
        weight * np.asarray(models[k](inputs)["price"]) for k, weight in facts["members"].items()
    )
    np.testing.assert_allclose(np.asarray(found(inputs)["price"]), expected, rtol=1e-3)


def test_the_file_of_an_ensemble_opens_in_plain_keras(ensemble, data, tmp_path):
    ensemble.save(tmp_path / "auto.keras")
    again = kn.load(tmp_path / "auto.keras")
    x = data[0]
    np.testing.assert_allclose(again.predict(x)["price"], ensemble.predict(x)["price"], rtol=1e-5)
    assert again.predict(x)["kind"].tolist() == ensemble.predict(x)["kind"].tolist()


def test_folds_score_every_row_out_of_fold(data):
    auto = compose(trials=2, folds=3, ensemble=False)
    auto.fit(*data)
    best = auto.result_.best_trial
    answers = read_answers(auto.result_.folder, best.trial_id)
    assert answers.shape == (ROWS, 3)
    error = answers[:, 0] - data[1]["price"]
    assert best.scores["val_price_rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)
    baseline = auto.leaderboard(full=True).set_index("trial_id").loc["constant"]
    assert best.scores["val_loss"] < baseline["val_loss"]


def test_folds_and_an_ensemble_together(data):
    auto = compose(trials=2, folds=3, ensemble=2)
    auto.fit(*data)
    row = auto.leaderboard(full=True).set_index("trial_id").loc["ensemble"]
    assert np.isfinite(row["val_loss"])
    assert set(auto.predict(data[0])) == {"price", "kind"}


def test_refit_trains_on_all_rows(data):
    auto = compose(trials=1, refit=True)
    auto.fit(*data)
    assert "refit" in set(auto.leaderboard(full=True)["kind"])
    assert auto.predict(data[0])["price"].shape == (ROWS,)


def test_class_weights_of_the_only_output(data):
    x, y = data
    auto = compose(["kind"], trials=1)
    auto.fit(x, y["kind"], class_weight={"big": 1000.0})
    assert (auto.predict(x) == "big").mean() > 0.9
    with pytest.raises(SchemaError, match="dict from outputs"):
        compose(trials=1).fit(x, y, class_weight={"big": 2.0})
    with pytest.raises(SchemaError, match="one class a row"):
        compose(["price"], trials=1).fit(x, y["price"], class_weight={"big": 2.0})


def test_one_output_has_the_ensemble_of_an_estimator(data):
    x, y = data
    auto = compose(["kind"], ensemble=2)
    auto.fit(x, y["kind"])
    facts = next(r for r in auto.fitted_.rows if r["trial_id"] == "ensemble")
    assert isinstance(facts["hyperparameters"]["temperature"], float)
    np.testing.assert_allclose(auto.predict_proba(x).sum(axis=1), 1, atol=1e-5)
