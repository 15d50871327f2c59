"""Folds of texts, sounds and images: scores and baselines out of fold, one file that answers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnas as kn
from kerasnas.spaces.method import Solution
from kerasnas.spaces.text_linear import linear_network
from kerasnas.trial.folds import mean_of

ROWS = 90


def labels():
    return np.where(np.random.default_rng(0).random(ROWS) < 0.5, "yes", "no")


def texts():
    rng = np.random.default_rng(1)
    words = np.array(["red", "green", "blue", "grey", "pink", "black", "white", "gold"])
    return np.array([" ".join(rng.choice(words, 6)) for _ in range(ROWS)], dtype=object)


def sounds():
    return np.random.default_rng(2).normal(size=(ROWS, 800)).astype("float32")


def images():
    return np.random.default_rng(3).integers(0, 256, (ROWS, 8, 8, 1)).astype("uint8")


GIVEN = {"budget": kn.Budget(trials=1, epochs=1), "folds": 3, "seed": 0, "verbose": 0}
# Texts have what is solved and what takes steps, and an ensemble of both.
BOTH = {**GIVEN, "budget": kn.Budget(trials=2, epochs=1), "space": ("linear", "average")}
CASES = {
    "texts": (texts, lambda: kn.TextClassifier(**BOTH)),
    "sounds": (
        sounds,
        lambda: kn.AudioClassifier(sample_rate=4000, space="separable", **GIVEN),
    ),
    "images": (images, lambda: kn.ImageClassifier(space="conv", **GIVEN)),
}


@pytest.fixture(scope="module", params=list(CASES))
def fitted(request):
    data, make = CASES[request.param]
    x, y = data(), labels()
    return x, y, make().fit(x, y)


def test_every_row_is_scored_by_networks_that_have_not_seen_it(fitted):
    _, y, clf = fitted
    trials = clf.leaderboard(full=True).query("kind == 'trial' and status == 'COMPLETED'")
    assert len(trials) == clf.budget.trials
    # There is nothing to learn: on rows that were trained on a score would be far better.
    assert (trials["val_accuracy"] < 0.7).all()
    for trial_id in trials["trial_id"]:
        assert len(np.load(clf.result_.folder / f"{trial_id}.answers.npy")) == len(y)


def test_baselines_are_scored_on_the_same_folds(fitted):
    _, _, clf = fitted
    rows = clf.leaderboard(full=True).query("kind == 'baseline'").set_index("trial_id")
    assert (rows["status"] == "COMPLETED").all()
    assert (rows["val_accuracy"] < 0.7).all()


def test_plain_keras_answers_as_the_mean_of_the_folds(fitted, tmp_path):
    x, _, clf = fitted
    clf.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    raw = tf.constant(x[:5, None]) if x.dtype == object else tf.constant(x[:5])
    np.testing.assert_allclose(np.asarray(model(raw)), clf.predict_proba(x[:5]), atol=1e-5)


def test_folds_and_validation_data_exclude_each_other(fitted):
    x, y, clf = fitted
    with pytest.raises(kn.errors.SchemaError, match="`folds` and `validation_data`"):
        type(clf)(folds=3, verbose=0).fit(x, y, validation_data=(x, y))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "linear"])
def test_linear_models_of_folds_look_up_each_term_once(activation):
    rng = np.random.default_rng(4)
    networks = [linear_network(50, 3, 4, activation) for _ in range(3)]
    for network in networks:
        network.set_weights([rng.normal(size=w.shape) for w in network.get_weights()])
    mean = mean_of([Solution(network) for network in networks])
    assert sum(isinstance(layer, keras.layers.Embedding) for layer in mean.layers) == 1
    given = {
        "terms": rng.integers(0, 50, (6, 9)).astype("int32"),
        "weights": rng.random((6, 9)).astype("float32"),
        "style": rng.random((6, 3)).astype("float32"),
    }
    expected = np.mean([np.asarray(network(given)) for network in networks], axis=0)
    np.testing.assert_allclose(np.asarray(mean(given)), expected, atol=1e-5)
