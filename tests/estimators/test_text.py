import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import kerasnas as kn
from kerasnas.clock import Clock
from kerasnas.errors import OutOfTime, SchemaError
from kerasnas.estimators.text_forms import TextForms
from kerasnas.estimators.text_task import prepare_texts
from kerasnas.problem.given import Given

BOTH = {"budget": kn.Budget(trials=2, epochs=2), "seed": 0, "verbose": 0}
QUICK = {"budget": kn.Budget(trials=1, epochs=2), "seed": 0, "verbose": 0, "ensemble": False}
WORDS = {
    "good": [
        "Excelente película",
        "太好看了",
        "فيلم رائع",
        "Wunderschön! 😀",
        "LOVED it",
        "très bon",
    ],
    "bad": ["Qué aburrido", "太难看了", "فيلم سيئ", "Schrecklich… 😡", "hated IT", "très mauvais"],
}
FILLER = ["the", "film", "电影", "الفيلم", "gestern", "hier", "und", "with", "12", "!"]

PLAIN = """
import json, sys, warnings
sys.modules["kerasnas"] = None
warnings.simplefilter("error", UserWarning)
import keras, numpy as np, tensorflow as tf
answers = []
for path, columns in json.load(open("asked.json")):
    model = keras.models.load_model(path)
    tensors = {name: tf.constant(texts)[:, None] for name, texts in columns.items()}
    out = model(tensors if isinstance(model.input, dict) else tensors["text"])
    model.export(path + "_saved", format="tf_saved_model", verbose=False)
    served = tf.saved_model.load(path + "_saved")
    again = served.serve(tensors if isinstance(model.input, dict) else tensors["text"])
    assert np.abs(np.asarray(again) - np.asarray(out)).max() < 1e-5
    answers.append(np.asarray(out).tolist())
json.dump(answers, open("answers.json", "w"))
"""


def corpus(rows=160, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice(list(WORDS), rows)
    texts = [
        " ".join([*rng.choice(FILLER, 4), str(rng.choice(WORDS[label])), *rng.choice(FILLER, 3)])
        for label in labels
    ]
    return texts, labels


@pytest.fixture(scope="module")
def fitted():
    texts, labels = corpus()
    texts[3] = None
    texts[5] = "a \ud83d lone surrogate"
    return kn.TextClassifier(space=("linear", "conv"), ensemble=2, **BOTH).fit(texts, labels)


@pytest.fixture(scope="module")
def pairs():
    texts, _ = corpus(120)
    other, _ = corpus(120, seed=1)
    same = np.arange(120) % 2 == 0
    frame = pd.DataFrame({"first_text": texts, "second": np.where(same, texts, other)})
    reg = kn.TextRegressor(space="linear", **QUICK).fit(frame, same.astype(float))
    return reg, frame, same


@pytest.fixture(scope="module")
def plain():
    clf = kn.TextClassifier(space="linear", **QUICK)
    return clf.fit(*corpus(120), validation_data=corpus(60, seed=5))


def test_texts_of_all_scripts_are_told_apart(fitted):
    texts, labels = corpus(60, seed=7)
    scores = fitted.evaluate(texts, labels)
    assert scores["accuracy"] > 0.9
    assert fitted.predict(texts[:3]).tolist() == labels[:3].tolist()
    assert set(fitted.leaderboard(full=True)["trial_id"]) >= {"majority", "tfidf_logistic"}


def test_variants_of_a_text_get_the_same_answer(fitted):
    plain = fitted.predict_proba(["LOVED it", "Wunderschön!"])
    other = fitted.predict_proba(["loved it", "WUNDERSCHO\u0308N!"])
    assert np.abs(plain - other).max() < 0.25  # capitals count a little, as style


def test_odd_texts_are_answered(fitted):
    odd = ["", None, "\x00", "😀" * 10_000, "\ud800", "ไทย 日本語"]
    with pytest.warns(UserWarning, match="1 of the 6 texts are longer"):
        answers = fitted.predict_proba(odd)
    assert np.isfinite(answers).all()
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_plain_keras_and_savedmodel_take_raw_strings(fitted, pairs, run_script, tmp_path):
    reg, frame, _ = pairs
    texts = [*corpus(20, seed=3)[0], "", "unseen Ж 漢字 \x01"]
    fitted.save(tmp_path / "clf.keras")
    reg.save(tmp_path / "reg.keras")
    columns = {name: frame[name].tolist()[:20] for name in frame}
    asked = [("clf.keras", {"text": texts}), ("reg.keras", columns)]
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    (tmp_path / "plain.py").write_text(PLAIN)
    code, printed = run_script(tmp_path / "plain.py", folder=tmp_path)
    assert code == 0, printed
    found = json.loads((tmp_path / "answers.json").read_text())
    assert np.allclose(found[0], fitted.predict_proba(texts), atol=1e-5)
    assert np.allclose(np.ravel(found[1]), reg.predict(frame[:20]), atol=1e-5)
    again = kn.load(tmp_path / "clf.keras")
    assert again.predict(texts).tolist() == fitted.predict(texts).tolist()
    assert again.schema_ == fitted.schema_


def test_the_exported_file_gives_the_score_of_the_leaderboard(plain):
    best = plain.leaderboard(full=True).query("kind == 'trial'").iloc[0]
    score = plain.evaluate(*corpus(60, seed=5))["log_loss"]
    assert score == pytest.approx(best["val_log_loss"], abs=1e-5)


def test_pairs_are_compared(pairs):
    reg, frame, same = pairs
    assert set(reg.model_.input) == {"first_text", "second"}
    assert np.corrcoef(reg.predict(frame), same)[0, 1] > 0.7
    with pytest.raises(SchemaError, match="lacks `second`"):
        reg.predict(frame[["first_text"]])


def test_class_weight_counts(plain):
    heavy = kn.TextClassifier(space="linear", **QUICK)
    heavy.fit(*corpus(120), validation_data=corpus(60, seed=5), class_weight={"good": 1000.0})
    unclear = ["the film 12", "电影 und hier"]
    gain = heavy.predict_proba(unclear)[:, 1] - plain.predict_proba(unclear)[:, 1]
    assert (gain > 0.2).all()


def test_folders_of_files(tmp_path):
    texts, labels = corpus(60)
    for i, (text, label) in enumerate(zip(texts, labels, strict=True)):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{i}.txt").write_text(text, encoding="utf-8")
    clf = kn.TextClassifier(space="linear", **QUICK).fit(tmp_path)
    assert clf.classes_.tolist() == ["bad", "good"]
    assert clf.score(tmp_path, _labels(tmp_path)) > 0.8


def _labels(folder):
    return [path.parent.name for path in sorted(folder.rglob("*.txt"))]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Several labels a text, and embeddings that start from given vectors."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    rows = [f"{word.casefold()} {i} {-i} 1 0.5" for i, word in enumerate(["film", "LOVED", "the"])]
    path.write_text("\n".join(rows), encoding="utf-8")
    texts, labels = corpus(80)
    y = [["opinion", label] if i % 3 else [] for i, label in enumerate(labels)]
    return kn.TextClassifier(space="conv", word_vectors=path, **QUICK).fit(texts, y), texts


def test_several_labels_a_text(labelled):
    clf, texts = labelled
    assert clf.classes_.tolist() == ["bad", "good", "opinion"]
    assert clf.predict_proba(texts).shape == (80, 3)


def test_word_vectors_start_the_embeddings(labelled):
    tables = [w for w in labelled[0].model_.get_weights() if w.ndim == 2 and w.shape[1] == 4]
    assert any((table == [1, -1, 1, 0.5]).all(axis=1).any() for table in tables)


def test_arguments_survive_clone():
    clf = kn.TextClassifier(space="linear", word_vectors="v.txt", budget=3, seed=4, ensemble=2)
    assert clone(clf).get_params() == clf.get_params()


def test_a_model_that_guesses_is_said_to_be_no_better_than_a_baseline(caplog):
    texts, labels = corpus()
    labels = np.random.default_rng(5).permutation(labels)
    kn.TextClassifier(**QUICK, space="linear").fit(texts, labels)
    told = [record.message for record in caplog.records if "the baseline" in record.message]
    assert len(told) == 1
    assert "'majority'" in told[0] or "'tfidf_logistic'" in told[0]


def test_answers_of_baselines_are_kept_for_the_comparison():
    texts, labels = corpus()
    given = Given(texts, labels, seed=0)
    task = prepare_texts(given, Clock(None), classify=True, families=["linear"])
    scorer = task.problem.scorer()
    found = task.baselines(scorer, Clock(None), 0)
    scores = {row["trial_id"]: row["val_log_loss"] for row in found.rows}
    assert set(scores) == {"majority", "tfidf_logistic"}
    assert set(found.answers) == set(scores)
    for name, answers in found.answers.items():
        assert scorer.validation(answers)["val_log_loss"] == scores[name]


def test_a_search_that_is_over_answers_again_without_its_data_in_another_form(
    tmp_path, monkeypatch
):
    texts, labels = corpus()
    line = {**QUICK, "space": "linear", "folds": False, "directory": tmp_path}
    first = kn.TextClassifier(**line).fit(texts, labels).predict_proba(texts[:5])

    def no_time(self, key):
        raise OutOfTime("no time for one more form")

    monkeypatch.setattr(TextForms, "form", no_time)
    again = kn.TextClassifier(**line).fit(texts, labels)
    np.testing.assert_allclose(again.predict_proba(texts[:5]), first, atol=1e-6)
