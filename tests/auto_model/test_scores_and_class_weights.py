"""`AutoModel.score`, and weights of classes by output."""

import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import SchemaError, SearchSpaceError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4)).astype("float32")
RARE = np.where(X[:, 0] + RNG.normal(scale=1.5, size=200) > 2.2, "rare", "usual")
PRICE = 100 + 30 * X[:, 1]
TARGETS = {"kind": RARE, "price": PRICE}


def composed(objective=None, names=("kind", "price"), **arguments):
    x = kn.TensorInput(name="x")
    heads = {
        "kind": kn.ClassificationHead,
        "other": kn.ClassificationHead,
        "price": kn.RegressionHead,
    }
    z = kn.DenseBlock(units=16)(x)
    return kn.AutoModel(
        inputs=[x],
        outputs={name: heads[name]()(z) for name in names},
        objective=objective,
        budget=kn.Budget(trials=1, epochs=8),
        ensemble=False,
        folds=False,
        seed=0,
        verbose=0,
        **arguments,
    )


@pytest.fixture(scope="module")
def auto():
    fitted = composed()
    fitted.fit(X, TARGETS)
    return fitted


def test_the_score_of_the_default_objective_is_the_sum_of_all_losses(auto):
    found = auto.evaluate(X, TARGETS)
    train = auto.fitted_.origin.scorer.heads["price"].units.scale
    by_hand = found["kind_log_loss"] + (found["price_rmse"] / train) ** 2
    assert auto.score(X, TARGETS) == pytest.approx(by_hand)


def test_the_score_is_that_of_the_objective_also_after_loading(tmp_path):
    auto = composed("val_kind_accuracy")
    auto.fit(X, TARGETS)
    accuracy = float(np.mean(auto.predict(X)["kind"] == RARE))
    assert auto.score(X, TARGETS) == pytest.approx(accuracy)
    auto.save(tmp_path / "auto.keras")
    assert kn.load(tmp_path / "auto.keras").score(X, TARGETS) == pytest.approx(accuracy)


def test_a_file_says_that_it_does_not_know_the_scale_of_losses(auto, tmp_path):
    auto.save(tmp_path / "auto.keras")
    with pytest.raises(SearchSpaceError, match="which no file keeps"):
        kn.load(tmp_path / "auto.keras").score(X, TARGETS)


def test_one_output_is_scored_by_its_first_score():
    auto = composed(names=["price"])
    auto.fit(X, PRICE)
    rmse = float(np.sqrt(np.mean((auto.predict(X) - PRICE) ** 2)))
    assert auto.score(X, PRICE) == pytest.approx(rmse, rel=1e-5)


def test_class_weights_of_one_output_leave_the_others_alone():
    plain, weighed = composed(), composed()
    plain.fit(X, TARGETS)
    weighed.fit(X, TARGETS, class_weight={"kind": {"rare": 30.0}})
    rare = [m.predict_proba(X)["kind"][:, 0].mean() for m in (plain, weighed)]
    assert rare[1] > rare[0] + 0.15
    scorer = weighed.fitted_.origin.scorer
    assert scorer.scorers["price"].weights is None
    assert set(scorer.scorers["kind"].weights.tolist()) == {1.0, 30.0}


def test_balanced_classes_of_one_output_weigh_the_same_also_on_folds():
    auto = composed(names=["kind", "other"])
    auto.folds = 2
    auto.fit(X, {"kind": RARE, "other": RARE}, class_weight={"kind": "balanced"})
    scorers = auto.fitted_.origin.scorer.scorers
    classes, counts = np.unique(RARE, return_counts=True)
    weights = {label: scorers["kind"].weights[label == RARE] for label in classes}
    for label, count in zip(classes, counts, strict=True):
        np.testing.assert_allclose(weights[label], 200 / (2 * count))
    assert scorers["other"].weights is None
    means = {name: answers[:, 0].mean() for name, answers in auto.predict_proba(X).items()}
    assert means["kind"] > means["other"] + 0.1


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("balanced", "dict from outputs"),
        ({"kid": "balanced"}, '"balanced"'),
        ({"price": "balanced"}, "one class a row"),
        ({"rare": 2.0, "usual": 1.0}, "dict from outputs"),
        ({"kind": {"odd": 2.0}}, "does not have"),
        ({"kind": 2.0}, "must be"),
    ],
)
def test_other_class_weights_are_refused_before_training(wish, said):
    with pytest.raises(SchemaError, match=said):
        composed().fit(X, TARGETS, class_weight=wish)
