"""Text estimators on a pretrained backbone, from raw strings to a file that plain Keras opens."""

import json

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import SearchSpaceError

QUICK = {"seed": 0, "verbose": 0, "ensemble": False, "folds": False}
PLAIN = """
import json, sys
sys.modules["kerasnas"] = sys.modules["keras_hub"] = None
import keras, numpy as np, tensorflow as tf
answers = []
for path in ("frozen.keras", "tuned.keras"):
    model = keras.models.load_model(path)
    texts = tf.constant(json.load(open("asked.json")))[:, None]
    answers.append(np.asarray(model(texts)).tolist())
model.export("saved", format="tf_saved_model", verbose=False)
served = tf.saved_model.load("saved")
again = served.serve(texts)
assert np.abs(np.asarray(again) - answers[-1]).max() < 1e-5
json.dump(answers, open("answers.json", "w"))
"""


def corpus(rows=120, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    words = np.array([["bad", "awful", "ungood"], ["good", "great", "very good"]])
    texts = [
        f"The film was {rng.choice(words[label])}{rng.choice(['.', '!', ''])}" for label in labels
    ]
    return texts, np.array(["con", "pro"])[labels]


@pytest.fixture(scope="module")
def fitted(presets):
    texts, labels = corpus()
    first = {"family": "backbone", "backbone_strength": 1.0}
    frozen = kn.TextClassifier(
        backbone=presets["Bert"],
        space="backbone",
        initial=[first],
        budget=kn.Budget(trials=1),
        **QUICK,
    ).fit(texts, labels)
    values = {"family": "backbone", "backbone_tuned": "all", "backbone_batch_size": 8}
    values |= {"backbone_learning_rate": 1e-3, "backbone_dropout": 0.0}
    tuned = kn.TextClassifier(
        backbone=str(presets["DistilBert"]),
        space="backbone",
        initial=[values],
        budget=kn.Budget(trials=1, epochs=20),
        **QUICK,
    ).fit(texts, labels)
    return frozen, tuned


def test_a_head_and_fine_tuning_learn(fitted):
    texts, labels = corpus(40, seed=1)
    for clf in fitted:
        scores = clf.evaluate(texts, labels)
        assert scores["accuracy"] > 0.85, scores
    best = fitted[0].leaderboard(full=True).query("kind == 'trial'").iloc[0]
    assert best["hyperparameters"]["backbone_tuned"] == "none"
    # The backbone counts, whether it is trained or not.
    assert best["params"] > 4_000
    tuned = fitted[1].leaderboard(full=True).query("kind == 'trial'").iloc[0]
    assert tuned["hyperparameters"]["backbone_tuned"] == "all"


def test_plain_keras_opens_the_file_without_keras_hub(fitted, run_script, tmp_path):
    texts = [*corpus(6, seed=2)[0], "", "Unseen wörds: 漢字, goodish… 😀", "good " * 300]
    for name, clf in zip(("frozen", "tuned"), fitted, strict=True):
        clf.save(tmp_path / f"{name}.keras")
    (tmp_path / "asked.json").write_text(json.dumps(texts))
    (tmp_path / "plain.py").write_text(PLAIN)
    code, printed = run_script(tmp_path / "plain.py", folder=tmp_path)
    assert code == 0, printed
    found = json.loads((tmp_path / "answers.json").read_text())
    for answers, clf in zip(found, fitted, strict=True):
        assert np.allclose(answers, clf.predict_proba(texts), atol=1e-5)


def test_the_file_gives_the_score_of_the_leaderboard_on_folds_and_pairs(presets):
    texts, labels = corpus(60)
    frame = pd.DataFrame({"first": texts, "second": corpus(60, seed=3)[0]})
    reg = kn.TextRegressor(
        backbone=presets["Bert"],
        space="backbone",
        budget=kn.Budget(trials=1),
        **{**QUICK, "folds": 2},
    ).fit(frame, (labels == "pro") * 2.0)
    assert np.corrcoef(reg.predict(frame), labels == "pro")[0, 1] > 0.8


def test_what_cannot_be_had_is_told_before_any_training(monkeypatch, tmp_path, caplog):
    texts, labels = corpus(40)
    with pytest.raises(SearchSpaceError, match="there is no such folder"):
        kn.TextClassifier(backbone=tmp_path / "bert", **QUICK).fit(texts, labels)
    with pytest.raises(SearchSpaceError, match="nothing is downloaded"):
        kn.TextClassifier(space="backbone", **QUICK).fit(texts, labels)
    budget = kn.Budget(trials=1)
    clf = kn.TextClassifier(space=("linear", "backbone"), budget=budget, **QUICK)
    clf.fit(texts, labels)
    assert "The family 'backbone' is left out; ['linear'] are searched" in caplog.text
    assert clf.leaderboard(full=True)["status"].eq("COMPLETED").all()
