"""`AutoModel` from raw data to one file."""

from unittest import mock

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.clock import Clock
from kerasnas.errors import KerasNASError, SchemaError, SearchSpaceError
from kerasnas.problem.given import Given

ROWS = 120


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    size = rng.normal(size=ROWS)
    place = rng.choice(["north", "south"], ROWS)
    signal = rng.normal(size=(ROWS, 3, 2)).astype("float32")
    value = 50 + 20 * size + 10 * (place == "north") + 5 * signal[:, 0, 0]
    x = {"facts": pd.DataFrame({"size": size, "place/of": place}), "extra": signal}
    y = {
        "price": value,
        "kind": np.where(size > 0, "big", "small"),
        "tags": [[t for t, on in zip("ab", (s > 0, s < 1), strict=True) if on] for s in size],
        "range": value,
        "own": np.stack([size, -size], axis=1),
    }
    return x, y


def compose(outputs, **arguments):
    facts, extra = kn.TabularInput(name="facts"), kn.TensorInput(name="extra")
    z = kn.Merge(operation="concatenate")([kn.TabularBlock()(facts), kn.DenseBlock()(extra)])
    heads = {
        "price": kn.RegressionHead,
        "kind": kn.ClassificationHead,
        "tags": kn.MultiLabelHead,
        "range": kn.QuantileHead,
        "own": lambda: kn.LossHead("mse"),
    }
    budget = kn.Budget(trials=1, epochs=12)
    ends = {name: heads[name]()(z) for name in outputs}
    return kn.AutoModel([facts, extra], ends, budget=budget, seed=0, verbose=0, **arguments)


@pytest.fixture(scope="module")
def fitted(data):
    x, y = data
    auto = compose(list(y))
    history = auto.fit(x, y)
    return auto, history


def test_fit_returns_a_history(fitted):
    assert isinstance(fitted[1], keras.callbacks.History)


def test_answers_have_the_form_of_the_targets(fitted, data):
    x, y = data
    answers = fitted[0].predict(x)
    assert answers["price"].shape == (ROWS,)
    assert set(answers["kind"]) <= {"big", "small"}
    assert isinstance(answers["tags"], list) and len(answers["tags"]) == ROWS
    assert answers["range"].shape == (ROWS, 3)
    assert (np.diff(answers["range"], axis=1) >= 0).all()
    assert answers["own"].shape == (ROWS, 2)
    assert (answers["kind"] == y["kind"]).mean() > 0.8


def test_probabilities_of_the_heads_that_have_them(fitted, data):
    probabilities = fitted[0].predict_proba(data[0])
    assert set(probabilities) == {"kind", "tags"}
    np.testing.assert_allclose(probabilities["kind"].sum(axis=1), 1, atol=1e-5)


def test_every_head_has_its_own_scores(fitted, data):
    x, y = data
    row = fitted[0].leaderboard(full=True).iloc[0]
    for name in ("val_loss", "val_price_rmse", "val_kind_accuracy", "val_range_pinball"):
        assert np.isfinite(row[name])
    scores = fitted[0].evaluate(x, y)
    assert {"price_rmse", "kind_log_loss", "tags_auc", "range_pinball"} <= set(scores)
    # A head with a loss of one's own has no score, and so its targets are not asked for.
    assert fitted[0].evaluate(x, {n: v for n, v in y.items() if n != "own"}) == scores
    error = fitted[0].predict(x)["price"] - y["price"]
    assert scores["price_rmse"] == pytest.approx(np.sqrt((error**2).mean()))


# Plain Keras says this of a key that is no layer name, such as `place/of`.
@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict:UserWarning")
def test_the_file_answers_alike_in_plain_keras_and_as_an_auto_model(fitted, data, tmp_path):
    auto, x = fitted[0], data[0]
    auto.save(tmp_path / "auto.keras")
    plain = keras.models.load_model(tmp_path / "auto.keras")
    assert set(plain.input) == {"facts.size", "facts.place/of", "extra"}
    raw = {
        "facts.size": keras.ops.convert_to_tensor(x["facts"][["size"]].to_numpy("float32")),
        "facts.place/of": keras.ops.convert_to_tensor(
            x["facts"][["place/of"]].to_numpy("str"), dtype="string"
        ),
        "extra": keras.ops.convert_to_tensor(x["extra"]),
    }
    answers = {name: np.asarray(value) for name, value in plain(raw).items()}
    again = kn.load(tmp_path / "auto.keras")
    for name, value in again.predict(x).items():
        if name in ("price", "range", "own"):
            wide = answers[name].reshape(np.shape(value))
            np.testing.assert_allclose(value, wide, rtol=1e-5, atol=1e-5)
    assert again.predict(x)["kind"].tolist() == auto.predict(x)["kind"].tolist()
    pd.testing.assert_frame_equal(
        again.leaderboard(full=True)[["trial_id", "val_loss"]],
        auto.leaderboard(full=True)[["trial_id", "val_loss"]],
    )


def test_one_head_needs_no_names(data):
    x, y = data
    auto = compose(["price"])
    auto.fit(x, y["price"])
    assert "val_rmse" in auto.leaderboard(full=True)
    assert auto.predict(x).shape == (ROWS,)
    with pytest.raises(SchemaError, match="No output of this AutoModel"):
        auto.predict_proba(x)


def test_validation_data_weights_and_groups(data):
    x, y = data
    half = ROWS // 2

    def part(rows):
        return (
            {"facts": x["facts"].iloc[rows], "extra": x["extra"][rows]},
            {"price": y["price"][rows], "kind": y["kind"][rows]},
        )

    auto = compose(["price", "kind"], objective="val_kind_accuracy")
    first, second = part(slice(half)), part(slice(half, None))
    auto.fit(*first, validation_data=second, sample_weight=np.ones(half))
    assert auto.leaderboard(full=True).iloc[0]["val_kind_accuracy"] > 0.5
    auto.fit(*first, groups=np.arange(half) // 10)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, y: (x.pop("extra"), None), "The input `extra` is missing"),
        (lambda x, y: (y.pop("kind"), None), "The output `kind` is missing"),
        (lambda x, y: x.update(extra=x["extra"][:5]), "`extra` has 5 rows"),
        (lambda x, y: x.update(extra=x["extra"] * np.nan), "not finite"),
    ],
)
def test_data_that_do_not_fit(data, change, sentence):
    x, y = dict(data[0]), {name: data[1][name] for name in ("price", "kind")}
    auto = compose(["price", "kind"])
    change(x, y)
    with pytest.raises(KerasNASError, match=sentence):
        auto.fit(x, y)


def test_an_input_that_is_missing_in_predict(fitted, data):
    with pytest.raises(SchemaError, match="The input `facts` is missing"):
        fitted[0].predict({"extra": data[0]["extra"]})


def test_a_setting_that_no_block_has(data):
    extra = kn.TensorInput(name="extra")
    z = kn.DenseBlock(unitz=3)(extra)
    auto = kn.AutoModel(extra, kn.RegressionHead()(z), budget=kn.Budget(trials=1), verbose=0)
    with pytest.raises(SearchSpaceError, match=r"has no hyperparameter `unitz`.*`units`"):
        auto.fit(data[0]["extra"], data[1]["price"])


def test_a_tuned_loss_weight_is_a_hyperparameter(data):
    extra = kn.TensorInput(name="extra")
    z = kn.DenseBlock(layers=1)(extra)
    weight = lambda hp: hp.Float("loss_weight", 0.2, 5.0, default=0.7)  # noqa: E731
    heads = {
        "price": kn.RegressionHead(loss_weight=weight, name="amount")(z),
        "kind": kn.ClassificationHead()(z),
    }
    auto = kn.AutoModel(extra, heads, budget=kn.Budget(trials=1, epochs=2), seed=0, verbose=0)
    auto.fit(data[0]["extra"], {name: data[1][name] for name in heads})
    assert auto.best_hyperparameters["amount/loss_weight"] == 0.7


def test_first_configurations_vary_what_the_user_leaves_open(data, monkeypatch):
    x, y = data
    auto = compose(["price", "kind"])
    given = Given(x, {name: y[name] for name in ("price", "kind")}, seed=0)
    task = auto._prepare(given, Clock())
    building = mock.Mock(wraps=task.hypermodel.build)
    monkeypatch.setattr(task.hypermodel, "build", building)
    default, dropped = task.hypermodel.portfolio  # the merge is settled: no gated one
    assert building.call_count == 1  # the check of settings has built the default
    changed = {name for name in default if default[name] != dropped[name]}
    assert len(changed) == 2
    assert all(name.endswith("/dropout") and dropped[name] == 0.5 for name in changed)
